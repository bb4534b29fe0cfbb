"""Deadlines of Redis's answers, where the hub itself is late: a healthy Redis is not called unavailable."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from hub.core.errors import Unavailable
from hub.store import connect
from hub.store.redis.answer_deadline import AnswerClock, answer_timeout
from hub.store.redis.client import RedisClient
from tests.support.faulty import faulty_redis

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.redis import Backend

DEADLINE_S = 0.1


class Clock:
    """Stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Deaf:
    """Listens to nothing that is said on a pub/sub connection."""

    def on_message(self, channel: bytes, payload: bytes) -> None: ...

    def on_several(self) -> None: ...

    def on_heard(self) -> None: ...

    def on_subscribed(self, channel: bytes) -> None: ...


def hold_up(seconds: float = 2 * DEADLINE_S) -> None:
    """Keep the event loop from running, as much work in one turn does."""
    time.sleep(seconds)


def test_a_clock_that_is_looked_at_in_time_counts_every_second() -> None:
    time = Clock()
    clock = AnswerClock(time, deadline_s=8)
    for seconds in (0.25, 1, 1):
        time.seconds += seconds
        clock.look()
    time.seconds += 0.5
    assert clock.now() == 2.75


def test_a_loop_that_was_held_up_costs_no_more_than_one_step() -> None:
    time = Clock()
    clock = AnswerClock(time, deadline_s=8)
    time.seconds += 100
    assert clock.now() == 1
    assert clock.look() == 1
    time.seconds += 0.5
    assert clock.now() == 1.5


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
async def test_a_command_of_a_loop_that_is_late_gets_its_answer(real_backend: Backend, turns: int) -> None:
    # Held up before the command is sent, after that, or with the answer in the socket.
    calls = RedisClient(real_backend.client(), deadline_s=DEADLINE_S)
    await calls.call("PING")
    asking = asyncio.create_task(calls.call("INCR", "asked"))
    for _ in range(turns + 1):
        await asyncio.sleep(0)
    hold_up()
    assert await asking == 1
    await calls.aclose()


async def test_a_first_connection_may_be_opened_by_a_loop_that_is_late(real_backend: Backend) -> None:
    calls = RedisClient(real_backend.client(), deadline_s=DEADLINE_S)
    asking = asyncio.create_task(calls.call("INCR", "asked"))
    await asyncio.sleep(0)
    hold_up()
    assert await asking == 1
    await calls.aclose()


async def test_a_loop_that_is_late_again_and_again_does_not_hide_a_silent_redis(tmp_path: Path) -> None:
    async with faulty_redis(tmp_path) as url, connect(url) as redis:
        calls = RedisClient(redis, deadline_s=DEADLINE_S)
        asking = asyncio.create_task(calls.call("PING"))
        while not asking.done():
            hold_up(DEADLINE_S)
            await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await asking
        await calls.aclose()


async def test_a_pong_that_is_there_counts_however_late_the_loop_is(real_backend: Backend) -> None:
    calls = RedisClient(real_backend.client(), deadline_s=DEADLINE_S)
    pubsub = calls.pubsub()
    await pubsub.connect(Deaf())
    ping = asyncio.create_task(pubsub.ping())
    await asyncio.sleep(0)
    hold_up()
    await ping
    await pubsub.close()
    await calls.aclose()


async def test_the_reply_to_a_command_that_waited_in_redis_is_not_thrown_away(real_backend: Backend) -> None:
    redis = real_backend.client()
    calls = RedisClient(redis, deadline_s=DEADLINE_S)
    await redis.rpush("jobs", "the first", "the second")
    assert await calls.block("BLPOP", "jobs", 5, seconds=0) == ["jobs", "the first"]  # there is a connection now
    taking = asyncio.create_task(calls.block("BLPOP", "jobs", 5, seconds=0))
    await asyncio.sleep(0)
    hold_up()
    assert await taking == ["jobs", "the second"]
    await calls.aclose()


async def test_a_context_ends_with_its_time_and_not_before() -> None:
    with pytest.raises(TimeoutError):
        async with answer_timeout(DEADLINE_S):
            await asyncio.Event().wait()
    async with answer_timeout(DEADLINE_S):
        await asyncio.sleep(0)
        hold_up()
        await asyncio.sleep(0)
