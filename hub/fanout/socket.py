"""One Engine.IO connection: long polling, a WebSocket, or the one on its way to the other; bounded either way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Protocol

import structlog

from hub.fanout.closed import Closed
from hub.fanout.frames import Batch, Frame, text_frame
from hub.fanout.latest import Latest, slow_bytes
from hub.fanout.pings import Pings
from hub.fanout.polling import CLOSE, Polling
from hub.fanout.seats import Line
from hub.fanout.websocket import WebSocket

logger = structlog.get_logger(__name__)

OPEN, PING, PONG, MESSAGE, UPGRADE = "0", "2", "3", "4", "5"
BINARY = "b"
_TURN_PACKETS = 32  # from one connection, before others have their turn: what has arrived is read without a pause
_UPGRADE_S = 10.0
_ANSWERS_S = 10.0  # for large answers to get away before the next command
_MOST_INBOX = 64  # packets that have arrived and wait for their turn, before no more are read


class Rules(Protocol):
    """What a socket has to know of its server."""

    message_bytes: int
    unsent_bytes: int
    pings: Pings

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...

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
        polling: Where packets wait for polls; none for a connection that began as a WebSocket.
        address: Where it is from.
        connects: How often it has asked to be let in.
        line: Where events may be written straight away.
    """

    __slots__ = (
        "_door",
        "_emptied",
        "_inbox",
        "_largest",
        "_latest",
        "_rules",
        "_taken",
        "_transport",
        "_upgrade",
        "_websocket",
        "address",
        "closed",
        "closing",
        "connected",
        "connects",
        "line",
        "polling",
        "reason",
        "sid",
        "upgraded",
    )

    def __init__(self, rules: Rules, sid: str, address: str) -> None:
        self.sid = sid
        self.address = address
        self.connected = False
        self.upgraded = False
        self.closing = False
        self.closed = False
        self.reason: Closed | None = None
        self.connects = 0
        self.polling: Polling | None = None
        self.line = Line()
        self._rules = rules
        self._transport: asyncio.Transport | None = None
        self._websocket: WebSocket | None = None
        self._upgrade: Upgrade | None = None
        self._inbox: deque[str | bytes | int | None] | None = None  # while a task deals with it
        self._largest = 0  # bytes of the largest message that is unsent, if it is a large one
        self._latest: Latest | None = None  # while it is slow
        self._emptied: asyncio.Future[None] | None = None  # by a poll, by the transport, or by the end
        self._taken = 0
        self._door: asyncio.TimerHandle | None = None

    # Sending

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the WebSocket's transport has not sent yet, or that wait for the next poll."""
        if self._transport is not None:
            return self._transport.get_write_buffer_size()
        return self.polling.unsent_bytes if self.polling is not None else 0

    @property
    def is_slow(self) -> bool:
        """Whether volatile events had better wait."""
        return self.unsent_bytes > slow_bytes(self._rules.unsent_bytes)

    def deliver(self, frame: Frame) -> None:
        """Send an event, a volatile one when there is room for it; never waits, never raises."""
        if self._latest is None and (frame.offset or not self.is_slow):
            self.write(frame)
            return
        if self._latest is None:
            self._latest = Latest(self)
        self._latest.pass_on(frame)
        self._look_at_line()

    def deliver_all(self, batch: Batch) -> None:
        """Send several events, by WebSocket in one piece."""
        if self._latest is None and self._transport is not None:
            self._write(batch.engineio_frames)
        else:
            for frame in batch.frames:
                self.deliver(frame)

    def _look_at_line(self) -> None:
        """Whether events may be written straight away: nothing waits for room, and there is enough of it."""
        if self._latest is not None and not self._latest:
            self._latest = None
        transport = self._transport
        is_full = self._websocket is not None and self._websocket.is_full
        self.line.write = transport.write if transport is not None and self._latest is None and not is_full else None

    def forget(self, room: str) -> None:
        """Its volatile events that wait are worth nothing any more."""
        if self._latest is not None:
            self._latest.forget(room)

    def write(self, frame: Frame) -> None:
        """Send an event now."""
        if self._transport is not None:
            self._write(frame.engineio_frame)
        else:
            self._put(frame.engineio)

    def send_text(self, *packets: str) -> None:
        """Send Engine.IO packets; by WebSocket in one system call, which is 15 µs each."""
        if self._transport is not None:
            self._write(b"".join(map(text_frame, packets)))
        else:
            for packet in packets:
                self._put(packet)

    def _write(self, data: bytes) -> None:
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
        if self.closed or self.polling is None:
            return
        size = len(packet) if packet.isascii() else len(packet.encode())
        if not self._has_room(self.polling.unsent_bytes, size):
            self.shut(Closed.UNSENT)
        else:
            self.polling.put(packet, size)

    def _has_room(self, unsent: int, size: int) -> bool:
        """Whether this many bytes may join those that are unsent.

        One message alone may be larger than the limit, and nobody's fault: a full board is. A second one is not.
        """
        limit = self._rules.unsent_bytes
        if size > limit // 2 and size > self._largest:
            self._largest = size
        return not limit or unsent + size - self._largest <= limit

    def is_full(self) -> None:
        """Half of what may be unsent is: from here on every message is counted."""
        self._look_at_line()

    def has_room(self) -> None:
        """What was unsent is on its way."""
        self._largest = 0
        if self._latest is not None:
            self._latest.release()
        if not self.closed:
            self._look_at_line()
        if self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

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

    def ping(self) -> None:
        self.send_text(PING)

    def unanswered(self) -> None:
        """The ping has not been, in time."""
        self.shut(Closed.NO_PONG)

    def shut(self, reason: Closed, code: int | None = None) -> None:
        """End the connection, a WebSocket with `code`; whoever reads it notices, and what it held is free."""
        if self.closed:
            return
        self.closed = self.closing = True
        self.reason = reason
        self.line.write = None
        self._rules.pings.forget(self)
        self.let_in()
        if self._latest is not None:
            self._latest.clear()
        if self.polling is not None:
            self.polling.take()
            self.polling.end_poll()
        self.has_room()
        self._hang_up(reason, code or reason.code)
        self._rules.ended(self, reason)

    def _hang_up(self, reason: Closed, code: int) -> None:
        if self._upgrade is not None:
            self._upgrade.end(code, reason.encode())
        websocket, self._transport = self._websocket, None
        if websocket is None:
            return
        if reason is Closed.UNSENT:
            websocket.abort()  # a farewell would only queue up behind what it does not read
        else:
            websocket.close(code, reason.encode())

    # What python-engineio's server calls

    async def send(self, packet: Any) -> None:
        self.send_text(packet.encode(b64=True))

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        self.shut(Closed.SERVER)

    # From polling to a WebSocket

    @property
    def probing(self) -> bool:
        return self._upgrade is not None

    @property
    def upgrading(self) -> bool:
        return self._upgrade is not None and self._upgrade.works

    def probe(self, websocket: WebSocket) -> None:
        """A WebSocket that may take over."""
        self._upgrade = Upgrade(self, websocket)
        websocket.owned_by(self._upgrade)

    def stay(self, upgrade: Upgrade) -> None:
        """It does not: polls go on, unless another one has come meanwhile."""
        if self._upgrade is upgrade:
            self._upgrade = None

    def move_to(self, websocket: WebSocket) -> None:
        """From here on everything goes to the WebSocket's transport, first what has been waiting."""
        self._upgrade = None
        self.connected = self.upgraded = True
        self._websocket = websocket
        self._transport = websocket.transport
        websocket.owned_by(self)
        websocket.bound(self._rules.unsent_bytes // 2)
        self._look_at_line()
        waiting = self.polling.take() if self.polling is not None else ()
        if waiting:
            self._transport.write(b"".join(map(text_frame, waiting)))

    # Receiving: from the WebSocket

    def arrived(self, text: str) -> None:
        if self.closed:
            return
        if text == PONG:
            self._rules.pings.rest(self)
        else:
            self._enqueue(text)

    def arrived_binary(self, data: bytes) -> None:
        self._enqueue(data)

    def broke_rules(self, code: int) -> None:
        self._enqueue(code)

    def gone(self) -> None:
        self.has_room()
        self._enqueue(None)

    def _enqueue(self, item: str | bytes | int | None) -> None:
        """In its order: what came before may still be under way."""
        if self.closed:
            return
        if self._inbox is None:
            if item is None and self.polling is None:
                return self.shut(Closed.CLIENT)  # nothing came before: thousands that go at once need no task each
            self._inbox = deque((item,))
            self._rules.spawn(self._work(self._inbox))
            return
        self._inbox.append(item)
        if len(self._inbox) == _MOST_INBOX and self._websocket is not None:
            self._websocket.hold()

    async def _work(self, inbox: deque[str | bytes | int | None]) -> None:
        """Deal with what has arrived, until there is no more."""
        try:
            if self.polling is not None:
                async with self.polling.posting:  # what was posted before the move comes first
                    self.polling = None
            while inbox and not self.closed:
                await self._deal_with(inbox.popleft())
                if len(inbox) == _MOST_INBOX // 2 and self._websocket is not None:
                    self._websocket.go_on()
        except Exception:  # the task's root
            logger.exception("socket.failed", sid=self.sid)
            self.shut(Closed.SERVER)
        finally:
            self._inbox = None

    async def _deal_with(self, item: str | bytes | int | None) -> None:
        if isinstance(item, str):
            await self.receive(item)
        elif isinstance(item, bytes):
            await self._rules.received(self, item)
        elif item is None:
            self.shut(Closed.CLIENT)
        else:
            self.shut(Closed.of_rule(item), item)

    # Receiving: either way

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
            self._rules.pings.rest(self)
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
        if self._websocket is not None and not self._websocket.is_full:
            return
        self._emptied = asyncio.get_running_loop().create_future()
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWERS_S):
                await self._emptied


