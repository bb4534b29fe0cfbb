"""Commits events to a hub's log, from a process of its own: `publish_comanda REDIS_SOCKET ROOMS … NAMES_FILE`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import uvloop
from redis.asyncio import Redis

from bench.contenders import pacing
from hub.store.log import EventLog, NewEvent, Write

_EVENTS_A_COMMIT = 8  # the most there may be; at a gentle pace it is one
_QUICK = 4_000  # events a second from which on several share a commit
_AT_ONCE = 64
_TYPE = "order.preparing"
_AT = "2026-11-21T00:00:00.000Z"


async def main() -> None:
    parser = pacing.parser()
    parser.add_argument("names", type=Path)
    parser.add_argument("--branch", default="centro")
    asked = parser.parse_args()
    pace = pacing.from_arguments(asked)
    redis = Redis(unix_socket_path=asked.target, decode_responses=True)
    log = EventLog(redis, asked.branch, deadline_s=30)
    together = _EVENTS_A_COMMIT if pace.burst > 1 or not 0 < pace.rate < _QUICK else 1
    writer = Writer(log, asked.names.read_text().split(), together)
    try:
        await log.position()
        await pacing.keep(pace, writer.publish, writer.finish)
    finally:
        await log.aclose()
        await redis.aclose()


class Writer:
    """Commits side by side, as the hub's own services do; a commit that fails ends the run."""

    def __init__(self, log: EventLog, names: Sequence[str], together: int) -> None:
        self._log = log
        self._names = names
        self._together = together
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    async def publish(self, rooms: list[int]) -> None:
        for at in range(0, len(rooms), self._together):
            await self._free.acquire()
            if self._failure is not None:
                raise self._failure
            task = asyncio.create_task(self._commit(rooms[at : at + self._together]))
            self._under_way.add(task)
            task.add_done_callback(self._done)

    async def finish(self) -> None:
        await asyncio.gather(*self._under_way)

    async def _commit(self, rooms: Sequence[int]) -> None:
        await self._log.commit(Write(events=tuple(_event(self._names[room]) for room in rooms)))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._failure = task.exception() or self._failure
        self._free.release()


def _event(room: str) -> NewEvent:
    return NewEvent(_TYPE, f'{{"type":"{_TYPE}","at":"{_AT}","data":{pacing.body()}}}', (room,))


if __name__ == "__main__":
    uvloop.run(main())
