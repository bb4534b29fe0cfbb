"""Following one room for a while, in a process that runs no relay."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from hub.core.errors import Unavailable
from hub.store.redis.answer_deadline import answer_timeout

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from hub.store.log import EventLog, LogEntry
    from hub.store.redis.pubsub import PubSub

_RETRY_S = 0.1
_LOOK_S = 2.0  # the log is read at least this often, in case the channel is silently lost


class Follower:
    """Follows a room where no relay runs: a message on the channel says when to read the log.

    Each followed room uses its own connection.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def follow(self, room: str, after: int, seconds: float) -> AsyncGenerator[LogEntry, None]:
        """Yield the room's events after an offset, each as it comes, until the time is up.

        Raises:
            Unavailable: Redis went away.
        """
        log, until = self._log, asyncio.get_running_loop().time() + seconds
        async with _Channel(log.calls.pubsub(), log.deadline_s, log.keys.channel(room)) as channel:
            while True:
                for entry in await log.read(room, after):
                    after = entry.offset
                    yield entry
                left_s = until - asyncio.get_running_loop().time()
                if left_s <= 0:
                    return
                await channel.wait(min(left_s, _LOOK_S))

    async def until(
        self, room: str, after: int, seconds: float, last: frozenset[str]
    ) -> AsyncGenerator[LogEntry, None]:
        """Yield the same events, but end with the first one of these types."""
        async with aclosing(self.follow(room, after, seconds)) as entries:
            async for entry in entries:
                yield entry
                if entry.type in last:
                    return


class _Channel:
    """A subscription to one channel that says when to read. If it breaks, the next wait subscribes again."""

    def __init__(self, pubsub: PubSub, deadline_s: float, name: str) -> None:
        self._pubsub = pubsub
        self._deadline_s = deadline_s
        self._name = name
        self._heard = asyncio.Event()
        self._subscribed = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> _Channel:
        await self._subscribe()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._close()

    async def wait(self, seconds: float) -> None:
        """Wait until something may have happened, or the time is up."""
        if self._reading is None or self._reading.done():
            await self._close()
            try:
                await self._subscribe()
            except Unavailable:  # if Redis does not answer, the next read raises
                await asyncio.sleep(min(seconds, _RETRY_S))
            return  # what was published meanwhile is in the log
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._heard.wait()
        self._heard.clear()

    # Listener

    def on_message(self, channel: bytes, payload: bytes) -> None:
        """Wake the follower: there is something to read."""
        self._heard.set()

    def on_several(self) -> None:
        """Do nothing: each message is handled by itself."""

    def on_heard(self) -> None:
        """Do nothing: each message is handled by itself."""

    def on_subscribed(self, channel: bytes) -> None:
        """Note that the subscription is live."""
        self._subscribed.set()

    async def _subscribe(self) -> None:
        self._subscribed.clear()
        try:
            await self._pubsub.connect(self)
            self._reading = asyncio.create_task(self._read(), name="follow")
            async with answer_timeout(self._deadline_s):
                await self._pubsub.subscribe([self._name])
                await self._subscribed.wait()
        except BaseException as exc:
            await self._close()
            if isinstance(exc, RedisError | OSError):  # TimeoutError is an OSError
                raise Unavailable("Redis does not answer") from exc
            raise

    async def _read(self) -> None:
        with suppress(RedisError, OSError):
            await self._pubsub.wait_lost()
        self._heard.set()

    async def _close(self) -> None:
        await self._pubsub.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None
