"""The queue of the agent's turns: who works on which, under a lease, and who is told to stop.

A Redis stream with one consumer group. An entry's idle time is its lease: its worker keeps it young,
and one that has grown old is anybody's. The lease only says who *should* work on a turn; that nobody
else *can* write is the turn document's version (see `hub.domain.chat.Turn`).
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from redis.exceptions import RedisError, ResponseError

from hub.domain.errors import Unavailable
from hub.eventlog.errors import translate

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from redis.asyncio import Redis

    from hub.eventlog.keys import Keys

logger = structlog.get_logger(__name__)

GROUP = "agents"
STOP_KEPT_S = 3_600
_ATTENDANT_MS = 3_600_000
_PING_S = 5.0
_POLL_S = 0.02
_SCANS = 100  # of ten entries each: more than all workers together hold
_NO_GROUP = ("NOGROUP", "requires the key to exist")  # Redis's word, and fakeredis's
_BACKOFF_S = (0.1, 5.0)  # first and longest wait before the control channel is tried again


@dataclass(frozen=True, slots=True)
class Taken:
    """One turn in a worker's hands.

    Attributes:
        entry: Its place in the stream.
        deliveries: How often it was handed to a worker, this time included.
    """

    entry: str
    turn_id: str
    chat_id: str
    deliveries: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Attendance:
    """How the queue is attended to.

    Attributes:
        turns: Asked and not over.
        heard_s: Seconds since a worker was last heard of; None: none was in the last hour, or the last one left.
    """

    turns: int
    heard_s: float | None


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody wants this turn to end."""

    turn_id: str
    by: str


def queued(turn_id: str, chat_id: str) -> str:
    """What a commit puts into the queue for a turn (`Write.queue`)."""
    return json.dumps({"turn_id": turn_id, "chat_id": chat_id}, separators=(",", ":"))


