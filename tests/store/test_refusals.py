"""A real Redis that refuses commits, or cannot be trusted: the hub logs it once at the beginning, once at the end."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from hub.core.errors import Unavailable
from hub.ops.redis_watch import RedisWatch
from hub.store import EventLog, Write, connect
from hub.store.redis.condition import EVICTS
from hub.store.redis.durability import durability_of
from hub.store.redis.error_translation import ADVICE, Refusal, WritesRefused
from hub.store.redis.memory_use import MemoryWatch
from tests.support.faulty import faulty_redis
from tests.support.processes import Process, free_port, listening, program
from tests.support.writes import told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from redis.asyncio import Redis

pytestmark = pytest.mark.contract

SOON_S = 10.0
_LINES = ("redis.", "log.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("redis")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    """The URL of a Redis to be spoilt and mended again."""
    with _serving(folder, "--appendonly", "yes", "--appendfsync", "always") as url:
        yield url


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URLs of two nodes of clusters that know nothing of each other, and have no slots."""
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        folder.mkdir()
    options = ("--cluster-enabled", "yes")
    with (
        _serving(folders[0], *options, port=_node_port()) as one,
        _serving(folders[1], *options, port=_node_port()) as two,
    ):
        yield one, two


def _node_port() -> int:
    """A port that is free, and so is the one 10,000 above it, on which nodes talk to each other."""
    while True:
        bus = free_port()  # connections are given none of these by chance
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", bus - 10_000))
            return bus - 10_000


@contextmanager
def _serving(folder: Path, *options: str, port: int = 0) -> Iterator[str]:
    port = port or free_port()
    argv = (program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "")
    with Process(*argv, *options, name="redis") as process:
        process.wait_for(lambda: listening(port), SOON_S, "it listens")
        yield f"redis://127.0.0.1:{port}"


@asynccontextmanager
async def log_at(url: str) -> AsyncIterator[tuple[Redis, EventLog]]:
    redis = connect(url)
    log = EventLog(redis, "centro", deadline_s=1.0)
    try:
        yield redis, log
    finally:
        await log.aclose()
        await redis.aclose()


@asynccontextmanager
async def watched(log: EventLog, url: str, **options: Any) -> AsyncIterator[RedisWatch]:
    """The log with somebody who looks at its Redis all the time."""
    memory = MemoryWatch(log.calls, ceiling_mb=None, high_percent=0, nearly_full_percent=0)
    looks = {"probe_s": 0.02, "look_s": 0.02, **options}
    watch = RedisWatch(log, memory.look, lambda: durability_of(url, 1.0), **looks)
    running = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until_said(logs: Sequence[Any], *events: str) -> None:
    """Wait until these lines have been logged."""
    async with asyncio.timeout(SOON_S):
        while not set(events) <= {line["event"] for line in logs}:  # noqa: ASYNC110 - only the log tells
            await asyncio.sleep(0.01)


async def until_written(redis: Redis) -> None:
    """Wait until the append-only file has been begun anew: a server does not end before."""
    async with asyncio.timeout(SOON_S):
        while await writes_anew(redis):  # noqa: ASYNC110 - only the server tells
            await asyncio.sleep(0.01)


async def writes_anew(redis: Redis) -> bool:
    told = await redis.info("persistence")
    return bool(told["aof_rewrite_in_progress"] or told["aof_rewrite_scheduled"])


def lines(logs: Sequence[Any]) -> list[str]:
    return [line["event"] for line in logs if line["event"].startswith(_LINES)]


