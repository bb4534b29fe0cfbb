"""Keeps child processes alive: the agent worker, and the hub processes of `--workers N`.

No child outlives its hub, not even one that was killed: each holds the reading end of a pipe that nobody writes
to, and its end of file says that the hub is gone. Unlike Linux's parent-death signal, that works everywhere.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import structlog

logger = structlog.get_logger(__name__)

_GRACE_S = 8.0  # between asking a child to stop and making it
_LONGEST_PAUSE_S = 10.0
_HEALTHY_S = 30.0  # a child that lived this long is started again at once
_PARENT_FD = "COMANDA_PARENT_FD"  # of the pipe, in a child's environment; a program run by hand has none


async def keep_running(name: str, argv: Sequence[str], env: Mapping[str, str], *, takes_s: float = 0) -> None:
    """Run a program, and restart it whenever it ends, until this coroutine is cancelled; then stop it in order.

    A child that fails at once is tried again after a growing pause, ten seconds at most.

    Args:
        takes_s: How long its end may take, beyond what is granted to every child.
    """
    # The writing end is nobody's but ours: the system closes it, however we end.
    reading, writing = os.pipe()
    try:
        await _keep_running(name, argv, {**os.environ, **env, _PARENT_FD: str(reading)}, reading, takes_s)
    finally:
        os.close(writing)
        os.close(reading)


def when_parent_ends(stop: Callable[[], None]) -> None:
    """Have `stop` called once the hub that started this process is gone; never, if it was started by hand.

    What `stop` cannot bring to an end in time ends anyway: nobody is left who would see to it.
    """
    file = os.environ.pop(_PARENT_FD, "")
    if not file:
        return
    loop = asyncio.get_running_loop()

    def gone() -> None:
        loop.remove_reader(int(file))
        logger.warning("parent.gone")
        loop.call_later(_GRACE_S, os.kill, os.getpid(), signal.SIGKILL)
        stop()

    loop.add_reader(int(file), gone)


def python_module(module: str, *arguments: str) -> list[str]:
    """The command line of one of our own modules, in this very interpreter."""
    return [sys.executable, "-m", module, *arguments]


async def _keep_running(name: str, argv: Sequence[str], env: Mapping[str, str], inherited: int, takes_s: float) -> None:
    loop = asyncio.get_running_loop()
    pause_s = 0.5
    while True:
        started = loop.time()
        process = await asyncio.create_subprocess_exec(*argv, env=env, pass_fds=(inherited,))
        logger.info("child.started", child=name, pid=process.pid)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await _end(process, _GRACE_S + takes_s)
            raise
        logger.warning("child.ended", child=name, pid=process.pid, code=code)
        pause_s = 0.5 if loop.time() - started > _HEALTHY_S else min(pause_s * 2, _LONGEST_PAUSE_S)
        await asyncio.sleep(pause_s)


async def _end(process: asyncio.subprocess.Process, grace_s: float) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(grace_s):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
