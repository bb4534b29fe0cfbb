"""The two programs in C: compiled where they are used, when they have changed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from bench.contenders.contender import Lacking
from bench.machine import ROOT

_SOURCES = Path(__file__).parent
_BUILT = ROOT / "build" / "bench"


def compiled(name: str) -> Path:
    """The program made of `<name>.c`.

    Raises:
        Lacking: There is no C compiler here.
    """
    source, program = _SOURCES / f"{name}.c", _BUILT / name
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return program
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Lacking("a C compiler (cc, gcc or clang) is needed to compile the load client")
    _BUILT.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [compiler, "-O2", "-Wall", "-Wextra", "-Wno-unused-result", "-o", str(program), str(source)],
        check=True,
        timeout=60,
    )
    return program
