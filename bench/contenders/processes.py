"""The processes that contenders are made of: started on the loopback, waited for, and ended by their own id."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bench.contenders.contender import Lacking

HOST = "127.0.0.1"
_START_S = 20.0
_STOP_S = 5.0
_POLL_S = 0.02


def program(name: str) -> str:
    """A program's path.

    Raises:
        Lacking: It isn't installed.
    """
    # Servers' programs are not on a plain user's PATH everywhere; Node.js may have come as a wheel.
    own = Path(sys.executable).parent
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{own}:/usr/sbin:/usr/local/sbin:/sbin")
    if found is None:
        raise Lacking(f"{name} is not installed")
    return found


def free_port() -> int:
    """A port that nobody has, and that no connection is given by chance before it is used."""
    while True:
        port = random.randrange(20_000, 32_000)  # systems give connections ports from 32768 on
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port


@asynccontextmanager
async def child(
    command: Sequence[str], folder: str, *, port: int, environment: Mapping[str, str] | None = None
) -> AsyncIterator[int]:
    """A process, from when its port answers until the context ends; its pid. What it prints goes to `folder`.

    Raises:
        Lacking: It ended, or did not answer within 20 s.
    """
    number, name = tempfile.mkstemp(dir=folder, prefix=f"{Path(command[0]).name}-", suffix=".log")
    log = Path(name)
    whole = {**os.environ, **(environment or {})}
    process = subprocess.Popen(command, cwd=folder, env=whole, stdout=number, stderr=number)  # noqa: ASYNC220
    os.close(number)
    try:
        await _answers(process, port, log)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@asynccontextmanager
async def redis(folder: str) -> AsyncIterator[tuple[int, int]]:
    """A Redis that keeps nothing on disk, `(port, pid)`: the peers need no more of it, and so it costs them less.

    It waits for subscribers that fall behind, as long as there is memory: as it comes, it drops them at 32 MB.
    """
    port = free_port()
    command = [program("redis-server"), "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]
    command += ["--client-output-buffer-limit", "pubsub 0 0 0"]
    async with child(command, folder, port=port) as pid:
        yield port, pid


async def _answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    try:
        async with asyncio.timeout(_START_S):
            while process.poll() is None:
                try:
                    _, writer = await asyncio.open_connection(HOST, port)
                except OSError:
                    await asyncio.sleep(_POLL_S)
                else:
                    writer.close()
                    return
    except TimeoutError:
        pass
    raise Lacking(f"{process.args!r} did not start: {_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-300:]