REFUSALS: dict[Refusal, tuple[Sequence[str], Sequence[str]]] = {
    Refusal.OUT_OF_MEMORY: (["CONFIG SET maxmemory 1"], ["CONFIG SET maxmemory 0"]),
    Refusal.NO_REPLICAS: (["CONFIG SET min-replicas-to-write 1"], ["CONFIG SET min-replicas-to-write 0"]),
    Refusal.READ_ONLY: (["REPLICAOF 127.0.0.1 1"], ["REPLICAOF NO ONE"]),
    Refusal.MASTER_DOWN: (
        ["CONFIG SET replica-serve-stale-data no", "REPLICAOF 127.0.0.1 1"],
        ["REPLICAOF NO ONE", "CONFIG SET replica-serve-stale-data yes"],
    ),
    Refusal.PERMISSION: (["ACL SETUSER default -@scripting"], ["ACL SETUSER default +@all"]),
}


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_refusal_is_told_once_when_it_begins_and_once_when_it_ends(server: str, refusal: Refusal) -> None:
    spoil, mend = REFUSALS[refusal]
    async with log_at(server) as (redis, log), watched(log, server, look_s=60.0):
        await log.commit(told("kitchen"))
        with capture_logs() as logs:
            for command in spoil:
                await redis.execute_command(*command.split())
            try:
                for _ in range(5):
                    with pytest.raises(Unavailable) as caught:
                        await log.commit(told("kitchen"))
                    assert isinstance(caught.value, WritesRefused)
                    assert (caught.value.refusal, caught.value.retryable) == (refusal, True)
                assert log.condition.reason == refusal
                assert lines(logs) == ["redis.refuses_writes"]
                assert (logs[0]["reason"], logs[0]["advice"]) == (refusal, ADVICE[refusal])
            finally:
                for command in mend:
                    await redis.execute_command(*command.split())
            await until_said(logs, "redis.takes_writes_again")  # though nobody writes
            await log.commit(told("kitchen"))
        assert lines(logs) == ["redis.refuses_writes", "redis.takes_writes_again"]
        assert log.condition.reason is None


async def test_a_redis_that_cannot_write_its_snapshot_says_so(folder: Path, server: str) -> None:
    async with log_at(server) as (redis, log), watched(log, server, look_s=60.0):
        await log.commit(told("kitchen"))
        in_the_way = folder / "dump.rdb"
        in_the_way.mkdir()
        with capture_logs() as logs:
            await redis.config_set("save", "3600 1")
            try:
                await redis.bgsave()
                async with asyncio.timeout(SOON_S):
                    while (await redis.info("persistence"))["rdb_last_bgsave_status"] == "ok":  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                with pytest.raises(WritesRefused) as caught:
                    await log.commit(told("kitchen"))
                assert caught.value.refusal is Refusal.NO_DISK
            finally:
                await redis.config_set("save", "")
                in_the_way.rmdir()
                await redis.bgsave()
            await until_said(logs, "redis.takes_writes_again")
        assert lines(logs) == ["redis.refuses_writes", "redis.takes_writes_again"]


