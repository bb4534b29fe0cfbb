"""What a Redis's configuration says about what it may lose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.domain.errors import Unavailable
from hub.eventlog import EventLog
from hub.eventlog.durability import Durability, durability_of, judged, read_durability
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
    found = judged(SAFE | setting)
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


async def test_a_redis_that_does_not_let_us_look_is_doubtful_and_no_more(real_backend: Backend) -> None:
    redis = real_backend.client()
    await redis.execute_command("ACL", "SETUSER", "looker", "on", ">pw", "~*", "&*", "+@all", "-config")
    try:
        found = await durability_of(real_backend.url.replace("unix://", "unix://looker:pw@"), 2)
    finally:
        await redis.execute_command("ACL", "DELUSER", "looker")
    assert not found.unsafe
    assert "not allowed to look" in found.doubtful[0]


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
