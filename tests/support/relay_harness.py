"""A log in Redis with a relay over it, and members that remember what they get."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import pytest
from redis.asyncio import Redis

from hub.core.cursor import Cursor
from hub.core.errors import NotFound
from hub.relay.frames import Batch, Frame, Reset
from hub.relay.join import Join
from hub.relay.member import Member
from hub.relay.relay import Relay
from hub.store.log import EventLog, NewEvent, ViewQuery, Write
from hub.store.redis.connect import connect
from hub.store.types import LogEntry

# Rooms, by name.
KITCHEN, DASHBOARD, PROMOS, ORDER, CHAT = "kitchen", "floor", "promos", "order:PED1", "chat:c1"
AT = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room as of `cursor`: how many events it had, and which."""

    cursor: Cursor
    recovered: bool
    snapshot: dict[str, Any]
    events: tuple[LogEntry, ...]


class Recorder:
    """A member that keeps what it gets, and can be waited for."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.frames: list[Frame] = []
        self.unsent_bytes = 0
        self._changed = asyncio.Event()

    def deliver(self, frame: Frame) -> None:
        self.frames.append(frame)
        self._changed.set()

    def deliver_all(self, batch: Batch) -> None:
        for frame in batch.frames:
            self.deliver(frame)

    @property
    def offsets(self) -> list[int]:
        return [frame.offset for frame in self.frames if not isinstance(frame, Reset)]

    @property
    def resets(self) -> list[Reset]:
        return [frame for frame in self.frames if isinstance(frame, Reset)]

    async def until(self, condition: Callable[[Recorder], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()

    async def has(self, count: int) -> None:
        await self.until(lambda self: len(self.frames) >= count)


class Lossy(Relay):
    """A relay whose connection to Redis loses what a test says it loses."""

    loses: Callable[[bytes], bool] = staticmethod(lambda payload: False)
    hears: Callable[[bytes, bytes], None] | None = None

    def on_message(self, channel: bytes, payload: bytes) -> None:
        if not self.loses(payload):
            super().on_message(channel, payload)
            self.said(channel, payload)

    def said(self, channel: bytes, payload: bytes) -> None:
        if self.hears is not None:
            self.hears(channel, payload)


class RelayHarness:
    """A branch's log with a relay, and rooms whose state is how many events they had."""

    def __init__(self, redis: Redis, **relay: Any) -> None:
        self.redis = redis
        self.log = EventLog(redis, "centro")
        self.gone = False  # what the rooms are about
        self.relay = Lossy(self.log, redis, view=self.shown, clock=lambda: AT, **relay)

    async def view(self, room: str, after: Cursor | None = None) -> RoomView:
        query = ViewQuery(
            room=room,
            after=after.offset if after else None,
            epoch=after.epoch if after else None,
            limit=100_000,
        )
        view = await self.log.view(query)
        return RoomView(view.cursor, view.whole, {"events": len(view.events)}, view.events)

    async def shown(self, room: str) -> RoomView:
        """What the relay resets a room to."""
        if self.gone:
            raise NotFound("it is gone")
        return await self.view(room)

    async def join(
        self,
        member: Member,
        room: str,
        *,
        after: Cursor | None = None,
        only: frozenset[str] | None = None,
    ) -> Join[RoomView]:
        return await self.relay.join(member, room, read=lambda: self.view(room, after), only=only)

    async def enter(self, member: Member, room: str, **options: Any) -> RoomView:
        joined = await self.join(member, room, **options)
        joined.release()
        return joined.view

    async def say(self, *rooms: str, type: str = "chat.message", text: str = "hola") -> int:
        body = json.dumps({"type": type, "at": "2026-11-20T21:30:00.000Z", "data": {"text": text}})
        event = NewEvent(type, body, rooms)
        return (await self.log.commit(Write(events=(event,)))).offsets[0]

    async def whisper(self, room: str) -> None:
        await self.log.publish(room, "courier.moved", '{"type":"courier.moved","at":"","data":{}}')

    def lose(self, offsets: Collection[int]) -> None:
        """Messages with these offsets do not arrive."""
        self.relay.loses = lambda payload: int(payload.split(b" ")[1]) in offsets

    async def whole_chain(self, room: str, after: int) -> list[int]:
        return [entry.offset for entry in await self.log.read(room, after, limit=1_000_000)]


@asynccontextmanager
async def open_relay(redis: Redis, **relay: Any) -> AsyncIterator[RelayHarness]:
    house = RelayHarness(redis, **relay)
    running = asyncio.create_task(house.relay.run())
    try:
        async with asyncio.timeout(10):
            await house.relay.wait_live()
        yield house
    finally:
        running.cancel()
        await asyncio.wait([running])
        await house.log.aclose()
        if not running.cancelled():
            running.result()


async def until(condition: Callable[[], bool]) -> None:
    """For what has no event of its own to wait for."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@asynccontextmanager
async def own_redis(folder: Path) -> AsyncIterator[tuple[Redis, Popen[bytes]]]:
    """A Redis that a test may stall and kill."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("no redis-server on PATH")
    path = folder / "own.sock"
    command = [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    redis = connect(f"unix://{path}")
    with Popen(command, stdout=DEVNULL, stderr=DEVNULL) as process:  # noqa: ASYNC220
        try:
            await until(path.exists)
            await redis.ping()
            yield redis, process
        finally:
            await redis.aclose()
            process.kill()
