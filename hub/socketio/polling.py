"""The long-polling side of an Engine.IO connection: what waits for the next poll, and what is posted."""

from __future__ import annotations

import asyncio
from typing import NoReturn, Protocol

from aiohttp import web

from hub.socketio.close_reason import CloseReason
from hub.socketio.packets import CLOSE, NOOP, SEPARATOR
from hub.socketio.send_queue import QueueOwner, SendQueue

_BODY_TIMEOUT_S = 10.0

# Polls end with a CLOSE packet only for these reasons: python-socketio's client does not reconnect after it. In all
# other cases the next poll finds no session, and every client reconnects.
_FAULTS = frozenset({CloseReason.MALFORMED, CloseReason.ATTACHMENT, CloseReason.TOO_LARGE})


class ProtocolError(Exception):
    """A request is refused, and its connection closed.

    Attributes:
        reason: The reason with which the connection is closed.
    """

    def __init__(self, reason: CloseReason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Polled(QueueOwner, Protocol):
    """The connection that is polled."""

    @property
    def closed(self) -> bool:
        """True once the connection is over."""

    @property
    def reason(self) -> CloseReason | None:
        """The reason why the connection is over; None while it is open."""

    @property
    def upgrading(self) -> bool:
        """True if a WebSocket works that is about to take over from the polls."""

    @property
    def upgraded(self) -> bool:
        """True if the connection uses a WebSocket."""

    def close(self, reason: CloseReason) -> None:
        """Close the connection for this reason."""

    async def receive(self, packet: str) -> None:
        """Handle one Engine.IO packet."""


class Polling:
    """Answers polls from a queue of packets, and hands posted packets on.

    Attributes:
        queue: The packets that wait, without their separators.
        posting: Held while a POST's packets are being carried out.
    """

    def __init__(self, connection: Polled, message_bytes: int) -> None:
        self.queue = SendQueue(connection)
        self.posting = asyncio.Lock()
        self._connection = connection
        self._message_bytes = message_bytes

    async def poll(self) -> bytes:
        """Return what there is to send; wait for it, at the latest until the next ping is due.

        Raises:
            ProtocolError: There is a poll already; the connection is closed.
        """
        connection = self._connection
        if not (self.queue or connection.closed or connection.upgrading):
            if self.queue.is_awaited:
                self._refuse(CloseReason.MALFORMED)
            await self.queue.wait()
        if connection.closed:
            return (CLOSE if connection.reason in _FAULTS else NOOP).encode()
        if connection.upgrading or connection.upgraded:
            return NOOP.encode()  # pending packets go over the WebSocket
        taken = self.queue.take_all()
        connection.resume_writing()
        return SEPARATOR.encode().join(taken) or NOOP.encode()

    async def post(self, request: web.Request) -> None:
        """Carry out the packets of one POST, in order.

        Raises:
            ProtocolError: Not a payload, or too many bytes of one; the connection is closed.
        """
        connection = self._connection
        if self.posting.locked():
            self._refuse(CloseReason.MALFORMED)
        async with self.posting:
            body = await self._read_body(request)
            for packet in body.split(SEPARATOR):
                await connection.receive(packet)
                if connection.closed:
                    break
        if connection.closed and connection.reason is not CloseReason.CLIENT:
            raise ProtocolError(connection.reason or CloseReason.MALFORMED)

    async def _read_body(self, request: web.Request) -> str:
        try:
            return (await read_body(request, self._message_bytes)).decode()
        except ProtocolError as error:
            self._refuse(error.reason)
        except UnicodeDecodeError:
            self._refuse(CloseReason.MALFORMED)

    def _refuse(self, reason: CloseReason) -> NoReturn:
        self._connection.close(reason)
        raise ProtocolError(reason)


async def read_body(request: web.Request, limit_bytes: int) -> bytes:
    """Read the body of a request, of at most so many bytes; 0 for any size.

    Raises:
        ProtocolError: The body is too large or malformed, or does not arrive.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            while chunk := await request.content.readany():
                body += chunk
                if limit_bytes and len(body) > limit_bytes:
                    raise ProtocolError(CloseReason.TOO_LARGE)
    except (TimeoutError, web.RequestPayloadError):
        raise ProtocolError(CloseReason.MALFORMED) from None
    except ConnectionError:
        raise ProtocolError(CloseReason.CLIENT) from None
    return bytes(body)
