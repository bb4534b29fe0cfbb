"""One Engine.IO connection: long polling, a WebSocket, or the one on its way to the other; bounded either way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from operator import attrgetter
from typing import Any, Protocol

from hub.relay.frames import Frame, text_frame
from hub.socketio.close_reason import CloseReason
from hub.socketio.heartbeats import Heartbeats
from hub.socketio.inbox import Inbox, Item
from hub.socketio.limits import ServerLimits
from hub.socketio.packets import BASE64, CLOSE, MESSAGE, PING, PONG
from hub.socketio.polling import Polling
from hub.socketio.send_buffer import SendBuffer
from hub.socketio.upgrade import Upgrade
from hub.socketio.websocket import WebSocket

_TURN_PACKETS = 32  # messages of one connection handled in a row, before others have their turn
_POLL_PACKET: Callable[[Frame], bytes] = attrgetter("engineio_packet")
_WEBSOCKET_FRAME: Callable[[Frame], bytes] = attrgetter("engineio_frame")


class ConnectionHost(Protocol):
    """The server, as its connections see it."""

    @property
    def limits(self) -> ServerLimits:
        """The limits of the server."""

    @property
    def heartbeats(self) -> Heartbeats:
        """The pings of the server."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task that the server owns."""

    def connection_closed(self, connection: Connection, reason: CloseReason) -> None:
        """Let go of a connection that has ended."""

    async def message_received(self, connection: Connection, data: str | bytes) -> None:
        """Handle one message of a connection."""


