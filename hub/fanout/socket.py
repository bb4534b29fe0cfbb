"""One Engine.IO connection: long polling, a WebSocket, or the one on its way to the other; bounded either way."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from enum import StrEnum
from typing import Any, NoReturn, Protocol

from aiohttp import WSMsgType, web
from aiohttp.abc import AbstractStreamWriter

from hub.fanout.frames import Frame, text_frame
from hub.fanout.latest import Latest, slow_bytes

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"
BINARY = "b"
SEPARATOR = "\x1e"
_TURN_PACKETS = 32  # from one connection, before others have their turn: what has arrived is read without a pause
_BODY_S = 10.0  # for a POST's body, and for an upgrade
_ANSWERS_S = 10.0  # for large answers to get away before the next command
GOODBYE_S = 2.0  # for the other end to answer a close


class Closed(StrEnum):
    """Why a connection ended; the metric's label."""

    CLIENT = "client"  # it said so, or went away
    NO_CONNECT = "no_connect"  # it never asked to be let in
    NO_PONG = "no_pong"  # it fell silent
    UNSENT = "unsent"  # it does not read what it is sent
    MALFORMED = "malformed"  # it does not speak the protocol
    ATTACHMENT = "attachment"  # it sent binary data, or too much of it
    TOO_LARGE = "too_large"  # a message past the limit
    SHUTDOWN = "shutdown"  # we are going away; it finds another process
    SERVER = "server"  # the application asked for it
    REPLACED = "replaced"  # its client has come back on another connection
    UNAVAILABLE = "unavailable"  # it could not be let in just now; it may try again


CODES = {
    Closed.CLIENT: 1000,
    Closed.SERVER: 1000,
    Closed.SHUTDOWN: 1012,
    Closed.REPLACED: 1000,
    Closed.UNAVAILABLE: 1013,
    Closed.TOO_LARGE: 1009,
    Closed.MALFORMED: 1002,
}


# How aiohttp closes a WebSocket whose client breaks the rules of WebSockets.
_REASONS = {1009: Closed.TOO_LARGE, 1002: Closed.MALFORMED, 1007: Closed.MALFORMED}


# Polls end with a CLOSE for these alone. For python-socketio's client it is final; where the next poll finds no
# session, that client comes back like every other.
_FAULTS = frozenset({Closed.MALFORMED, Closed.ATTACHMENT, Closed.TOO_LARGE})


class ProtocolError(Exception):
    """What the other end sent is refused, and the connection closed."""


class Rules(Protocol):
    """What a socket has to know of its server."""

    message_bytes: int
    unsent_bytes: int
    ping_interval: float
    ping_timeout: float

    def ended(self, socket: Socket, reason: Closed) -> None: ...

    async def received(self, socket: Socket, data: str | bytes) -> None: ...


