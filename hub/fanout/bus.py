"""The one pub/sub connection of a process: subscribe, hear, and notice when there is nothing to hear."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from hub.fanout.ear import Ear, Listener

if TYPE_CHECKING:
    from redis.asyncio import Redis

_CHANNELS_A_COMMAND = 500


class Bus:
    """A connection of its own, taken from no pool, that never reconnects by itself: its owner must know.

    redis-py makes the connection (its address, TLS, user and password), with RESP2 so that what is heard arrives as
    plain arrays; then its transport changes hands. redis-py's own PubSub subscribes anew behind one's back, and what
    was published meanwhile is gone without a word.
    """

    def __init__(self, redis: Redis, deadline_s: float) -> None:
        self._redis = redis
        self._deadline_s = deadline_s
        self._connection: Any = None  # redis-py gives its connections no type one could name
        self._ear: Ear | None = None

    async def connect(self) -> None:
        """Connect.

        Raises:
            redis.RedisError, OSError, TimeoutError: There is nothing to connect to.
        """
        pool: Any = self._redis.connection_pool
        own = {
            "protocol": 2,
            "decode_responses": False,
            "socket_timeout": None,  # silence is usual here; `ping` has the deadline
            "retry": Retry(NoBackoff(), 0),
            "health_check_interval": 0,
        }
        self._connection = pool.connection_class(**(pool.connection_kwargs | own))
        async with asyncio.timeout(self._deadline_s):
            await self._connection.connect()

    async def close(self) -> None:
        connection, self._connection, self._ear = self._connection, None, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def subscribe(self, channels: Sequence[str]) -> None:
        """Ask for channels; each is confirmed to the listener."""
        for some in _chunks(channels):
            await self._send("SUBSCRIBE", *some)

    async def unsubscribe(self, channels: Sequence[str]) -> None:
        for some in _chunks(channels):
            await self._send("UNSUBSCRIBE", *some)

    async def ping(self) -> None:
        """Ask whether the other end still hears us, on this very connection.

        When it returns, everything published before it was called has been heard.

        Raises:
            TimeoutError: No answer by the deadline, though the connection may look alive.
            redis.ConnectionError: There is no connection.
        """
        if self._ear is None:
            raise RedisConnectionError("not connected")
        async with asyncio.timeout(self._deadline_s):
            pong = self._ear.expect_pong()
            await self._send("PING")
            await pong

    async def read(self, listener: Listener) -> None:
        """Tell the listener what is heard, until the connection breaks.

        Raises:
            redis.RedisError, OSError: It broke.
        """
        ear = self._ear = Ear(listener)
        writer = self._connection._writer
        if isinstance(writer, asyncio.StreamWriter):
            ear.take_over(cast("asyncio.Transport", writer.transport))
            await ear.lost
        while True:  # fakeredis within the process has no transport
            ear.hear(await self._connection.read_response(disable_decoding=True))

    async def _send(self, *command: str) -> None:
        if self._ear is None:
            raise RedisConnectionError("not connected")
        packed: list[bytes] = self._connection.pack_command(*command)
        if self._ear.has_taken_over:
            await self._ear.send(b"".join(packed))
        else:
            await self._connection.send_packed_command(packed)


def _chunks(channels: Iterable[str]) -> Iterator[list[str]]:
    every = list(channels)
    for start in range(0, len(every), _CHANNELS_A_COMMAND):
        yield every[start : start + _CHANNELS_A_COMMAND]
