"""Commits events to a hub's log, from a process of its own: `publish_comanda REDIS_SOCKET ROOMS … NAMES_FILE`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import uvloop
from redis.asyncio import Redis

from bench.contenders import pacing
from hub.domain.rooms import Room
from hub.eventlog.log import EventLog, NewEvent, Write

_EVENTS_A_COMMIT = 8  # the most there may be; a pace that is kept has one
_AT_ONCE = 64
_TYPE = "order.preparing"
_AT = "2026-11-21T00:00:00.000Z"


async def main() -> None:
    parser = pacing.parser()
    parser.add_argument("names", type=Path)
    asked = parser.parse_args()
    pace = pacing.from_arguments(asked)
    names = asked.names.read_text().split()
    redis = Redis(unix_socket_path=asked.target, decode_responses=True)
    log = EventLog(redis, "centro", deadline_s=30)
    some = asyncio.Semaphore(_AT_ONCE)
    together = _EVENTS_A_COMMIT if pace.burst > 1 or not pace.rate else 1

    async def commit(rooms: list[int]) -> None:
        async with some:
            await log.commit(Write(events=tuple(_event(names[room]) for room in rooms)))

    async def publish(rooms: list[int]) -> None:
        await asyncio.gather(*(commit(rooms[at : at + together]) for at in range(0, len(rooms), together)))

    try:
        await log.position()
        await pacing.keep(pace, publish)
    finally:
        await log.aclose()
        await redis.aclose()


def _event(room: str) -> NewEvent:
    Room.parse(room)
    return NewEvent(_TYPE, f'{{"type":"{_TYPE}","at":"{_AT}","data":{pacing.body()}}}', (room,))


if __name__ == "__main__":
    uvloop.run(main())
