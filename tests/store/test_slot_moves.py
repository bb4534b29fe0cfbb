"""A slot of a real cluster that moves: everything that waits for news of the branch goes along."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from hub.services.chats.turn_jobs import TurnJob, turn_queue
from hub.store import EventLog, Write, connect
from hub.store.follow import Follower
from hub.store.stop_requests import StopRequest
from tests.support.redis_nodes import Cluster
from tests.support.writes import told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.contract

BRANCH = "centro"
DEADLINE_S = 8.0  # nobody moves a slot in two seconds on a machine that runs other tests beside this one


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with Cluster(tmp_path) as cluster:
        yield cluster


@asynccontextmanager
async def log_of(cluster: Cluster) -> AsyncIterator[EventLog]:
    redis = connect(cluster.url, branch=BRANCH, deadline_s=DEADLINE_S)
    log = EventLog(redis, BRANCH, deadline_s=DEADLINE_S)
    try:
        yield log
    finally:
        await log.aclose()
        await redis.aclose()


async def move(cluster: Cluster) -> None:
    owner = await cluster.owner(BRANCH)
    await cluster.move(BRANCH, cluster.masters[(cluster.masters.index(owner) + 1) % 3])


async def test_commits_without_a_command_id_are_carried_out_once_through_a_move(cluster: Cluster) -> None:
    async with log_of(cluster) as log, asyncio.timeout(50):
        moving, offsets = asyncio.create_task(move(cluster)), list[int]()
        while not moving.done():
            done = await asyncio.gather(*(log.commit(told("kitchen")) for _ in range(16)))
            offsets += [offset for committed in done for offset in committed.offsets]
        await moving
        await log.commit(told("kitchen"))
        assert [entry.offset for entry in await log.read("kitchen", 0, limit=100_000)] == list(
            range(1, len(offsets) + 2)
        )
        assert sorted(offsets) == list(range(1, len(offsets) + 1))


async def test_a_worker_that_waits_for_a_job_gets_it_after_a_move(cluster: Cluster) -> None:
    async with log_of(cluster) as log, log_of(cluster) as other, asyncio.timeout(50):
        queue = turn_queue(log.calls, log.keys)
        await queue.open()
        waiting = asyncio.create_task(queue.take("a", 40))
        await other.commit(Write(queue=(TurnJob("t1", "c1").payload(),)))
        first = await waiting
        assert first is not None
        waiting = asyncio.create_task(queue.take("a", 40))
        await move(cluster)
        await other.commit(Write(queue=(TurnJob("t2", "c1").payload(),)))
        second = await waiting
        assert second is not None
        assert (first.job.turn_id, second.job.turn_id) == ("t1", "t2")
        assert await queue.renew("a", first)
        await queue.finish(first)


async def test_a_request_to_stop_reaches_the_workers_after_a_move(cluster: Cluster) -> None:
    async with log_of(cluster) as log, log_of(cluster) as other, asyncio.timeout(50):
        stops = turn_queue(log.calls, log.keys).stops
        async with aclosing(stops.listen()) as heard:
            assert await anext(heard) is None  # subscribed
            await move(cluster)
            assert await anext(heard) is None  # and again, at the new owner
            await turn_queue(other.calls, other.keys).stops.request("t1", "Ana")
            assert await anext(heard) == StopRequest("t1", "Ana")


async def test_whoever_follows_a_room_hears_what_happens_after_a_move(cluster: Cluster) -> None:
    async with log_of(cluster) as log, log_of(cluster) as other, asyncio.timeout(50):
        await other.commit(told("kitchen"))
        heard = []
        async with aclosing(Follower(log).follow("kitchen", 0, 40)) as entries:
            async for entry in entries:
                heard.append(entry.offset)
                if len(heard) == 1:
                    await move(cluster)
                    await other.commit(told("kitchen"))
                if len(heard) == 2:
                    break
        assert heard == [1, 2]
