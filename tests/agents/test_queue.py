"""The queue of turns: each to one worker, under a lease, and a word to whoever has it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from hub.core.errors import Unavailable
from hub.services.chats.turn_jobs import TurnJob, TurnLease, turn_queue
from hub.store import EventLog, Write
from hub.store.job_queue import GROUP, QueueStatus
from hub.store.stop_requests import StopRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from tests.support.redis import Backend

pytestmark = pytest.mark.contract
_SOON_S = 5.0


class QueueHarness:
    """A queue with leases of an hour, and one whose leases run out at once."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.log = EventLog(redis, "centro")
        self.queue = turn_queue(self.log.calls, self.log.keys, lease_s=3_600)
        self.expired = turn_queue(self.log.calls, self.log.keys, lease_s=0)

    async def ask(self, *turns: str) -> None:
        await self.log.commit(Write(queue=tuple(TurnJob(turn_id, "c1").payload() for turn_id in turns)))

    async def take(self, worker: str = "a") -> TurnLease:
        taken = await self.queue.take(worker, _SOON_S)
        assert taken is not None
        return taken

    async def __aenter__(self) -> QueueHarness:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.log.aclose()


@pytest.fixture
async def desk(backend: Backend) -> AsyncIterator[QueueHarness]:
    async with QueueHarness(backend.client()) as desk:
        await desk.queue.open()
        yield desk


async def test_each_turn_goes_to_one_worker_in_the_order_asked(desk: QueueHarness) -> None:
    await desk.ask("t1", "t2", "t3")
    taken = [await desk.take(worker) for worker in "abc"]
    assert [(one.job.turn_id, one.job.chat_id) for one in taken] == [("t1", "c1"), ("t2", "c1"), ("t3", "c1")]
    assert await desk.queue.take("a", 0.01) is None


async def test_a_waiting_worker_gets_a_turn_as_it_is_asked(desk: QueueHarness) -> None:
    waiting = asyncio.create_task(desk.take())
    await desk.ask("t1")
    assert (await waiting).job.turn_id == "t1"


async def test_turns_asked_before_there_was_a_worker_are_not_lost(backend: Backend) -> None:
    async with QueueHarness(backend.client()) as desk:
        await desk.ask("t1")
        await desk.queue.open()
        await desk.queue.open()
        assert (await desk.take()).job.turn_id == "t1"


async def test_a_lease_that_ran_out_makes_the_turn_anybodys(desk: QueueHarness) -> None:
    await desk.ask("t1")
    taken = await desk.take("a")
    assert await desk.queue.reclaim("b") is None
    assert await desk.queue.renew("a", taken)
    assert await desk.expired.reclaim("b") == taken
    assert not await desk.queue.renew("a", taken)
    assert await desk.queue.renew("b", taken)


async def test_what_is_given_back_is_taken_at_once(desk: QueueHarness) -> None:
    await desk.ask("t1")
    taken = await desk.take("a")
    await desk.queue.give_back("a", taken)
    assert await desk.queue.reclaim("b") == taken


async def test_a_dead_workers_turn_is_found_behind_many_that_are_alive(desk: QueueHarness) -> None:
    await desk.ask(*(f"t{number}" for number in range(35)))
    taken = [await desk.take("a") for _ in range(35)]
    await desk.queue.give_back("a", taken[-1])
    assert await desk.queue.reclaim("b") == taken[-1]
    assert await desk.queue.reclaim("b") is None


async def test_deliveries_are_counted_and_keeping_a_lease_is_none(desk: QueueHarness) -> None:
    await desk.ask("t1")
    taken = await desk.take("a")
    assert await desk.queue.renew("a", taken)
    await desk.queue.give_back("a", taken)
    counted = [taken.deliveries]
    for worker in "bc":
        again = await desk.expired.reclaim(worker)
        assert again is not None
        counted.append(again.deliveries)
    assert counted == [1, 2, 3]


async def test_the_queue_says_what_waits_and_when_a_worker_was_last_heard_of(desk: QueueHarness) -> None:
    await desk.ask("t1", "t2")
    await desk.queue.finish(await desk.take("a"))
    assert await desk.queue.status() == QueueStatus(1, None)
    for worker in "ab":
        await desk.queue.heartbeats.beat(worker)
    for worker in "ca":  # neither is the one that was heard of last
        await desk.queue.leave(worker)
        heard_s = (await desk.queue.status()).heartbeat_age_s
        assert heard_s is not None
        assert heard_s < _SOON_S
    await desk.queue.leave("b")
    assert await desk.queue.status() == QueueStatus(1, None)


