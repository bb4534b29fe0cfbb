"""Following the outbound stream: each event at least once and in order, whoever dies, whatever is slow."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.core.errors import Unavailable
from hub.outbound.follower import OutboundFollower
from hub.store import EventLog, Write
from hub.store.outbound_stream import START, OutboundEvent, OutboundStream, ReaderLease
from tests.support.relay_harness import until
from tests.support.writes import event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.support.redis import Backend


@pytest.fixture
async def log(fake_backend: Backend) -> AsyncIterator[EventLog]:
    log = EventLog(fake_backend.client(), "centro")
    yield log
    await log.aclose()


class _Lease(ReaderLease):
    """A lease whose process may die, and then gives nothing back."""

    dies = False

    async def end(self) -> None:
        if not self.dies:
            await super().end()


class Reader:
    """A process that follows, and what it has had."""

    def __init__(self, log: EventLog, owner: str, *, ttl_s: float = 60) -> None:
        self.had: list[str] = []
        self.heard = asyncio.Condition()
        self.fails = 0
        self.stuck: asyncio.Event | None = None
        lease = _Lease(log.calls, log.keys, "notifier", owner, ttl_s=ttl_s)
        self.lease = lease
        self.follower = OutboundFollower(OutboundStream(log.calls, log.keys), lease, self._handle)

    async def _handle(self, events: tuple[OutboundEvent, ...]) -> None:
        if self.fails:
            self.fails -= 1
            raise Unavailable("Redis does not answer")
        async with self.heard:
            self.had += [each.type for each in events]
            self.heard.notify_all()
        if self.stuck is not None:
            await self.stuck.wait()

    async def until(self, test: Callable[[list[str]], bool]) -> None:
        async with asyncio.timeout(20), self.heard:
            await self.heard.wait_for(lambda: test(self.had))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.follower.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def say(log: EventLog, *types: str) -> None:
    for type_ in types:
        await log.commit(Write(events=(replace(event(type_, "kitchen"), outbound=True),)))


async def begun(log: EventLog) -> None:
    """Somebody has read under this name before."""
    lease = ReaderLease(log.calls, log.keys, "notifier", "before")
    await lease.take()
    await lease.move("", START)
    await lease.end()


async def test_events_come_in_order_and_the_next_process_goes_on_where_the_last_one_was(log: EventLog) -> None:
    await begun(log)
    one, other = Reader(log, "one"), Reader(log, "other")
    await say(log, "a", "b")
    async with one.running():
        await one.until(lambda had: len(had) == 2)
        await say(log, "c")
        await one.until(lambda had: len(had) == 3)
    await say(log, "d")
    async with other.running():
        await other.until(lambda had: had[-1:] == ["d"])
    assert (one.had, other.had[-1]) == (["a", "b", "c"], "d")


async def test_a_name_that_has_never_read_begins_with_the_next_event(log: EventLog) -> None:
    await say(log, "long ago")
    reader = Reader(log, "one")
    async with reader.running():
        await until(lambda: bool(reader.follower.state.cursor))
        await say(log, "now")
        await reader.until(bool)
    assert reader.had == ["now"]


async def test_one_of_two_processes_works_and_the_other_takes_over_when_it_dies(log: EventLog) -> None:
    await begun(log)
    one, other = Reader(log, "one", ttl_s=0.5), Reader(log, "other", ttl_s=0.5)
    one.lease.dies = True
    one.stuck = asyncio.Event()  # it dies before it has dealt with what it was given
    async with AsyncExitStack() as stack:
        async with one.running():
            await until(lambda: one.follower.state.is_active)
            await stack.enter_async_context(other.running())
            await say(log, "a")
            await one.until(bool)
            assert not other.had
        await other.until(bool)
    assert (one.had, other.had) == (["a"], ["a"])


async def test_a_batch_that_could_not_be_dealt_with_comes_again(log: EventLog) -> None:
    await begun(log)
    reader = Reader(log, "one")
    reader.fails = 2
    await say(log, "a", "b")
    async with reader.running():
        await reader.until(lambda had: len(had) == 2)
    assert reader.had == ["a", "b"]


async def test_a_follower_waits_for_a_redis_that_is_away(log: EventLog, fake_backend: Backend) -> None:
    await begun(log)
    await say(log, "a")
    reader = Reader(log, "one")
    fake_backend.server.connected = False
    async with reader.running():
        await asyncio.sleep(0)
        fake_backend.server.connected = True
        await reader.until(bool)
    assert reader.had == ["a"]
