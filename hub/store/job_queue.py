"""A queue of jobs in Redis: each job goes to one worker at a time, under a lease.

The queue is a Redis stream with one consumer group. An entry's idle time is its lease: the worker renews it, and a job
whose lease ran out goes to any worker. A lease only says which worker *should* do a job. A worker that must be alone
with its writes also expects a document's version in each of them (`Write.expects`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import structlog

from hub.core.errors import Internal
from hub.store.redis.client import RedisClient, Script
from hub.store.redis.reply_pairs import pairs
from hub.store.stop_requests import StopRequests
from hub.store.worker_heartbeats import WorkerHeartbeats

if TYPE_CHECKING:
    from hub.store.keys import Keys

logger = structlog.get_logger(__name__)

GROUP = "agents"  # the consumer group's name in Redis, after its first use
_POLL_S = 0.02
_SCANS = 100  # of ten entries each: more than all workers together hold
_NO_GROUP = ("NOGROUP", "requires the key to exist")  # Redis's word, and fakeredis's


class Job(Protocol):
    """A piece of work, known by its id."""

    @property
    def id(self) -> str:
        """The id by which `StopRequests` names the job."""


J = TypeVar("J", bound=Job)


@dataclass(frozen=True, slots=True)
class Lease(Generic[J]):
    """A job in a worker's hands.

    Attributes:
        entry: The id of the job's entry in the stream.
        deliveries: The number of times that the job was handed to a worker, this time included.
    """

    entry: str
    job: J
    deliveries: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The state of a queue.

    Attributes:
        jobs: The number of jobs that are not finished.
        heartbeat_age_s: Seconds since a worker's last heartbeat; None if there was none in the last hour, or if the
            last worker left.
    """

    jobs: int
    heartbeat_age_s: float | None


