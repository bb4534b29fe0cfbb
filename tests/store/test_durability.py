"""What a Redis's configuration says about what it may lose."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hub.core.errors import Unavailable
from hub.store import EventLog
from hub.store.redis.durability import Durability, durability_of, judge, read_durability
from tests.support.faulty import faulty_redis

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.redis import Backend

SAFE = {"appendonly": "yes", "appendfsync": "always", "maxmemory": "0", "maxmemory-policy": "noeviction"}


@pytest.mark.parametrize(
    ("setting", "unsafe", "doubtful"),
    [
        ({}, [], []),
        ({"appendonly": "no"}, ["appendonly"], []),
        ({"appendfsync": "everysec"}, [], ["appendfsync"]),
        ({"appendfsync": "no"}, [], ["appendfsync"]),
        ({"maxmemory-policy": "allkeys-lru"}, [], []),  # without a limit nothing is evicted
        ({"maxmemory-policy": "allkeys-lru", "maxmemory": "1000"}, ["maxmemory-policy"], []),
        ({"appendonly": "no", "appendfsync": "everysec"}, ["appendonly"], []),
    ],
    ids=str,
)
def test_a_setting_that_loses_orders_is_named(setting: dict[str, str], unsafe: list[str], doubtful: list[str]) -> None:
    found = judge(SAFE | setting)
    assert [line.split()[0] for line in found.unsafe] == unsafe
    assert [line.split()[0] for line in found.doubtful] == doubtful


async def test_the_private_redis_loses_nothing(real_backend: Backend) -> None:
    assert await durability_of(real_backend.url, 2) == Durability()


async def test_a_hub_reads_the_same_over_the_connections_that_it_has(real_backend: Backend) -> None:
    redis = real_backend.client()
    log = EventLog(redis, "centro")
    try:
        assert await read_durability(log.calls) == Durability()
        await redis.config_set("appendfsync", "everysec")
        found = await read_durability(log.calls)
        assert found == await durability_of(real_backend.url, 2)
        assert found.doubtful
    finally:
        await redis.config_set("appendfsync", "always")
        await log.aclose()


async def test_a_reading_that_is_cancelled_at_any_moment_leaves_nothing_behind_that_still_closes(
    real_backend: Backend,
) -> None:
    turns, was_done, others = 0, False, asyncio.all_tasks()
    while not was_done:
        reading = asyncio.create_task(durability_of(real_backend.url, 2))
        for _ in range(turns):
            await asyncio.sleep(0)
        was_done = reading.done()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert asyncio.all_tasks() == others, turns
        turns += 1


async def test_a_redis_that_does_not_let_us_look_is_doubtful_and_no_more(real_backend: Backend) -> None:
    redis = real_backend.client()
    await redis.execute_command("ACL", "SETUSER", "looker", "on", ">pw", "~*", "&*", "+@all", "-config")
    try:
        found = await durability_of(real_backend.url.replace("unix://", "unix://looker:pw@"), 2)
    finally:
        await redis.execute_command("ACL", "DELUSER", "looker")
    assert not found.unsafe
    assert "not allowed to read its settings" in found.doubtful[0]


@pytest.mark.parametrize(
    ("answer", "allowed"), [(b"-ERR unknown command 'CONFIG'\r\n", False), (b"-ERR boom\r\n", True), (b"", True)]
)
async def test_a_redis_without_the_command_is_not_one_that_fails(tmp_path: Path, answer: bytes, allowed: bool) -> None:
    async with faulty_redis(tmp_path, answer) as url:
        if not allowed:
            assert not (await durability_of(url, 0.3)).unsafe
            return
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which of the two is the next line's
            await durability_of(url, 0.3)
        assert isinstance(caught.value, Unavailable) == (answer == b"")