class Socket:
    """Stands where python-engineio has its AsyncSocket, without its task a ping, a read and a write.

    What is sent goes to the WebSocket's transport at once, or waits for the next poll. Either is counted in
    bytes of UTF-8; once more than `unsent_bytes` are unsent, besides the largest message among them, the
    connection is closed: its client comes back and resumes from its cursor. Volatile events are never the reason:
    while it is slow, the newest about each subject waits. Its commands wait, too, while large answers are unsent.

    Attributes:
        connected, upgraded, closed, closing: As the engineio server reads them.
        probing: A WebSocket has come and may take over from the polls.
        upgrading: It works, and the polls are being ended.
        address: Where it is from.
        request: The request it opened with.
        connects: How often it has asked to be let in.
    """

    def __init__(self, rules: Rules, sid: str, address: str, request: web.Request) -> None:
        self.sid = sid
        self.address = address
        self.request = request
        self.connected = False
        self.upgraded = False
        self.probing = False
        self.upgrading = False
        self.closing = False
        self.closed = False
        self.reason: Closed | None = None
        self.connects = 0
        self._rules = rules
        self._transport: asyncio.WriteTransport | None = None
        self._writer: AbstractStreamWriter | None = None
        self._probed: asyncio.WriteTransport | None = None
        self._waiting: deque[str] = deque()
        self._waiting_bytes = 0
        self._largest = 0  # bytes of the largest message since nothing was unsent
        self._slow_bytes = slow_bytes(rules.unsent_bytes)
        self._latest = Latest(self)
        self._emptied: asyncio.Future[None] | None = None  # by a poll, or by the end
        self._poll: asyncio.Future[None] | None = None
        self._posting = asyncio.Lock()
        self._taken = 0
        self._heart: asyncio.TimerHandle | None = None
        self._door: asyncio.TimerHandle | None = None

    # Sending

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the WebSocket's transport has not sent yet, or that wait for the next poll."""
        if self._transport is not None:
            return self._transport.get_write_buffer_size()
        return self._waiting_bytes

    @property
    def is_slow(self) -> bool:
        """Whether volatile events had better wait."""
        return self.unsent_bytes > self._slow_bytes

    def deliver(self, frame: Frame) -> None:
        """Send an event, a volatile one when there is room for it; never waits, never raises."""
        if frame.offset and not self._latest:
            self.write(frame)  # as nearly always
        else:
            self._latest.pass_on(frame)

    def forget(self, room: str) -> None:
        """Its volatile events that wait are worth nothing any more."""
        self._latest.forget(room)

    def write(self, frame: Frame) -> None:
        """Send an event now."""
        if self._transport is not None:
            self._write(frame.engineio_frame)
        else:
            self._put(frame.engineio)

    def send_text(self, packet: str) -> None:
        """Send an Engine.IO packet."""
        if self._transport is not None:
            self._write(text_frame(packet))
        else:
            self._put(packet)

    def _write(self, data: bytes) -> None:
        # As aiohttp's own writer does when nothing is compressed, less a header and a copy for each receiver.
        transport = self._transport
        assert transport is not None
        if not self._has_room(transport.get_write_buffer_size(), len(data)):
            self.shut(Closed.UNSENT)
            return
        try:
            transport.write(data)
        except RuntimeError:
            # uvloop says so when the connection is gone and its reader has not yet been told.
            self.shut(Closed.CLIENT)

    def _put(self, packet: str) -> None:
        if self.closed:
            return
        size = len(packet) if packet.isascii() else len(packet.encode())
        if not self._has_room(self._waiting_bytes, size):
            self.shut(Closed.UNSENT)
            return
        self._waiting.append(packet)
        self._waiting_bytes += size
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    def _has_room(self, unsent: int, size: int) -> bool:
        """Whether this many bytes may join those that are unsent.

        One message alone may be larger than the limit, and nobody's fault: a full board is. A second one is not.
        """
        if not unsent or size > self._largest:
            self._largest = size
        limit = self._rules.unsent_bytes
        return not limit or unsent + size - self._largest <= limit

    # Living

    def await_connect(self, within_s: float) -> None:
        """Close it unless `let_in` is called in time."""
        self.let_in()
        if within_s:
            self._door = asyncio.get_running_loop().call_later(within_s, self.shut, Closed.NO_CONNECT)

    def let_in(self) -> None:
        if self._door is not None:
            self._door.cancel()
            self._door = None

    def schedule_ping(self) -> None:
        """The next ping, an interval from now."""
        self._heart = asyncio.get_running_loop().call_later(self._rules.ping_interval, self._ping)

    def _ping(self) -> None:
        loop = asyncio.get_running_loop()
        self._heart = loop.call_later(self._rules.ping_timeout, self.shut, Closed.NO_PONG)
        self.send_text(PING)

    def _ponged(self) -> None:
        if self._heart is not None:
            self._heart.cancel()
        self.schedule_ping()

    def shut(self, reason: Closed) -> None:
        """End the connection; whoever reads it notices, and what it held is free."""
        if self.closed:
            return
        self.closed = self.closing = True
        self.reason = reason
        for timer in (self._heart, self._door):
            if timer is not None:
                timer.cancel()
        self._latest.clear()
        self._waiting.clear()
        self._empty()
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)
        self._hang_up(reason)
        self._rules.ended(self, reason)

    def _hang_up(self, reason: Closed) -> None:
        transport, self._transport, self._probed = self._transport or self._probed, None, None
        if transport is None or transport.is_closing():
            return
        if reason is Closed.UNSENT:
            transport.abort()  # a farewell would only queue up behind what it does not read
            return
        farewell = CODES.get(reason, 1008).to_bytes(2, "big") + reason.encode()
        transport.write(bytes((0x88, len(farewell))) + farewell)
        asyncio.get_running_loop().call_later(GOODBYE_S, transport.abort)

    # What python-engineio's server calls

    async def send(self, packet: Any) -> None:
        self.send_text(packet.encode(b64=True))

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        self.shut(Closed.SERVER)

    # Long polling

    async def poll(self) -> str:
        """What there is to send, at the latest when the next ping is due.

        Raises:
            ProtocolError: There is a poll already; the connection is closed.
        """
        if not (self._waiting or self.closed or self.upgrading):
            if self._poll is not None:
                self.refuse(Closed.MALFORMED)
            self._poll = asyncio.get_running_loop().create_future()
            try:
                await self._poll
            finally:
                self._poll = None
        if self.closed:
            return CLOSE if self.reason in _FAULTS else NOOP
        if self.upgrading or self.upgraded:
            return NOOP  # what waits goes over the WebSocket
        payload = SEPARATOR.join(self._waiting) or NOOP
        self._waiting.clear()
        self._empty()
        self._latest.release()
        return payload

    def _empty(self) -> None:
        """Nothing waits for a poll any more."""
        self._waiting_bytes = 0
        if self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    async def post(self, request: web.Request) -> None:
        """Take the packets of one POST, in order.

        Raises:
            ProtocolError: Not a payload, or too many bytes of one; the connection is closed.
        """
        if self._posting.locked():
            self.refuse(Closed.MALFORMED)
        async with self._posting:
            body = await self._read_body(request)
            for packet in body.split(SEPARATOR):
                await self.receive(packet)
                if self.closed:
                    break
        if self.closed and self.reason is not Closed.CLIENT:
            raise ProtocolError(str(self.reason))

    async def _read_body(self, request: web.Request) -> str:
        body, limit = bytearray(), self._rules.message_bytes
        try:
            async with asyncio.timeout(_BODY_S):
                while chunk := await request.content.readany():
                    body += chunk
                    if limit and len(body) > limit:
                        self.refuse(Closed.TOO_LARGE)
            text = body.decode()
        except (TimeoutError, UnicodeDecodeError, web.RequestPayloadError):
            self.refuse(Closed.MALFORMED)
        except ConnectionError:
            self.refuse(Closed.CLIENT)
        return text

    def refuse(self, reason: Closed) -> NoReturn:
        self.shut(reason)
        raise ProtocolError(str(reason))

    # WebSocket

    async def serve_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Read the WebSocket until it ends."""
        too_large = self._rules.message_bytes and self._rules.message_bytes + 1  # aiohttp's limit is the first refused
        ws = web.WebSocketResponse(max_msg_size=too_large, compress=False, timeout=GOODBYE_S)
        await ws.prepare(request)
        moved = not self.connected or await self._upgrade(ws, request)
        if self.closed or not moved:
            await ws.close()
            return ws
        self.connected = self.upgraded = True
        self._move_to(request)
        async with self._posting:  # what was posted before the move comes first
            pass
        with suppress(ConnectionError):  # gone before aiohttp has answered a ping of its
            await self._read(ws)
        self.shut(Closed.CLIENT)
        return ws

    async def _upgrade(self, ws: web.WebSocketResponse, request: web.Request) -> bool:
        """The handshake of a client that began with polling; whether it has moved over.

        Until the WebSocket has carried a probe, polls go on as before: a proxy may let the handshake through and
        nothing after it. Then the poll under way is ended with a NOOP; what is sent meanwhile waits, and goes over
        the WebSocket.
        """
        if self.probing or self.upgraded or self.closed:
            return False
        self.probing, self._probed = True, request.transport
        try:
            async with asyncio.timeout(_BODY_S):
                if await ws.receive_str() != PING + "probe":
                    return False
                self.upgrading = True
                await ws.send_str(PONG + "probe")
                if self._poll is not None and not self._poll.done():
                    self._poll.set_result(None)
                return await ws.receive_str() == UPGRADE and not self.closed
        except (TimeoutError, TypeError, ConnectionError):
            return False
        finally:
            self.probing = self.upgrading = False
            self._probed = None

    def _move_to(self, request: web.Request) -> None:
        """From here on everything goes to the WebSocket's transport, first what has been waiting."""
        transport = request.transport
        if self.closed or transport is None:
            return
        self._transport = transport
        self._writer = request.writer
        waiting, self._waiting = self._waiting, deque()
        self._empty()
        if waiting:
            transport.write(b"".join(map(text_frame, waiting)))

    async def _read(self, ws: web.WebSocketResponse) -> None:
        async for message in ws:
            if message.type is WSMsgType.ERROR:
                self.shut(_REASONS.get(getattr(message.data, "code", 0), Closed.CLIENT))
            elif self.closed:
                continue  # until the other end has closed as well
            elif message.type is WSMsgType.TEXT:
                await self.receive(message.data)
            elif message.type is WSMsgType.BINARY:
                await self._rules.received(self, message.data)

    # Receiving

    async def receive(self, packet: str) -> None:
        """Take one Engine.IO packet."""
        self._taken += 1
        if self._taken % _TURN_PACKETS == 0:
            await asyncio.sleep(0)
        if self.closed:
            return
        kind, data = packet[:1], packet[1:]
        if kind == MESSAGE:
            await self._answers_away()
            if not self.closed:
                await self._rules.received(self, data)
        elif kind == PONG:
            self._ponged()
        elif kind == BINARY:
            await self._rules.received(self, b"")  # base64 in a poll: only that it is binary matters
        elif kind == CLOSE:
            self.shut(Closed.CLIENT)
        else:
            self.shut(Closed.MALFORMED)

    async def _answers_away(self) -> None:
        """Wait while much is unsent: a room larger than all that may be unsent is an answer, and one fits."""
        limit = self._rules.unsent_bytes
        if not limit or self.unsent_bytes <= limit // 2:
            return
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_ANSWERS_S):
                if self._writer is not None:
                    await self._writer.drain()
                else:
                    self._emptied = asyncio.get_running_loop().create_future()
                    await self._emptied
