"""Keeps child processes alive: the agent worker, and the hub processes of `--workers N`.

No child outlives its hub, even if the hub is killed. Each child holds the reading end of a pipe, never written to;
its end of file means that the hub is gone. Unlike Linux's parent-death signal, this works on every system.
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

_GRACE_S = 8.0  # from SIGTERM to SIGKILL
_MIN_PAUSE_S, _MAX_PAUSE_S = 0.5, 10.0  # before a child is started again
_HEALTHY_S = 30.0  # a child that lived this long is started again at once
_PARENT_FD = "COMANDA_PARENT_FD"  # of the pipe, in a child's environment; a program run by hand has none


async def keep_running(name: str, argv: Sequence[str], env: Mapping[str, str], *, takes_s: float = 0) -> None:
    """Run a program, and restart it whenever it ends, until cancelled; then stop it with SIGTERM.

    A child that fails at once is started again after a growing pause of at most ten seconds.

    Args:
        name: The child's name in log events.
        env: Variables to add to this process's own.
        takes_s: Seconds that its end may take, beyond the grace that every child has.
    """
    # Only this process has the writing end: the system closes it, however this process ends.
    reading, writing = os.pipe()
    try:
        await _keep_running(name, argv, {**os.environ, **env, _PARENT_FD: str(reading)}, reading, takes_s)
    finally:
        os.close(writing)
        os.close(reading)


def when_parent_ends(stop: Callable[[], None]) -> None:
    """Call `stop` once the hub that started this process is gone; never, if it was started by hand.

    If the process has not ended after the grace, it kills itself: no supervisor is left that would.
    """
    file = os.environ.pop(_PARENT_FD, "")
    if not file:
        return
    loop = asyncio.get_running_loop()

    def gone() -> None:
        loop.remove_reader(int(file))
        logger.warning("process.parent_gone")
        loop.call_later(_GRACE_S, os.kill, os.getpid(), signal.SIGKILL)
        stop()

    loop.add_reader(int(file), gone)


def python_module(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs one of our own modules in this interpreter."""
    return [sys.executable, "-m", module, *arguments]


async def _keep_running(name: str, argv: Sequence[str], env: Mapping[str, str], inherited: int, takes_s: float) -> None:
    loop = asyncio.get_running_loop()
    pause_s = _MIN_PAUSE_S
    while True:
        started = loop.time()
        process = await asyncio.create_subprocess_exec(*argv, env=env, pass_fds=(inherited,))
        logger.info("process.child_started", child=name, pid=process.pid)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await _end(process, _GRACE_S + takes_s)
            raise
        logger.warning("process.child_ended", child=name, pid=process.pid, code=code)
        pause_s = _MIN_PAUSE_S if loop.time() - started > _HEALTHY_S else min(pause_s * 2, _MAX_PAUSE_S)
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
