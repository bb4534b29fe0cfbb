"""The level of Redis's memory, logged once when it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from redis.exceptions import NoPermissionError
from structlog.testing import capture_logs

from hub.core.errors import Internal, Unavailable
from hub.store import EventLog
from hub.store.redis.client import RedisClient
from hub.store.redis.memory_use import MEGABYTE, MemoryLevel, MemoryUse, MemoryWatch, read_memory

if TYPE_CHECKING:
    from tests.support.redis import Backend

NORMAL, HIGH, NEARLY_FULL = MemoryLevel


class Said:
    """Answers INFO with so much, or fails."""

    def __init__(self, used_mb: float = 10, maxmemory_mb: int = 100, buffers_mb: float = 0) -> None:
        self.used_mb = used_mb
        self.maxmemory_mb = maxmemory_mb
        self.buffers_mb = buffers_mb
        self.error: Exception | None = None
        self.asked = 0

    async def call(self, *command: str, again: bool = False) -> str:
        assert command == ("INFO", "memory")
        self.asked += 1
        if self.error is not None:
            raise self.error
        return (
            "# Memory\r\n"
            f"used_memory:{round(self.used_mb * MEGABYTE)}\r\nmaxmemory:{self.maxmemory_mb * MEGABYTE}\r\n"
            f"mem_not_counted_for_evict:{round(self.buffers_mb * MEGABYTE)}\r\nallocator:jemalloc-5.1\r\n"
        )

    @property
    def calls(self) -> RedisClient:
        return cast("RedisClient", self)


def watch(said: Said, **options: Any) -> MemoryWatch:
    chosen = {"ceiling_mb": None, "high_percent": 75, "nearly_full_percent": 90, **options}
    return MemoryWatch(said.calls, **chosen)


@pytest.mark.parametrize(
    ("maxmemory_mb", "ceiling_mb", "found_mb"),
    [(100, None, 100), (100, 50, 50), (100, 200, 100), (0, 50, 50), (0, 0, 0)],
)
async def test_the_ceiling_is_the_lower_of_what_redis_has_and_what_is_set(
    maxmemory_mb: int, ceiling_mb: int | None, found_mb: int
) -> None:
    use = await read_memory(Said(25, maxmemory_mb, buffers_mb=5).calls, ceiling_mb)
    assert use == MemoryUse(20 * MEGABYTE, found_mb * MEGABYTE)
    assert use.percent == (20 * 100 / found_mb if found_mb else 0)


async def test_a_redis_that_does_not_say_is_not_judged(fake_backend: Backend) -> None:
    log = EventLog(fake_backend.client(), "centro")
    assert await read_memory(log.calls, 100) is None
    await log.aclose()
    forbidding = Said()
    forbidding.error = Unavailable("Redis does not let this user do that")
    forbidding.error.__cause__ = NoPermissionError("NOPERM")
    assert await read_memory(forbidding.calls, 100) is None
    forbidding.error = Internal("the event log failed")
    assert await read_memory(forbidding.calls, 100) is None


async def test_a_real_redis_says_it(real_backend: Backend) -> None:
    log = EventLog(real_backend.client(), "centro")
    before = await read_memory(log.calls, 1_000)
    await log.calls.call("SET", "much", "x" * MEGABYTE)
    after = await read_memory(log.calls, 1_000)
    assert before is not None
    assert after is not None
    assert after.used_bytes >= before.used_bytes + MEGABYTE
    assert after.ceiling_bytes == 1_000 * MEGABYTE
    await log.aclose()


async def test_a_level_is_logged_when_it_begins_and_when_it_is_over_and_not_while_it_wavers() -> None:
    said = Said()
    memory = watch(said)
    with capture_logs() as logs:
        for used, level in [
            (74.9, NORMAL),
            (75, HIGH),
            (74, HIGH),
            (76, HIGH),
            (90, NEARLY_FULL),
            (89, NEARLY_FULL),
            (95, NEARLY_FULL),
            (87, HIGH),
            (89, HIGH),
            (40, NORMAL),
            (92, NEARLY_FULL),
        ]:
            said.used_mb = used
            await memory.look()
            assert memory.level is level, used
    assert [(log["event"], log["log_level"], log["percent"]) for log in logs] == [
        ("redis.memory_high", "warning", 75),
        ("redis.memory_nearly_full", "error", 90),
        ("redis.memory_high", "warning", 87),
        ("redis.memory_normal", "info", 40),
        ("redis.memory_nearly_full", "error", 92),
    ]
    assert (logs[0]["used_mb"], logs[0]["ceiling_mb"]) == (75, 100)


async def test_a_level_can_be_switched_off_and_without_a_ceiling_there_is_none() -> None:
    said = Said(99)
    memory = watch(said, high_percent=0, nearly_full_percent=0)
    await memory.look()
    assert memory.level is NORMAL
    said.maxmemory_mb = 0
    memory = watch(said)
    await memory.look()
    assert memory.level is NORMAL


async def test_it_is_read_again_after_some_seconds_and_the_last_word_stands_while_redis_is_away() -> None:
    said, now = Said(95), [0.0]
    memory = watch(said, monotonic=lambda: now[0])
    assert [await memory.current_level() for _ in range(9)] == [NEARLY_FULL] * 9
    assert said.asked == 1
    now[0], said.error = 6.0, Unavailable("Redis does not answer")
    assert await memory.current_level() is NEARLY_FULL
    now[0], said.error, said.used_mb = 12.0, None, 10
    assert await memory.current_level() is NORMAL
    said.error = Unavailable("Redis does not answer")
    with pytest.raises(Unavailable):
        await memory.look()
