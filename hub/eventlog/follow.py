"""Waiting for what happens in one room, for a while."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from hub.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from redis.asyncio import Redis

    from hub.eventlog.log import EventLog, LogEntry

_LOOK_S = 2.0  # the log is read at least so often: a channel that has gone deaf costs no more than this


class Follower:
    """Follows a room from a worker, where no relay runs: the channel says when to look, the log says what happened.

    Args:
        redis: From `connect`; a connection of its own is taken for each room that is followed.
    """

    def __init__(self, redis: Redis, log: EventLog) -> None:
        self._redis = redis
        self._log = log

    async def follow(self, room: str, after: int, seconds: float) -> AsyncGenerator[LogEntry, None]:
        """The room's events after an offset, each as it comes, until the time is up.

        Raises:
            Unavailable: Redis went away.
        """
        until = asyncio.get_running_loop().time() + seconds
        async with self._heard(room) as pubsub:
            while True:
                for entry in await self._log.read(room, after):
                    after = entry.offset
                    yield entry
                left_s = until - asyncio.get_running_loop().time()
                if left_s <= 0:
                    return
                await self._next(pubsub, min(left_s, _LOOK_S))

    async def until(
        self, room: str, after: int, seconds: float, last: frozenset[str]
    ) -> AsyncGenerator[LogEntry, None]:
        """The same, but over with the first event of one of these types."""
        async with aclosing(self.follow(room, after, seconds)) as entries:
            async for entry in entries:
                yield entry
                if entry.type in last:
                    return

    @asynccontextmanager
    async def _heard(self, room: str) -> AsyncIterator[Any]:
        try:
            async with self._redis.pubsub() as pubsub:
                async with asyncio.timeout(self._log.deadline_s):
                    await pubsub.subscribe(self._log.keys.channel(room))
                yield pubsub
        except (RedisError, OSError, TimeoutError) as exc:
            raise Unavailable("Redis does not answer") from exc

    async def _next(self, pubsub: Any, wait_s: float) -> None:
        await pubsub.get_message(ignore_subscribe_messages=True, timeout=wait_s)