class TurnQueue:
    """Gives each turn to one worker at a time.

    Every call ends within `deadline_s`: with an answer, or with `Unavailable`.

    Args:
        redis: From `connect`; it must decode its responses. Whoever made it closes it.
        lease_s: A worker that has not renewed for so long has lost its turns.
    """

    def __init__(self, redis: Redis, keys: Keys, *, lease_s: float = 6.0, deadline_s: float = 2.0) -> None:
        self._redis = redis
        self._keys = keys
        self._lease_ms = int(lease_s * 1_000)
        self._deadline_s = deadline_s

    async def open(self) -> None:
        """Make sure the group is there; turns asked before it was are in it too."""
        async with self._reach():
            try:
                await self._redis.xgroup_create(self._keys.turns, GROUP, id="0", mkstream=True)
            except ResponseError as exc:
                if "BUSYGROUP" not in str(exc):
                    raise

    async def take(self, worker: str, block_s: float) -> Taken | None:
        """The next turn that nobody has yet; None if none came within `block_s`.

        Raises:
            Unavailable: Redis did not answer in time. A turn that was being handed over then comes
                back by `reclaim` when its lease has run out.
        """
        until = time.monotonic() + block_s
        while (left_s := until - time.monotonic()) > 0:
            async with self._reach(left_s):
                if taken := await self._next(worker, left_s):
                    return taken
            # fakeredis does not block where a count is given; a real Redis comes here once, when time is up.
            await asyncio.sleep(min(_POLL_S, max(0.0, until - time.monotonic())))
        return None

    async def _next(self, worker: str, block_s: float) -> Taken | None:
        answer: Any = await self._grouped(
            lambda: self._redis.xreadgroup(
                GROUP, worker, {self._keys.turns: ">"}, count=1, block=max(1, int(block_s * 1_000))
            )
        )
        for _stream, entries in answer or ():
            for entry, fields in entries:
                return await self._understood(entry, fields)
        return None

    async def reclaim(self, worker: str) -> Taken | None:
        """A turn whose worker let its lease run out; None if there is none."""
        start = "0-0"
        async with self._reach():
            # One call looks at ten entries for each it may claim, and says where the next one goes on.
            for _ in range(_SCANS):
                answer: Any = await self._grouped(partial(self._claim, worker, start))
                for entry, fields in answer[1]:
                    # An entry that was deleted meanwhile is claimed without any fields.
                    if fields and (taken := await self._understood(entry, fields, await self._deliveries(entry))):
                        return taken
                start = answer[0]
                if start == "0-0":
                    break
        return None

    async def _understood(self, entry: str, fields: dict[str, str], deliveries: int = 1) -> Taken | None:
        """An entry as the turn it is about. One that says nothing sensible leaves the queue: nobody could ever work
        on it, and whoever is given it would stumble."""
        taken = _taken(entry, fields, deliveries)
        if taken is None:
            logger.error("turns.entry_makes_no_sense", entry=entry)
            await self._drop(entry)
        return taken

    async def _drop(self, entry: str, *forgotten: str) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xack(self._keys.turns, GROUP, entry)
            pipe.xdel(self._keys.turns, entry)
            for key in forgotten:
                pipe.delete(key)
            await pipe.execute()

    async def _claim(self, worker: str, start: str) -> Any:
        return await self._redis.xautoclaim(
            self._keys.turns, GROUP, worker, min_idle_time=self._lease_ms, start_id=start, count=1
        )

    async def _deliveries(self, entry: str) -> int:
        pending: Any = await self._redis.xpending_range(self._keys.turns, GROUP, min=entry, max=entry, count=1)
        return int(pending[0]["times_delivered"]) if pending else 1

    async def renew(self, worker: str, taken: Taken) -> bool:
        """Keep the lease; False if it is somebody else's by now."""
        async with self._reach():
            pending: Any = await self._redis.xpending_range(
                self._keys.turns, GROUP, min=taken.entry, max=taken.entry, count=1
            )
            if not pending or pending[0]["consumer"] != worker:
                return False
            # A worker may have claimed its own turn by mistake, having been slow to renew: that is no delivery.
            count = taken.deliveries
            await self._redis.xclaim(self._keys.turns, GROUP, worker, 0, [taken.entry], retrycount=count, justid=True)
        return True

    async def give_back(self, worker: str, taken: Taken) -> None:
        """Let the lease run out now, so that another worker takes the turn at once."""
        async with self._reach():
            await self._redis.xclaim(
                self._keys.turns, GROUP, worker, 0, [taken.entry], idle=self._lease_ms, justid=True
            )

    async def finish(self, taken: Taken) -> None:
        """The turn is over: out of the queue, and the wish to stop it forgotten."""
        async with self._reach():
            await self._drop(taken.entry, self._keys.turn(taken.turn_id))

    async def attend(self, worker: str) -> None:
        """Say that a worker is there. What Redis knows of it does not tell: before version 7.2, one that waits for a
        turn looks as if it had gone."""
        async with self._reach():
            await self._redis.set(self._keys.attendant, worker, px=_ATTENDANT_MS)

    async def leave(self, worker: str) -> None:
        """Take a worker out of the group, unless turns still hang on its name."""
        async with self._reach():
            if await self._redis.get(self._keys.attendant) == worker:
                await self._redis.delete(self._keys.attendant)  # others soon say that they are there
            for consumer in await self._redis.xinfo_consumers(self._keys.turns, GROUP):
                if consumer["name"] == worker and consumer["pending"] == 0:
                    await self._redis.xgroup_delconsumer(self._keys.turns, GROUP, worker)

    async def attendance(self) -> Attendance:
        """What waits, and whether anybody is there for it: for those who look after the hub."""
        async with self._reach():
            turns = int(await self._redis.xlen(self._keys.turns))
            left_ms = int(await self._redis.pttl(self._keys.attendant))
        return Attendance(turns, None if left_ms < 0 else (_ATTENDANT_MS - left_ms) / 1_000)

    async def unattended(self, wait_s: float, limit: int = 100) -> list[Taken]:
        """The oldest turns that no worker has looked at for so long: not taken, or their lease ran out and nobody
        took them again. One whose lease holds is looked at, however seldom its worker says so."""
        waited_ms = int(wait_s * 1_000)
        async with self._reach():
            entries: Any = await self._redis.xrange(self._keys.turns, count=limit)
            if not entries:
                return []
            seconds, microseconds = await self._redis.time()
            now_ms = seconds * 1_000 + microseconds // 1_000
            idle = await self._idle_ms(entries[0][0], entries[-1][0], limit)
            found = [
                await self._understood(entry, fields)
                for entry, fields in entries
                if self._is_left(idle.get(entry), now_ms - _asked_ms(entry), waited_ms)
            ]
        return [taken for taken in found if taken is not None]

    def _is_left(self, idle_ms: int | None, age_ms: int, waited_ms: int) -> bool:
        return age_ms >= waited_ms if idle_ms is None else idle_ms >= max(waited_ms, self._lease_ms)

    async def _idle_ms(self, first: str, last: str, limit: int) -> dict[str, int]:
        """For how long each entry in a worker's hands has not been heard of."""
        try:
            pending: Any = await self._redis.xpending_range(self._keys.turns, GROUP, min=first, max=last, count=limit)
        except ResponseError as exc:
            if not any(sign in str(exc) for sign in _NO_GROUP):
                raise
            return {}  # no worker has ever been here
        return {entry["message_id"]: int(entry["time_since_delivered"]) for entry in pending}

    # Stopping

    async def request_stop(self, turn_id: str, by: str) -> None:
        """Tell whichever worker has the turn, or will have it, to stop."""
        async with self._reach(), self._redis.pipeline(transaction=True) as pipe:
            pipe.set(self._keys.turn(turn_id), by, ex=STOP_KEPT_S)
            pipe.publish(self._keys.turns_channel, json.dumps({"turn_id": turn_id, "by": by}))
            await pipe.execute()

    async def stop_requested(self, turn_id: str) -> str | None:
        """Who wants this turn stopped; None if nobody does."""
        async with self._reach():
            by = await self._redis.get(self._keys.turn(turn_id))
        return None if by is None else str(by)

    async def stops(self) -> AsyncGenerator[Stop | None, None]:
        """Every wish to stop a turn, as it is uttered; never ends.

        Yields:
            None each time the channel was subscribed (again): what was said before that is
            to be asked for with `stop_requested`.
        """
        wait_s = _BACKOFF_S[0]
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    async with asyncio.timeout(self._deadline_s):
                        await pubsub.subscribe(self._keys.turns_channel)
                    async for stop in self._heard(pubsub):
                        wait_s = _BACKOFF_S[0]
                        yield stop
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, _BACKOFF_S[1])

    async def _heard(self, pubsub: Any) -> AsyncIterator[Stop | None]:
        """Messages of one subscription. A connection that answers no ping is dead, whatever TCP says."""
        pinged: float | None = None
        while True:
            message = await pubsub.get_message(timeout=_PING_S)
            match message:
                case None if pinged is not None and time.monotonic() - pinged >= _PING_S:
                    raise TimeoutError("the control channel is silent")
                case None:
                    pinged = time.monotonic()
                    async with asyncio.timeout(self._deadline_s):
                        await pubsub.ping()
                case {"type": "subscribe"}:
                    yield None
                case {"type": "message", "data": data}:
                    pinged = None
                    if (stop := _stop(data)) is not None:
                        yield stop
                case _:
                    pinged = None

    # Reaching Redis

    async def _grouped(self, call: Any) -> Any:
        """Call, and once more if the group was lost together with the stream."""
        try:
            return await call()
        except ResponseError as exc:
            if not any(sign in str(exc) for sign in _NO_GROUP):
                raise
        await self.open()
        return await call()

    @asynccontextmanager
    async def _reach(self, extra_s: float = 0.0) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._deadline_s + extra_s):
                yield
        except TimeoutError as exc:
            raise Unavailable("Redis does not answer") from exc
        except (RedisError, OSError) as exc:
            raise translate(exc) from exc


def _taken(entry: str, fields: dict[str, str], deliveries: int = 1) -> Taken | None:
    """What an entry says; None if that is nothing."""
    try:
        payload = json.loads(fields["p"])
        turn_id, chat_id = payload["turn_id"], payload["chat_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not (isinstance(turn_id, str) and isinstance(chat_id, str)):
        return None
    return Taken(entry, turn_id, chat_id, deliveries)


def _stop(data: str) -> Stop | None:
    """Parse a message on the control channel; None if it is malformed."""
    try:
        said = json.loads(data)
        return Stop(str(said["turn_id"]), str(said["by"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        logger.error("turns.stop_message_unreadable")
        return None


def _asked_ms(entry: str) -> int:
    """When an entry came in, by Redis's clock: its id begins with it."""
    return int(entry.partition("-")[0])
