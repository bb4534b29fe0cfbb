"""Node's Socket.IO with the two Redis adapters of its makers."""

from __future__ import annotations

import asyncio
import json
import os
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
        node = program("node")
        await asyncio.to_thread(_install)
        port = free_port()
        async with redis(folder) as (redis_port, redis_pid):
            command = [node, str(_HERE / "server.mjs"), self._kind, str(redis_port), str(port)]
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
    """One stream for all rooms, read by every server, with recovery.

    It has no emitter: another server of the cluster publishes, one that nobody is connected to. The stream may grow
    here: as it comes, a server that is 10,000 events behind loses what follows, and flat out it is.
    """

    name = "Node socket.io + redis-streams-adapter"
    _kind = "streams"


def _install() -> None:
    """Fetch what the lock file names, unless it is there.

    Raises:
        Lacking: npm is not there, or could not.
    """
    wanted, installed = _PACKAGES / "package-lock.json", _PACKAGES / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
        return
    npm = program("npm")
    environment = {**os.environ, "PATH": f"{Path(program('node')).parent}:{os.environ.get('PATH', '')}"}
    command = [npm, "ci", "--loglevel=error"]
    try:
        subprocess.run(
            command, cwd=_PACKAGES, env=environment, check=True, timeout=_INSTALL_S, capture_output=True, text=True
        )
    except subprocess.CalledProcessError as error:
        raise Lacking(f"npm ci in bench/ failed: {error.stderr[-300:]}") from error
    except (subprocess.TimeoutExpired, OSError) as error:
        raise Lacking(f"npm ci in bench/ failed: {error}") from error
