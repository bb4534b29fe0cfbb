"""The process of a private Redis: its command line, its start, and its first and last words."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from hub.local_redis.data_folder import private_folder
from hub.store.redis.connect import connected

if TYPE_CHECKING:
    from hub.local_redis.servers import Server

# A Unix socket's path ends at 104 bytes on macOS, at 108 on Linux, one of them for the terminator.
MAX_SOCKET_PATH = 103
PING_S = 1.0

# A small program that becomes the server: Python's preexec_fn is not safe once there are threads. On Linux, the kernel
# then stops the server when the hub is gone, also after a kill -9; with its append-only file it loses nothing.
_LAUNCH = """
import ctypes, os, signal, sys
os.umask(0o077)  # its files hold names and phone numbers
owner = int(sys.argv[1])
if owner:
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != owner:
        sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


async def launch(
    server: Server, folder: Path, socket: Path, *, memory_mb: int, inherits: int, ends_with_us: bool
) -> asyncio.subprocess.Process:
    """Start a server on a folder.

    Args:
        memory_mb: The most memory that it takes; 0: no limit.
        inherits: A descriptor that the server holds for as long as it lives: its lock.
        ends_with_us: Have the kernel stop the server when this process ends. Linux only.
    """
    owner = os.getpid() if ends_with_us else 0
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-c", _LAUNCH, str(owner), server.path),
        *_options(folder, socket, memory_mb),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        # A terminal's Ctrl-C is for the hub, which stops Redis when it has nothing more to write.
        start_new_session=True,
        pass_fds=(inherits,),
    )


def _options(folder: Path, socket: Path, memory_mb: int) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "daemonize": "no",
        "dir": str(folder),
        "logfile": str(log_of(folder)),
        "loglevel": "warning",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "always",
        # Past the ceiling Redis refuses writes. It evicts nothing, and the system does not kill the server.
        "maxmemory": f"{memory_mb}mb",
        "maxmemory-policy": "noeviction",
        # Most rooms are small: a stream of a few events takes half the memory that the default gives it.
        "stream-node-max-bytes": "1024",
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def log_of(folder: Path) -> Path:
    """Return the path of the server's log."""
    return folder / "redis.log"


def socket_of(folder: Path) -> Path:
    """Return the path of the server's socket: in its folder, or, if that path is too long, below the system's own.

    Raises:
        StartError: Another user's folder is in its place.
    """
    socket = folder / "redis.sock"
    if len(os.fsencode(socket)) <= MAX_SOCKET_PATH:
        return socket
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"comanda-{os.getuid()}"
    private_folder(short)
    return short / f"{name}.sock"


async def answering_pid(url: str) -> int | None:
    """Return the process that answers at a URL; None if none does, or not yet; 0 for fakeredis, which has no INFO."""
    try:
        async with asyncio.timeout(PING_S), connected(url, deadline_s=PING_S) as redis:
            await redis.ping()
            if not url.startswith("unix:"):
                return 0
            return int((await redis.info("server"))["process_id"])
    except (RedisError, OSError):  # a BusyLoadingError among them: it is still reading its file
        return None


async def set_ceiling(url: str, memory_mb: int) -> None:
    """Set the most memory that a server takes; without an answer, it keeps the one that it has."""
    async with connected(url, deadline_s=PING_S) as redis:
        with suppress(RedisError, OSError):
            await redis.config_set("maxmemory", f"{memory_mb}mb")


async def shut_down(url: str) -> None:
    """Tell a server to end. Its append-only file has everything."""
    with suppress(RedisError, OSError):
        async with asyncio.timeout(PING_S), connected(url, deadline_s=PING_S) as redis:
            await redis.shutdown(nosave=True)


def last_line(log: Path, start: int) -> str:
    """Return the last line of a log after a position, without its time: the reason why a server ended."""
    with suppress(OSError):
        lines = log.read_bytes()[start:].decode(errors="replace").splitlines()
        said = [line.partition(" # ")[2] or line for line in lines if line.strip()]
        if said:
            return said[-1].strip()
    return "it said nothing"
