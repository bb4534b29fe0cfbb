"""Members whose doors write for themselves: frames wait here, bounded in bytes, until the door has sent them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog
from aiohttp import web

from hub.domain.errors import RateLimited, Unavailable
from hub.domain.roles import Principal
from hub.fanout.frames import Frame
from hub.fanout.origins import Connections
from hub.gateways.peer import ADDRESS, PRINCIPAL

logger = structlog.get_logger(__name__)

_GOODBYE_S = 1.0  # for readers to be told that we are going away


class Outbox:
    """One reader's unsent bytes. Past the limit it closes: the reader comes back and resumes from its cursor.

    Args:
        give_up: Told once when it passes the limit.
    """

    def __init__(
        self, member_id: str, encode: Callable[[Frame], bytes], limit_bytes: int, give_up: Callable[[], None]
    ) -> None:
        self.id = member_id
        self.closed = False
        self._encode = encode
        self._limit_bytes = limit_bytes
        self._give_up = give_up
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._largest = 0
        self._something = asyncio.Event()

    def deliver(self, frame: Frame) -> None:
        """Take one frame; never waits."""
        data = self._encode(frame)
        if data:  # a door may have no word for it
            self.put(data)

    def put(self, data: bytes) -> None:
        """Take bytes that are no frame, in order with those that are."""
        if self.closed:
            return
        self._waiting.append(data)
        self._bytes += len(data)
        self._largest = max(self._largest, len(data))
        self._something.set()
        # One message alone may be larger than the limit, and nobody's fault: a full board is.
        if self._limit_bytes and self._bytes - self._largest > self._limit_bytes:
            self.close()
            self._give_up()

    def close(self) -> None:
        """Nothing more goes out; whoever writes it is told."""
        self.closed = True
        self._waiting.clear()
        self._something.set()

    async def take(self, within_s: float) -> list[bytes] | None:
        """Everything that waits, oldest first; an empty list after `within_s` of silence; None once closed."""
        try:
            async with asyncio.timeout(within_s):
                await self._something.wait()
        except TimeoutError:
            return []
        if self.closed:
            return None
        taken, self._waiting = self._waiting, []
        self._bytes = self._largest = 0
        self._something.clear()
        return taken


class Outboxes:
    """All outboxes of a process: each is a connection of its address, and they close together when the process goes.

    Attributes:
        overflowed: How many readers were given up on.
    """

    def __init__(self, limit_bytes: int, connections: Connections) -> None:
        self.overflowed = 0
        self._limit_bytes = limit_bytes
        self._connections = connections
        self._open: dict[Outbox, web.Request] = {}
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._leaving = False

    @contextmanager
    def of(self, request: web.Request, door: str, encode: Callable[[Frame], bytes]) -> Iterator[Outbox]:
        """An outbox for the answer to this request, as long as the context lasts.

        Raises:
            RateLimited: The address has as many connections as it may have.
            Unavailable: The process is going away.
        """
        if self._leaving:
            raise Unavailable("this process is going away", retry_after_s=1)
        if not self._connections.take(request[ADDRESS]):
            raise RateLimited("too many connections from this address", retry_after_s=5)
        outbox = Outbox(f"{door}:{uuid.uuid4().hex}", encode, self._limit_bytes, lambda: self._give_up(outbox))
        self._open[outbox] = request
        self._none_open.clear()
        try:
            yield outbox
        finally:
            del self._open[outbox]
            self._connections.give_back(request[ADDRESS])
            if not self._open:
                self._none_open.set()

    def readers(self) -> list[tuple[Outbox, Principal]]:
        """Everyone who reads now, and who they were when they began."""
        return [(outbox, request[PRINCIPAL]) for outbox, request in self._open.items()]

    async def close_all(self) -> None:
        """Take no new ones, and let those there are end; who does not even take its end is cut off."""
        self._leaving = True
        for outbox in tuple(self._open):
            outbox.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._none_open.wait()
        for request in tuple(self._open.values()):
            _cut_off(request)

    def _give_up(self, outbox: Outbox) -> None:
        """Its writer is stuck behind bytes that nobody takes: a farewell would only queue up behind them."""
        self.overflowed += 1
        logger.info("member.closed_slow", member=outbox.id)
        _cut_off(self._open[outbox])


def _cut_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
