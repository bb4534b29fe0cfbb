"""One stream of server-sent events, on a transport taken over from the HTTP server: no task, no request behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from operator import attrgetter

from aiohttp import web

from hub.domain.roles import Principal
from hub.gateways.event_source import retry_line
from hub.gateways.peer import ADDRESS, PRINCIPAL
from hub.gateways.streams import Streams, new_member_id
from hub.relay.frames import Frame, http_chunk
from hub.socketio.aiohttp_internals import take_over
from hub.socketio.buffered_member import BufferedMember
from hub.socketio.close_reason import CloseReason
from hub.socketio.heartbeats import Heartbeats
from hub.socketio.send_buffer import SendBuffer

# A comment without an empty line: some readers take an empty line for an event without data.
_STILL_HERE = b": still here\n"
_MAX_STALLED_PINGS = 2  # in a row in which the reader took less than it was sent
_LAST_CHUNK = b"0\r\n\r\n"
_EVENT: Callable[[Frame], bytes] = attrgetter("sse")
_EVENT_CHUNK: Callable[[Frame], bytes] = attrgetter("sse_chunk")


class EventStream(BufferedMember, asyncio.Protocol):
    """A member of one room that reads its events over HTTP.

    Args:
        request: The request that it answers; not kept.
        on_closed: Called once, when it is closed.

    Attributes:
        id: Its id as a member of rooms.
        address: The client's address, as it is counted.
        principal: As it was when the stream began.
        closed: It is over.
    """

    __slots__ = (
        "_heartbeats",
        "_is_chunked",
        "_on_closed",
        "_stalled_pings",
        "_streams",
        "_transport",
        "_unsent_at_ping",
        "address",
        "buffer",
        "closed",
        "id",
        "principal",
    )

    def __init__(
        self, streams: Streams, heartbeats: Heartbeats, request: web.Request, on_closed: Callable[[EventStream], None]
    ) -> None:
        self.id = new_member_id("sse")
        self.address = request[ADDRESS]
        self.principal: Principal = request[PRINCIPAL]
        self.closed = False
        self.buffer = SendBuffer(streams.unsent_bytes, _EVENT_CHUNK, self)
        self._streams = streams
        self._heartbeats = heartbeats
        self._on_closed = on_closed
        self._transport: asyncio.Transport | None = None
        self._is_chunked = True
        self._unsent_at_ping = 0
        self._stalled_pings = 0

    async def begin(self, request: web.Request, response: web.StreamResponse) -> None:
        """Send the response's headers, and take the transport over from the HTTP server.

        Raises:
            ConnectionError: The reader is gone.
        """
        response.force_close()
        await response.prepare(request)
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the reader has disconnected")
        take_over(request)
        transport.set_protocol(self)
        if not transport.is_reading():
            transport.resume_reading()
        self.use(transport, is_chunked=response.headers.get("Transfer-Encoding") == "chunked")

    def use(self, transport: asyncio.Transport, *, is_chunked: bool) -> None:
        """Send everything to this transport.

        Args:
            is_chunked: Send chunks, as a response of HTTP/1.1 has them; HTTP/1.0 has none.
        """
        self._transport, self._is_chunked = transport, is_chunked
        self._streams.open.transport_opened(transport)
        self.buffer.attach(transport, direct=True, encode=_EVENT_CHUNK if is_chunked else _EVENT)
        self._heartbeats.schedule(self)

    def send(self, text: bytes) -> None:
        """Send lines that are no event of a room."""
        self.buffer.send(http_chunk(text) if self._is_chunked else text)

    # Lifetime

    def ping(self) -> None:
        """Send a comment as a sign of life, or end the stream if its reader does not read.

        A reader does not answer: the kernel's keepalive finds those that are gone.
        """
        unsent_bytes = self.buffer.unsent_bytes
        self._stalled_pings = self._stalled_pings + 1 if 0 < self._unsent_at_ping <= unsent_bytes else 0
        self._unsent_at_ping = unsent_bytes
        if self._stalled_pings >= _MAX_STALLED_PINGS:
            self.close(CloseReason.UNSENT)
            return
        self.send(_STILL_HERE)
        if not self.closed:
            self._heartbeats.schedule(self)

    def pong_missing(self) -> None:
        """Do nothing: a reader of an event stream answers no ping."""

    def overflowed(self) -> None:
        """Close the connection: its client does not read what it is sent."""
        self.close(CloseReason.UNSENT)

    def write_failed(self) -> None:
        """Close the connection: its transport is gone."""
        self.close(CloseReason.CLIENT)

    def close(self, reason: CloseReason) -> None:
        """End the stream: the reader is told when to come back, unless it is gone or does not read."""
        if self.closed:
            return
        self.closed = True
        self._heartbeats.forget(self)
        if self._transport is not None:
            if reason is CloseReason.UNSENT:
                self._transport.abort()  # an orderly end would wait behind bytes that the reader does not read
            else:
                self._end(self._transport)
        self.buffer.close()
        self._streams.closed(self, reason)
        self._on_closed(self)

    def _end(self, transport: asyncio.Transport) -> None:
        """Send what is left to say behind what is unsent, and close the connection after it."""
        if not transport.is_closing():
            line = retry_line()  # readers reconnect to other hubs, spread over time
            transport.write(http_chunk(line) + _LAST_CHUNK if self._is_chunked else line)
            transport.close()

    # asyncio.Protocol

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the stream: its reader is gone."""
        if self._transport is not None:
            self._streams.open.transport_lost(self._transport)
        self.close(CloseReason.CLIENT)

    def pause_writing(self) -> None:
        """Count every message from now on: the transport has much unsent."""
        self.buffer.pause()

    def resume_writing(self) -> None:
        """Note that the transport has sent most of what it had."""
        self.buffer.resume()
