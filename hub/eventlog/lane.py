"""The way to Redis: what many callers ask for in the same moment travels together."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from hiredis import pack_command
from redis.exceptions import ConnectionError, RedisError

from hub.eventlog.line import Call, Line

if TYPE_CHECKING:
    from redis.asyncio import Redis

# Redis reads 16 KB of a connection at a time, and syncs before it reads on: with one connection, each sync would be
# for some seven commits.
WIDTH = 4
BATCH = 16  # unanswered on each connection before another one is opened
WAITING = 10_000

_logger = logging.getLogger(__name__)


class Lane:
    """Gives each command to one of a few connections that are kept, without waiting for the replies of others.

    With `appendfsync always`, commands that Redis finds together share the fsync.

    A caller that is cancelled, or stops waiting, disturbs nobody: its command is dropped if it has not been
    sent, its reply if it has. A connection that owes an answer for longer than the deadline is ended.
    """

    def __init__(self, redis: Redis, *, deadline_s: float) -> None:
        self._redis = redis
        self._deadline_s = deadline_s
        self._lines: list[Line] = []
        self._waiting: deque[Call] = deque()  # for a connection that has room
        self._opening: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._closed = False

    async def call(self, *command: str | int) -> Any:
        """Redis's reply.

        Raises:
            TimeoutError: There was none by the deadline.
            RedisError, OSError: As redis-py has it; the caller translates.
        """
        if self._closed:
            raise ConnectionError("the event log is closed")
        if len(self._waiting) >= WAITING:
            raise ConnectionError("too many commands are waiting for Redis")
        loop = asyncio.get_running_loop()
        # Packed here: text that is not Unicode is this caller's error.
        packed = pack_command(cast("Any", command))  # its stub allows a single argument
        call = Call(packed, loop.create_future(), loop.time() + self._deadline_s)
        line = None if self._waiting else self._line()
        if line is not None:
            line.send(call)
        else:
            self._waiting.append(call)
        if self._alarm is None:
            self._alarm = loop.call_at(call.due, self._look)
        reply = await call.reply
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def aclose(self) -> None:
        """Drop what is under way; whoever waits gets an error."""
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        for line in list(self._lines):
            await line.aclose()
        self._tell(ConnectionError("the event log is closed"))

    def _line(self) -> Line | None:
        """The least busy one, if it has room."""
        line = min(self._lines, key=_unanswered, default=None)
        if line is None or len(line.unanswered) >= BATCH:
            self._open_another()
        return line if line is not None and line.has_room else None

    def _feed(self) -> None:
        """Send what waits, as far as there is room."""
        while self._waiting:
            if self._waiting[0].reply.done():
                self._waiting.popleft()
                continue
            line = self._line()
            if line is None:
                return
            line.send(self._waiting.popleft())

    def _look(self) -> None:
        """See who has waited for too long."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._waiting and self._waiting[0].due <= now:
            self._waiting.popleft().settle(TimeoutError())
        for line in [line for line in self._lines if line.unanswered and line.unanswered[0].due <= now]:
            line.give_up("Redis did not answer others in time", now)
        oldest = [calls[0].due for calls in (self._waiting, *(line.unanswered for line in self._lines)) if calls]
        self._alarm = loop.call_at(min(oldest), self._look) if oldest else None

    # Connections

    def _open_another(self) -> None:
        if self._opening is None and len(self._lines) < WIDTH and not self._closed:
            self._opening = asyncio.create_task(self._open(), name="eventlog-lane")

    async def _open(self) -> None:
        """Open a connection; `_line` starts it where there is work, `aclose` ends it."""
        failed: Exception | None = None
        try:
            async with asyncio.timeout(self._deadline_s):
                self._lines.append(await Line.open(self._redis, self._feed, self._lost))
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            failed = error
        except Exception as error:
            _logger.exception("eventlog_lane_failed")
            failed = error
        finally:
            self._opening = None
        if failed is None:
            self._feed()
        elif not self._lines:
            self._tell(failed)

    def _lost(self, line: Line) -> None:
        self._lines.remove(line)
        if not self._closed:
            self._feed()

    def _tell(self, error: Exception) -> None:
        """Whoever waits for a connection hears why there is none."""
        while self._waiting:
            self._waiting.popleft().settle(error)


def _unanswered(line: Line) -> int:
    return len(line.unanswered)
