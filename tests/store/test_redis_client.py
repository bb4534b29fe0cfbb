"""What goes out again, and after what pauses, when Redis does not answer: on a lane that fails as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import fakeredis
import pytest
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)

from hub.core.errors import ComandaError, Internal, Unavailable
from hub.store.redis.client import RedisClient, Script
from hub.store.redis.error_translation import Refusal, WritesRefused
from hub.store.redis.pipeline_pool import NotSent

SCRIPT = Script("commit")


class PipelinePool:
    """Answers each command with the next of these."""

    def __init__(self, *answers: object) -> None:
        self.asked: list[tuple[str | int, ...]] = []
        self._answers: Iterator[object] = iter(answers)

    async def call(self, *command: str | int) -> Any:
        self.asked.append(command)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None:
        pass


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which lasted."""
    made: list[float] = []

    async def pause(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr("hub.store.redis.client.asyncio.sleep", pause)
    return made


def calls_on(lane: PipelinePool, *, follows: bool = False) -> RedisClient:
    calls = RedisClient(fakeredis.FakeAsyncRedis(decode_responses=True), deadline_s=5)
    calls._pool = lane  # type: ignore[assignment]
    calls._follows = follows
    return calls


async def test_a_script_that_redis_does_not_know_goes_out_in_full_at_once(paused: list[float]) -> None:
    lane = PipelinePool(NoScriptError("NOSCRIPT"), ["done"])
    assert await calls_on(lane).run(SCRIPT, ["key"], [7]) == ["done"]
    assert lane.asked == [("EVALSHA", SCRIPT.sha, 1, "key", 7), ("EVAL", SCRIPT.text, 1, "key", 7)]
    assert paused == []


async def test_a_script_in_full_that_meets_broken_connections_waits_before_each_further_try(
    paused: list[float],
) -> None:
    lane = PipelinePool(NoScriptError("NOSCRIPT"), *[ConnectionError("gone")] * 12, ["done"])
    assert await calls_on(lane).run(SCRIPT, [], [], again=True) == ["done"]
    assert len(lane.asked) == 14
    assert len(paused) == 12
    assert 0.005 <= paused[0] <= 0.01
    assert 0.125 <= paused[-1] <= 0.25


async def test_a_broken_connection_is_the_end_of_what_must_not_be_done_twice(paused: list[float]) -> None:
    lane = PipelinePool(ConnectionError("gone"))
    with pytest.raises(Unavailable):
        await calls_on(lane).call("INCR", "key")
    assert len(lane.asked) == 1


@pytest.mark.parametrize(
    ("failure", "told"),
    [(TimeoutError(), Unavailable), (ResponseError("WRONGTYPE"), Internal)],
    ids=["a deadline", "a refusal"],
)
async def test_what_no_further_try_would_mend_is_not_tried_again(
    failure: Exception, told: type[ComandaError], paused: list[float]
) -> None:
    lane = PipelinePool(failure)
    with pytest.raises(told):
        await calls_on(lane).call("GET", "key", again=True)
    assert len(lane.asked) == 1
    assert paused == []


async def test_a_wrong_password_is_not_tried_again(paused: list[float]) -> None:
    refused = ConnectionError("not opened")
    refused.__cause__ = AuthenticationError("WRONGPASS")
    lane = PipelinePool(refused)
    with pytest.raises(ComandaError):
        await calls_on(lane).call("GET", "key", again=True)
    assert len(lane.asked) == 1


async def test_tries_end_with_the_deadline() -> None:
    class Gone(PipelinePool):
        async def call(self, *command: str | int) -> Any:
            self.asked.append(command)
            raise ConnectionError("gone")

    lane = Gone()
    calls = calls_on(lane)
    calls.deadline_s = 0.2
    began = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable):
        await calls.call("GET", "key", again=True)
    assert asyncio.get_running_loop().time() - began < 1
    assert 3 < len(lane.asked) < 40


# A server that may change

NOT_EXECUTED = [
    MovedError("1 10.0.0.2:6379"),
    TryAgainError("TRYAGAIN"),
    ReadOnlyError("read only replica"),
    NotSent("no connection"),
]


@pytest.mark.parametrize("error", NOT_EXECUTED, ids=lambda error: type(error).__name__)
async def test_what_was_not_executed_is_sent_again_even_if_it_must_not_be_done_twice(
    error: Exception, paused: list[float]
) -> None:
    lane = PipelinePool(error, error, 7)
    assert await calls_on(lane, follows=True).call("INCR", "key") == 7
    assert lane.asked == [("INCR", "key")] * 3
    assert len(paused) == 2


async def test_a_single_server_that_is_read_only_is_told_at_once(paused: list[float]) -> None:
    lane = PipelinePool(ReadOnlyError("read only replica"))
    with pytest.raises(WritesRefused) as refused:
        await calls_on(lane).call("INCR", "key")
    assert refused.value.refusal is Refusal.READ_ONLY
    assert paused == []


async def test_a_connection_that_broke_is_no_reason_to_do_it_twice_where_the_server_may_change(
    paused: list[float],
) -> None:
    lane = PipelinePool(ConnectionError("gone"))
    with pytest.raises(Unavailable):
        await calls_on(lane, follows=True).call("INCR", "key")
    assert len(lane.asked) == 1


async def test_when_the_time_is_up_the_last_reason_is_told() -> None:
    class ReadOnly(PipelinePool):
        async def call(self, *command: str | int) -> Any:
            raise ReadOnlyError("read only replica")

    calls = calls_on(ReadOnly(), follows=True)
    calls.deadline_s = 0.1
    with pytest.raises(WritesRefused) as refused:
        await calls.call("INCR", "key")
    assert refused.value.refusal is Refusal.READ_ONLY
