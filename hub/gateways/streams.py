"""The open streams of a process: plain WebSockets, event streams and streamed answers, over one registry."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog
from aiohttp import web

from hub.domain.roles import Principal
from hub.gateways.peer import ADDRESS, PRINCIPAL
from hub.relay.frames import Batch, Frame
from hub.socketio import tcp
from hub.socketio.close_reason import CloseReason
from hub.socketio.connection_counter import ConnectionCounter
from hub.socketio.open_connections import OpenConnections
from hub.socketio.send_buffer import SendBuffer
from hub.socketio.send_queue import SendQueue

logger = structlog.get_logger(__name__)

_PIECE_BYTES = 65_536
_PIECE_TIMEOUT_S = 30.0  # for a reader to take one piece


class Stream(Protocol):
    """A connection through any gateway but that of Socket.IO."""

    @property
    def id(self) -> str:
        """The id, unique within the process."""

    @property
    def address(self) -> str:
        """The address of the client, as it is counted."""

    @property
    def principal(self) -> Principal:
        """The principal, as it was when the connection was accepted."""

    def close(self, reason: CloseReason) -> None:
        """Close the stream for this reason."""


class Streams:
    """Keeps the open streams of a process: each is a connection of its address, and they are closed together.

    Args:
        unsent_bytes: What one stream may have unsent, in bytes; 0 for no limit.
        per_address: One count for all gateways.

    Attributes:
        open: The streams; iterate over it to read them.
    """

    def __init__(self, unsent_bytes: int, per_address: ConnectionCounter) -> None:
        self.unsent_bytes = unsent_bytes
        self.open = OpenConnections[Stream](per_address)

    @property
    def overflowed(self) -> int:
        """The number of streams that were closed because their readers were too slow."""
        return self.open.closed[CloseReason.UNSENT]

    def opened(self, stream: Stream) -> None:
        """Keep an admitted stream until `closed`."""
        self.open.add(stream)

    def closed(self, stream: Stream, reason: CloseReason) -> None:
        """Forget a stream that has ended."""
        self.open.remove(stream, reason)
        if reason is not CloseReason.CLIENT:
            logger.info("stream.closed", member=stream.id, reason=str(reason))

    async def close_all(self, over_s: float = 0) -> None:
        """Close every stream and admit no new ones; cut those off that do not take their end.

        Args:
            over_s: Spread the closings over so many seconds.
        """
        await self.open.close_all(over_s)

    @contextmanager
    def queued(self, request: web.Request, encode: Callable[[Frame], bytes]) -> Iterator[QueuedStream]:
        """Open a stream whose bytes the caller takes and writes; it is closed with the context.

        Args:
            encode: Encodes a frame; an empty result is not sent.

        Raises:
            RateLimited: The address has as many connections as it may have.
            Unavailable: The process stops.
        """
        self.open.admit(request[ADDRESS])
        tcp.set_keepalive(request.transport)
        stream = QueuedStream(request, encode, self.unsent_bytes)
        self.opened(stream)
        try:
            yield stream
        finally:
            stream.close(CloseReason.CLIENT)
            self.closed(stream, stream.reason or CloseReason.CLIENT)


def new_member_id(transport: str) -> str:
    """Return an id for a member of the relay, unique in the process."""
    return f"{transport}:{uuid.uuid4().hex}"


class QueuedStream:
    """An HTTP response that its handler writes; frames wait for it in a send buffer.

    Attributes:
        id: Its id as a member of rooms.
        address: The client's address, as it is counted.
        principal: As it was when the stream began.
        closed: It is over; what waits may still be taken.
        reason: Why it is.
    """

    def __init__(self, request: web.Request, encode: Callable[[Frame], bytes], unsent_bytes: int) -> None:
        self.id = new_member_id("answer")
        self.address = request[ADDRESS]
        self.principal = request[PRINCIPAL]
        self.closed = False
        self.reason: CloseReason | None = None
        self._request = request
        self._queue = SendQueue(self)
        self._buffer = SendBuffer(unsent_bytes, encode, self)
        self._buffer.attach(self._queue, direct=False)

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the connection has not sent yet."""
        return self._buffer.unsent_bytes

    def deliver(self, frame: Frame) -> None:
        """Send a frame of a room; never waits, never raises."""
        self._buffer.deliver(frame)

    def deliver_all(self, batch: Batch) -> None:
        """Send several frames in their order."""
        self._buffer.deliver_all(batch)

    def send(self, data: bytes) -> None:
        """Send bytes that are no frame, in order with those that are."""
        self._buffer.send(data)

    async def take(self, within_s: float) -> list[bytes] | None:
        """Return everything that waits, oldest first. It counts as unsent until the next call.

        Returns:
            An empty list after `within_s` seconds of silence; None once the stream is closed and nothing waits.
        """
        return await self._queue.take(within_s)

    def close(self, reason: CloseReason = CloseReason.CLIENT) -> None:
        """End the stream; what waits goes out first if the process stops, and is dropped otherwise."""
        if self.closed:
            return
        self.closed, self.reason = True, reason
        self._buffer.close()
        if reason is CloseReason.SHUTDOWN:
            self._queue.finish()
        else:
            self._queue.abort()
        if reason is CloseReason.UNSENT and self._request.transport is not None:
            # The handler waits on bytes that the reader does not read: an orderly end would wait behind them.
            self._request.transport.abort()

    def disconnected(self) -> None:
        """Note that the reader is gone."""
        self.close(CloseReason.CLIENT)

    def overflowed(self) -> None:
        """Close the connection: its client does not read what it is sent."""
        self.close(CloseReason.UNSENT)

    def write_failed(self) -> None:
        """Close the connection: its transport is gone."""
        self.close(CloseReason.CLIENT)

    def pause_writing(self) -> None:
        """Count every message from now on: the transport has much unsent."""
        self._buffer.pause()

    def resume_writing(self) -> None:
        """Note that the transport has sent most of what it had."""
        self._buffer.resume()


async def write_out(response: web.StreamResponse, data: bytes) -> None:
    """Write to the reader of a response, however much it is.

    Raises:
        ConnectionError: The reader is gone, or takes nothing.
    """
    for start in range(0, len(data), _PIECE_BYTES):
        try:
            async with asyncio.timeout(_PIECE_TIMEOUT_S):
                await response.write(data[start : start + _PIECE_BYTES])
        except TimeoutError as exc:
            raise ConnectionAbortedError("the reader has stopped reading") from exc
