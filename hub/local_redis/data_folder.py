"""The folder of a private Redis: its locks, and the record of the server that serves it."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


class StartError(Exception):
    """There is no private Redis; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class ServerState:
    """The record of a server, for other processes that use it and for the next start.

    Attributes:
        url: The address at which it listens; empty: it has stopped.
        source: Its name and version, `redis-server 7.0.15`.
        version: The version of the server that wrote the data.
        pid: The server's process, if the server cannot tell it; otherwise 0.
        durable: The data survives the server.
    """

    url: str
    source: str
    version: tuple[int, ...]
    pid: int
    durable: bool

    def write(self, folder: Path) -> None:
        """Write the record to Redis's folder."""
        new = folder / "state.json.new"
        new.write_text(json.dumps(asdict(self)), encoding="utf-8")
        new.replace(folder / "state.json")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read the record in Redis's folder; None if there is none, or if it is damaged."""
        try:
            known = json.loads((folder / "state.json").read_text(encoding="utf-8"))
            return cls(**{**known, "version": tuple(known["version"])})
        except (OSError, ValueError, KeyError, TypeError):
            return None


def try_lock(path: Path) -> int | None:
    """Lock a file; return the descriptor that holds the lock, or None if another process holds it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def private_folder(folder: Path) -> None:
    """Make a folder that only this user can look into.

    Raises:
        StartError: Another user's folder, or something that is no folder, is in its place.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StartError(f"{folder} does not belong to this user")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