async def test_a_cluster_that_is_down_and_the_wrong_node_of_one_are_told_apart(nodes: tuple[str, str]) -> None:
    async with log_at(nodes[0]) as (redis, log), connect(nodes[1]) as other:
        with capture_logs() as logs:
            for _ in range(3):
                with pytest.raises(WritesRefused) as caught:
                    await log.commit(told("kitchen"))
                assert caught.value.refusal is Refusal.CLUSTER_DOWN
            await other.execute_command("CLUSTER ADDSLOTS", *range(16_384))
            address = nodes[1].removeprefix("redis://").split(":")
            await redis.execute_command("CLUSTER MEET", *address)
            async with asyncio.timeout(SOON_S * 2):
                while "'cluster_state': 'ok'" not in str(await redis.execute_command("CLUSTER INFO")):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            for _ in range(3):
                with pytest.raises(WritesRefused) as caught:
                    await log.commit(told("kitchen"))
                assert caught.value.refusal is Refusal.WRONG_NODE
        said = [line["reason"] for line in logs if line["event"] == "redis.refuses_writes"]
        assert said == [Refusal.CLUSTER_DOWN, Refusal.WRONG_NODE]


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("MOVED 3999 127.0.0.1:6381", Refusal.WRONG_NODE),
        ("ASK 3999 127.0.0.1:6381", Refusal.WRONG_NODE),
        ("CROSSSLOT Keys in request don't hash to the same slot", Refusal.WRONG_NODE),
        ("NOAUTH Authentication required.", Refusal.PASSWORD),
        ("WRONGPASS invalid username-password pair or user is disabled.", Refusal.PASSWORD),
        ("LOADING Redis is loading the dataset in memory", Refusal.LOADING),
        ("MISCONF Errors writing to the AOF file: No space left on device", Refusal.NO_DISK),
        ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", Refusal.BUSY),
        ("ERR max number of clients reached", Refusal.CONNECTIONS),
        (
            "ERR Error running script (call to f_ab): @user_script:135: @user_script: 135: -READONLY You can't write "
            "against a read only replica. ",
            Refusal.READ_ONLY,
        ),
    ],
)
async def test_each_refusal_is_known_by_its_words(tmp_path: Path, line: str, refusal: Refusal) -> None:
    async with faulty_redis(tmp_path, f"-{line}\r\n".encode()) as url, log_at(url) as (_, log):
        with capture_logs() as logs:
            for _ in range(3):
                with pytest.raises(WritesRefused) as caught:
                    await log.commit(Write())
                assert caught.value.refusal is refusal
        assert lines(logs) == ["redis.refuses_writes"]


# A Redis that throws away, or keeps less than it did


async def test_a_policy_that_evicts_is_told_and_what_is_lost_by_it(server: str) -> None:
    async with log_at(server) as (redis, log), watched(log, server):
        await log.commit(told("kitchen"))
        with capture_logs() as logs:
            try:
                await redis.config_set("maxmemory", "100mb")
                await redis.config_set("maxmemory-policy", "allkeys-lru")
                await until_said(logs, "redis.evicts")
                assert log.condition.reason == EVICTS
                await log.commit(told("kitchen"))  # it still takes them
                used = (await redis.info("memory"))["used_memory"]
                await redis.config_set("maxmemory", used + 1_000_000)
                for number in range(40):
                    await redis.set(f"large-{number}", "x" * 100_000)
                await until_said(logs, "redis.keys_evicted")
            finally:
                await redis.config_set("maxmemory-policy", "noeviction")
                await redis.config_set("maxmemory", 0)
            await until_said(logs, "redis.evicts_no_more")
        assert lines(logs).count("redis.evicts") == lines(logs).count("redis.evicts_no_more") == 1
        assert log.condition.reason is None


async def test_our_own_redis_is_told_again_to_throw_nothing_away(server: str) -> None:
    async with log_at(server) as (redis, log), watched(log, server, private=True):
        with capture_logs() as logs:
            try:
                await redis.config_set("maxmemory", "100mb")
                await redis.config_set("maxmemory-policy", "allkeys-lru")
                await until_said(logs, "redis.evicts", "redis.evicts_no_more")
                assert await redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            finally:
                await redis.config_set("maxmemory", 0)


async def test_a_redis_that_keeps_less_than_it_did_is_told_of(server: str) -> None:
    async with log_at(server) as (redis, log), watched(log, server) as watch:
        await watch.look()
        with capture_logs() as logs:
            try:
                await redis.config_set("appendfsync", "everysec")
                await until_said(logs, "redis.durability_changed")
                await redis.config_set("appendonly", "no")
                async with asyncio.timeout(SOON_S):
                    while lines(logs).count("redis.durability_changed") < 2:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
            finally:
                await redis.config_set("appendonly", "yes")
                await redis.config_set("appendfsync", "always")
            await until_said(logs, "redis.durability_restored")
        await until_written(redis)
        reasons = [line["reason"] for line in logs if line["event"] == "redis.durability_changed"]
        assert "everysec" in reasons[0]
        assert "appendonly is no" in reasons[1]
