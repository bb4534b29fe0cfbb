"""A bad line, a forgetful, full or read-only Redis: nothing is written twice, nothing by halves."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from redis.exceptions import BusyLoadingError

from hub.core.errors import Conflict, IdempotencyMismatch, Unavailable
from hub.local_redis.embedded_redis import EmbeddedRedis
from hub.store import Committed, DocKey, Document, EventLog, IdempotencyKey, NewEvent, Retention, Write, connect
from tests.support.processes import Process, free_port, program
from tests.support.proxy import Proxy
from tests.support.redis import no_real_redis
from tests.support.writes import AT, event, move, order, told

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.contract

T = TypeVar("T")
ALL = 100_000


@asynccontextmanager
async def log_at(url: str, deadline_s: float = 5.0) -> AsyncIterator[EventLog]:
    redis = connect(url, deadline_s=deadline_s)
    log = EventLog(redis, "centro", deadline_s=deadline_s, retention=Retention(ALL))
    try:
        yield log
    finally:
        await log.aclose()
        await redis.aclose()


@asynccontextmanager
async def behind_a_proxy(url: str, deadline_s: float = 5.0) -> AsyncIterator[tuple[Proxy, EventLog, EventLog]]:
    """A line, a log at its far end, and one that needs no line."""
    async with Proxy(url) as proxy, log_at(proxy.url, deadline_s) as far, log_at(url) as near:
        yield proxy, far, near


@pytest.fixture
async def own_url(tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a real Redis that no other test uses."""
    async with EmbeddedRedis(tmp_path) as server:
        if not server.durable:
            no_real_redis("neither redis-server nor valkey-server on PATH, and no wheel with one")
        yield server.url


@pytest.fixture
async def own_redis(own_url: str) -> AsyncIterator[Redis]:
    client = connect(own_url, deadline_s=5)
    yield client
    await client.aclose()


@pytest.fixture
async def own_log(own_redis: Redis) -> AsyncIterator[EventLog]:
    log = EventLog(own_redis, "centro", deadline_s=5)
    yield log
    await log.aclose()


async def until_answered(ask: Callable[[], Awaitable[T]]) -> tuple[T, int]:
    """What a caller does that wants an answer: the same again as long as there is none; and how often that was."""
    async with asyncio.timeout(50):
        for tries in itertools.count():
            with suppress(Unavailable):
                return await ask(), tries
            await asyncio.sleep(0.01)
    raise AssertionError


async def all_there_is(redis: Redis) -> dict[str, Any]:
    return {key: await redis.dump(key) for key in sorted(map(str, await redis.keys()))}


async def check_rooms(log: EventLog, rooms: Sequence[str]) -> None:
    """Each room's chain is whole, its head is its last event, and no offset is missing from the counter's."""
    cursor, heads = await log.heads(rooms)
    seen: set[int] = set()
    for room, head in zip(rooms, heads, strict=True):
        entries = await log.read(room, 0, limit=ALL)
        assert [entry.prev for entry in entries] == [0, *(entry.offset for entry in entries)][: len(entries)]
        assert head == (entries[-1].offset if entries else 0)
        seen |= {entry.offset for entry in entries}
    assert seen == set(range(1, cursor.offset + 1))


# A bad line


async def test_a_command_whose_reply_was_lost_is_in_the_log_once_and_gets_its_first_answer(
    real_redis_url: str,
) -> None:
    async with behind_a_proxy(real_redis_url) as (proxy, log, near):
        await log.commit(told("kitchen"))
        proxy.drop_replies()
        committed = await log.commit(
            Write(events=told("kitchen").events, idempotency=IdempotencyKey("c:1"), result="first")
        )
        assert proxy.dropped == 1
        assert (committed.offsets, committed.repeated, committed.result) == ((2,), True, "first")
        assert [entry.offset for entry in await near.read("kitchen", 0)] == [1, 2]


