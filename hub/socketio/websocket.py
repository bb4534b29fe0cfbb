"""The server's end of a WebSocket, on a transport taken over from the HTTP server: no task, no request behind it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiohttp import WSMessage, WSMsgType, web

from hub.socketio.aiohttp_internals import PROTOCOL_ERROR, Arrivals, frame_reader, take_over
from hub.socketio.frame_masks import FrameMasks

CLOSE_TIMEOUT_S = 2.0  # for the other end to answer a close
_CLOSE, _PING, _PONG = 0x88, 0x89, 0x8A
# Messages handled in a row, before others have their turn and the handler may pause reading. One read takes up to
# 256 KB: 40,000 of the smallest messages, which would block the event loop for 50 ms.
_PIECE_BYTES = 4_096


class WebSocketHandler(Protocol):
    """Handles what a WebSocket brings. No call waits."""

    def text_received(self, text: str) -> None:
        """Handle a text message."""

    def binary_received(self, data: bytes) -> None:
        """Handle a binary message."""

    def pong_received(self) -> None:
        """Handle the answer to a ping."""

    def protocol_violated(self, code: int) -> None:
        """Close the connection with this code: the client does not speak WebSocket as it should. No more arrives."""

    def pause_writing(self) -> None:
        """Note that the transport has more unsent than its high limit."""

    def resume_writing(self) -> None:
        """Note that the transport has less unsent than its low limit."""

    def disconnected(self) -> None:
        """Note that the other end has closed, or the connection is lost. May be called twice."""


class Registry(Protocol):
    """Keeps the open WebSockets."""

    def transport_lost(self, transport: WebSocket) -> None:
        """Forget a WebSocket: its connection is over."""


class _IgnoringHandler:
    """Handles a WebSocket that is opened only to be closed."""

    def text_received(self, text: str) -> None:
        """Ignore a text message."""

    def binary_received(self, data: bytes) -> None:
        """Ignore a binary message."""

    def pong_received(self) -> None:
        """Ignore a pong."""

    def protocol_violated(self, code: int) -> None:
        """Ignore a protocol error."""

    def pause_writing(self) -> None:
        """Ignore that the transport is full."""

    def resume_writing(self) -> None:
        """Ignore that the transport has room again."""

    def disconnected(self) -> None:
        """Ignore the end of the connection."""


IGNORE: WebSocketHandler = _IgnoringHandler()


class WebSocket(asyncio.Protocol):
    """Frames in, bytes out.

    aiohttp's own WebSocketResponse keeps a request, a parser of HTTP, two tasks and a queue alive for as long as the
    connection lives: some 8 KB of the 20 that a connection took. What reads frames is still aiohttp's.

    Args:
        arrivals: Shared by all WebSockets of a process.
        message_bytes: The largest message, in bytes; 0 for any size.
        registry: Told once, when the connection is over.

    Attributes:
        transport: Frames may be written to it as they are.
        is_full: The transport has more unsent than its high limit.
        closed: The connection is over.
    """

    __slots__ = (
        "_arrivals",
        "_close_timer",
        "_discarding",
        "_handler",
        "_masks",
        "_paused",
        "_peer_closed",
        "_reader",
        "_registry",
        "_unparsed",
        "closed",
        "is_full",
        "transport",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        handler: WebSocketHandler,
        arrivals: Arrivals,
        message_bytes: int,
        registry: Registry,
    ) -> None:
        self.transport = transport
        self.is_full = False
        self.closed = False
        self._handler = handler
        self._registry = registry
        self._arrivals = arrivals
        self._reader = frame_reader(arrivals, message_bytes)
        self._masks = FrameMasks()
        self._unparsed = b""
        self._paused = False  # by its handler
        self._discarding = False  # incoming data is discarded
        self._peer_closed = False  # the other end has sent its close
        self._close_timer: asyncio.TimerHandle | None = None

    def handled_by(self, handler: WebSocketHandler) -> None:
        """Give everything that arrives from now on to another handler."""
        self._handler = handler

    def begin(self, request: web.Request, first: bytes) -> bytes:
        """Take the transport over from the HTTP server, and send the first bytes.

        Returns:
            What a hasty client has sent already. It is for `data_received`, before anything else arrives.
        """
        early = take_over(request)
        self.transport.set_protocol(self)
        self.transport.write(first)
        if not self.transport.is_reading():
            self.transport.resume_reading()
        return early

    def pause_reading(self) -> None:
        """Read no more until `resume_reading`."""
        self._paused = True
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again, if reading was paused."""
        if self._paused:
            self._paused = False
            self._parse_soon()

    def ping(self) -> None:
        """Send a ping; its answer reaches the handler as `pong_received`."""
        self._write_control(_PING, b"")

    def close(self, code: int, reason: bytes) -> None:
        """Send a close; the connection ends when the other end has answered it, or after `CLOSE_TIMEOUT_S`.

        Until then it is read: were it closed with something unread, the other end might never see why.
        """
        if self._close_timer is not None or self.closed:
            return
        self._write_control(_CLOSE, code.to_bytes(2, "big") + reason)
        if self._peer_closed:
            self.transport.close()
        self._close_timer = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_S, self.transport.abort)
        self.resume_reading()

    def abort(self) -> None:
        """Cut the connection; what is unsent is lost."""
        self._discarding = True
        self.transport.abort()

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, a piece at a time."""
        if self._discarding:
            return
        if self._unparsed or self._paused:  # it was on its way when reading was paused
            self._unparsed += data
        elif self._parse(data):
            self.transport.pause_reading()
            self._parse_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the handler that the connection is over."""
        self.closed = True
        if self._close_timer is not None:
            self._close_timer.cancel()
        self._registry.transport_lost(self)
        self._handler.disconnected()

    def pause_writing(self) -> None:
        """Count every message from now on: the transport has much unsent."""
        self.is_full = True
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Note that the transport has sent most of what it had."""
        self.is_full = False
        self._handler.resume_writing()

    def _parse_more(self) -> None:
        """Parse one piece more of what has arrived; when there is none left, let the transport read on."""
        if self._paused:
            return
        unparsed, self._unparsed = self._unparsed, b""
        if unparsed and not self._discarding and self._parse(unparsed):
            self._parse_soon()
        else:
            self._resume_transport()

    def _resume_transport(self) -> None:
        if not (self._paused or self.transport.is_closing()):
            self.transport.resume_reading()

    def _parse_soon(self) -> None:
        if not self._paused:
            asyncio.get_running_loop().call_soon(self._parse_more)

    def _parse(self, data: bytes) -> bool:
        """Parse a piece; return True if there is more."""
        piece = data
        if len(data) > _PIECE_BYTES:
            piece, self._unparsed = data[:_PIECE_BYTES], data[_PIECE_BYTES:]
        is_unmasked = self._masks.unmasked(piece)
        if not is_unmasked:
            self._reader.feed_data(piece)
        messages, code = self._arrivals.take()
        for message in messages:
            self._handle(message)
        if is_unmasked:
            code = PROTOCOL_ERROR
        if self._discarding:
            self._unparsed = b""
        elif code:
            self._discarding, self._unparsed = True, b""
            self._handler.protocol_violated(code)
        return bool(self._unparsed)

    def _handle(self, message: WSMessage) -> None:
        if message.type is WSMsgType.TEXT:
            self._handler.text_received(message.data)
        elif message.type is WSMsgType.BINARY:
            self._handler.binary_received(message.data)
        elif message.type is WSMsgType.PING:
            if not self.is_full:  # a client that sends pings and reads nothing gets no answers
                self._write_control(_PONG, message.data)
        elif message.type is WSMsgType.PONG:
            self._handler.pong_received()
        elif message.type is WSMsgType.CLOSE:
            self._peer_closed = self._discarding = True
            if self._close_timer is not None:
                self.transport.close()
            else:
                self._handler.disconnected()

    def _write_control(self, first: int, payload: bytes) -> None:
        """Write a control frame: its payload is short."""
        if not self.transport.is_closing():
            self.transport.write(bytes((first, len(payload))) + payload)
