"""The long-polling side of an Engine.IO connection: what waits for the next poll, and what is posted."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NoReturn, Protocol

from aiohttp import web

from hub.fanout.closed import Closed

NOOP = "6"
CLOSE = "1"
SEPARATOR = "\x1e"
_BODY_S = 10.0  # for a POST's body

# Polls end with a CLOSE for these alone. For python-socketio's client it is final; where the next poll finds no
# session, that client comes back like every other.
_FAULTS = frozenset({Closed.MALFORMED, Closed.ATTACHMENT, Closed.TOO_LARGE})


class ProtocolError(Exception):
    """What the other end sent is refused, and the connection closed."""

    def __init__(self, reason: Closed) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Polled(Protocol):
    """The connection that is polled."""

    @property
    def closed(self) -> bool: ...

    @property
    def reason(self) -> Closed | None: ...

    @property
    def upgrading(self) -> bool: ...

    @property
    def upgraded(self) -> bool: ...

    def shut(self, reason: Closed) -> None: ...

    def has_room(self) -> None:
        """Nothing waits any more."""

    async def receive(self, packet: str) -> None: ...


class Polling:
    """Packets wait here for polls.

    Attributes:
        unsent_bytes: Bytes of UTF-8 that wait.
        posting: Held while a POST's packets are being carried out.
    """

    def __init__(self, socket: Polled, message_bytes: int) -> None:
        self.unsent_bytes = 0
        self.posting = asyncio.Lock()
        self._socket = socket
        self._message_bytes = message_bytes
        self._waiting: deque[str] = deque()
        self._poll: asyncio.Future[None] | None = None

    def put(self, packet: str, size: int) -> None:
        self._waiting.append(packet)
        self.unsent_bytes += size
        self.end_poll()

    def end_poll(self) -> None:
        """Let the poll under way answer."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    def take(self) -> list[str]:
        """Everything that waits; nothing does after it."""
        taken = list(self._waiting)
        self._waiting.clear()
        self.unsent_bytes = 0
        self._socket.has_room()
        return taken

    async def poll(self) -> str:
        """What there is to send, at the latest when the next ping is due.

        Raises:
            ProtocolError: There is a poll already; the connection is closed.
        """
        socket = self._socket
        if not (self._waiting or socket.closed or socket.upgrading):
            if self._poll is not None:
                self._refuse(Closed.MALFORMED)
            self._poll = asyncio.get_running_loop().create_future()
            try:
                await self._poll
            finally:
                self._poll = None
        if socket.closed:
            return CLOSE if socket.reason in _FAULTS else NOOP
        if socket.upgrading or socket.upgraded:
            return NOOP  # what waits goes over the WebSocket
        return SEPARATOR.join(self.take()) or NOOP

    async def post(self, request: web.Request) -> None:
        """Take the packets of one POST, in order.

        Raises:
            ProtocolError: Not a payload, or too many bytes of one; the connection is closed.
        """
        socket = self._socket
        if self.posting.locked():
            self._refuse(Closed.MALFORMED)
        async with self.posting:
            body = await self._read_body(request)
            for packet in body.split(SEPARATOR):
                await socket.receive(packet)
                if socket.closed:
                    break
        if socket.closed and socket.reason is not Closed.CLIENT:
            raise ProtocolError(socket.reason or Closed.MALFORMED)

    async def _read_body(self, request: web.Request) -> str:
        try:
            return (await read_body(request, self._message_bytes)).decode()
        except ProtocolError as error:
            self._refuse(error.reason)
        except UnicodeDecodeError:
            self._refuse(Closed.MALFORMED)

    def _refuse(self, reason: Closed) -> NoReturn:
        self._socket.shut(reason)
        raise ProtocolError(reason)


async def read_body(request: web.Request, limit_bytes: int) -> bytes:
    """Read the body of a request, of at most so many bytes; 0: of any size.

    Raises:
        ProtocolError: The body is too large or malformed, or does not arrive.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            while chunk := await request.content.readany():
                body += chunk
                if limit_bytes and len(body) > limit_bytes:
                    raise ProtocolError(Closed.TOO_LARGE)
    except (TimeoutError, web.RequestPayloadError):
        raise ProtocolError(Closed.MALFORMED) from None
    except ConnectionError:
        raise ProtocolError(Closed.CLIENT) from None
    return bytes(body)
