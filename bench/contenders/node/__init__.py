"""Node's Socket.IO with the two Redis adapters of its makers."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bench.contenders import pacing
from bench.contenders.contender import Dialogue, Lacking, Pace, Server
from bench.contenders.processes import child, free_port, program, redis
from bench.machine import ROOT

_HERE = Path(__file__).parent
_PACKAGES = ROOT / "bench"
_INSTALL_S = 300


class _Node:
    """WebSocket alone, nothing compressed, `ws` as the engine: what Socket.IO does unless told otherwise."""

    name: str
    _kind: str

    @asynccontextmanager
    async def running(self, folder: str) -> AsyncIterator[Server]:
        _install()
        port = free_port()
        async with redis(folder) as (redis_port, redis_pid):
            command = [program("node"), str(_HERE / "server.mjs"), self._kind, str(redis_port), str(port)]
            async with child(command, folder, port=port) as pid:
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
            returns=[("0{", '40{"pid":"%PID%","offset":"%OFFSET%"}'), ("40{", "")],
        )

    def publisher(self, server: Server, pace: Pace) -> Sequence[str]:
        return [program("node"), str(_HERE / "publish.mjs"), self._kind, server.redis, *pacing.arguments(pace)]


class RedisAdapter(_Node):
    """Every server hears every event, and looks for whom it is; no recovery. Published with its emitter."""

    name = "Node socket.io + redis-adapter"
    _kind = "pubsub"


class StreamsAdapter(_Node):
    """One stream for all rooms, read by every server, with recovery. Published by another server of the cluster."""

    name = "Node socket.io + redis-streams-adapter"
    _kind = "streams"


def _install() -> None:
    if (_PACKAGES / "node_modules" / "socket.io" / "package.json").exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise Lacking("npm is not installed")
    try:
        subprocess.run([npm, "ci", "--silent"], cwd=_PACKAGES, check=True, timeout=_INSTALL_S, capture_output=True)
    except (subprocess.SubprocessError, OSError) as error:
        raise Lacking(f"npm ci in bench/ failed: {error}") from error
