"""A log that lost its tail says so: another epoch, and offsets that never go back."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.core.cursor import Cursor
from hub.store import EventLog, IdempotencyKey, ViewQuery
from hub.store.high_water_mark import HighWaterMark
from tests.support.writes import order, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

pytestmark = pytest.mark.contract

ROOMS = ("kitchen", "promos")


async def test_a_new_log_has_an_epoch_and_keeps_it(make_log: Callable[..., EventLog]) -> None:
    log, other = make_log(), make_log()
    cursor = await log.position()
    assert re.fullmatch(r"[a-z0-9]{8}", cursor.epoch)
    assert cursor.offset == 0
    assert await other.position() == cursor
    await other.commit(told("kitchen"))
    assert await log.position() == Cursor(cursor.epoch, 1)


@pytest.mark.parametrize("first", ["commit", "view", "heads"])
async def test_whoever_comes_first_names_the_epoch(log: EventLog, first: str) -> None:
    if first == "commit":
        cursor = (await log.commit(told("kitchen"))).cursor
    elif first == "view":
        cursor = (await log.view(ViewQuery("kitchen", None, None, 1))).cursor
    else:
        cursor, _ = await log.heads(["kitchen"])
    assert len(cursor.epoch) == 8
    assert await log.position() == cursor


async def test_a_flushed_log_begins_a_new_epoch_after_the_highest_offset_seen(log: EventLog, redis: Redis) -> None:
    for _ in range(5):
        before = await log.commit(told("kitchen"))
    await redis.flushall()
    after = await log.commit(told("kitchen"))
    assert after.epoch != before.epoch
    assert after.offsets == (6,)
    [entry] = await log.read("kitchen", 0)
    assert (entry.offset, entry.prev) == (6, 0)


async def test_a_log_restored_from_an_old_copy_begins_a_new_epoch(log: EventLog, redis: Redis) -> None:
    await log.commit(told("kitchen"))
    copy = {key: await redis.dump(key) for key in (log.keys.meta, log.keys.room("kitchen"), log.keys.head("kitchen"))}
    for _ in range(4):
        before = await log.commit(told("kitchen"))
    for key, value in copy.items():
        await redis.restore(key, 0, value or b"", replace=True)
    after = await log.commit(told("kitchen"))
    assert after.epoch != before.epoch
    assert after.offsets == (6,)
    assert [(entry.offset, entry.prev) for entry in await log.read("kitchen", 0)] == [(1, 0), (6, 1)]


@pytest.mark.parametrize("reading", ["view", "heads", "position"])
async def test_a_lost_tail_is_noticed_by_reading_too(log: EventLog, redis: Redis, reading: str) -> None:
    for _ in range(3):
        before = await log.commit(told("kitchen"))
    await redis.hset(log.keys.meta, "offset", 1)
    if reading == "view":
        cursor = (await log.view(ViewQuery("kitchen", 2, before.epoch, 10))).cursor
    elif reading == "heads":
        cursor, _ = await log.heads(["kitchen"])
    else:
        cursor = await log.position()
    assert cursor.epoch != before.epoch
    assert cursor.offset == 3


async def test_what_the_relay_has_seen_counts_as_seen(make_log: Callable[..., EventLog], redis: Redis) -> None:
    log, other = make_log(), make_log()
    epoch = (await log.position()).epoch
    for _ in range(3):
        committed = await other.commit(told("kitchen"))
    log.observe(committed.cursor)
    await redis.hset(log.keys.meta, "offset", 2)
    assert (await log.commit(told("promos"))).epoch != epoch


async def test_an_older_cursor_takes_nothing_back(log: EventLog) -> None:
    committed = await log.commit(told("kitchen"))
    log.observe(Cursor(committed.epoch, 0))
    assert log.highest == committed.cursor


async def test_a_process_that_has_seen_less_does_not_change_the_epoch(make_log: Callable[..., EventLog]) -> None:
    log, fresh = make_log(), make_log()
    for _ in range(3):
        committed = await log.commit(told("kitchen"))
    assert (await fresh.commit(told("kitchen"))).epoch == committed.epoch
    assert (await log.commit(told("kitchen"))).offsets == (5,)


async def test_the_second_process_to_notice_a_loss_joins_the_epoch_of_the_first(
    make_log: Callable[..., EventLog], redis: Redis
) -> None:
    log, other = make_log(), make_log()
    for _ in range(3):
        await log.commit(told("kitchen"))
        await other.position()
    await redis.flushall()
    first, second = await log.commit(told("kitchen")), await other.commit(told("kitchen"))
    assert second.epoch == first.epoch
    assert (first.offsets, second.offsets) == ((4,), (5,))


async def test_a_stream_that_is_ahead_of_the_counter_is_continued_in_a_new_epoch(
    log: EventLog, make_log: Callable[..., EventLog], redis: Redis
) -> None:
    for _ in range(5):
        before = await log.commit(told("kitchen"))
    await redis.hset(log.keys.meta, "offset", 2)
    await redis.delete(log.keys.head("kitchen"))
    after = await make_log().commit(order("A", 1))
    assert after.epoch != before.epoch
    assert after.offsets == (6,)
    assert [entry.prev for entry in await log.read("kitchen", 5)] == [5]


async def test_a_head_that_is_ahead_of_the_counter_is_continued_in_a_new_epoch(
    make_log: Callable[..., EventLog], redis: Redis
) -> None:
    log = make_log()
    epoch = (await log.position()).epoch
    await redis.set(log.keys.head("kitchen"), 7)
    after = await make_log().commit(told("kitchen"))
    assert after.epoch != epoch
    assert after.offsets == (8,)


async def test_a_repeated_command_of_an_older_epoch_is_answered_as_the_first_time(log: EventLog, redis: Redis) -> None:
    write = replace(told("kitchen"), idempotency=IdempotencyKey("c:1"))
    first = await log.commit(write)
    await redis.hset(log.keys.meta, "epoch", "another1")
    position = await log.position()
    assert (await log.commit(write)).cursor == first.cursor
    assert log.highest == position


async def copy_of(log: EventLog, redis: Redis) -> dict[str, bytes]:
    keys = (log.keys.meta, *map(log.keys.room, ROOMS), *map(log.keys.head, ROOMS))
    return {key: await redis.dump(key) or b"" for key in keys}


async def restore(redis: Redis, copy: dict[str, bytes]) -> None:
    """The whole Redis, as it was then."""
    await redis.flushall()
    for key, value in copy.items():
        if value:
            await redis.restore(key, 0, value)


async def test_an_old_copy_that_brings_back_an_epoch_that_was_over_does_not_go_on_in_it(
    log: EventLog, redis: Redis
) -> None:
    first = await log.commit(told("kitchen"))
    copy = await copy_of(log, redis)
    for _ in range(4):
        await log.commit(told("kitchen"))
    await redis.flushall()
    second = await log.commit(told("kitchen"))
    await restore(redis, copy)
    third = await log.commit(told("kitchen"))
    assert len({first.epoch, second.epoch, third.epoch}) == 3
    assert third.offsets == (7,)
    await restore(redis, copy)
    assert (await log.position()).epoch not in {first.epoch, second.epoch, third.epoch}


async def test_after_a_flush_no_process_goes_on_in_the_old_epoch_whoever_saw_more_of_it(
    make_log: Callable[..., EventLog], redis: Redis
) -> None:
    less, more = make_log(), make_log()
    old = (await less.commit(told("kitchen"))).epoch
    for _ in range(9):
        await more.commit(told("kitchen"))
    await redis.flushall()
    committed = [await log.commit(told("kitchen")) for log in (less, more, less)]
    assert {one.epoch for one in committed} == {committed[0].epoch} != {old}
    # What was published of the old life and is heard late changes nothing.
    more.observe(Cursor(old, 9))
    assert (await more.commit(told("kitchen"))).epoch == committed[0].epoch


async def test_of_an_old_copy_the_process_that_saw_more_begins_a_new_epoch_and_the_other_joins_it(
    make_log: Callable[..., EventLog], redis: Redis
) -> None:
    less, more = make_log(), make_log()
    old = (await less.commit(told("kitchen"))).epoch
    copy = await copy_of(less, redis)
    for _ in range(9):
        await more.commit(told("promos"))
    await restore(redis, copy)
    position = await more.position()
    assert position.epoch != old
    assert position.offset == 10
    committed = await less.commit(told("kitchen"))
    assert (committed.epoch, committed.offsets) == (position.epoch, (11,))


async def test_a_process_that_asks_for_the_position_now_and_then_needs_nobody_to_tell_it_of_a_loss(
    make_log: Callable[..., EventLog], redis: Redis
) -> None:
    idle, busy = make_log(), make_log()
    old = (await busy.commit(told("kitchen"))).epoch
    copy = await copy_of(busy, redis)
    await busy.commit(told("promos"))
    await idle.position()
    await restore(redis, copy)
    assert (await idle.commit(told("kitchen"))).epoch != old


async def test_of_many_lives_the_latest_are_remembered(log: EventLog, redis: Redis) -> None:
    for _ in range(12):
        await log.commit(told("kitchen"))
        last = await log.position()
        await redis.flushall()
    await redis.hset(log.keys.meta, mapping={"epoch": last.epoch, "offset": last.offset - 1})
    assert (await log.position()).epoch != last.epoch


async def test_an_epoch_can_be_ended_and_every_process_goes_on_in_the_next(make_log: Callable[..., EventLog]) -> None:
    log, other = make_log(), make_log()
    before = await log.commit(told("kitchen"))
    await other.position()
    began = await log.begin_anew()
    assert began.epoch != before.epoch
    assert began.offset == before.head
    assert await other.position() == began
    committed = await other.commit(told("kitchen"))
    assert (committed.epoch, committed.offsets) == (began.epoch, (before.head + 1,))


async def test_a_life_that_was_ended_is_never_gone_on_with_however_far_a_copy_of_it_is(
    log: EventLog, redis: Redis
) -> None:
    before = await log.commit(told("kitchen"))
    await log.begin_anew()
    await redis.hset(log.keys.meta, mapping={"epoch": before.epoch, "offset": 1_000})
    assert (await log.commit(told("kitchen"))).epoch != before.epoch
    await redis.hset(log.keys.meta, mapping={"epoch": before.epoch, "offset": 2_000})
    view = await log.view(ViewQuery("kitchen", before.head, before.epoch, 10))
    assert (view.cursor.epoch != before.epoch, view.whole) == (True, False)


async def test_what_was_seen_before_this_process_counts_as_seen(
    make_log: Callable[..., EventLog], redis: Redis
) -> None:
    before = (await make_log().commit(told("kitchen"))).cursor
    for known, goes_on in (({before.epoch: 1}, True), ({before.epoch: 2}, False)):
        seen = HighWaterMark()
        seen.recall(known)
        assert ((await make_log(seen=seen).position()).epoch == before.epoch) is goes_on


@pytest.mark.parametrize("reading", ["view", "missed"])
async def test_a_cursor_past_the_end_is_reported_and_not_honoured(
    make_log: Callable[..., EventLog], reading: str
) -> None:
    ahead = list[bool]()
    log = make_log(on_cursor_ahead=lambda: ahead.append(True))
    at = (await log.commit(told("kitchen"))).cursor
    for offset, honoured in ((at.offset, True), (at.offset + 1, False), (9_999_999_999_999_999, False)):
        if reading == "view":
            assert (await log.view(ViewQuery("kitchen", offset, at.epoch, 10))).whole is honoured
        else:
            missed = await log.missed({"kitchen": offset, "promos": 0}, at.epoch)
            assert (missed.rooms["kitchen"] is not None) is honoured
    assert len(ahead) == 2
    await log.view(ViewQuery("kitchen", 5, "another1", 10))  # of another life: known to be no good
    assert len(ahead) == 2
    assert (await log.position()) == at
