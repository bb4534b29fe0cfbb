"""Sessions outlive the process that kept them, for their time and no longer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hub.store import EventLog, SessionStore
from hub.store.session_store import Held

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

pytestmark = pytest.mark.contract


@pytest.fixture
def sessions(log: EventLog) -> SessionStore:
    return SessionStore(log.calls, log.keys)


def body(owner: str, **fields: object) -> str:
    return json.dumps({"owner": owner, **fields})


async def test_a_session_is_found_by_any_process_as_it_was_kept_last(
    sessions: SessionStore, make_log: Callable[..., EventLog]
) -> None:
    other = make_log()
    await sessions.keep("p", body("a", rooms=["kitchen"]), 60, owner="a")
    await sessions.keep("p", body("a", rooms=["order:ñ"]), 60, owner="a")
    assert await SessionStore(other.calls, other.keys).find("p") == body("a", rooms=["order:ñ"])
    assert await sessions.find("q") is None


async def test_a_session_that_was_forgotten_is_not_there(sessions: SessionStore) -> None:
    await sessions.keep("p", body("a"), 60, owner="a")
    assert await sessions.forget("p", owner="a")
    assert await sessions.forget("p", owner="a")
    assert await sessions.find("p") is None


async def test_only_the_owner_writes_extends_or_ends_a_session(
    sessions: SessionStore, log: EventLog, redis: Redis
) -> None:
    await sessions.keep("p", body("a"), 60, owner="a")
    assert not await sessions.keep("p", body("b"), 600, owner="b")
    assert not await sessions.keep("p", body("b"), 600, owner="b", former="c")
    assert not await sessions.forget("p", owner="b")
    assert await sessions.touch([("p", "b")], 600) == [Held.TAKEN]
    assert await sessions.find("p") == body("a")
    assert await redis.pttl(log.keys.session("p")) <= 60_000


async def test_a_connection_that_names_the_owner_it_found_takes_its_place(sessions: SessionStore) -> None:
    await sessions.keep("p", body("a"), 60, owner="a")
    assert await sessions.keep("p", body("b", n=1), 60, owner="b", former="a")
    assert await sessions.keep("p", body("b", n=1), 60, owner="b", former="a")  # repeated after a lost answer
    assert not await sessions.keep("p", body("a", n=2), 60, owner="a")
    assert not await sessions.keep("p", body("c"), 60, owner="c", former="a")
    assert not await sessions.forget("p", owner="a")
    assert await sessions.touch([("p", "a"), ("p", "b")], 60) == [Held.TAKEN, Held.OURS]
    assert await sessions.find("p") == body("b", n=1)


@pytest.mark.parametrize("stored", ['{"rooms":[]}', '{"owner":7}', '{"owner":null}', "[1]", "torn {", ""])
async def test_a_session_without_a_readable_owner_belongs_to_whoever_writes_next(
    sessions: SessionStore, log: EventLog, redis: Redis, stored: str
) -> None:
    await redis.set(log.keys.session("p"), stored)
    assert await sessions.touch([("p", "a")], 60) == [Held.OURS]
    assert await sessions.keep("p", body("a"), 60, owner="a")
    assert await sessions.find("p") == body("a")


async def test_a_session_replaces_whatever_else_has_its_key(
    sessions: SessionStore, log: EventLog, redis: Redis
) -> None:
    await redis.hset(log.keys.session("p"), "v", "1")
    assert await sessions.touch([("p", "a")], 60) == [Held.OURS]
    assert await sessions.keep("p", body("a"), 60, owner="a")
    assert await sessions.find("p") == body("a")


async def test_a_session_lives_for_its_time_counted_from_the_last_touch(
    sessions: SessionStore, log: EventLog, redis: Redis
) -> None:
    await sessions.keep("p", body("a"), 60, owner="a")
    assert 50_000 < await redis.pttl(log.keys.session("p")) <= 60_000
    assert await sessions.touch([("p", "a")], 120.5) == [Held.OURS]
    assert 110_000 < await redis.pttl(log.keys.session("p")) <= 120_500
    await sessions.keep("p", body("a", n=1), 30, owner="a")
    assert 20_000 < await redis.pttl(log.keys.session("p")) <= 30_000


async def test_a_session_whose_time_is_over_is_gone(sessions: SessionStore, log: EventLog, redis: Redis) -> None:
    await sessions.keep("p", body("a"), 60, owner="a")
    await redis.pexpire(log.keys.session("p"), 1)
    while await redis.exists(log.keys.session("p")):
        pass
    assert await sessions.find("p") is None
    assert await sessions.touch([("p", "a")], 60) == [Held.GONE]
    assert await sessions.find("p") is None


async def test_touching_says_of_each_session_if_it_is_still_there(sessions: SessionStore) -> None:
    pids = [f"p{n}" for n in range(1_345)]
    kept = {"p0", "p99", "p100", "p1344"}
    for pid in kept:
        await sessions.keep(pid, body("a"), 60, owner="a")
    held = await sessions.touch([(pid, "a") for pid in pids], 60)
    assert len(held) == len(pids)
    assert {pid for pid, one in zip(pids, held, strict=True) if one is Held.OURS} == kept
    assert await sessions.touch([], 60) == []


async def test_no_key_tells_a_pid(sessions: SessionStore, redis: Redis) -> None:
    await sessions.keep("only-the-client-knows", body("a"), 60, owner="a")
    [key] = await redis.keys()
    assert "only-the-client-knows" not in key


async def test_branches_have_their_own_sessions(make_log: Callable[..., EventLog]) -> None:
    centro, norte = (SessionStore(log.calls, log.keys) for log in (make_log("centro"), make_log("norte")))
    await centro.keep("p", body("a"), 60, owner="a")
    assert await norte.find("p") is None
