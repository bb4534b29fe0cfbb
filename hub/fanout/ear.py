"""A pub/sub connection, read where its bytes arrive: no task stands between Redis and the rooms."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol

import hiredis
from redis.exceptions import ConnectionError as RedisConnectionError

_TURN_S = 0.001  # for hearing; what it brings is then written, which takes as long again


class Listener(Protocol):
    """Whoever is told what the connection hears. No call waits."""

    def on_message(self, channel: bytes, payload: bytes) -> None: ...

    def on_several(self) -> None:
        """Several messages follow at once, and then `on_heard`, with nothing between."""

    def on_heard(self) -> None: ...

    def on_subscribed(self, channel: bytes) -> None: ...


class Ear(asyncio.Protocol):
    """Speaks RESP2 in subscribed mode on a transport that somebody else connected and introduced to Redis.

    Awaiting each message from a stream costs two switches of tasks; here a message is with its rooms' members when
    `data_received` returns. With 500 rooms of two at 1,500 events a second that halves what a delivery costs.

    Attributes:
        has_taken_over: It reads a transport of its own.
        lost: Done when the connection is over, with the reason.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._reader = hiredis.Reader()
        self._replies: deque[Any] = deque()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._pongs: deque[asyncio.Future[None]] = deque()
        self._writable = asyncio.Event()
        self._writable.set()
        self._resting = False
        self.has_taken_over = False
        self.lost: asyncio.Future[None] = self._loop.create_future()

    def take_over(self, transport: asyncio.Transport) -> None:
        """Everything that arrives from here on is heard here."""
        self._transport = transport
        self.has_taken_over = True
        transport.set_protocol(self)

    async def send(self, packed: bytes) -> None:
        """Send a packed command, when what was sent before is on its way.

        Raises:
            redis.ConnectionError: There is no connection.
        """
        await self._writable.wait()
        if self._transport is None or self._transport.is_closing():
            raise RedisConnectionError("the connection is gone")
        self._transport.write(packed)

    def expect_pong(self) -> asyncio.Future[None]:
        """Done when the PING that is sent next has been answered."""
        pong = self._loop.create_future()
        self._pongs.append(pong)
        return pong

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        replies, gets = self._replies, self._reader.gets
        self._reader.feed(data)
        try:
            while (reply := gets()) is not False:
                replies.append(reply)
        except Exception as error:  # not what Redis speaks
            self._fail(error)
        if not self._resting:
            self._hear_all()

    def connection_lost(self, exc: Exception | None) -> None:
        error = RedisConnectionError("the connection is gone")
        error.__cause__ = exc
        self._transport = None
        self._writable.set()
        for pong in self._pongs:
            if not pong.done():
                pong.set_exception(error)
        if not self.lost.done():
            self.lost.set_exception(error)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # Hearing

    def _hear_all(self) -> None:
        """Everything that is there, or as much of it as one turn of the loop allows."""
        replies = self._replies
        try:
            if len(replies) == 1:
                self.hear(replies.popleft())
            elif replies:
                self._hear_several()
        except Exception as error:
            self._fail(error)
        if replies:
            return self._rest()
        if self._resting:
            self._resting = False
            if self._transport is not None:
                self._transport.resume_reading()

    def _hear_several(self) -> None:
        replies, time = self._replies, self._loop.time
        turn_ends = time() + _TURN_S
        self._listener.on_several()
        try:
            while replies and time() < turn_ends:
                self.hear(replies.popleft())
        finally:
            self._listener.on_heard()

    def _rest(self) -> None:
        if not self._resting and self._transport is not None:
            self._transport.pause_reading()
        self._resting = True
        self._loop.call_soon(self._hear_all)

    def hear(self, reply: Any) -> None:
        """One reply, or one message."""
        if type(reply) is list and reply[0] == b"message":
            self._listener.on_message(reply[1], reply[2])
            return
        # A PONG while nothing is subscribed is a plain string.
        kind = reply[0] if isinstance(reply, list) else b"pong" if reply == b"PONG" else reply
        if kind == b"subscribe":
            self._listener.on_subscribed(reply[1])
        elif kind == b"pong":
            self._answered()
        elif kind != b"unsubscribe":
            raise RedisConnectionError(f"an unexpected message on the bus: {kind!r}")

    def _answered(self) -> None:
        if self._pongs:
            pong = self._pongs.popleft()
            if not pong.done():
                pong.set_result(None)

    def _fail(self, error: Exception) -> None:
        """Whoever waits is told why; the connection is of no use any more."""
        self._replies.clear()
        if not self.lost.done():
            self.lost.set_exception(error)
        if self._transport is not None:
            self._transport.abort()
