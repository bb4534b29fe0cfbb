"""Publishes with a write-only Redis manager, as its documentation says: `publish.py REDIS_PORT ROOMS …`."""

from __future__ import annotations

import json

import socketio
import uvloop

from bench.contenders import pacing


async def main() -> None:
    asked = pacing.parser().parse_args()
    manager = socketio.AsyncRedisManager(f"redis://127.0.0.1:{asked.target}/0", write_only=True)

    async def publish(rooms: list[int]) -> None:
        for room in rooms:
            await manager.emit("order.preparing", {"data": json.loads(pacing.body())}, room=f"r{room}")

    await pacing.keep(pacing.from_arguments(asked), publish)


if __name__ == "__main__":
    uvloop.run(main())
