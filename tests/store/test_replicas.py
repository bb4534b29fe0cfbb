"""Commits that wait for replicas, on a real primary with one replica; and what is told about the servers."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from hub.ops.replication_check import examine_replication
from hub.store import EventLog, Write, connect
from hub.store.idempotency import IdempotencyKey
from hub.store.redis.address import Engine, Node
from hub.store.redis.client import ReplicaWait
from hub.store.redis.error_translation import Refusal, WritesRefused
from hub.store.redis.topology import ClusterView, SentinelView, Topology, read_topology
from tests.support.redis_nodes import Cluster, Nodes, Sentinels, until
from tests.support.writes import told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.redis_nodes import RedisNode

pytestmark = pytest.mark.contract

WRITE = Write(events=told("kitchen").events, idempotency=IdempotencyKey("c:1", "f"))


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[tuple[RedisNode, RedisNode]]:
    """A primary and its replica, in step."""
    async with Nodes(tmp_path) as nodes:
        primary = nodes.add("primary", "--repl-diskless-sync-delay", "0")
        replica = nodes.add("replica", "--replicaof", "127.0.0.1", str(primary.port))

        async def in_step() -> bool:
            return int(await primary.ask("WAIT", 1, 100)) == 1

        await until(in_step, "the replica is in step")
        yield primary, replica
        replica.process.signal(signal.SIGCONT)  # one that sleeps would not hear that it is to end


@asynccontextmanager
async def log_of(node: RedisNode, wait: ReplicaWait | None) -> AsyncIterator[EventLog]:
    redis = connect(f"redis://{node.address}")
    log = EventLog(redis, "centro", wait=wait)
    try:
        yield log
    finally:
        await log.aclose()
        await redis.aclose()


async def test_a_commit_is_acknowledged_when_its_replica_has_it(servers: tuple[RedisNode, RedisNode]) -> None:
    primary, replica = servers
    async with log_of(primary, ReplicaWait(1, 1_000)) as log:
        committed = await log.commit(WRITE)
        assert await replica.ask("HGET", log.keys.meta, "offset") == str(committed.head)


async def test_a_commit_that_no_replica_confirms_is_not_acknowledged_and_repeats_give_its_answer_once_one_does(
    servers: tuple[RedisNode, RedisNode],
) -> None:
    primary, replica = servers
    async with log_of(primary, ReplicaWait(1, 100)) as log, log_of(primary, None) as other:
        replica.process.signal(signal.SIGSTOP)
        for ask in (log.commit(WRITE), log.commit(WRITE), log.remembered(WRITE.idempotency), log.commit(Write())):
            with pytest.raises(WritesRefused) as refused:
                await ask
            assert refused.value.refusal is Refusal.NOT_REPLICATED
        assert log.condition.refusal is Refusal.NOT_REPLICATED
        assert len(await other.read("kitchen", 0)) == 1  # it is there all the same, once
        replica.process.signal(signal.SIGCONT)
        async with asyncio.timeout(20):
            while True:
                try:
                    committed = await log.commit(WRITE)
                    break
                except WritesRefused:
                    continue
        assert (committed.offsets, committed.repeated) == ((1,), True)
        assert log.condition.refusal is None


# What is told


async def test_sentinels_and_replicas_are_told(tmp_path: Path) -> None:
    async with Sentinels(tmp_path) as sentinels:
        found = await read_topology(sentinels.url, 5, branch="centro")
        assert found.node == Node("127.0.0.1", sentinels.servers[0].port)
        assert (found.engine, found.role, found.replicas, found.min_replicas) == (Engine.SENTINEL, "master", 2, 0)
        assert [(each.others, each.quorum, each.trouble) for each in found.sentinels] == [(2, 2, "")] * 3
        sentinels.sentinels[0].process.kill()
        found = await read_topology(sentinels.url, 5, branch="centro")
        assert found.silent == (Node("127.0.0.1", sentinels.sentinels[0].port),)


async def test_the_owner_of_the_branchs_slot_is_told(tmp_path: Path) -> None:
    async with Cluster(tmp_path) as cluster:
        owner = await cluster.owner("centro")
        found = await read_topology(cluster.url, 5, branch="centro")
        assert (found.engine, found.node, found.replicas) == (Engine.CLUSTER, Node("127.0.0.1", owner.port), 0)
        assert found.cluster is not None
        assert (found.cluster.primaries, found.cluster.failed, found.cluster.state) == (3, (), "ok")


NODE = Node("10.0.0.1", 6379)
SENTINEL = SentinelView(NODE, 2, 2)


@pytest.mark.parametrize(
    ("found", "wait", "wrong", "doubtful"),
    [
        (Topology(Engine.SINGLE, NODE, "master", 0, 0), 0, "", ""),
        (Topology(Engine.SINGLE, NODE, "master", 1, 1), 0, "", ""),
        (Topology(Engine.SINGLE, NODE, "master", 1, 0), 0, "", "may lose the last commits"),
        (Topology(Engine.SINGLE, NODE, "master", 1, 0), 1, "", ""),
        (Topology(Engine.SINGLE, NODE, "master", 1, 0), 2, "it has 1 replica: no commit is acknowledged", ""),
        (Topology(Engine.SINGLE, NODE, "master", 0, 1), 0, "min-replicas-to-write is 1, and it has 0 replicas", ""),
        (Topology(Engine.SINGLE, NODE, "slave"), 0, "takes no writes", ""),
        (Topology(Engine.SENTINEL, NODE, "master", 0, 0, (SENTINEL,)), 0, "", "no replica that could take its place"),
        (Topology(Engine.SENTINEL, NODE, "master", 2, 1, (SENTINEL,), (NODE,)), 0, "", "no answer from the Sentinels"),
        (
            Topology(Engine.SENTINEL, NODE, "master", 2, 1, (SentinelView(NODE, 0, 2, "NOQUORUM"),)),
            0,
            "cannot promote a replica: NOQUORUM",
            "",
        ),
        (
            Topology(Engine.CLUSTER, NODE, "master", 1, 1, cluster=ClusterView(1, 3, (NODE,), "fail")),
            0,
            "the cluster is down",
            "for dead",
        ),
    ],
)
def test_what_is_wrong_or_doubtful_is_said(found: Topology, wait: int, wrong: str, doubtful: str) -> None:
    said = examine_replication(found, wait)
    assert (wrong in "; ".join(said.wrong)) if wrong else said.wrong == ()
    assert (doubtful in "; ".join(said.doubtful)) if doubtful else said.doubtful == ()


def test_the_servers_are_told_in_one_line() -> None:
    sentinel = Topology(Engine.SENTINEL, NODE, "master", 2, 1, (SENTINEL,) * 3)
    cluster = Topology(Engine.CLUSTER, NODE, "master", 1, 0, cluster=ClusterView(9, 3, (), "ok"))
    assert examine_replication(sentinel, 0).summary == (
        "primary 10.0.0.1:6379 with 2 replicas, min-replicas-to-write 1; 3 Sentinels, quorum 2"
    )
    assert examine_replication(cluster, 0).summary == (
        "primary 10.0.0.1:6379 with 1 replica; owner of the branch's slot 9, one of 3 primaries"
    )
