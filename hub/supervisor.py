"""Keeps child processes alive: the agent worker, and the hub processes of `--workers N`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog

logger = structlog.get_logger(__name__)

_GRACE_S = 8.0  # between asking a child to stop and making it
_LONGEST_PAUSE_S = 10.0
_HEALTHY_S = 30.0  # a child that lived this long is started again at once


async def keep_running(name: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Run a program, and again whenever it ends, until this coroutine is cancelled; then end it gently.

    A child that fails at once is tried again after a growing pause, ten seconds at most.
    """
    loop = asyncio.get_running_loop()
    pause_s = 0.5
    while True:
        started = loop.time()
        process = await asyncio.create_subprocess_exec(*argv, env={**os.environ, **env})
        logger.info("child.started", child=name, pid=process.pid)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        logger.warning("child.ended", child=name, pid=process.pid, code=code)
        pause_s = 0.5 if loop.time() - started > _HEALTHY_S else min(pause_s * 2, _LONGEST_PAUSE_S)
        await asyncio.sleep(pause_s)


def python_module(module: str, *arguments: str) -> list[str]:
    """The command line of one of our own modules, in this very interpreter."""
    return [sys.executable, "-m", module, *arguments]


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_GRACE_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