class Upgrade:
    """The handshake of a client that began with polling.

    Until the WebSocket has carried a probe, polls go on as before: a proxy may let the handshake through and
    nothing after it. Then the poll under way is ended with a NOOP; what is sent meanwhile waits, and goes over
    the WebSocket.

    Attributes:
        works: It has carried a probe.
    """

    def __init__(self, socket: Socket, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.works = False
        self._socket = socket
        self._deadline = asyncio.get_running_loop().call_later(_UPGRADE_S, self._give_up)

    def arrived(self, text: str) -> None:
        socket = self._socket
        if socket.closed:
            return
        if not self.works and text == PING + "probe":
            self.works = True
            self.websocket.transport.write(text_frame(PONG + "probe"))
            if socket.polling is not None:
                socket.polling.end_poll()
        elif self.works and text == UPGRADE:
            self._deadline.cancel()
            socket.move_to(self.websocket)
        else:
            self._give_up()

    def arrived_binary(self, data: bytes) -> None:
        self._give_up()

    def broke_rules(self, code: int) -> None:
        self._give_up(code)

    def gone(self) -> None:
        self._give_up()

    def is_full(self) -> None: ...

    def has_room(self) -> None: ...

    def end(self, code: int, reason: bytes) -> None:
        """It comes to nothing."""
        self._deadline.cancel()
        self.websocket.close(code, reason)
        self._socket.stay(self)

    def _give_up(self, code: int = 1000) -> None:
        self.end(code, b"")
