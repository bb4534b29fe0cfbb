"""python-socketio with its Redis manager, as its documentation sets it up: `server.py REDIS_PORT PORT`."""

from __future__ import annotations

import sys

import socketio
import uvloop
from aiohttp import web

_SNAPSHOT = {
    "order": {
        "id": "PED7K3Q9X",
        "status": "received",
        "items": [{"sku": "taco-pastor", "name": "Taco al pastor", "qty": 3, "price": 2500, "notes": "sin cebolla"}]
        * 4,
    },
    "history": "x" * 400,
}


def main() -> None:
    redis_port, port = sys.argv[1:]
    manager = socketio.AsyncRedisManager(f"redis://127.0.0.1:{redis_port}/0")
    server = socketio.AsyncServer(
        async_mode="aiohttp", client_manager=manager, transports=["websocket"], http_compression=False
    )

    @server.event
    async def join(sid: str, room: str) -> dict[str, object]:
        await server.enter_room(sid, room)
        return {"ok": True, "snapshot": _SNAPSHOT}

    app = web.Application()
    server.attach(app)
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=int(port), access_log=None)


if __name__ == "__main__":
    main()
