"""The outbound stream: written with the log, read by cursor, by one process at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from hub.store import EventLog, Write
from hub.store.outbound_stream import START, OutboundStream, ReaderLease
from tests.support.writes import event, told

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.contract


@pytest.fixture
def stream(log: EventLog) -> OutboundStream:
    return OutboundStream(log.calls, log.keys)


def outward(type_: str, *rooms: str) -> Write:
    return Write(events=(replace(event(type_, *rooms), outbound=True),))


def lease(log: EventLog, owner: str, *, ttl_s: float = 60) -> ReaderLease:
    return ReaderLease(log.calls, log.keys, "notifier", owner, ttl_s=ttl_s)


async def test_what_goes_out_stands_there_in_the_logs_order_and_nothing_else(
    log: EventLog, stream: OutboundStream
) -> None:
    first = await log.commit(outward("a", "order:A", "kitchen"))
    await log.commit(told("kitchen"))
    mixed = (event("b", "kitchen"), replace(event("c", "order:A"), outbound=True))
    await log.commit(Write(events=mixed))
    one, other = await stream.read(START, 10)
    assert (one.id, one.type, one.rooms) == (f"{first.epoch}.1", "a", ("order:A", "kitchen"))
    assert (other.id, other.type, other.rooms) == (f"{first.epoch}.4", "c", ("order:A",))
    assert one.body == event("a").body
    assert await stream.read(one.cursor, 10) == (other,)
    assert await stream.read(other.cursor, 10) == ()
    assert await stream.last() == other.cursor


async def test_a_read_that_waits_hears_what_comes_and_ends_in_time(log: EventLog, stream: OutboundStream) -> None:
    assert await stream.read(START, 10, wait_s=0.05) == ()
    await log.commit(outward("a", "kitchen"))
    assert [each.type for each in await stream.read(START, 10, wait_s=5)] == ["a"]


async def test_a_stream_where_nothing_was_written_has_a_beginning(stream: OutboundStream) -> None:
    assert await stream.last() == START
    assert await stream.is_whole_after(START)
    assert await stream.lag(START) == (0, 0.0)


async def test_what_is_too_old_leaves_and_its_readers_can_tell(
    log: EventLog, stream: OutboundStream, redis: Redis
) -> None:
    for number in range(1, 300):  # Redis removes whole nodes of a hundred
        fields: Any = {"p": f"{number - 1}-0", "e": "old.1", "t": "a", "b": "{}", "r": "kitchen"}
        await redis.xadd(log.keys.outbound, fields, id=f"{number}-0")
    await log.commit(outward("b", "kitchen"))
    assert await stream.is_whole_after("1-0")
    await stream.trim(3_600)
    left = await stream.read(START, 1_000)
    assert left[-1].type == "b"
    assert len(left) <= 100
    assert not await stream.is_whole_after("1-0")
    assert await stream.is_whole_after(left[0].cursor)


async def test_what_a_room_said_can_be_forgotten_and_its_readers_have_missed_nothing(
    log: EventLog, stream: OutboundStream
) -> None:
    began = datetime.now(UTC)
    for type_, *rooms in (
        ("a", "kitchen"),
        ("secret", "chat:A", "floor"),
        ("secret", "chat:A"),
        ("b", "kitchen", "chat:AB"),
        ("secret", "chat:A"),
    ):
        await log.commit(outward(type_, *rooms))
    cursors = [START, *(each.cursor for each in await stream.read(START, 10))]
    place = (await log.commit(outward("forgotten", "chat:A"))).cursor
    await log.commit(outward("later", "chat:A"))
    for _ in range(2):  # as after an answer that was lost
        await log.forget("chat:A", place, began)
    left = await stream.read(START, 10)
    assert [each.type for each in left] == ["a", "b", "forgotten", "later"]
    assert all([await stream.is_whole_after(cursor) for cursor in cursors])
    assert [entry.type for entry in await log.read("chat:A", 0, limit=10)] == ["forgotten", "later"]


async def test_the_newest_event_can_be_forgotten(log: EventLog, stream: OutboundStream) -> None:
    await log.commit(outward("a", "kitchen"))
    said = await log.commit(outward("secret", "chat:A"))
    cursors = [each.cursor for each in await stream.read(START, 10)]
    await stream.forget("chat:A", replace(said.cursor, offset=said.cursor.offset + 1), datetime.now(UTC))
    await log.commit(outward("b", "kitchen"))
    assert [each.type for each in await stream.read(START, 10)] == ["a", "b"]
    assert all([await stream.is_whole_after(cursor) for cursor in cursors])


async def test_what_was_lost_beside_what_was_forgotten_is_noticed(
    log: EventLog, stream: OutboundStream, redis: Redis
) -> None:
    began = datetime.now(UTC)
    for room in ("kitchen", "kitchen", "chat:A", "chat:A"):
        await log.commit(outward("a", room))
    first, lost, *_ = await stream.read(START, 10)
    place = (await log.commit(outward("forgotten", "chat:A"))).cursor
    await stream.forget("chat:A", place, began)
    await redis.xdel(log.keys.outbound, lost.cursor)
    assert not await stream.is_whole_after(first.cursor)


async def test_the_places_of_what_was_forgotten_leave_with_time(
    log: EventLog, stream: OutboundStream, redis: Redis
) -> None:
    place = (await log.commit(outward("secret", "chat:A"))).cursor
    await stream.forget("chat:A", replace(place, offset=place.offset + 1), datetime.now(UTC))
    await redis.hset(log.keys.outbound_deleted, "1-0", "0-0")
    await log.commit(outward("a", "kitchen"))
    await stream.trim(3_600)
    assert "1-0" not in await redis.hkeys(log.keys.outbound_deleted)
    assert len(await redis.hkeys(log.keys.outbound_deleted)) == 1


async def test_many_events_are_looked_through(log: EventLog, stream: OutboundStream) -> None:
    began = datetime.now(UTC)
    for number in range(1_203):
        await log.commit(outward("a", "chat:A" if number % 400 == 1 else "kitchen"))
    await stream.forget("chat:A", await log.position(), began)
    assert len(await stream.read(START, 2_000)) == 1_199


async def test_the_newest_event_stays_so_that_its_successor_names_it(
    log: EventLog, stream: OutboundStream, redis: Redis
) -> None:
    for number in (1, 2):
        fields: Any = {"p": f"{number - 1}-0", "e": "old.1", "t": "a", "b": "{}", "r": "kitchen"}
        await redis.xadd(log.keys.outbound, fields, id=f"{number}-0")
    await stream.trim(3_600)
    assert await stream.last() == "2-0"
    await log.commit(outward("b", "kitchen"))
    assert await stream.is_whole_after("2-0")


async def test_the_lag_counts_what_is_waiting_and_for_how_long(
    log: EventLog, stream: OutboundStream, redis: Redis
) -> None:
    await redis.xadd(log.keys.outbound, {"p": START, "e": "old.1", "t": "a", "b": "{}", "r": "kitchen"}, id="1000-1")
    await log.commit(outward("b", "kitchen"))
    events, age_s = await stream.lag(START)
    assert events == 2
    assert age_s > 1_000_000
    assert await stream.lag(await stream.last()) == (0, 0.0)


async def test_one_of_two_has_the_lease_until_it_gives_it_back(log: EventLog) -> None:
    one, other = lease(log, "one"), lease(log, "other")
    assert await one.take() == ""
    assert await other.take() is None
    assert await one.move("", "5-1")
    assert await one.take() == "5-1"
    assert not await other.move("5-1", "6-1")
    await other.end()
    assert await other.take() is None
    await one.end()
    assert await other.take() == "5-1"


async def test_a_process_that_had_lost_its_lease_moves_no_cursor_back(log: EventLog, redis: Redis) -> None:
    one, other = lease(log, "one"), lease(log, "other")
    await one.take()
    await one.move("", "5-1")
    await redis.delete(log.keys.reader_lease("notifier"))  # its time ran out
    assert await other.take() == "5-1"
    assert await other.move("5-1", "9-1")
    await other.end()
    assert not await one.move("5-1", "6-1")
    assert await other.take() == "9-1"


async def test_a_move_whose_answer_was_lost_has_happened_once(log: EventLog) -> None:
    one = lease(log, "one")
    await one.take()
    assert await one.move("", "5-1")
    assert await one.move("", "5-1")
    assert not await one.move("", "6-1")
