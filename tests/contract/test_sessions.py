"""Sessions outlive the process that kept them, for their time and no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.eventlog import EventLog, SessionStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

pytestmark = pytest.mark.contract


@pytest.fixture
def sessions(log: EventLog) -> SessionStore:
    return SessionStore(log.calls, log.keys)


async def test_a_session_is_found_by_any_process_as_it_was_kept_last(
    sessions: SessionStore, make_log: Callable[..., EventLog]
) -> None:
    other = make_log()
    await sessions.keep("p", '{"rooms":["kitchen"]}', 60)
    await sessions.keep("p", '{"rooms":["order:ñ"]}', 60)
    assert await SessionStore(other.calls, other.keys).find("p") == '{"rooms":["order:ñ"]}'
    assert await sessions.find("q") is None


async def test_a_session_that_was_forgotten_is_not_there(sessions: SessionStore) -> None:
    await sessions.keep("p", "{}", 60)
    await sessions.forget("p")
    await sessions.forget("p")
    assert await sessions.find("p") is None


async def test_a_session_lives_for_its_time_counted_from_the_last_touch(
    sessions: SessionStore, log: EventLog, redis: Redis
) -> None:
    await sessions.keep("p", "{}", 60)
    assert 50_000 < await redis.pttl(log.keys.session("p")) <= 60_000
    assert await sessions.touch(["p"], 120.5) == [True]
    assert 110_000 < await redis.pttl(log.keys.session("p")) <= 120_500
    await sessions.keep("p", "[]", 30)
    assert 20_000 < await redis.pttl(log.keys.session("p")) <= 30_000


async def test_a_session_whose_time_is_over_is_gone(sessions: SessionStore, log: EventLog, redis: Redis) -> None:
    await sessions.keep("p", "{}", 60)
    await redis.pexpire(log.keys.session("p"), 1)
    while await redis.exists(log.keys.session("p")):
        pass
    assert await sessions.find("p") is None
    assert await sessions.touch(["p"], 60) == [False]
    assert await sessions.find("p") is None


async def test_touching_says_of_each_session_whether_it_is_still_there(sessions: SessionStore) -> None:
    pids = [f"p{n}" for n in range(2_345)]
    kept = {"p0", "p999", "p1000", "p2344"}
    for pid in kept:
        await sessions.keep(pid, "{}", 60)
    there = await sessions.touch(pids, 60)
    assert len(there) == len(pids)
    assert {pid for pid, found in zip(pids, there, strict=True) if found} == kept
    assert await sessions.touch([], 60) == []


async def test_no_key_tells_a_pid(sessions: SessionStore, redis: Redis) -> None:
    await sessions.keep("only-the-client-knows", "{}", 60)
    [key] = await redis.keys()
    assert "only-the-client-knows" not in key


async def test_branches_have_their_own_sessions(make_log: Callable[..., EventLog]) -> None:
    centro, norte = (SessionStore(log.calls, log.keys) for log in (make_log("centro"), make_log("norte")))
    await centro.keep("p", "{}", 60)
    assert await norte.find("p") is None
