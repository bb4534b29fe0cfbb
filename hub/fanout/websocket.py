"""The server's end of a WebSocket, on a transport taken over from the HTTP server: no task, no request behind it."""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha1
from typing import Any, Protocol, cast

from aiohttp import WSMessage, WSMsgType, web
from aiohttp._websocket.reader import WebSocketDataQueue
from aiohttp.http_websocket import WebSocketError, WebSocketReader

from hub.fanout.frame_masks import FrameMasks
from hub.fanout.takeover import take_over

GOODBYE_S = 2.0  # for the other end to answer a close
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_VERSIONS = ("13", "8", "7")
_CLOSE, _PONG = 0x88, 0x8A
_MALFORMED = 1002
# Read before others have their turn, and before its owner may say that this is enough. A read takes up to 256 KB: in
# the smallest messages that is 40,000, and the loop held for 50 ms.
_PIECE_BYTES = 4_096


class Owner(Protocol):
    """Whoever is told what a WebSocket brings. No call waits."""

    def arrived(self, text: str) -> None: ...

    def arrived_binary(self, data: bytes) -> None: ...

    def broke_rules(self, code: int) -> None:
        """The other end does not speak WebSocket as it should; nothing more arrives."""

    def is_full(self) -> None:
        """More is unsent than was said to `bound`."""

    def has_room(self) -> None:
        """It is on its way."""

    def gone(self) -> None:
        """The other end has closed, or the connection is lost. May be told twice."""


class _Nobody:
    """Owns what is only opened to be closed."""

    def arrived(self, text: str) -> None: ...

    def arrived_binary(self, data: bytes) -> None: ...

    def broke_rules(self, code: int) -> None: ...

    def is_full(self) -> None: ...

    def has_room(self) -> None: ...

    def gone(self) -> None: ...


NOBODY: Owner = _Nobody()


