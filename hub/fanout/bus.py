"""The one pub/sub connection of a process: subscribe, hear, and notice when there is nothing to hear."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

if TYPE_CHECKING:
    from redis.asyncio import Redis

_CHANNELS_A_COMMAND = 500
_TURN_S = 0.002  # the longest the reader keeps the loop to itself


class Listener(Protocol):
    """Whoever is told what the connection hears. Neither call waits."""

    def on_message(self, channel: bytes, payload: bytes) -> None: ...

    def on_subscribed(self, channel: bytes) -> None: ...


class Bus:
    """A connection of its own, taken from no pool, that never reconnects by itself: its owner must know.

    redis-py's PubSub subscribes anew behind one's back, and what was published meanwhile is gone without a
    word; hence the bare connection, with RESP2 so that what is heard arrives as plain arrays.
    """

    def __init__(self, redis: Redis, deadline_s: float) -> None:
        self._redis = redis
        self._deadline_s = deadline_s
        self._connection: Any = None  # redis-py gives its connections no type one could name
        self._pongs: deque[asyncio.Future[None]] = deque()

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
        self._pongs.clear()
        self._connection = pool.connection_class(**(pool.connection_kwargs | own))
        async with asyncio.timeout(self._deadline_s):
            await self._connection.connect()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def subscribe(self, channels: Sequence[str]) -> None:
        """Ask for channels; each is confirmed to the listener."""
        for some in _chunks(channels):
            await self._connection.send_command("SUBSCRIBE", *some)

    async def unsubscribe(self, channels: Sequence[str]) -> None:
        for some in _chunks(channels):
            await self._connection.send_command("UNSUBSCRIBE", *some)

    async def ping(self) -> None:
        """Ask whether the other end still hears us, on this very connection.

        When it returns, everything published before it was called has been heard.

        Raises:
            TimeoutError: No answer by the deadline, though the connection may look alive.
            redis.ConnectionError: There is no connection.
        """
        if self._connection is None:
            raise RedisConnectionError("not connected")
        async with asyncio.timeout(self._deadline_s):
            pong = asyncio.get_running_loop().create_future()
            self._pongs.append(pong)
            await self._connection.send_command("PING")
            await pong

    async def read(self, listener: Listener) -> None:
        """Tell the listener what is heard, until the connection breaks.

        Raises:
            redis.RedisError, OSError: It broke.
        """
        loop = asyncio.get_running_loop()
        connection = self._connection
        turn_ends = loop.time() + _TURN_S
        while True:
            response = await connection.read_response(disable_decoding=True)
            if isinstance(response, list):
                self._hear(response, listener)
            elif response is not None:
                self._answered()  # a PONG while nothing is subscribed is a plain string
            if loop.time() > turn_ends:
                # What came in one read is handed out without a single suspension: give others a turn.
                await asyncio.sleep(0)
                turn_ends = loop.time() + _TURN_S

    def _hear(self, response: list[Any], listener: Listener) -> None:
        match response:
            case [b"message", channel, payload]:
                listener.on_message(channel, payload)
            case [b"subscribe", channel, _]:
                listener.on_subscribed(channel)
            case [b"pong", *_]:
                self._answered()
            case [b"unsubscribe", *_]:
                pass
            case _:
                raise RedisConnectionError(f"an unexpected message on the bus: {response[:1]!r}")

    def _answered(self) -> None:
        if self._pongs:
            pong = self._pongs.popleft()
            if not pong.done():
                pong.set_result(None)


def _chunks(channels: Iterable[str]) -> Iterator[list[str]]:
    every = list(channels)
    for start in range(0, len(every), _CHANNELS_A_COMMAND):
        yield every[start : start + _CHANNELS_A_COMMAND]