class JobQueue(Generic[J]):
    """Gives each job to one worker at a time. A commit adds jobs to it (`Write.queue`).

    Every call ends within the deadline of `calls`: with an answer, or with `Unavailable`.

    Example:
        async with asyncio.timeout(60):
            lease = await queue.take("worker-1", block_s=5)
            if lease is not None:
                ...  # do lease.job; call `renew` more often than once in `lease_s`
                await queue.finish(lease)

    Args:
        parse: Return the job of a payload, or None if the payload is malformed; such an entry leaves the queue.
        id_field: The name that a job's id has in messages that stop it.
        lease_s: The time after which a job goes to another worker, unless its worker renews the lease.

    Attributes:
        stops: Requests to stop jobs.
        heartbeats: Heartbeats of the workers.
    """

    def __init__(
        self,
        calls: RedisClient,
        keys: Keys,
        parse: Callable[[str], J | None],
        *,
        id_field: str = "id",
        lease_s: float = 6.0,
    ) -> None:
        self.lease_s = lease_s
        self.stops = StopRequests(calls, keys, id_field=id_field)
        self.heartbeats = WorkerHeartbeats(calls, keys)
        self._calls = calls
        self._keys = keys
        self._parse = parse
        self._remove_entry = Script("job_remove")

    async def open(self) -> None:
        """Create the consumer group unless it exists. Jobs that were queued before it are in it too."""
        try:
            await self._call("XGROUP", "CREATE", self._keys.jobs, GROUP, "0", "MKSTREAM")
        except Internal as exc:
            if "BUSYGROUP" not in str(exc.__cause__):
                raise

    # Leases

    async def take(self, worker: str, block_s: float) -> Lease[J] | None:
        """Return the next job that no worker has had; None if none came within `block_s`.

        Raises:
            Unavailable: Redis did not answer in time. A job that was being handed over comes back by `reclaim` when its
                lease has run out.
        """
        until = time.monotonic() + block_s
        while (left_s := until - time.monotonic()) > 0:
            if lease := await self._next(worker, left_s):
                return lease
            # fakeredis does not block where a count is given; a real Redis comes here once, when time is up.
            await asyncio.sleep(min(_POLL_S, max(0.0, until - time.monotonic())))
        return None

    async def reclaim(self, worker: str) -> Lease[J] | None:
        """Return a job whose worker let its lease run out; None if there is none."""
        start = "0-0"
        # One call looks at ten entries for each it may claim, and says where the next one goes on.
        for _ in range(_SCANS):
            answer: Any = await self._grouped(partial(self._claim, worker, start))
            for entry, fields in answer[1]:
                # An entry that was deleted meanwhile comes without fields.
                if fields and (lease := await self._lease_of(entry, fields, await self._deliveries(entry))):
                    return lease
            start = answer[0]
            if start == "0-0":
                break
        return None

    async def renew(self, worker: str, lease: Lease[J]) -> bool:
        """Extend a lease to `lease_s` from now; return False if another worker has it."""
        pending = await self._pending(lease.entry, lease.entry)
        if not pending or pending[0][1] != worker:
            return False
        # A worker that renewed too late may have claimed its own job: that does not count as a delivery.
        await self._claim_own(worker, lease, "RETRYCOUNT", lease.deliveries)
        return True

    async def give_back(self, worker: str, lease: Lease[J]) -> None:
        """End a lease now, so that another worker takes the job at once."""
        await self._claim_own(worker, lease, "IDLE", self._lease_ms)

    async def finish(self, lease: Lease[J]) -> None:
        """Remove a job from the queue, with the request to stop it."""
        await self._remove(lease.entry, self._keys.stop_request(lease.job.id))

    async def leave(self, worker: str) -> None:
        """Remove a worker from the group, unless it still has jobs."""
        await self.heartbeats.end(worker)
        for consumer in await self._call("XINFO", "CONSUMERS", self._keys.jobs, GROUP):
            about = dict(pairs(consumer))
            if about["name"] == worker and int(about["pending"]) == 0:
                await self._call("XGROUP", "DELCONSUMER", self._keys.jobs, GROUP, worker)

    # Supervision

    async def status(self) -> QueueStatus:
        """Return the number of jobs and the age of the last heartbeat."""
        jobs = int(await self._call("XLEN", self._keys.jobs))
        return QueueStatus(jobs, await self.heartbeats.age_s())

    async def stale(self, wait_s: float, limit: int = 100) -> list[Lease[J]]:
        """Return the oldest jobs that no worker has had in hand for `wait_s`.

        Those are jobs that were never taken, and jobs whose lease expired and that were not taken again.
        """
        waited_ms = int(wait_s * 1_000)
        entries: Any = await self._call("XRANGE", self._keys.jobs, "-", "+", "COUNT", limit)
        if not entries:
            return []
        seconds, microseconds = await self._call("TIME")
        now_ms = int(seconds) * 1_000 + int(microseconds) // 1_000
        idle = await self._idle_ms(entries[0][0], entries[-1][0], limit)
        found = [
            await self._lease_of(entry, fields)
            for entry, fields in entries
            if self._is_stale(idle.get(entry), now_ms - _queued_ms(entry), waited_ms)
        ]
        return [lease for lease in found if lease is not None]

    def _is_stale(self, idle_ms: int | None, age_ms: int, waited_ms: int) -> bool:
        return age_ms >= waited_ms if idle_ms is None else idle_ms >= max(waited_ms, self._lease_ms)

    async def _idle_ms(self, first: str, last: str, limit: int) -> dict[str, int]:
        """Return the time since each entry in a worker's hands was delivered or renewed."""
        try:
            pending = await self._pending(first, last, limit)
        except Internal as exc:
            if not _lacks_group(exc):
                raise
            return {}  # no worker has ever been here
        return {entry: int(idle_ms) for entry, _worker, idle_ms, _deliveries in pending}

    # Entries

    @property
    def _lease_ms(self) -> int:
        return int(self.lease_s * 1_000)

    async def _next(self, worker: str, block_s: float) -> Lease[J] | None:
        block_ms = max(1, int(block_s * 1_000))
        reading = ("XREADGROUP", "GROUP", GROUP, worker, "COUNT", 1, "BLOCK", block_ms)
        command = (*reading, "STREAMS", self._keys.jobs, ">")
        answer: Any = await self._grouped(lambda: self._calls.block(*command, seconds=block_s))
        for _stream, entries in pairs(answer or ()):
            for entry, fields in entries:
                return await self._lease_of(entry, fields)
        return None

    async def _lease_of(self, entry: str, fields: Any, deliveries: int = 1) -> Lease[J] | None:
        """Return the lease of an entry. A malformed entry is removed: it would break every worker that gets it."""
        job = self._parse(dict(pairs(fields)).get("p", ""))
        if job is None:
            logger.error("job_queue.entry_unreadable", entry=entry)
            await self._remove(entry)
            return None
        return Lease(entry, job, deliveries)

    async def _remove(self, entry: str, *keys: str) -> None:
        await self._calls.run(self._remove_entry, [self._keys.jobs, *keys], [GROUP, entry], again=True)

    async def _claim(self, worker: str, start: str) -> Any:
        # Not retried: the lost reply may have delivered a job, which a second call would skip.
        return await self._calls.call("XAUTOCLAIM", self._keys.jobs, GROUP, worker, self._lease_ms, start, "COUNT", 1)

    async def _claim_own(self, worker: str, lease: Lease[J], *options: str | int) -> None:
        await self._call("XCLAIM", self._keys.jobs, GROUP, worker, 0, lease.entry, *options, "JUSTID")

    async def _pending(self, first: str, last: str, limit: int = 1) -> list[Any]:
        """Return entries in workers' hands, as `(entry, worker, idle in ms, deliveries)`."""
        found: list[Any] = await self._call("XPENDING", self._keys.jobs, GROUP, first, last, limit)
        return found

    async def _deliveries(self, entry: str) -> int:
        pending = await self._pending(entry, entry)
        return int(pending[0][3]) if pending else 1

    async def _call(self, *command: str | int) -> Any:
        """Return the reply to a command that may as well be done twice."""
        return await self._calls.call(*command, again=True)

    async def _grouped(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Call; create the group and call again if it was lost together with the stream."""
        try:
            return await call()
        except Internal as exc:
            if not _lacks_group(exc):
                raise
        await self.open()
        return await call()


def _lacks_group(error: Internal) -> bool:
    return any(sign in str(error.__cause__) for sign in _NO_GROUP)


def _queued_ms(entry: str) -> int:
    """Return the time at which an entry came in, by Redis's clock: its id begins with it."""
    return int(entry.partition("-")[0])
