"""Quotas and places: bounds that a write is held to before anything is written."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hub.core.errors import Conflict, LimitReached, RateLimited
from hub.store import EventLog, Hold, IdempotencyKey, Quota, Write
from tests.support.writes import order, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

pytestmark = pytest.mark.contract

HOUR = Quota("orders-hour:198.51.100.1", amount=1, limit=3, window_s=3_600, label="orders_hour")


def counted(quota: Quota = HOUR, **write: Any) -> Write:
    return replace(told("kitchen"), quotas=(quota,), **write)


def opened(holder: str, *counters: str, limit: int = 2) -> Write:
    places = tuple((counter, limit, f"open_{counter}") for counter in counters)
    return replace(told("kitchen"), hold=Hold(holder, places))


async def test_a_quota_lets_through_as_much_as_it_says_and_then_refuses_the_whole_write(log: EventLog) -> None:
    for _ in range(3):
        await log.commit(counted())
    with pytest.raises(LimitReached) as refused:
        await log.commit(counted())
    assert refused.value.values == {"limit": "orders_hour", "most": 3, "used": 3}
    assert len(await log.read("kitchen", 0)) == 3
    assert await log.used([HOUR.name, "another"]) == [3, 0]


async def test_a_quota_of_a_short_window_says_when_to_come_back(log: EventLog) -> None:
    quota = replace(HOUR, limit=1, window_s=60, passing=True)
    await log.commit(counted(quota))
    with pytest.raises(RateLimited) as refused:
        await log.commit(counted(quota))
    assert refused.value.retry_after_s is not None
    assert 50 < refused.value.retry_after_s <= 60


async def test_a_window_begins_with_the_first_count_and_is_not_made_longer_by_the_next(
    log: EventLog, redis: Redis
) -> None:
    await log.commit(counted())
    await redis.expire(log.keys.quota(HOUR.name), 100)
    await log.commit(counted())
    assert 90 < await redis.ttl(log.keys.quota(HOUR.name)) <= 100


async def test_a_heavy_write_that_does_not_fit_leaves_room_for_a_light_one(log: EventLog) -> None:
    await log.commit(counted(replace(HOUR, amount=2)))
    with pytest.raises(LimitReached):
        await log.commit(counted(replace(HOUR, amount=2)))
    await log.commit(counted(HOUR))


async def test_a_quota_of_nothing_only_asks_whether_something_is_left(log: EventLog) -> None:
    look = replace(HOUR, amount=0, limit=1)
    await log.commit(counted(look))
    assert await log.used([HOUR.name]) == [0]
    await log.commit(counted(HOUR))
    with pytest.raises(LimitReached):
        await log.commit(counted(look))


async def test_a_quota_without_a_limit_counts_and_never_refuses(log: EventLog) -> None:
    for _ in range(5):
        await log.commit(counted(replace(HOUR, limit=0)))
    assert await log.used([HOUR.name]) == [5]


async def test_a_repeat_of_a_known_command_counts_nothing(log: EventLog) -> None:
    for _ in range(5):
        await log.commit(counted(idempotency=IdempotencyKey("c:1")))
    assert await log.used([HOUR.name]) == [1]


async def test_a_refused_write_counts_nothing(log: EventLog) -> None:
    with pytest.raises(Conflict):
        await log.commit(replace(order("A", 2), quotas=(HOUR,)))
    assert await log.used([HOUR.name]) == [0]


async def test_of_fifty_callers_at_once_as_many_get_through_as_there_is_room_for(
    make_log: Callable[..., EventLog],
) -> None:
    logs = [make_log() for _ in range(5)]
    outcomes = await asyncio.gather(*(logs[n % 5].commit(counted()) for n in range(50)), return_exceptions=True)
    assert sum(isinstance(outcome, LimitReached) for outcome in outcomes) == 47


async def test_places_are_taken_until_their_holders_give_them_back(log: EventLog) -> None:
    await log.commit(opened("A", "address", "phone"))
    await log.commit(opened("B", "address"))
    with pytest.raises(LimitReached) as refused:
        await log.commit(opened("C", "phone", "address"))
    assert refused.value.values == {"limit": "open_address", "most": 2, "used": 2}
    await log.commit(Write(release=("A",)))
    await log.commit(opened("C", "phone", "address"))


async def test_a_place_is_given_back_once(log: EventLog) -> None:
    await log.commit(opened("A", "address"))
    await log.commit(opened("B", "address"))
    for _ in range(3):
        await log.commit(Write(release=("A", "nobody")))
    await log.commit(opened("C", "address"))
    with pytest.raises(LimitReached):
        await log.commit(opened("D", "address"))


async def test_what_one_write_gives_back_it_may_take_itself(log: EventLog) -> None:
    await log.commit(opened("A", "address", limit=1))
    await log.commit(replace(opened("B", "address", limit=1), release=("A",)))
    with pytest.raises(LimitReached):
        await log.commit(opened("C", "address", limit=1))


async def test_places_that_all_came_back_leave_nothing_behind(log: EventLog, redis: Redis) -> None:
    await log.commit(opened("A", "address", "phone"))
    await log.commit(Write(release=("A",)))
    assert not await redis.exists(log.keys.holds)


async def test_a_counter_without_a_limit_has_room_for_everybody(log: EventLog) -> None:
    for holder in "ABCDE":
        await log.commit(opened(holder, "address", limit=0))


async def test_places_that_come_back_soon_are_refused_with_when_to_come_back(log: EventLog) -> None:
    passing = replace(opened("A", "address"), hold=Hold("A", (("address", 1, "open"),), retry_after_s=2.0))
    await log.commit(passing)
    with pytest.raises(RateLimited) as refused:
        await log.commit(passing)
    assert refused.value.values == {"limit": "open", "most": 1, "used": 1}
    assert refused.value.retry_after_s == 2.0


async def test_holders_are_found_by_what_their_names_begin_with(log: EventLog) -> None:
    for holder in ("turn:A", "turn:B", "PED2"):
        await log.commit(opened(holder, "address", limit=0))
    assert sorted(await log.holders("turn:", 100)) == ["turn:A", "turn:B"]
    assert len(await log.holders("turn:", 1)) == 1
    assert await log.holders("x", 100) == []
