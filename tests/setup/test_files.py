"""What may not stand in any file of the project, and what must stand in the lock files."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.processes import ROOT

# Where packages come from, and where a checkout lies, is each machine's own business. The brackets keep
# these lines from finding themselves.
FORBIDDEN = re.compile(
    rb"py[p]i\.org|python[h]osted\.org|npm[j]s\.(org|com)|yarn[p]kg\.com|--(extra-)?index[-]url|--find[-]links"
    rb"|/wor[k]/|/roo[t]/|/hom[e]/[a-z]|/User[s]/[a-z]"
)
PIN = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9.-]*)(?:\[[a-z,]+\])?==(?P<version>[0-9][\w.+]*)(?: ; .+)?"
    r"(?: --hash=sha256:[0-9a-f]{64})+"
)
LOCKS = ("hub", "", "models", "dev", "build", "node")


def files() -> list[Path]:
    """Everything that is, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def pins(lock: str) -> dict[str, set[str]]:
    """Package to versions; there are several where they differ by Python version."""
    found: dict[str, set[str]] = {}
    text = (ROOT / f"requirements-{lock}.txt".replace("-.", ".")).read_text()
    for line in text.replace(" \\\n    ", " ").splitlines():
        pin = PIN.fullmatch(line)
        assert pin, f"{lock}: not a pin with hashes: {line!r}"
        found.setdefault(pin["name"], set()).add(pin["version"])
    return found


def test_no_file_names_a_package_registry_or_a_folder_of_somebodys_machine() -> None:
    found = {
        str(path.relative_to(ROOT)): match[0].decode()
        for path in files()
        if (match := FORBIDDEN.search(path.read_bytes()))
    }
    assert found == {}


def test_the_guide_for_changes_names_files_that_are_there_and_counts_them() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`((?:hub|agents|static|tests|docs)/[^`<>*]+)`", guide)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []
    steps = re.findall(r"^\d+\. ", guide.partition("## How to change things")[2], re.MULTILINE)
    assert f"({len(steps)} in all:" in guide


def test_nothing_that_is_installed_or_built_is_committed() -> None:
    bad = ("node_modules/", ".venv/", "static/vendor/", "data/", "build/")
    assert [path for path in files() if str(path.relative_to(ROOT)).startswith(bad)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_exact_versions_with_hashes_and_nothing_else(lock: str) -> None:
    assert pins(lock)


def test_the_locks_satisfy_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    agent = project["dependencies"] + extras["agent"]
    providers = [*extras["openai"], *extras["openai-like"], *extras["anthropic"], *extras["ollama"]]
    for lock, wanted in {
        "hub": project["dependencies"],
        "": agent,
        "models": agent + providers,
        "dev": agent + providers + extras["dev"],
    }.items():
        locked = pins(lock)
        for requirement in map(Requirement, wanted):
            if requirement.name == project["name"]:  # one extra asks for another
                continue
            for version in locked[requirement.name]:
                assert requirement.specifier.contains(version), f"{lock}: {requirement} but {version}"


@pytest.mark.parametrize("lock", ["hub", "", "models"])
def test_tests_run_with_the_very_versions_that_users_get(lock: str) -> None:
    users, developers = pins(lock), pins("dev")
    assert {name: developers.get(name) for name in users} == users


def test_a_hub_alone_is_installed_without_llamaindex() -> None:
    assert "llama-index-core" in pins("")
    assert not [name for name in pins("hub") if name.startswith("llama-index")]


def test_npm_packages_are_exact_and_locked_with_hashes_and_without_addresses() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert package["private"] is True
    for name, version in package["dependencies"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    for name, entry in lock["packages"].items():
        assert "resolved" not in entry
        assert name == "" or entry["integrity"].startswith("sha512-")


def test_every_module_of_the_hub_can_be_opened_by_its_name() -> None:
    names = [path.name for path in files() if path.suffix == ".py" and path.is_relative_to(ROOT / "hub")]
    common = {"__init__.py", "__main__.py"}
    assert sorted({name for name in names if names.count(name) > 1} - common) == []


def test_no_class_of_the_relay_is_too_long_to_be_read_at_once() -> None:
    lengths = {
        node.name: node.end_lineno - node.lineno + 1
        for path in (ROOT / "hub/relay").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.end_lineno is not None
    }
    assert {name: length for name, length in lengths.items() if length > 250} == {}


def test_a_class_of_the_hub_shares_its_name_with_none_of_its_part() -> None:
    """Whoever imports two of them into one file mixes them up."""
    where: dict[tuple[str, str], list[str]] = {}
    for path in sorted((ROOT / "hub").rglob("*.py")):
        part = path.relative_to(ROOT / "hub").parts[0]
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where.setdefault((part, node.name), []).append(path.name)
    assert {name: paths for (_, name), paths in where.items() if len(paths) > 1} == {}
