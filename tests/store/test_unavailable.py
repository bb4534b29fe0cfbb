"""When Redis does not do as it should, callers are told within the deadline, and told the right thing."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from hub.core.errors import Internal, Unavailable
from hub.store import DocKey, EventLog, IdempotencyKey, NewEvent, SessionStore, ViewQuery, Write, connect
from tests.support.faulty import faulty_redis
from tests.support.writes import told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.support.redis import Backend

DEADLINE_S = 0.3
# By the clock that deadlines are kept by, which stands still while a busy machine holds the test up. Three of its steps
# may each be an eighth too much: the one until the command is given, which for several at once is a turn of the loop
# later; the last one; and the one until the caller looks.
MAX_DEADLINE_S = DEADLINE_S * 1.375

CALLS: dict[str, Callable[[EventLog], Awaitable[object]]] = {
    "commit": lambda log: log.commit(told("kitchen")),
    "commit-with-id": lambda log: log.commit(Write(idempotency=IdempotencyKey("c:1"))),
    "publish": lambda log: log.publish("kitchen", "a", "{}"),
    "position": lambda log: log.position(),
    "read": lambda log: log.read("kitchen", 0),
    "read_back": lambda log: log.read_back("kitchen", None, 5),
    "view": lambda log: log.view(ViewQuery("kitchen", None, None, 5)),
    "heads": lambda log: log.heads(["kitchen"]),
    "missed": lambda log: log.missed({"kitchen": 0}, "e"),
    "document": lambda log: log.document(DocKey("order", "A")),
    "documents": lambda log: log.documents([DocKey("order", "A"), DocKey("order", "B")]),
    "indexed": lambda log: log.indexed("open", before=None, limit=5),
    "stock": lambda log: log.counters(),
    "samples": lambda log: log.samples("prep"),
    "ping": lambda log: log.ping(),
    "keep": lambda log: SessionStore(log.calls, log.keys).keep("p", "{}", 1, owner="a"),
    "find": lambda log: SessionStore(log.calls, log.keys).find("p"),
    "touch": lambda log: SessionStore(log.calls, log.keys).touch([("p", "a")], 1),
    "forget": lambda log: SessionStore(log.calls, log.keys).forget("p", owner="a"),
}


@asynccontextmanager
async def open_log(url: str, deadline_s: float = DEADLINE_S) -> AsyncIterator[EventLog]:
    redis = connect(url, deadline_s=deadline_s)
    log = EventLog(redis, "centro", deadline_s=deadline_s)
    try:
        yield log
    finally:
        await log.aclose()
        await redis.aclose()


@pytest.mark.parametrize("name", CALLS)
async def test_a_server_that_never_answers_costs_the_deadline_and_no_more(tmp_path: Path, name: str) -> None:
    async with faulty_redis(tmp_path) as url, open_log(url) as log:
        began = log.calls.clock.now()
        with pytest.raises(Unavailable):
            await CALLS[name](log)
        assert DEADLINE_S <= log.calls.clock.now() - began <= MAX_DEADLINE_S


@pytest.mark.parametrize("name", CALLS)
async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path, name: str) -> None:
    async with open_log(f"unix://{tmp_path}/none.sock") as log:
        with pytest.raises(Unavailable):
            await CALLS[name](log)


async def test_many_callers_of_a_silent_server_all_hear_within_the_deadline(tmp_path: Path) -> None:
    async with faulty_redis(tmp_path) as url, open_log(url) as log:
        began = log.calls.clock.now()
        outcomes = await asyncio.gather(*(log.commit(told("kitchen")) for _ in range(300)), return_exceptions=True)
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
        assert log.calls.clock.now() - began < 10 * DEADLINE_S  # one after the other they would take 300 of them


@pytest.mark.parametrize(
    "line",
    [
        "OOM command not allowed when used memory > 'maxmemory'. script: ab, on @user_script:1.",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "ERR Error running script (call to f_ab): @user_script:135: @user_script: 135: -OOM command not allowed "
        "when used memory > 'maxmemory'. ",
        "LOADING Redis is loading the dataset in memory",
        "READONLY You can't write against a read only replica.",
        "ERR Error running script (call to f_ab): @user_script:135: @user_script: 135: -READONLY You can't write "
        "against a read only replica. ",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "MISCONF Errors writing to the AOF file: No space left on device",
        "NOREPLICAS Not enough good replicas to write.",
        "CLUSTERDOWN The cluster is down",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        "ERR max number of clients reached",
    ],
)
async def test_what_will_pass_is_unavailable(tmp_path: Path, line: str) -> None:
    async with faulty_redis(tmp_path, f"-{line}\r\n".encode()) as url, open_log(url) as log:
        with pytest.raises(Unavailable) as caught:
            await log.commit(told("kitchen"))
        assert caught.value.__cause__ is not None
        with pytest.raises(Unavailable):
            await log.read("kitchen", 0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("NOAUTH Authentication required.", "Redis refused the password"),
        ("WRONGPASS invalid username-password pair or user is disabled.", "Redis refused the password"),
        ("NOPERM this user has no permissions to run the 'evalsha' command", "Redis does not let this user do that"),
    ],
)
async def test_a_redis_that_does_not_let_us_in_says_so(tmp_path: Path, line: str, said: str) -> None:
    async with faulty_redis(tmp_path, f"-{line}\r\n".encode()) as url, open_log(url) as log:
        for name in ("commit", "publish", "ping"):
            with pytest.raises(Unavailable) as caught:
                await CALLS[name](log)
            assert caught.value.message == said


async def test_a_wrong_password_is_told_from_a_redis_that_is_away(real_backend: Backend) -> None:
    url = real_backend.url.replace("unix://", "unix://nobody:wr0ng@")
    async with open_log(url) as log:
        with pytest.raises(Unavailable) as caught:
            await log.ping()
    assert caught.value.message == "Redis refused the password"


@pytest.mark.parametrize(
    "line", ["WRONGTYPE Operation against a key holding the wrong kind of value", "ERR user_script:7: boom"]
)
async def test_what_will_not_pass_is_our_fault(tmp_path: Path, line: str) -> None:
    async with faulty_redis(tmp_path, f"-{line}\r\n".encode()) as url, open_log(url) as log:
        with pytest.raises(Internal) as caught:
            await log.commit(told("kitchen"))
        assert line.split(" ")[-1] not in str(caught.value)


async def test_a_redis_out_of_memory_takes_nothing_in_part(real_backend: Backend) -> None:
    redis = real_backend.client()
    log = EventLog(redis, "centro")
    await log.commit(told("kitchen"))
    before = {key: await redis.dump(key) for key in await redis.keys()}
    await redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(Unavailable):
            await log.commit(
                Write(events=told("kitchen", "promos").events, idempotency=IdempotencyKey("c:1"), queue=("turn",))
            )
    finally:
        await redis.config_set("maxmemory", 0)
    assert {key: await redis.dump(key) for key in await redis.keys()} == before
    assert (await log.commit(told("kitchen"))).offsets == (2,)
    await log.aclose()


async def test_a_commit_with_an_id_outlives_a_broken_connection(real_backend: Backend) -> None:
    log, other = EventLog(real_backend.client(), "centro"), real_backend.client()
    for n in range(20):
        commits = asyncio.gather(
            *(
                log.commit(Write(events=told("kitchen").events, idempotency=IdempotencyKey(f"c:{n}-{m}")))
                for m in range(8)
            )
        )
        await other.client_kill_filter(_type="normal", skipme=True)
        await commits
    assert [entry.offset for entry in await log.read("kitchen", 0)] == list(range(1, 161))
    await log.aclose()


async def test_a_cancelled_caller_leaves_the_others_their_own_answers(real_backend: Backend) -> None:
    log = EventLog(real_backend.client(), "centro")

    async def commit(n: int) -> int:
        body = f'{{"type":"a","at":"","data":{{"n":{n}}}}}'
        committed = await log.commit(Write(events=(NewEvent("a", body, ("kitchen",)),), result=str(n)))
        [entry] = await log.read("kitchen", committed.offsets[0] - 1, limit=1)
        assert entry.body == body
        return n

    for start in range(0, 400, 40):
        tasks = [asyncio.create_task(commit(n)) for n in range(start, start + 40)]
        # Some before anything was sent, some while their answers are under way.
        for _ in range(start // 40):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert outcomes[1::2] == list(range(start, start + 40))[1::2]
    await log.aclose()


async def test_a_caller_whose_text_is_not_unicode_harms_no_other(real_backend: Backend) -> None:
    log = EventLog(real_backend.client(), "centro")
    bad = NewEvent("a", '{"text":"\ud800"}', ("kitchen",))
    outcomes = await asyncio.gather(
        log.commit(told("kitchen")),
        log.commit(Write(events=(bad,))),
        log.commit(told("kitchen")),
        return_exceptions=True,
    )
    assert [isinstance(outcome, ValueError) for outcome in outcomes] == [False, True, False]
    await log.aclose()


async def test_closing_the_log_tells_whoever_waits(tmp_path: Path) -> None:
    async with faulty_redis(tmp_path) as url, open_log(url, deadline_s=30) as log:
        waiting = [asyncio.create_task(log.commit(told("kitchen"))) for _ in range(200)]
        for _ in range(10):
            await asyncio.sleep(0)
        await log.aclose()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes)


async def test_a_client_that_gives_bytes_is_refused_at_once(fake_backend: Backend) -> None:
    with pytest.raises(ValueError, match="decode_responses"):
        EventLog(fake_backend.client(decode_responses=False), "centro")
