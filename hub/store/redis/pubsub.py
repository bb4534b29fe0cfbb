"""A pub/sub connection: subscribe, hear, and notice when there is nothing to hear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from hiredis import pack_command
from redis.exceptions import ConnectionError as RedisConnectionError

from hub.store.redis.answer_deadline import answer_timeout
from hub.store.redis.open_connection import open_connection
from hub.store.redis.pubsub_protocol import Listener, PubSubProtocol
from hub.store.redis.redis_py import locator_of

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from hub.store.redis.address import Node

_CHANNELS_A_COMMAND = 500


class PubSub:
    """A connection outside the client's pool that never reconnects by itself: its owner must know.

    redis-py's own PubSub resubscribes silently, and loses what was published meanwhile.

    The connection ends when another server has the branch. In a cluster it uses sharded pub/sub.
    """

    def __init__(self, redis: Redis, deadline_s: float) -> None:
        self._redis = redis
        self._deadline_s = deadline_s
        self._locator = locator_of(redis)
        self._protocol: PubSubProtocol | None = None

    async def connect(self, listener: Listener) -> None:
        """Connect, and tell the listener what is heard from now on.

        Raises:
            redis.RedisError, OSError, TimeoutError: There is nothing to connect to.
        """
        protocol = PubSubProtocol(listener, sharded=self._locator.sharded)
        async with answer_timeout(self._deadline_s):
            await open_connection(self._redis, protocol, decode=False)
        self._protocol = protocol
        self._locator.listen(self._moved)

    async def close(self) -> None:
        """Close the connection, if there is one."""
        self._locator.unlisten(self._moved)
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.connection.close()
            if not protocol.lost.cancel() and not protocol.lost.cancelled():
                protocol.lost.exception()  # its reader may be gone; an exception must still be retrieved

    async def subscribe(self, channels: Sequence[str]) -> None:
        """Ask for channels; each is confirmed to the listener."""
        for some in _chunks(channels):
            await self._send("SSUBSCRIBE" if self._locator.sharded else "SUBSCRIBE", *some)

    async def unsubscribe(self, channels: Sequence[str]) -> None:
        """Leave channels."""
        for some in _chunks(channels):
            if self._protocol is not None:
                self._protocol.expect_unsubscribed(some)
            await self._send("SUNSUBSCRIBE" if self._locator.sharded else "UNSUBSCRIBE", *some)

    async def ping(self) -> None:
        """Ask whether the other end still hears us, on this very connection.

        When it returns, everything published before it was called has been heard.

        Raises:
            TimeoutError: No answer by the deadline, though the connection may look alive.
            redis.ConnectionError: There is no connection.
        """
        if self._protocol is None:
            raise RedisConnectionError("not connected")
        async with answer_timeout(self._deadline_s):
            pong = self._protocol.expect_pong()
            await self._send("PING")
            await pong

    async def wait_lost(self) -> None:
        """Wait until the connection breaks.

        Raises:
            redis.RedisError, OSError: It broke.
        """
        if self._protocol is None:
            raise RedisConnectionError("not connected")
        await self._protocol.lost

    def _moved(self, node: Node) -> None:
        if self._protocol is not None and self._protocol.connection.node != node:
            self._protocol.connection.close()

    async def _send(self, *command: str) -> None:
        if self._protocol is None:
            raise RedisConnectionError("not connected")
        await self._protocol.send(pack_command(cast("Any", command)))  # its stub allows a single argument


def _chunks(channels: Iterable[str]) -> Iterator[list[str]]:
    every = list(channels)
    for start in range(0, len(every), _CHANNELS_A_COMMAND):
        yield every[start : start + _CHANNELS_A_COMMAND]
