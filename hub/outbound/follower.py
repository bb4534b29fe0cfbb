"""Follows a stream under a name: one process at a time, from where the last one was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import structlog

from hub.core.errors import Unavailable

if TYPE_CHECKING:
    from hub.store.outbound_stream import ReaderLease

logger = structlog.get_logger(__name__)

BATCH = 100
_WAIT_S = 2.0  # how long one read waits in Redis
_RETRY_S = (0.1, 5.0)  # the first and the longest wait while Redis does not answer


class Entry(Protocol):
    """An entry of a stream, which has a place in it."""

    @property
    def cursor(self) -> str:
        """The entry's place."""


E = TypeVar("E", bound=Entry)
Read = TypeVar("Read", bound=Entry, covariant=True)


class Stream(Protocol[Read]):
    """A stream that can be followed; see `OutboundStream` and `InboxStream`."""

    async def read(self, after: str, count: int, *, wait_s: float = 0) -> tuple[Read, ...]:
        """Return the entries after a cursor, the oldest first; none if none came within `wait_s` seconds."""

    async def last(self) -> str:
        """Return the cursor at which a name begins that has never read."""

    async def is_whole_after(self, cursor: str) -> bool:
        """Return False if entries after a cursor have left the stream."""


class LeaseLost(Exception):
    """Another process reads under this name now."""


@dataclass
class FollowerState:
    """What a follower is doing, for metrics.

    Attributes:
        is_active: This process has the lease.
        cursor: The last event that was dealt with; empty until the lease is taken for the first time.
        skipped: How often events had left the stream before they were read.
    """

    is_active: bool = False
    cursor: str = ""
    skipped: int = 0


class OutboundFollower(Generic[E]):
    """Gives the entries of a stream to a handler, in order, each at least once.

    Any number of processes may run one of the same name: the one with the lease works, and another takes over within
    the lease's time if it dies. The cursor moves when the handler has returned. A handler must therefore bear events
    that it has had before: those of the batch in which a process died.

    A name that has never read begins with the next event. One whose cursor has left the stream says so, and begins with
    the oldest event that is left.

    Args:
        handle: Deals with a batch of events. It may raise `Unavailable`, after which the batch comes again.
    """

    def __init__(
        self, stream: Stream[E], lease: ReaderLease, handle: Callable[[tuple[E, ...]], Awaitable[None]]
    ) -> None:
        self.state = FollowerState()
        self._stream = stream
        self._lease = lease
        self._handle = handle

    async def run(self) -> None:
        """Follow the stream until cancelled. Redis need not answer yet."""
        pause_s = _RETRY_S[0]
        try:
            while True:
                try:
                    await self._wait_for_lease()
                    pause_s = _RETRY_S[0]
                    await self._work()
                except LeaseLost:
                    logger.info("outbound.lease_lost", reader=self._lease.name)
                except Unavailable:
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, _RETRY_S[1])
                finally:
                    self.state.is_active = False
        finally:
            with suppress(Unavailable):
                await self._lease.end()

    async def _wait_for_lease(self) -> None:
        while (cursor := await self._lease.take()) is None:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(self._lease.ttl_s / 3)
        self.state.is_active = True
        self.state.cursor = cursor
        if not cursor:
            await self._move(await self._stream.last())
        elif not await self._stream.is_whole_after(cursor):
            self.state.skipped += 1
            logger.error("outbound.events_lost", reader=self._lease.name, cursor=cursor)

    async def _work(self) -> None:
        """Read and handle, with the lease kept meanwhile. Raises when either ends."""
        keeping = asyncio.create_task(self._keep_lease(), name=f"{self._lease.name}-lease")
        reading = asyncio.create_task(self._read(), name=f"{self._lease.name}-read")
        try:
            done, _ = await asyncio.wait((keeping, reading), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            keeping.cancel()
            reading.cancel()
            await asyncio.gather(keeping, reading, return_exceptions=True)

    async def _read(self) -> None:
        while True:
            events = await self._stream.read(self.state.cursor, BATCH, wait_s=_WAIT_S)
            if events:
                await self._handle(events)
                await self._move(events[-1].cursor)

    async def _keep_lease(self) -> None:
        """Renew the lease. It may fail for as long as it would still hold."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._lease.ttl_s
        while loop.time() < until:
            await asyncio.sleep(self._lease.ttl_s / 3)
            with suppress(Unavailable):
                if await self._lease.take() is None:
                    break
                until = loop.time() + self._lease.ttl_s
        raise LeaseLost

    async def _move(self, cursor: str) -> None:
        if not await self._lease.move(self.state.cursor, cursor):
            raise LeaseLost
        self.state.cursor = cursor
