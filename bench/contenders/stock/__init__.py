"""python-socketio as it comes."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bench.contenders import pacing
from bench.contenders.contender import Dialogue, Pace, Server
from bench.contenders.processes import child, free_port, redis
from bench.machine import ROOT

_PACKAGE = "bench.contenders.stock"


class Stock:
    """`AsyncServer` on aiohttp and uvloop, with `AsyncRedisManager`; no recovery."""

    name = "python-socketio + AsyncRedisManager"

    @asynccontextmanager
    async def running(self, folder: str) -> AsyncIterator[Server]:
        port = free_port()
        async with redis(folder) as (redis_port, redis_pid):
            command = [sys.executable, "-m", f"{_PACKAGE}.server", str(redis_port), str(port)]
            async with child(command, folder, port=port, environment={"PYTHONPATH": str(ROOT)}) as pid:
                yield Server(port, pid, (redis_pid,), folder, str(redis_port))

    async def prepare(self, server: Server, rooms: int) -> None: ...

    def dialogue(self, server: Server, room: str) -> Dialogue:
        join = json.dumps(["join", room])
        return Dialogue(
            path="/socket.io/?EIO=4&transport=websocket",
            steps=[("0{", "40"), ("40{", f"421{join}"), ('431[{"ok":true', "")],
            event='42["order.preparing"',
            ping="2",
            pong="3",
        )

    def publisher(self, server: Server, pace: Pace) -> Sequence[str]:
        return [sys.executable, "-m", f"{_PACKAGE}.publish", server.redis, *pacing.arguments(pace)]
