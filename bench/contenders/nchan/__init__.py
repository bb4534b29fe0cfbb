"""nchan: WebSockets in nginx, with Redis between its servers. Needs its module (Debian: libnginx-mod-nchan)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bench.contenders import pacing
from bench.contenders.contender import Dialogue, Lacking, Pace, Server
from bench.contenders.processes import HOST, child, free_port, program, redis

_MODULE = "ngx_nchan_module.so"
_FOLDERS = ("/usr/lib/nginx/modules", "/usr/share/nginx/modules", "/usr/lib64/nginx/modules", "/etc/nginx/modules")
_LOOKS, _LOOK_S = 500, 0.02
_SETTINGS = Path(__file__).with_name("nginx.conf")


class Nchan:
    """One nginx that fans out, and one beside it that takes what is published: they meet in Redis, as in a cluster.

    Frames carry the same text as Socket.IO's. There is no join and no snapshot: the path names the room.
    """

    name = "nchan in nginx"

    @asynccontextmanager
    async def running(self, folder: str) -> AsyncIterator[Server]:
        nginx, module, port, door = program("nginx"), _module(), free_port(), free_port()
        async with redis(folder) as (redis_port, redis_pid):
            command = [nginx, *_arguments(Path(folder) / "nginx", module, redis_port, port)]
            beside = [nginx, *_arguments(Path(folder) / "nginx-door", module, redis_port, door)]
            async with child(command, folder, port=port) as pid, child(beside, folder, port=door) as door_pid:
                yield Server(port, pid, (redis_pid, door_pid), folder, str(door))

    async def prepare(self, server: Server, rooms: int) -> None:
        """Wait for their connections to Redis: until then both refuse whoever comes."""
        for port in (server.port, int(server.redis)):
            await _let_in(port)

    def dialogue(self, server: Server, room: str) -> Dialogue:
        return Dialogue(path=f"/sub/{room}", steps=(), event='42["order.preparing"')

    def publisher(self, server: Server, pace: Pace) -> Sequence[str]:
        return [sys.executable, "-m", f"{__name__}.publish", server.redis, *pacing.arguments(pace)]


async def _let_in(port: int) -> None:
    for _ in range(_LOOKS):
        if not await _refuses(port):
            return
        await asyncio.sleep(_LOOK_S)
    raise Lacking("nginx found no way to Redis")


async def _refuses(port: int) -> bool:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"POST /pub/first HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1\r\n\r\n.".encode())
        return not (await reader.readline()).startswith(b"HTTP/1.1 20")
    finally:
        writer.close()


def _module() -> Path:
    for folder in map(Path, _FOLDERS):
        if (folder / _MODULE).exists():
            return folder / _MODULE
    raise Lacking(f"nginx has no {_MODULE}")


def _arguments(folder: Path, module: Path, redis_port: int, port: int) -> list[str]:
    """An nginx of one process: the one that is measured is the one that works."""
    folder.mkdir()
    settings = folder / "nginx.conf"
    filled_in = _SETTINGS.read_text()
    for name, value in (("MODULE", module), ("HOST", HOST), ("REDIS_PORT", redis_port), ("PORT", port)):
        filled_in = filled_in.replace(f"%{name}%", str(value))
    settings.write_text(filled_in)
    return ["-p", str(folder), "-e", "stderr", "-c", str(settings)]
