"""The C loop of `bench/native/limit.c`: what the system calls alone cost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bench.contenders import pacing
from bench.contenders.contender import Dialogue, Pace, Server
from bench.native import compiled


class Limit:
    """One `send()` a socket and an event, and nothing else."""

    name = "C, one send() each: the limit"

    @asynccontextmanager
    async def running(self, folder: str) -> AsyncIterator[Server]:
        process = await asyncio.create_subprocess_exec(str(compiled("limit")), stdout=subprocess.PIPE, cwd=folder)
        try:
            assert process.stdout is not None
            async with asyncio.timeout(5):
                port = int(await process.stdout.readline())
            yield Server(port, process.pid)
        finally:
            process.terminate()
            await process.wait()

    async def prepare(self, server: Server, rooms: int) -> None: ...

    def dialogue(self, server: Server, room: str) -> Dialogue:
        return Dialogue(f"/{room.removeprefix('r')}", (), "42[")

    def publisher(self, server: Server, pace: Pace) -> Sequence[str]:
        module = "bench.contenders.publish_limit"
        return [sys.executable, "-m", module, str(server.port), *pacing.arguments(pace)]
