"""The wheel, installed where there is nothing else: no checkout, no npm, no agent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.processes import ROOT, Process, free_port, lacking

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

LIBRARY = "vendor/socket.io.esm.min.js"

# Import every module of the hub, and name what came along that a hub does without. One package needs an extra: a
# notifier imports it where WhatsApp is set up.
IMPORT_ALL = """
import importlib, pkgutil, sys
import hub
names = [found.name for found in pkgutil.walk_packages(hub.__path__, "hub.") if not found.name.endswith("__main__")]
for name in names:
    if name.startswith("hub.outbound.whatsapp."):
        continue
    importlib.import_module(name)
print(len(names), [name for name in ("llama_index", "workflows", "agents") if name in sys.modules])
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Return what a command printed; without this process's settings and search path."""
    environment = {
        key: value for key, value in os.environ.items() if key != "PYTHONPATH" and not key.startswith("COMANDA_")
    }
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(source: Path, target: Path, kind: str) -> Path:
    """Return the wheel or the sdist that a source tree makes."""
    run(sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", target, cwd=source)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (ROOT / "static" / LIBRARY).is_file():
        lacking("the browser's libraries are not there; run make setup")
    return build(ROOT, tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that holds the wheel and what a hub needs, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    programs = folder / "venv" / "bin"
    pip = (sys.executable, "-m", "pip", "--python", programs / "python", "--disable-pip-version-check")
    install = (*pip, "install", "--quiet", "--no-compile", "--no-deps")
    run(*install, "--require-hashes", "--requirement", ROOT / "requirements-hub.txt", cwd=folder)
    run(*install, wheel, cwd=folder)
    run(*pip, "check", cwd=folder)
    return programs


def fetch(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def test_a_wheel_holds_every_page_and_the_libraries_of_the_pages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("hub/static/")}
    assert packed == {f"hub/{path.relative_to(ROOT)}" for path in (ROOT / "static").rglob("*") if path.is_file()}
    assert f"hub/static/{LIBRARY}" in packed


def test_a_wheel_holds_the_client_library_with_its_types(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("comanda/")}
    assert packed == {str(path.relative_to(ROOT)) for path in (ROOT / "comanda").iterdir() if path.is_file()}
    assert "comanda/py.typed" in packed


def test_an_sdist_makes_the_same_wheel_without_npm(wheel: Path, tmp_path: Path) -> None:
    sdist = build(ROOT, tmp_path / "sdist", "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    again = build(tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path / "wheel", "wheel")
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert sorted(second.namelist()) == sorted(first.namelist())


def test_a_wheel_is_not_built_without_the_libraries_of_the_pages(tmp_path: Path) -> None:
    with tarfile.open(build(ROOT, tmp_path / "sdist", "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("comanda-*")
    (source / "static" / LIBRARY).unlink()
    with pytest.raises(AssertionError, match="make wheel"):
        build(source, tmp_path / "wheel", "wheel")


def test_a_hub_imports_all_of_itself_without_llamaindex(installed: Path, tmp_path: Path) -> None:
    count, _, loaded = run(installed / "python", "-c", IMPORT_ALL, cwd=tmp_path).strip().partition(" ")
    assert int(count) > 100
    assert loaded == "[]"


def test_the_demo_runs_from_an_empty_folder_and_serves_pages_library_and_menu(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {"PYTHONPATH": "", "PATH": f"{installed}{os.pathsep}{os.environ['PATH']}"}
    with Process(str(installed / "comanda"), "demo", "--port", str(port), env=environment, cwd=tmp_path) as demo:
        page = demo.wait_for(lambda: fetch(f"{url}/"), 60, "the first page")
        assert "<title" in page
        assert "Socket.IO" in fetch(f"{url}/static/{LIBRARY}")
        assert json.loads(fetch(f"{url}/api/menu"))["data"]["items"]
        demo.wait_for(lambda: "pip install 'comanda[agent]'" in demo.output(), 30, "the words about the agent")
        assert demo.stop() == 0