async def test_a_finished_turn_is_gone_and_its_worker_may_leave(desk: QueueHarness) -> None:
    await desk.ask("t1", "t2")
    first, second = await desk.take("a"), await desk.take("b")
    await desk.queue.stops.request("t1", "Ana")
    await desk.queue.finish(first)
    await desk.queue.leave("a")
    await desk.queue.leave("b")  # still has a turn: stays, so that the turn can be found
    assert await desk.expired.reclaim("c") == second
    assert await desk.queue.stops.requested_by("t1") is None
    consumers = {consumer["name"] for consumer in await desk.redis.xinfo_consumers(desk.log.keys.jobs, GROUP)}
    assert consumers == {"b", "c"}


async def test_a_wish_to_stop_is_heard_and_can_be_asked_for(desk: QueueHarness, backend: Backend) -> None:
    async with (
        asyncio.timeout(_SOON_S),
        QueueHarness(backend.client()) as other,
        aclosing(other.queue.stops.listen()) as stops,
    ):
        assert await anext(stops) is None  # subscribed
        await desk.queue.stops.request("t1", "Ana")
        assert await anext(stops) == StopRequest("t1", "Ana")
    assert await desk.queue.stops.requested_by("t1") == "Ana"
    assert await desk.queue.stops.requested_by("t2") is None


async def test_a_lost_stream_is_survived(desk: QueueHarness) -> None:
    await desk.redis.delete(desk.log.keys.jobs)
    assert await desk.queue.take("a", 0.01) is None
    assert await desk.queue.reclaim("a") is None
    await desk.ask("t1")
    assert (await desk.take()).job.turn_id == "t1"


async def test_a_redis_that_is_away_is_an_error_within_the_deadline(fake_backend: Backend) -> None:
    async with QueueHarness(fake_backend.client()) as desk:
        await desk.queue.open()
        fake_backend.server.connected = False
        async with asyncio.timeout(_SOON_S):
            for call in (desk.queue.take("a", 0.01), desk.queue.reclaim("a"), desk.queue.stops.requested_by("t1")):
                with pytest.raises(Unavailable):
                    await call


async def test_the_control_channel_comes_back_after_a_broken_connection(real_backend: Backend) -> None:
    async with (
        QueueHarness(real_backend.client()) as desk,
        asyncio.timeout(_SOON_S),
        aclosing(desk.queue.stops.listen()) as stops,
    ):
        assert await anext(stops) is None
        await real_backend.client().client_kill_filter(_type="pubsub")
        assert await anext(stops) is None
        await desk.queue.stops.request("t1", "Ana")
        assert await anext(stops) == StopRequest("t1", "Ana")


@pytest.mark.parametrize(
    "payload", ["", "nonsense", "[]", "7", '{"turn_id": "t0"}', '{"turn_id": 1, "chat_id": null}', "[" * 9_000]
)
async def test_an_entry_that_says_nothing_sensible_leaves_the_queue_and_harms_nobody(
    desk: QueueHarness, payload: str
) -> None:
    await desk.log.commit(Write(queue=(payload,)))
    await desk.redis.xadd(desk.log.keys.jobs, {"other": "field"})
    await desk.ask("t1")
    assert (await desk.take()).job.turn_id == "t1"
    assert await desk.redis.xlen(desk.log.keys.jobs) == 1


async def test_an_entry_that_says_nothing_sensible_is_not_taken_over_either(desk: QueueHarness) -> None:
    await desk.redis.xadd(desk.log.keys.jobs, {"p": "nonsense"})
    await desk.ask("t1")
    await desk.redis.xreadgroup(GROUP, "dead", {desk.log.keys.jobs: ">"})
    taken = await desk.expired.reclaim("b")
    assert taken is not None
    assert (taken.job.turn_id, taken.deliveries) == ("t1", 2)
    assert await desk.redis.xlen(desk.log.keys.jobs) == 1


async def test_a_worker_that_claims_its_own_turn_by_mistake_counts_no_delivery(desk: QueueHarness) -> None:
    await desk.ask("t1")
    taken = await desk.take("a")
    for _ in range(3):
        assert await desk.expired.reclaim("a") == taken
        assert await desk.queue.renew("a", taken)
    again = await desk.expired.reclaim("b")
    assert again is not None
    assert again.deliveries == 2


async def test_turns_that_nobody_looks_at_are_found_whether_taken_or_not(backend: Backend) -> None:
    async with QueueHarness(backend.client()) as desk:
        desk.queue.lease_s = 60
        assert await desk.queue.stale(0) == []
        await desk.ask("t1", "t2")
        assert [taken.job.turn_id for taken in await desk.queue.stale(0)] == ["t1", "t2"]
        assert await desk.queue.stale(3_600) == []
        await desk.queue.open()
        taken = await desk.take("a")
        assert [taken.job.turn_id for taken in await desk.queue.stale(0)] == ["t2"]  # the other's lease holds
        await desk.redis.xclaim(desk.log.keys.jobs, GROUP, "a", 0, [taken.entry], idle=7_200_000, justid=True)
        assert [taken.job.turn_id for taken in await desk.queue.stale(3_600)] == ["t1"]
        await desk.queue.renew("a", taken)
        assert await desk.queue.stale(3_600) == []
