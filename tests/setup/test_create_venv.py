"""The first step of `make run` on machines that lack something: it says what, and how to get it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT

SH = shutil.which("sh") or "/bin/sh"


def create_venv(path: Path, venv: Path) -> subprocess.CompletedProcess[str]:
    """Run the script with nothing but `path` on PATH."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PATH", "PYTHON")}
    return subprocess.run(
        [SH, str(ROOT / "scripts" / "create_venv.sh"), str(venv)],
        env={**environment, "PATH": str(path)},
        capture_output=True,
        text=True,
        timeout=50,
    )


def pretend(path: Path, name: str, script: str) -> None:
    path.mkdir(exist_ok=True)
    (path / name).write_text(f"#!{SH}\n{script}\n")
    (path / name).chmod(0o755)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "path"
    folder.mkdir()
    return folder


def test_without_a_python_that_fits_it_says_which_ones_do(path: Path, tmp_path: Path) -> None:
    pretend(path, "python3", "exit 1")  # as one that is too old answers
    made = create_venv(path, tmp_path / "venv")
    assert made.returncode == 1
    assert "Python 3.11 or newer is needed" in made.stderr
    assert not (tmp_path / "venv").exists()


def test_without_ensurepip_it_names_the_package_to_install(path: Path, tmp_path: Path) -> None:
    pretend(path, "python3", f'case "$*" in *ensurepip*) exit 1;; esac; exec "{sys.executable}" "$@"')
    made = create_venv(path, tmp_path / "venv")
    assert made.returncode == 1
    assert "apt install python3-venv" in made.stderr


def test_the_first_python_that_fits_makes_the_environment(path: Path, tmp_path: Path) -> None:
    pretend(path, "python3", "exit 1")
    pretend(path, "python3.12", f'exec "{sys.executable}" "$@"')
    made = create_venv(path, tmp_path / "venv")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "venv" / "bin" / "python").exists()


def test_an_environment_that_fits_is_kept(path: Path, tmp_path: Path) -> None:
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
    assert create_venv(path, tmp_path / "venv").returncode == 0
    assert [file.name for file in (tmp_path / "venv").iterdir()] == ["bin"]
