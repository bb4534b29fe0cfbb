"""A pub/sub connection, read where its bytes arrive: no task stands between Redis and the rooms."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

import hiredis
from redis.exceptions import ConnectionError as RedisConnectionError

from hub.store.redis.open_connection import ReplyProtocol

_TURN_S = 0.001  # for handling messages; writing what they cause takes as long again


class Listener(Protocol):
    """The receiver of what a subscribed connection hears. No method may block."""

    def on_message(self, channel: bytes, payload: bytes) -> None:
        """Take one message of a channel."""

    def on_several(self) -> None:
        """Expect several messages at once, then `on_heard`, with nothing between."""

    def on_heard(self) -> None:
        """Handle the end of the messages that `on_several` announced."""

    def on_subscribed(self, channel: bytes) -> None:
        """Note that Redis has confirmed the subscription to a channel."""


class PubSubProtocol(ReplyProtocol):
    """Speaks RESP2 in subscribed mode.

    Awaiting each message from a stream costs two switches of tasks; here a message is with its rooms' members when
    `data_received` returns. With 500 rooms of two at 1,500 events a second that halves what a delivery costs.

    Args:
        listener: Told what is heard.
        sharded: True for the messages of one shard of a cluster (SSUBSCRIBE).

    Attributes:
        lost: Done when the connection is over, with the reason.
    """

    def __init__(self, listener: Listener, *, sharded: bool = False) -> None:
        self._listener = listener
        self._sharded = sharded
        self._message = b"smessage" if sharded else b"message"
        self._reader = hiredis.Reader()
        self._replies: deque[Any] = deque()
        self._loop = asyncio.get_running_loop()
        self._pongs: deque[asyncio.Future[None]] = deque()
        self._leaving: set[bytes] = set()
        self._writable = asyncio.Event()
        self._writable.set()
        self._resting = False
        self.lost: asyncio.Future[None] = self._loop.create_future()

    async def send(self, packed: bytes) -> None:
        """Send a packed command, when what was sent before is on its way.

        Raises:
            redis.ConnectionError: There is no connection.
        """
        await self._writable.wait()
        if self.lost.done() or self.connection.transport.is_closing():
            raise RedisConnectionError("the connection is gone")
        self.connection.transport.write(packed)

    def expect_pong(self) -> asyncio.Future[None]:
        """Return a future that is done when the PING that is sent next has been answered."""
        pong = self._loop.create_future()
        self._pongs.append(pong)
        return pong

    def expect_unsubscribed(self, channels: Iterable[str]) -> None:
        """Note channels that are about to be left; Redis ends a subscription unasked when the slot moves."""
        self._leaving.update(map(str.encode, channels))

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, and pass all complete replies to the listener."""
        replies, gets = self._replies, self._reader.gets
        self._reader.feed(data)
        try:
            while (reply := gets()) is not False:
                replies.append(reply)
        except Exception as error:  # not what Redis speaks
            self._fail(error)
        if not self._resting:
            self._hear_all()

    def reply_received(self, reply: Any) -> None:
        """Handle one reply that is parsed already."""
        try:
            self.hear(reply)
        except Exception as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail everything that waits for this connection."""
        error = RedisConnectionError("the connection is gone")
        error.__cause__ = exc
        self._writable.set()
        for pong in self._pongs:
            if not pong.done():
                pong.set_exception(error)
        if not self.lost.done():
            self.lost.set_exception(error)

    def pause_writing(self) -> None:
        """Hold commands back until the transport has room."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let commands through again."""
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
            if not self.lost.done():
                self.connection.transport.resume_reading()

    def _hear_several(self) -> None:
        replies, time, hear = self._replies, self._loop.time, self.hear
        turn_ends = time() + _TURN_S
        self._listener.on_several()
        try:
            while replies and time() < turn_ends:
                hear(replies.popleft())
        finally:
            self._listener.on_heard()

    def _rest(self) -> None:
        if not self._resting and not self.lost.done():
            self.connection.transport.pause_reading()
        self._resting = True
        self._loop.call_soon(self._hear_all)

    def hear(self, reply: Any) -> None:
        """Take one reply, or one message."""
        if type(reply) is list and reply[0] == self._message:
            self._listener.on_message(reply[1], reply[2])
            return
        # A PONG while nothing is subscribed is a plain string.
        kind = reply[0] if isinstance(reply, list) else b"pong" if reply == b"PONG" else reply
        if kind in (b"subscribe", b"ssubscribe"):
            self._listener.on_subscribed(reply[1])
        elif kind == b"pong":
            self._answered()
        elif kind in (b"unsubscribe", b"sunsubscribe"):
            self._unsubscribed(reply[1])
        else:
            raise RedisConnectionError(f"an unexpected pub/sub message: {kind!r}")

    def _unsubscribed(self, channel: bytes) -> None:
        if self._sharded and channel not in self._leaving:
            raise RedisConnectionError("the branch's slot has moved to another node")
        self._leaving.discard(channel)

    def _answered(self) -> None:
        if self._pongs:
            pong = self._pongs.popleft()
            if not pong.done():
                pong.set_result(None)

    def _fail(self, error: Exception) -> None:
        """Fail everything that waits for this connection, and close it."""
        self._replies.clear()
        if not self.lost.done():
            self.lost.set_exception(error)
        self.connection.close()
