"""One connection to Redis that many share: commands go out as they come, replies come back in that order."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import hiredis
from redis.exceptions import ConnectionError, InvalidResponse, RedisError, ResponseError

if TYPE_CHECKING:
    from redis.asyncio import Redis

# Unanswered commands a connection: what a broken one takes with it.
WINDOW = 64

_logger = logging.getLogger(__name__)


class Call:
    """A command, and whoever waits for its reply until it is due (in the loop's time)."""

    __slots__ = ("due", "packed", "reply")

    def __init__(self, packed: bytes, reply: asyncio.Future[Any], due: float) -> None:
        self.packed = packed
        self.reply = reply
        self.due = due

    def settle(self, reply: Any) -> None:
        # An error is a result like any: nobody may be left to hear of an exception.
        if not self.reply.done():
            self.reply.set_result(reply)


class Line(asyncio.Protocol):
    """Writes what callers ask for in one turn of the loop at once, and reads replies where their bytes arrive.

    redis-py makes the connection (its address, TLS, user and password), with RESP2; then its transport changes
    hands. A reply that nobody waits for any more is dropped when it comes: the next one is the next caller's.

    Attributes:
        unanswered: Calls that were sent, oldest first.
        lost: The connection is over; its calls have been told.
    """

    def __init__(self, connection: Any, on_room: Callable[[], None], on_lost: Callable[[Line], None]) -> None:
        self.unanswered: deque[Call] = deque()
        self.lost = False
        self._connection = connection  # redis-py gives its connections no type one could name
        self._on_room = on_room
        self._on_lost = on_lost
        self._paused = False
        self._loop = asyncio.get_running_loop()
        self._unsent: list[bytes] = []
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=connection._parser.parse_error,
            encoding=connection.encoder.encoding,
            errors=connection.encoder.encoding_errors,
        )
        self._reading: asyncio.Task[None] | None = None
        writer = connection._writer
        if isinstance(writer, asyncio.StreamWriter):
            self._transport = cast("asyncio.Transport | None", writer.transport)
            writer.transport.set_protocol(self)
        else:  # fakeredis within the process has no transport
            self._transport = None
            self._reading = asyncio.create_task(self._read(), name="eventlog-line")

    @classmethod
    async def open(cls, redis: Redis, on_room: Callable[[], None], on_lost: Callable[[Line], None]) -> Line:
        """A connection of its own, taken from no pool.

        Raises:
            RedisError, OSError: There is nothing to connect to.
        """
        pool: Any = redis.connection_pool
        connection = pool.connection_class(**pool.connection_kwargs)
        try:
            await connection.connect()
        except BaseException:
            connection._close()
            raise
        return cls(connection, on_room, on_lost)

    @property
    def has_room(self) -> bool:
        return len(self.unanswered) < WINDOW and not self._paused

    def send(self, call: Call) -> None:
        """Send one more, at the end of this turn of the loop; never waits."""
        self.unanswered.append(call)
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(call.packed)

    def give_up(self, reason: str, now: float = 0.0) -> None:
        """End it: whoever is due is told that there was no answer in time, everybody else why there will be none."""
        if self.lost:
            return
        self.lost = True
        if self._transport is not None:
            self._transport.abort()
        self._connection._close()
        if self._reading is not None:
            self._reading.cancel()
        calls, self.unanswered = self.unanswered, deque()
        for call in calls:
            call.settle(TimeoutError() if call.due <= now else ConnectionError(reason))
        self._on_lost(self)

    async def aclose(self) -> None:
        self.give_up("the event log is closed")
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        gets = self._reader.gets
        try:
            self._reader.feed(data)
            while (reply := gets()) is not False:
                self._take(reply)
        except Exception as error:
            self._broke(error)
        self._on_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self.give_up("the connection is gone")

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._on_room()

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if self.lost:
            return
        if self._transport is not None:
            self._transport.write(b"".join(unsent))
        else:
            self._connection._writer.writelines(unsent)

    def _take(self, reply: Any) -> None:
        if not self.unanswered:
            raise ConnectionError("a reply that nobody asked for")
        self.unanswered.popleft().settle(reply)

    def _broke(self, error: Exception) -> None:
        if not isinstance(error, RedisError):
            _logger.error("eventlog_line_failed", exc_info=error)
        self.give_up("the connection speaks no Redis")

    async def _read(self) -> None:
        while not self.lost:
            try:
                reply = await self._connection.read_response()
            except ResponseError as error:
                reply = error
            except (RedisError, OSError):
                return self.give_up("the connection is gone")
            self._take(reply)
            self._on_room()
