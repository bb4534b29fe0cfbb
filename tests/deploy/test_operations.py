"""docs/operations.md: its commands, run one after another on a hub; its alerts, log events and services, compared."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from hub.cli import app
from tests.setup.test_files import files
from tests.support.processes import COMANDA, ROOT, Process, environment, free_port, program
from tests.support.uncounted import UNCOUNTED

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(180)]

TEXT = (ROOT / "docs" / "operations.md").read_text()
BLOCK = re.compile(r"^```sh *(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def commands(kind: str) -> list[str]:
    return [line for found, block in BLOCK.findall(TEXT) if found == kind for line in block.splitlines()]


class Place:
    """A folder like a checkout, with a hub in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.env = {**environment(), **UNCOUNTED, "COMANDA_DATA_DIR": "data"}
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "bin" / "comanda").symlink_to(COMANDA)
        self.hub = self._made()

    def _made(self) -> Process:
        serve = (COMANDA, "serve", "--port", str(self.port), "--no-agent", "--no-notifier")
        return Process(*serve, env=self.env, cwd=self.folder, name="hub")

    def open(self) -> None:
        self.hub.start()
        self.hub.wait_for(lambda: "Comanda is open" in self.hub.output(), 30, "the links")

    def close(self) -> None:
        self.hub.__exit__(None, None, None)

    def ordered(self, name: str) -> str:
        """Place an order; its number."""
        order = {
            "command_id": "walk-0001",
            "customer": {"name": name},
            "items": [{"sku": "taco-pastor", "qty": 1}],
            "delivery": {"kind": "pickup"},
        }
        body = ["--json", json.dumps(order), f"http://127.0.0.1:{self.port}/api/orders"]
        done = subprocess.run(
            [program("curl"), "--silent", "--fail", *body], capture_output=True, check=True, timeout=30
        )
        number: str = json.loads(done.stdout)["data"]["order"]["id"]
        return number

    def run(self, command: str) -> str:
        """What commands print; each must succeed."""
        here = command.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", here],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60 * command.count("\n"),
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    program("curl")
    place = Place(tmp_path)
    place.open()
    try:
        yield place
    finally:
        place.close()


@pytest.mark.timeout(600)
def test_every_command_works_in_the_order_of_the_page(place: Place) -> None:
    order = place.ordered("Rita la de la noche")
    said: dict[str, str] = {}
    running = True
    for kind, block in BLOCK.findall(TEXT):
        if kind not in ("", "stopped", "example"):
            continue
        if running != (kind != "stopped"):
            running = kind != "stopped"
            if running:
                place.hub = place._made()
                place.open()
            else:
                place.close()
        said[block] = place.run(block.replace("PEDK3Q9XTWD4M", order))
    metrics = next(text for block, text in said.items() if "/metrics" in block)
    assert "comanda_relay_live 1.0" in metrics
    found = next(text for block, text in said.items() if "SHOW=" in block)
    assert re.findall(rf"^{order} received \S+ Rita la de la noche$", found, re.MULTILINE) == found.splitlines()
    assert len(found.splitlines()) == 2  # open, and among the last hundred
    steps = next(text for block, text in said.items() if "/events" in block)
    assert '"type": "order.received"' in steps
    assert order in next(text for block, text in said.items() if "--dry-run" in block)
    assert "holds a new secret" in next(text for block, text in said.items() if "secret rotate\n" in block)
    for name in ("operator-token", "prometheus-token"):
        token = place.folder / name
        assert not token.exists() or token.stat().st_mode & 0o077 == 0
    assert not (place.folder / "operator-token").exists()


@pytest.mark.parametrize("command", [line for line in commands("docker") if " exec " in line])
def test_what_runs_in_a_container_names_a_service_and_a_command_that_exist(command: str) -> None:
    _, service, rest = re.split(r"docker compose exec (\S+) ", command)
    assert service in SERVICES
    if rest.startswith("comanda "):
        words = [word for word in rest.split()[1:] if not word.startswith("-") and word.islower()]
        words = words[: 1 if words[0] == "doctor" else 2]
        assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0
    else:
        assert rest == "cat /data/manager-pin"


def test_docker_is_asked_for_services_that_exist() -> None:
    named = {word for line in commands("docker") if "--no-deps" in line for word in line.split()[-1:]}
    assert named
    assert named <= set(SERVICES)


def test_what_the_test_does_not_run_is_only_what_installs() -> None:
    assert {kind for kind, _ in BLOCK.findall(TEXT)} == {"", "stopped", "example", "docker", "setup"}
    assert set(commands("setup")) == {"git pull", "make setup", ".venv/bin/comanda serve"}


def test_the_page_has_advice_for_every_alert() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/comanda.rules.yml").read_text())["groups"][0]["rules"]
    assert re.findall(r"^\| \*\*(Comanda\w+)\*\* \|", TEXT, re.MULTILINE) == [rule["alert"] for rule in rules]


LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}


def logged() -> dict[str, set[str]]:
    """The log events of the sources with their levels."""
    found: dict[str, set[str]] = {}
    for file in files():
        if file.suffix == ".py" and file.relative_to(ROOT).parts[0] in ("hub", "agents"):
            for node in ast.walk(ast.parse(file.read_text())):
                for event, level in _event(node):
                    found.setdefault(event, set()).add(level)
    return found


def _event(node: ast.AST) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="logger" | "_logger"), attr=level), args=[first, *_]):
            if level in LEVELS and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value, LEVELS[level]
        case ast.Call(func=ast.Name(id="_public"), args=[_, ast.Constant(value=str(event))]):
            yield event, "error"  # hub/socketio/server.py logs what its callers name


def test_the_page_lists_every_log_event_with_its_levels_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([a-z, ]+) \| (.+) \|$", TEXT.partition("## Log events")[2], re.MULTILINE)
    assert {event: set(levels.split(", ")) for event, levels, _ in rows} == logged()
    assert [event for event, _, _ in rows] == sorted(event for event, _, _ in rows)


@pytest.mark.parametrize("figure", ["2,025", "5,185", "1,302", "90.5 MB"])
def test_the_figures_of_capacity_are_those_that_were_measured(figure: str) -> None:
    assert figure in TEXT
    assert figure in (ROOT / "docs/performance.md").read_text()