async def test_a_write_without_an_id_whose_reply_was_lost_is_in_the_log_once_and_nobody_says_so(
    real_redis_url: str,
) -> None:
    async with behind_a_proxy(real_redis_url) as (proxy, log, near):
        await log.commit(told("kitchen"))
        proxy.drop_replies()
        with pytest.raises(Unavailable):
            await log.commit(told("kitchen"))
        assert [entry.offset for entry in await near.read("kitchen", 0)] == [1, 2]
        assert (await log.commit(told("kitchen"))).offsets == (3,)


async def test_what_a_lost_reply_said_is_remembered_of_the_log(real_redis_url: str) -> None:
    async with behind_a_proxy(real_redis_url) as (proxy, log, _):
        await log.commit(told("kitchen"))
        proxy.drop_replies()
        committed = await log.commit(Write(events=told("kitchen").events, idempotency=IdempotencyKey("c:1")))
        assert log.highest == committed.cursor


async def test_sixty_four_commands_at_once_lose_replies_and_each_is_in_the_log_once(real_redis_url: str) -> None:
    async with behind_a_proxy(real_redis_url) as (proxy, log, near):
        for lot in range(8):
            proxy.drop_replies(3)
            writes = [
                Write(events=(event("a", f"order:{n % 4}", "kitchen"),), idempotency=IdempotencyKey(f"c:{lot}-{n}"))
                for n in range(64)
            ]
            done = await asyncio.gather(*map(log.commit, writes))
            assert len({committed.offsets for committed in done}) == 64
        assert proxy.dropped == 24
        assert len(await near.read("kitchen", 0)) == 512
        await check_rooms(near, ["kitchen", *(f"order:{n}" for n in range(4))])


async def test_a_command_that_arrives_after_its_caller_gave_up_does_not_happen_again(real_redis_url: str) -> None:
    async with behind_a_proxy(real_redis_url, deadline_s=0.3) as (proxy, log, near):
        await log.commit(told("kitchen"))
        write = Write(events=told("kitchen").events, idempotency=IdempotencyKey("c:1"))
        proxy.black_hole()
        with pytest.raises(Unavailable):
            await log.commit(write)
        assert len(await near.read("kitchen", 0)) == 1
        proxy.heal()
        committed, _ = await until_answered(lambda: log.commit(write))
        assert committed.offsets == (2,)
        # Both, the late one and the repeat, have arrived when what was sent after them has.
        await until_answered(
            lambda: log.commit(Write(events=told("kitchen").events, idempotency=IdempotencyKey("c:2")))
        )
        assert [entry.offset for entry in await near.read("kitchen", 0)] == [1, 2, 3]


async def test_a_line_that_never_answers_ends_every_call_with_unavailable(real_redis_url: str) -> None:
    async with behind_a_proxy(real_redis_url, deadline_s=0.3) as (proxy, log, near):
        proxy.drop_replies(math.inf)
        with pytest.raises(Unavailable):
            await log.commit(Write(events=told("kitchen").events, idempotency=IdempotencyKey("c:1")))
        assert len(await near.read("kitchen", 0)) == 1
        proxy.heal()
        assert (await log.commit(Write(events=told("kitchen").events, idempotency=IdempotencyKey("c:1")))).repeated


async def test_connections_cut_under_sixty_four_commands_harm_none(real_redis_url: str) -> None:
    async with behind_a_proxy(real_redis_url) as (proxy, log, near):
        for lot in range(8):
            commits = asyncio.gather(
                *(
                    log.commit(Write(events=told("kitchen").events, idempotency=IdempotencyKey(f"c:{lot}-{n}")))
                    for n in range(64)
                )
            )
            await near.ping()
            proxy.reset()
            await commits
        await check_rooms(near, ["kitchen"])
        assert (await near.position()).offset == 512


# A Redis that forgot the scripts


