"""What may not stand in any file of the project, and what must stand in the lock files."""

from __future__ import annotations

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
PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>[0-9][\w.+]*)(?: ; .+)?")
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-node.txt")


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
    for line in (ROOT / lock).read_text().splitlines():
        pin = PIN.fullmatch(line)
        assert pin, f"{lock}: not a pin: {line!r}"
        found.setdefault(pin["name"], set()).add(pin["version"])
    return found


def test_no_file_names_a_package_registry_or_a_folder_of_somebodys_machine() -> None:
    found = {
        str(path.relative_to(ROOT)): match[0].decode()
        for path in files()
        if (match := FORBIDDEN.search(path.read_bytes()))
    }
    assert found == {}


def test_nothing_that_is_installed_or_built_is_committed() -> None:
    bad = ("node_modules/", ".venv/", "static/vendor/", "data/", "build/")
    assert [path for path in files() if str(path.relative_to(ROOT)).startswith(bad)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_exact_versions_and_nothing_else(lock: str) -> None:
    assert pins(lock)


def test_the_locks_satisfy_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for lock, wanted in {
        "requirements.txt": project["dependencies"],
        "requirements-dev.txt": project["dependencies"] + extras["dev"] + extras["openai-like"],
    }.items():
        locked = pins(lock)
        for requirement in map(Requirement, wanted):
            for version in locked[requirement.name]:
                assert requirement.specifier.contains(version), f"{lock}: {requirement} but {version}"


def test_tests_run_with_the_very_versions_that_users_get() -> None:
    users, developers = pins("requirements.txt"), pins("requirements-dev.txt")
    assert {name: developers.get(name) for name in users} == users


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