class WebSocket(asyncio.Protocol):
    """Frames in, bytes out.

    aiohttp's own WebSocketResponse keeps a request, a parser of HTTP, two tasks and a queue alive for as long as the
    connection lives: some 8 KB of the 20 that a connection took. What reads frames is still aiohttp's.

    Attributes:
        transport: Where frames may be written as they are.
        is_full: More is unsent than was said to `bound`.
        closed: The connection is over.
    """

    __slots__ = (
        "_arrivals",
        "_deaf",
        "_farewell",
        "_held",
        "_loop",
        "_lost",
        "_masks",
        "_owner",
        "_parted",
        "_reader",
        "_rest",
        "closed",
        "is_full",
        "transport",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        owner: Owner,
        arrivals: Arrivals,
        message_bytes: int,
        lost: Callable[[WebSocket], None],
    ) -> None:
        self.transport = transport
        self.is_full = False
        self.closed = False
        self._owner = owner
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._arrivals = arrivals
        # aiohttp's limit is the first size it refuses.
        self._reader = WebSocketReader(arrivals, message_bytes and message_bytes + 1, compress=False, decode_text=True)
        self._masks = FrameMasks()
        self._rest = b""  # has arrived, and is not looked at yet
        self._held = False  # by its owner: nothing is read
        self._deaf = False  # what arrives is thrown away
        self._parted = False  # the other end has said goodbye
        self._farewell: asyncio.TimerHandle | None = None

    def owned_by(self, owner: Owner) -> None:
        self._owner = owner

    def bound(self, unsent_bytes: int) -> None:
        """From how many unsent bytes on it is full; until three quarters of them are sent. 0: as many as one likes."""
        if unsent_bytes:
            self.transport.set_write_buffer_limits(high=unsent_bytes, low=unsent_bytes // 4)

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

    def hold(self) -> None:
        """Read no more for now."""
        self._held = True
        self.transport.pause_reading()

    def go_on(self) -> None:
        """Read again."""
        if self._held:
            self._held = False
            self._read_on_soon()

    def close(self, code: int, reason: bytes) -> None:
        """Say goodbye; the connection ends when the other end has answered, or after `GOODBYE_S`.

        Until then it is read: were it closed with something unread, the other end might never see why.
        """
        if self._farewell is not None or self.closed:
            return
        farewell = code.to_bytes(2, "big") + reason
        self._write(_CLOSE, farewell)
        if self._parted:
            self.transport.close()
        self._farewell = self._loop.call_later(GOODBYE_S, self.transport.abort)
        self.go_on()

    def abort(self) -> None:
        self._deaf = True
        self.transport.abort()

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        if self._rest or self._held:  # it was on its way when reading was paused
            self._rest += data
        elif self._read(data):
            self.transport.pause_reading()
            self._read_on_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._farewell is not None:
            self._farewell.cancel()
        self._lost(self)
        self._owner.gone()

    def pause_writing(self) -> None:
        self.is_full = True
        self._owner.is_full()

    def resume_writing(self) -> None:
        self.is_full = False
        self._owner.has_room()

    def _read_on(self) -> None:
        """One piece more of what has arrived; when there is none left, the transport reads on."""
        if self._held:
            return
        rest, self._rest = self._rest, b""
        if rest and not self._deaf and self._read(rest):
            self._read_on_soon()
        else:
            self._resume()

    def _read_on_soon(self) -> None:
        if not self._held:
            self._loop.call_soon(self._read_on)

    def _resume(self) -> None:
        if not (self._held or self.transport.is_closing()):
            self.transport.resume_reading()

    def _read(self, data: bytes) -> bool:
        """Read a piece; whether there is more."""
        piece = data
        if len(data) > _PIECE_BYTES:
            piece, self._rest = data[:_PIECE_BYTES], data[_PIECE_BYTES:]
        unmasked = self._masks.unmasked(piece)
        if not unmasked:
            self._reader.feed_data(piece)
        messages, code = self._arrivals.taken()
        for message in messages:
            self._take(message)
        if unmasked:
            code = _MALFORMED
        if self._deaf:
            self._rest = b""
        elif code:
            self._deaf, self._rest = True, b""
            self._owner.broke_rules(code)
        return bool(self._rest)

    def _take(self, message: WSMessage) -> None:
        if message.type is WSMsgType.TEXT:
            self._owner.arrived(message.data)
        elif message.type is WSMsgType.BINARY:
            self._owner.arrived_binary(message.data)
        elif message.type is WSMsgType.PING:
            if not self.is_full:  # a client that sends pings and reads nothing gets no answers
                self._write(_PONG, message.data)
        elif message.type is WSMsgType.CLOSE:
            self._parted = self._deaf = True
            if self._farewell is not None:
                self.transport.close()
            else:
                self._owner.gone()

    def _write(self, first: int, payload: bytes) -> None:
        """A control frame: their payload is short."""
        if not self.transport.is_closing():
            self.transport.write(bytes((first, len(payload))) + payload)


def accept(request: web.Request) -> bytes:
    """The answer to a WebSocket's handshake.

    Raises:
        aiohttp.web.HTTPBadRequest: It is none.
    """
    headers = request.headers
    key = headers.get("Sec-WebSocket-Key", "")
    if "upgrade" not in headers.get("Connection", "").lower() or headers.get("Sec-WebSocket-Version") not in _VERSIONS:
        raise web.HTTPBadRequest(text="not a WebSocket handshake")
    try:
        is_key = len(b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        is_key = False
    if not is_key:
        raise web.HTTPBadRequest(text="not a WebSocket key")
    accepted = b64encode(sha1(key.encode() + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accepted
    )


class Arrivals(WebSocketDataQueue):
    """Where aiohttp's readers put what they have read: one for all, since it is emptied whenever one is done."""

    def __init__(self) -> None:
        super().__init__(cast("Any", None), 0, loop=cast("Any", None))
        self._messages: list[WSMessage] = []
        self._code = 0

    def feed_data(self, data: Any, size: int) -> None:
        self._messages.append(data)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        self._code = exc.code if isinstance(exc, WebSocketError) else _MALFORMED

    def taken(self) -> tuple[list[WSMessage], int]:
        """The messages, and by which code of WebSockets the connection ends behind them; 0 if it goes on."""
        taken = self._messages, self._code
        self._messages, self._code = [], 0
        return taken