class Connection:
    """Stands where python-engineio has its AsyncSocket, without its task a ping, a read and a write.

    What is sent goes to the WebSocket's transport at once, or waits for the next poll; `SendBuffer` bounds either. A
    client's commands wait while large answers to earlier ones are unsent.

    Attributes:
        sid: Engine.IO's id of the connection.
        address: The client's address, as it is counted.
        buffer: What is sent goes through it.
        polling: Where packets wait for polls; None for a connection that began as a WebSocket.
        upgraded: It uses a WebSocket.
        reason: Why it is over; None while it is open.
    """

    __slots__ = (
        "_connect_timer",
        "_connects",
        "_host",
        "_inbox",
        "_received",
        "_upgrade",
        "_websocket",
        "address",
        "buffer",
        "polling",
        "reason",
        "sid",
        "upgraded",
    )

    def __init__(self, host: ConnectionHost, sid: str, address: str) -> None:
        self.sid = sid
        self.address = address
        self.upgraded = False
        self.reason: CloseReason | None = None
        self.polling: Polling | None = None
        self.buffer = SendBuffer(host.limits.unsent_bytes, _WEBSOCKET_FRAME, self)
        self._host = host
        self._websocket: WebSocket | None = None
        self._upgrade: Upgrade | None = None
        self._inbox: Inbox | None = None  # while a task handles what has arrived
        self._received = 0
        self._connects = 0
        self._connect_timer: asyncio.TimerHandle | None = None

    @property
    def id(self) -> str:
        """The id, unique within the process."""
        return self.sid

    @property
    def closed(self) -> bool:
        """True once the connection is over."""
        return self.reason is not None

    # Its transport

    def begin_polling(self) -> Polling:
        """Let packets wait for polls."""
        self.polling = Polling(self, self._host.limits.message_bytes)
        self.buffer.attach(self.polling.queue, direct=False, encode=_POLL_PACKET)
        return self.polling

    def move_to(self, websocket: WebSocket) -> None:
        """Send everything to the WebSocket's transport from now on, first what has been waiting for a poll."""
        self._upgrade = None
        self.upgraded = True
        self._websocket = websocket
        websocket.handled_by(self)
        waiting = self.polling.queue.take_all() if self.polling is not None else ()
        self.buffer.attach(websocket.transport, direct=True, encode=_WEBSOCKET_FRAME)
        if waiting:
            websocket.transport.write(b"".join(text_frame(packet.decode()) for packet in waiting))

    def probe(self, websocket: WebSocket) -> None:
        """Begin an upgrade to a WebSocket."""
        self._upgrade = Upgrade(self, websocket)
        websocket.handled_by(self._upgrade)

    @property
    def probing(self) -> bool:
        """True if a WebSocket has come that may take over from the polls."""
        return self._upgrade is not None

    @property
    def upgrading(self) -> bool:
        """True if that WebSocket works, and the polls are being ended."""
        return self._upgrade is not None and self._upgrade.works

    def upgrade_failed(self, upgrade: Upgrade) -> None:
        """Go on with polling, unless another WebSocket has come meanwhile."""
        if self._upgrade is upgrade:
            self._upgrade = None

    def end_poll(self) -> None:
        """Answer the poll under way."""
        if self.polling is not None:
            self.polling.queue.wake()

    # Sending

    def send_packets(self, *packets: str) -> None:
        """Send Engine.IO packets; by WebSocket in one system call, which is 15 µs each."""
        if self._websocket is not None:
            self.buffer.send(b"".join(map(text_frame, packets)))
        else:
            for packet in packets:
                self.buffer.send(packet.encode())

    def pause_writing(self) -> None:
        """Count every message from now on: the transport has much unsent."""
        self.buffer.pause()

    def resume_writing(self) -> None:
        """Note that the transport has sent most of what it had."""
        self.buffer.resume()

    def overflowed(self) -> None:
        """Close the connection: its client does not read what it is sent."""
        self.close(CloseReason.UNSENT)

    def write_failed(self) -> None:
        """Close the connection: its transport is gone."""
        self.close(CloseReason.CLIENT)

    # Living

    def await_connect(self, within_s: float) -> None:
        """Close the connection unless `stop_awaiting_connect` is called in time; 0 waits for ever."""
        self.stop_awaiting_connect()
        if within_s:
            loop = asyncio.get_running_loop()
            self._connect_timer = loop.call_later(within_s, self.close, CloseReason.NO_CONNECT)

    def stop_awaiting_connect(self) -> None:
        """Let the connection stay: its client has sent CONNECT."""
        if self._connect_timer is not None:
            self._connect_timer.cancel()
            self._connect_timer = None

    def count_connect(self) -> int:
        """Count one CONNECT; return how many there have been."""
        self._connects += 1
        return self._connects

    def ping(self) -> None:
        """Send a ping."""
        self.send_packets(PING)

    def pong_missing(self) -> None:
        """Close the connection: its client has answered no ping in time."""
        self.close(CloseReason.NO_PONG)

    def close(self, reason: CloseReason, code: int | None = None) -> None:
        """End the connection.

        Args:
            code: The WebSocket's close code, if it is not the reason's own.
        """
        if self.closed:
            return
        self.reason = reason
        self._host.heartbeats.forget(self)
        self.stop_awaiting_connect()
        self.buffer.close()
        if self.polling is not None:
            self.polling.queue.abort()
        self._close_websocket(reason, code or reason.code)
        self._host.connection_closed(self, reason)

    def _close_websocket(self, reason: CloseReason, code: int) -> None:
        if self._upgrade is not None:
            self._upgrade.end(code, reason.encode())
        if self._websocket is None:
            return
        if reason is CloseReason.UNSENT:
            self._websocket.abort()  # a close frame would wait behind bytes that the client does not read
        else:
            self._websocket.close(code, reason.encode())

    # The handler of the WebSocket

    def text_received(self, text: str) -> None:
        """Handle a text message."""
        if self.closed:
            return
        if text == PONG:
            self._host.heartbeats.schedule(self)
        else:
            self._enqueue(text)

    def binary_received(self, data: bytes) -> None:
        """Handle a binary message."""
        self._enqueue(data)

    def pong_received(self) -> None:
        """Handle the answer to a ping."""

    def protocol_violated(self, code: int) -> None:
        """Handle a violation of the WebSocket protocol, which has this close code."""
        self._enqueue(code)

    def disconnected(self) -> None:
        """Note that the connection is lost."""
        self.buffer.resume()
        self._enqueue(None)

    # What has arrived

    def _enqueue(self, item: Item) -> None:
        """Handle an item after those that came before it."""
        if self.closed:
            return
        if self._inbox is None:
            if item is None and self.polling is None:
                return self.close(CloseReason.CLIENT)  # without a task for each: thousands may end at once
            assert self._websocket is not None
            self._inbox = Inbox(self, self._websocket)
            self._host.spawn(self._inbox.run())
        self._inbox.put(item)

    def inbox_emptied(self) -> None:
        """Use another inbox for what arrives from now on."""
        self._inbox = None

    async def handle(self, item: Item) -> None:
        """Handle one item that came by WebSocket."""
        if self.polling is not None:
            async with self.polling.posting:  # what was posted before the move comes first
                self.polling = None
        if isinstance(item, str):
            await self.receive(item)
        elif isinstance(item, bytes):
            await self._host.message_received(self, item)
        elif item is None:
            self.close(CloseReason.CLIENT)
        else:
            self.close(CloseReason.of_violation(item), item)

    async def receive(self, packet: str) -> None:
        """Handle one Engine.IO packet, however it came."""
        self._received += 1
        if self._received % _TURN_PACKETS == 0:
            await asyncio.sleep(0)
        if self.closed:
            return
        kind, data = packet[:1], packet[1:]
        if kind == MESSAGE:
            await self.buffer.drained()
            if not self.closed:
                await self._host.message_received(self, data)
        elif kind == PONG:
            self._host.heartbeats.schedule(self)
        elif kind == BASE64:
            await self._host.message_received(self, b"")  # only that it is binary matters
        elif kind == CLOSE:
            self.close(CloseReason.CLIENT)
        else:
            self.close(CloseReason.MALFORMED)
