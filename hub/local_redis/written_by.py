"""The server that wrote a private Redis's data, which decides what other servers can read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hub.local_redis.data_folder import ServerState

# Redis 7 keeps its append-only files in a folder of their own, where an older one does not even look.
_FOLDER, _FIRST_WITH_FOLDER = "appendonlydir", (7, 0)
_FILE, _FIRST = "appendonly.aof", (6, 2)

# The beginning of a copy: the format's number, then fields, of which the first is the writer's version.
_HEADER = re.compile(rb"REDIS\d{4}\xfa.(redis|valkey)-ver.(\d+)\.(\d+)\.(\d+)", re.DOTALL)
_HEADER_BYTES = 64


@dataclass(frozen=True, slots=True)
class Writer:
    """A server by its program's name and version; `str()` gives `redis-server 8.2.3`."""

    name: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {'.'.join(map(str, self.version))}"


def writer_of(folder: Path) -> Writer | None:
    """Return the newest server that is known to have written into Redis's folder; None if it holds no data."""
    known = [writer for writer in (_recorded(folder), *_in_files(folder), _by_layout(folder)) if writer]
    return max(known, key=lambda writer: writer.version) if known else None


def _recorded(folder: Path) -> Writer | None:
    state = ServerState.read(folder)
    if state is None or not state.durable or not state.version:
        return None
    name = "valkey-server" if state.source.startswith("valkey-server") else "redis-server"
    return Writer(name, state.version)


def _in_files(folder: Path) -> Iterator[Writer]:
    """Yield what the files say themselves: the record may be missing, or of another folder."""
    for file in (folder / _FILE, *(folder / _FOLDER).glob("*.base.rdb")):
        with suppress(OSError), file.open("rb") as opened:
            found = _HEADER.match(opened.read(_HEADER_BYTES))
            if found:
                yield Writer(f"{found[1].decode()}-server", tuple(int(number) for number in found.groups()[1:]))


def _by_layout(folder: Path) -> Writer | None:
    if (folder / _FOLDER).exists():
        return Writer("redis-server", _FIRST_WITH_FOLDER)
    if (folder / _FILE).exists():
        return Writer("redis-server", _FIRST)
    return None
