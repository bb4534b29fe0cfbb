"""The way to Redis: what many callers ask for in the same moment travels together."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError, RedisError

if TYPE_CHECKING:
    from redis.asyncio import Redis

# Measured with 64 callers, two cores, fsync always: 10,000 commits/s. One pipeline of 64 makes the loop and
# Redis wait for each other by turns (5,000); eight of 8 share too little (6,000).
WIDTH = 4
BATCH = 16
WAITING = 10_000

Command = Sequence[bytes | str | int]

_logger = logging.getLogger(__name__)


class Lane:
    """Sends commands in pipelines, a few at a time, on connections of the client's pool.

    A command by itself costs redis-py about 0.2 ms of the loop, most of it for taking a connection and giving
    it back; in a pipeline the commands share that. With `appendfsync always` they share the fsync, too.

    A caller that is cancelled, or stops waiting, disturbs nobody: its command is dropped if it has not been
    sent, its reply if it has.
    """

    def __init__(self, redis: Redis, *, deadline_s: float) -> None:
        self._redis = redis
        self._deadline_s = deadline_s
        self._waiting: deque[tuple[Command, asyncio.Future[Any]]] = deque()
        self._pumps: set[asyncio.Task[None]] = set()

    async def call(self, *command: bytes | str | int) -> Any:
        """Redis's reply.

        Raises:
            RedisError, OSError: As redis-py has it; the caller translates.
        """
        if len(self._waiting) >= WAITING:
            raise ConnectionError("too many commands are waiting for Redis")
        # Encoded here: text that is not Unicode is this caller's error, and would fail its neighbours.
        packed = [part.encode() if isinstance(part, str) else part for part in command]
        reply_to: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((packed, reply_to))
        if len(self._pumps) < WIDTH:
            self._pumps.add(asyncio.create_task(self._pump(), name="eventlog-lane"))
        reply = await reply_to
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def aclose(self) -> None:
        """Drop what is under way; whoever waits gets an error."""
        pumps = list(self._pumps)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        while self._waiting:
            _settle(self._waiting.popleft()[1], ConnectionError("the event log is closed"))

    async def _pump(self) -> None:
        """Send until nobody waits. `call` starts it when there is work, `aclose` ends it."""
        pump = asyncio.current_task()
        try:
            while batch := self._next():
                await self._exchange(batch)
        finally:
            # Here, not in a callback of the task: between the two, a caller would take it for one that works.
            self._pumps -= {pump}

    async def _exchange(self, batch: list[tuple[Command, asyncio.Future[Any]]]) -> None:
        replies: Sequence[Any] = ()
        try:
            async with asyncio.timeout(self._deadline_s):
                replies = await self._send([command for command, _ in batch])
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            replies = [error] * len(batch)
        except Exception as error:
            _logger.exception("eventlog_lane_failed")
            replies = [error] * len(batch)
        finally:
            replies = replies or [ConnectionError("the event log was closed")] * len(batch)
            for (_, reply_to), reply in zip(batch, replies, strict=True):
                _settle(reply_to, reply)

    def _next(self) -> list[tuple[Command, asyncio.Future[Any]]]:
        batch: list[tuple[Command, asyncio.Future[Any]]] = []
        while self._waiting and len(batch) < BATCH:
            entry = self._waiting.popleft()
            if not entry[1].done():
                batch.append(entry)
        return batch

    async def _send(self, commands: list[Command]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            replies: list[Any] = await pipeline.execute(raise_on_error=False)
            return replies


def _settle(reply_to: asyncio.Future[Any], reply: Any) -> None:
    # An error is a result like any: nobody may be left to hear of an exception.
    if not reply_to.done():
        reply_to.set_result(reply)