@pytest.mark.parametrize("with_id", [True, False])
async def test_scripts_flushed_under_sixty_four_commits_cost_none_and_double_none(
    log: EventLog, redis: Redis, with_id: bool
) -> None:
    numbers = itertools.count()
    done = asyncio.Event()

    async def commit_eight() -> list[int]:
        offsets: list[int] = []
        for _ in range(8):
            key = IdempotencyKey(f"c:{next(numbers)}") if with_id else None
            offsets += (await log.commit(Write(events=told("kitchen").events, idempotency=key))).offsets
        return offsets

    async def flush() -> int:
        flushed = 0
        while not done.is_set():
            await redis.script_flush()
            await asyncio.sleep(0)  # fakeredis answers without letting go of the loop
            flushed += 1
        return flushed

    flushing = asyncio.create_task(flush())
    offsets = sorted(itertools.chain(*await asyncio.gather(*(commit_eight() for _ in range(64)))))
    done.set()
    assert await flushing > 1
    assert offsets == list(range(1, 513))
    assert [entry.offset for entry in await log.read("kitchen", 0)] == offsets


# Many at once


async def test_of_fifty_conflicting_transitions_one_wins(make_log: Callable[..., EventLog]) -> None:
    logs = [make_log() for _ in range(5)]
    await logs[0].commit(order("A", 1))
    outcomes = await asyncio.gather(*(logs[n % 5].commit(order("A", 2)) for n in range(50)), return_exceptions=True)
    assert sum(isinstance(outcome, Committed) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 49
    assert [entry.offset for entry in await logs[0].read("order:A", 0)] == [1, 2]


async def test_of_two_bodies_under_one_command_id_the_first_counts(make_log: Callable[..., EventLog]) -> None:
    logs = [make_log() for _ in range(5)]
    writes = [Write(events=(event(body, "kitchen"),), idempotency=IdempotencyKey("c:1", body)) for body in "ab" * 5]
    outcomes = await asyncio.gather(
        *(logs[n % 5].commit(write) for n, write in enumerate(writes)), return_exceptions=True
    )
    [entry] = await logs[0].read("kitchen", 0)
    for write, outcome in zip(writes, outcomes, strict=True):
        if write.idempotency is not None and write.idempotency.fingerprint == entry.type:
            assert isinstance(outcome, Committed)
            assert outcome.offsets == (1,)
        else:
            assert isinstance(outcome, IdempotencyMismatch)


# A Redis that cannot write


def everything(id: str) -> Write:
    """A write that touches all there is to touch."""
    return Write(
        events=(event("a", f"order:{id}", "kitchen"),),
        expects=((DocKey("order", id), 0),),
        documents=(Document(DocKey("order", id), 1, "{}"),),
        counters=(move("set", "pastor", 0),),
        counts=(("day", "orders", 1),),
        samples=(("prep", 5),),
        queue=("turn",),
        expire=((f"order:{id}", 600),),
        idempotency=IdempotencyKey(f"c:{id}"),
    )


async def test_a_redis_that_fills_up_under_commits_takes_each_whole_or_not_at_all(
    own_redis: Redis, own_log: EventLog
) -> None:
    await own_log.commit(everything("first"))
    memory: Any = await own_redis.info("memory")
    await own_redis.config_set("maxmemory-policy", "noeviction")
    await own_redis.config_set("maxmemory", memory["used_memory"] + 1_500_000)

    def write(n: int) -> Write:
        body = json.dumps({"type": "a", "at": AT, "data": {"n": n, "text": "x" * 8_000}})
        key = DocKey("order", str(n))
        return Write(
            events=(NewEvent("a", body, (f"order:{n}", "kitchen")),),
            expects=((key, 0),),
            documents=(Document(key, 1, body),),
            idempotency=IdempotencyKey(f"c:{n}"),
        )

    outcomes = await asyncio.gather(*(own_log.commit(write(n)) for n in range(320)), return_exceptions=True)
    taken = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Committed)]
    assert 0 < len(taken) < 320
    assert all(isinstance(outcome, Committed | Unavailable) for outcome in outcomes)
    full = await all_there_is(own_redis)
    # Redis lets go of its clients' buffers by and by: that is to make no room.
    used: Any = await own_redis.info("memory")
    await own_redis.config_set("maxmemory", used["used_memory"] // 2)
    # What was committed is still known to be, without any memory.
    assert (await own_log.commit(write(taken[0]))).repeated
    with pytest.raises(Unavailable):
        await own_log.commit(write(999))
    assert await all_there_is(own_redis) == full
    rooms = ["kitchen", "stock", "order:first", *(f"order:{n}" for n in range(320))]
    await check_rooms(own_log, rooms)
    documents = await own_log.documents([DocKey("order", str(n)) for n in range(320)])
    assert [n for n, document in enumerate(documents) if document] == taken
    told_of = [json.loads(entry.body)["data"]["n"] for entry in await own_log.read("kitchen", 2)]
    assert sorted(told_of) == taken

    await own_redis.config_set("maxmemory", 0)
    done = await asyncio.gather(*(own_log.commit(write(n)) for n in range(320)))
    assert [n for n, committed in enumerate(done) if committed.repeated] == taken
    await check_rooms(own_log, rooms)


async def refused_whole(redis: Redis, log: EventLog, id: str) -> None:
    """A write is refused for now, and nothing is any different."""
    before = await all_there_is(redis)
    with pytest.raises(Unavailable):
        await log.commit(everything(id))
    assert await all_there_is(redis) == before


async def test_a_replica_takes_nothing_in_part_and_is_read_as_before(own_redis: Redis, own_log: EventLog) -> None:
    position = (await own_log.commit(everything("A"))).cursor
    await own_redis.replicaof("127.0.0.1", str(free_port()))
    await refused_whole(own_redis, own_log, "B")
    assert await own_log.position() == position
    assert (await own_log.commit(everything("A"))).repeated
    await own_redis.replicaof("NO", "ONE")
    assert (await own_log.commit(everything("B"))).offsets == (3, 4)


@pytest.fixture
async def plain_redis(tmp_path: Path) -> AsyncIterator[tuple[Process, str]]:
    """A Redis that keeps snapshots, and takes its time to load one."""
    path = tmp_path / "plain.sock"
    command = [program("redis-server"), "--port", "0", "--unixsocket", str(path), "--dir", str(tmp_path)]
    # To have a state to look at: 2 ms a key, and an ear for others after each.
    slow = ("--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024")
    with Process(*command, "--save", "3600 1", "--appendonly", "no", *slow) as process:
        process.wait_for(path.exists, 30)
        yield process, f"unix://{path}"


async def test_a_redis_that_cannot_save_takes_nothing_in_part(plain_redis: tuple[Process, str], tmp_path: Path) -> None:
    _, url = plain_redis
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(log_at(url))
        redis = connect(url)
        stack.push_async_callback(redis.aclose)
        await log.commit(everything("A"))
        # A folder where the snapshot should go.
        (tmp_path / "dump.rdb").mkdir()
        await saved(redis, "err")
        await refused_whole(redis, log, "B")
        (tmp_path / "dump.rdb").rmdir()
        await saved(redis, "ok")
        assert (await log.commit(everything("B"))).offsets == (3, 4)


async def saved(redis: Redis, status: str) -> None:
    """Make a snapshot, and see what becomes of it."""
    async with asyncio.timeout(30):
        await redis.bgsave()
        while True:
            said: Any = await redis.info("persistence")
            if not said["rdb_bgsave_in_progress"] and said["rdb_last_bgsave_status"] == status:
                return
            await asyncio.sleep(0.01)


async def test_a_redis_that_is_still_loading_takes_nothing_and_then_goes_on(
    plain_redis: tuple[Process, str], tmp_path: Path
) -> None:
    process, url = plain_redis
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(log_at(url))
        redis = connect(url)
        stack.push_async_callback(redis.aclose)
        for n in range(200):
            await log.commit(told(f"order:{n}"))
        position = (await log.commit(everything("A"))).cursor
        await redis.save()
        process.kill()
        (tmp_path / "plain.sock").unlink()
        process.start()
        process.wait_for((tmp_path / "plain.sock").exists, 30)
        fresh = await stack.enter_async_context(log_at(url))
        with pytest.raises(Unavailable) as caught:
            await fresh.commit(told("kitchen"))
        assert isinstance(caught.value.__cause__, BusyLoadingError)
        # Who may ask again does so within the deadline, and waits no longer than it must.
        committed = await fresh.commit(everything("B"))
        assert committed.offsets == (position.offset + 1, position.offset + 2)
        assert not committed.repeated
        assert len(await fresh.read("kitchen", 0)) == 4


# Everything together


class Storm:
    """Writers who add to four orders over a bad line, until each of their commands is answered.

    An order's document holds the sum of what its events say; a command is decided on what its writer has read.
    """

    ORDERS = ("A", "B", "C", "D")

    def __init__(self, seed: int, proxy: Proxy, log: EventLog, redis: Redis) -> None:
        self.chance = random.Random(seed)
        self.proxy, self.log, self.redis = proxy, log, redis
        self.answers: dict[str, tuple[int, ...]] = {}
        self.unanswered = 0
        self.shift = seed

    async def rage(self, faults: int) -> None:
        async with asyncio.TaskGroup() as group:
            weather = group.create_task(self._weather(faults))
            for writer in range(12):
                group.create_task(self._write(writer, weather))

    async def _write(self, writer: int, weather: asyncio.Task[None]) -> None:
        for step in itertools.takewhile(lambda _: not weather.done(), itertools.count()):
            id, amount = self.chance.choice(self.ORDERS), self.chance.randrange(1, 100)
            command_id = f"c:{writer}-{step}"
            self.answers[command_id] = await self._add(id, amount, command_id)

    async def _add(self, id: str, amount: int, command_id: str) -> tuple[int, ...]:
        key = DocKey("order", id)
        while True:
            found = await self._answered(lambda: self.log.document(key))
            version, total = (found.version, json.loads(found.body)["total"]) if found else (0, 0)
            write = Write(
                events=(event("added", f"order:{id}", "kitchen", amount=amount, command=command_id),),
                expects=((key, version),),
                documents=(Document(key, version + 1, json.dumps({"total": total + amount})),),
                idempotency=IdempotencyKey(command_id),
            )
            with suppress(Conflict):
                return (await self._answered(partial(self.log.commit, write))).offsets

    async def _answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        answer, tries = await until_answered(ask)
        self.unanswered += tries
        return answer

    async def _weather(self, faults: int) -> None:
        """A fault at a time, for a moment each; the length of the moments is of no account to what is checked."""
        for number in range(faults):
            match (number + self.shift) % 6:
                case 0:
                    self.proxy.drop_replies(self.chance.randrange(1, 4))
                case 1:
                    self.proxy.reset()
                case 2:
                    self.proxy.black_hole()
                    await asyncio.sleep(self.chance.uniform(0.05, 0.3))
                case 3:
                    self.proxy.delay(self.chance.uniform(0.001, 0.02))
                case 4:
                    await self.redis.script_flush()
                case _:
                    await self.redis.config_set("maxmemory", 1)
            await asyncio.sleep(self.chance.uniform(0.005, 0.05))
            await self.redis.config_set("maxmemory", 0)
            self.proxy.heal()
            await asyncio.sleep(self.chance.uniform(0.005, 0.05))


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_storm_each_document_is_the_fold_of_its_events(
    own_url: str, own_redis: Redis, own_log: EventLog, seed: int
) -> None:
    async with Proxy(own_url) as proxy, log_at(proxy.url, 0.2) as far:
        storm = Storm(seed, proxy, far, own_redis)
        try:
            async with asyncio.timeout(45):
                await storm.rage(faults=30)
        finally:
            await own_redis.config_set("maxmemory", 0)
    assert storm.unanswered > 10
    assert proxy.dropped > 0
    told_of: dict[str, tuple[int, ...]] = {}
    for id in Storm.ORDERS:
        entries = await own_log.read(f"order:{id}", 0, limit=ALL)
        said = [json.loads(entry.body)["data"] for entry in entries]
        told_of |= {one["command"]: (entry.offset,) for one, entry in zip(said, entries, strict=True)}
        document = await own_log.document(DocKey("order", id))
        assert document is not None
        assert document.version == len(entries)
        assert json.loads(document.body) == {"total": sum(one["amount"] for one in said)}
    assert told_of == storm.answers
    assert (await own_log.position()).offset == len(storm.answers)
    await check_rooms(own_log, ["kitchen", *(f"order:{id}" for id in Storm.ORDERS)])
