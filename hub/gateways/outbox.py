"""Members whose doors write for themselves: frames wait here, bounded in bytes, until the door has sent them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog
from aiohttp import web

from hub.domain.errors import RateLimited, Unavailable
from hub.domain.roles import Principal
from hub.fanout import link
from hub.fanout.farewell import one_by_one
from hub.fanout.frames import Batch, Frame
from hub.fanout.latest import Latest, slow_bytes
from hub.fanout.origins import Connections
from hub.gateways.peer import ADDRESS, PRINCIPAL

logger = structlog.get_logger(__name__)

_GOODBYE_S = 2.0  # for readers to be told that we are going away, after the answer to a command under way
_ANSWERS_S = 10.0  # for large answers to get away before the next command
_PIECE_BYTES = 65_536
_PIECE_S = 30.0  # for a reader to take one


class Outbox:
    """One reader's unsent bytes. Past the limit it closes: the reader comes back and resumes from its cursor.

    Volatile events are never the reason: while the reader is slow, the newest about each subject waits.

    Args:
        give_up: Told once when it passes the limit.

    Attributes:
        state: Whatever its door keeps of it.
    """

    def __init__(
        self, member_id: str, encode: Callable[[Frame], bytes], limit_bytes: int, give_up: Callable[[], None]
    ) -> None:
        self.id = member_id
        self.closed = False
        self.state: Any = None
        self._encode = encode
        self._limit_bytes = limit_bytes
        self._give_up = give_up
        self._slow_bytes = slow_bytes(limit_bytes)
        self._latest = Latest(self)
        self._waiting: list[bytes] = []
        self._bytes = 0  # that wait
        self._writing = 0  # taken, and not all written
        self._largest = 0  # bytes of the largest message since nothing was unsent
        self._answering = False
        self._parting = False
        self._something = asyncio.Event()
        self._away = asyncio.Event()
        self._away.set()

    @property
    def unsent_bytes(self) -> int:
        """Bytes that wait to be written, or are being written."""
        return self._bytes + self._writing

    @property
    def is_slow(self) -> bool:
        """Whether volatile events had better wait."""
        return self.unsent_bytes > self._slow_bytes

    def deliver(self, frame: Frame) -> None:
        """Take one frame, a volatile one when there is room for it; never waits."""
        self._latest.pass_on(frame)

    def deliver_all(self, batch: Batch) -> None:
        for frame in batch.frames:
            self.deliver(frame)

    def forget(self, room: str) -> None:
        """Its volatile events that wait are worth nothing any more."""
        self._latest.forget(room)

    def write(self, frame: Frame) -> None:
        """Take one frame now."""
        data = self._encode(frame)
        if data:  # a door may have no word for it
            self.put(data)

    def put(self, data: bytes) -> None:
        """Take bytes that are no frame, in order with those that are."""
        if self.closed:
            return
        if not self.unsent_bytes or len(data) > self._largest:
            self._largest = len(data)
        self._waiting.append(data)
        self._bytes += len(data)
        self._something.set()
        if self._limit_bytes and self.unsent_bytes > self._limit_bytes // 2:
            self._away.clear()
        # One message alone may be larger than the limit, and nobody's fault: a full board is.
        if self._limit_bytes and self.unsent_bytes - self._largest > self._limit_bytes:
            self.close()
            self._give_up()

    def close(self) -> None:
        """Nothing more goes out; whoever writes it is told."""
        self.closed = True
        self._waiting.clear()
        self._bytes = self._writing = 0
        self._latest.clear()
        self._something.set()
        self._away.set()

    def part(self) -> None:
        """Nothing more comes in; what waits goes out first, and the answer to a command under way."""
        if self._answering:
            self._parting = True
            return
        self.closed = True
        self._latest.clear()
        self._something.set()
        self._away.set()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """A command is under way: its answer goes out before the reader is sent away."""
        self._answering = True
        try:
            yield
        finally:
            self._answering = False
            if self._parting:
                self.part()

    async def answers_away(self) -> None:
        """Wait while much is unsent: a room larger than all that may be unsent is an answer, and one fits."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWERS_S):
                await self._away.wait()

    async def take(self, within_s: float) -> list[bytes] | None:
        """Everything that waits, oldest first; an empty list after `within_s` of silence; None once closed.

        What was taken before has been written.
        """
        self._writing = 0
        self._latest.release()
        if not self._limit_bytes or self._bytes <= self._limit_bytes // 2:
            self._away.set()
        try:
            async with asyncio.timeout(within_s):
                await self._something.wait()
        except TimeoutError:
            return []
        if self.closed and not self._waiting:
            return None
        taken, self._waiting = self._waiting, []
        self._bytes, self._writing = 0, self._bytes
        if not self.closed:
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
        link.bound(request.transport)
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

    async def close_all(self, over_s: float = 0) -> None:
        """Take no new ones, and let those there are end; who does not even take its end is cut off.

        Args:
            over_s: The endings may be spread over so long.
        """
        self._leaving = True
        async for outbox in one_by_one(tuple(self._open), over_s):
            outbox.part()
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


async def write_out(response: web.StreamResponse, data: bytes) -> None:
    """Write to a reader of a stream, however much it is.

    Raises:
        ConnectionError: The reader is gone, or takes nothing.
    """
    for start in range(0, len(data), _PIECE_BYTES):
        try:
            async with asyncio.timeout(_PIECE_S):
                await response.write(data[start : start + _PIECE_BYTES])
        except TimeoutError as exc:
            raise ConnectionAbortedError("it takes nothing") from exc


def _cut_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
