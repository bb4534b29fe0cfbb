"""The Prometheus rules and the Grafana dashboard of deploy/: metrics that exist, alerts that ring."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.processes import ROOT, program

pytestmark = pytest.mark.deploy

PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "comanda.json").read_text())
RULES = yaml.safe_load((PROMETHEUS / "comanda.rules.yml").read_text())["groups"][0]["rules"]


def documented() -> dict[str, str]:
    """The metrics of docs/protocol.md with their types; tests/protocol compares that table with the code."""
    rows = re.findall(r"^\| `(comanda_\w+)` \| (\w+) \|", (ROOT / "docs/protocol.md").read_text(), re.MULTILINE)
    assert len(rows) > 20
    return dict(rows)


def series() -> set[str]:
    """The names under which Prometheus knows them."""
    found = documented()
    histograms = {name for name, kind in found.items() if kind == "histogram"}
    parts = {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}
    return found.keys() - histograms | parts


def used(expression: str) -> set[str]:
    return set(re.findall(r"\bcomanda_\w+", expression))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_metric_of_an_alert_exists(rule: dict[str, str]) -> None:
    assert used(rule["expr"]) <= series()


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_every_metric_of_the_dashboard_exists(panel: dict[str, list[dict[str, str]]]) -> None:
    for target in panel["targets"]:
        assert used(target["expr"]) <= series()
        assert used(target["expr"]) or "up{" in target["expr"]


def test_every_panel_of_the_dashboard_has_a_place_of_its_own() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)], cwd=PROMETHEUS, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_accepts_the_rules_and_the_example() -> None:
    assert f"SUCCESS: {len(RULES)} rules found" in promtool("check", "rules", "comanda.rules.yml")
    promtool("check", "config", "--syntax-only", "prometheus.yml")


def test_the_alerts_ring_when_they_should_and_only_then() -> None:
    promtool("test", "rules", "comanda.test.yml")


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_prometheus_can_read_every_query_of_the_dashboard(
    panel: dict[str, list[dict[str, str]]], tmp_path: Path
) -> None:
    rules = [{"record": f"panel:{number}", "expr": target["expr"]} for number, target in enumerate(panel["targets"])]
    file = tmp_path / "panel.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panel", "rules": rules}]}))
    promtool("check", "rules", file)
