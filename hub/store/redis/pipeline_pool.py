"""The pool of pipelined connections: commands that many callers give at the same moment travel together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from hiredis import pack_command
from redis.exceptions import ConnectionError, RedisError

from hub.store.redis.answer_deadline import AnswerClock, answer_timeout
from hub.store.redis.pipelined_connection import PendingCommand, PipelinedConnection
from hub.store.redis.redis_py import locator_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from hub.store.redis.address import Node

# Redis reads 16 KB of a connection at a time and syncs before it reads more: with one connection, each sync would
# cover only some seven commits.
WIDTH = 4
BATCH = 16  # unanswered on each connection before another one is opened
WAITING = 10_000

_logger = logging.getLogger(__name__)


class NotSent(ConnectionError):
    """The command was not sent, as there is no connection; the cause says why."""


class PipelinePool:
    """Gives each command to one of a few connections that are kept, without waiting for the replies of others.

    With `appendfsync always`, commands that Redis finds together share the fsync.

    A caller that is cancelled, or stops waiting, disturbs nobody: its command is dropped if it has not been
    sent, its reply if it has. A connection that owes an answer for longer than the deadline is ended.

    When another server has the branch, the connections to the former one retire: they deliver the replies that are
    still to come, and new commands go to new connections.

    Attributes:
        clock: Counts the time in which an answer could have been received; deadlines are kept by it.
    """

    def __init__(self, redis: Redis, *, deadline_s: float) -> None:
        self._redis = redis
        self._deadline_s = deadline_s
        self.clock = AnswerClock(time.monotonic, deadline_s)
        self._lines: list[PipelinedConnection] = []
        self._retired: list[PipelinedConnection] = []
        self._waiting: deque[PendingCommand] = deque()  # for a connection that has room
        self._opening: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._closed = False
        self._locator = locator_of(redis)
        self._locator.listen(self._moved)

    async def call(self, *command: str | int) -> Any:
        """Return Redis's reply.

        Raises:
            TimeoutError: There was none by the deadline.
            NotSent: The command was not sent.
            RedisError, OSError: As redis-py has it; the caller translates.
        """
        call = self._pending(command)
        self._give(call)
        reply = await call.reply
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def call_confirmed(self, command: Sequence[str | int], replicas: int, wait_ms: int) -> tuple[Any, int]:
        """Send a write, and then WAIT on the same connection.

        Returns:
            Redis's reply to the write, and the number of replicas that confirmed it within `wait_ms`.

        Raises:
            TimeoutError, NotSent, RedisError, OSError: As with `call`.
        """
        call = self._pending(command)
        call.then = self._pending(("WAIT", replicas, wait_ms))
        self._give(call)
        reply = _checked(await call.reply)
        return reply, int(_checked(await call.then.reply))

    async def aclose(self) -> None:
        """Close all connections; pending commands fail."""
        self._closed = True
        self._locator.unlisten(self._moved)
        if self._alarm is not None:
            self._alarm.cancel()
        for task in (self._opening, self._watching):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        for line in (*self._lines, *self._retired):
            line.give_up("the event log is closed")
        self._tell(ConnectionError("the event log is closed"))

    # Commands

    def _pending(self, command: Sequence[str | int]) -> PendingCommand:
        # Packed here: text that is not Unicode is this caller's error.
        packed = pack_command(cast("Any", command))  # its stub allows a single argument
        reply = asyncio.get_running_loop().create_future()
        return PendingCommand(packed, reply, self.clock.now() + self._deadline_s)

    def _give(self, call: PendingCommand) -> None:
        """Send a command, now or when a connection has room."""
        if self._closed:
            raise ConnectionError("the event log is closed")
        if len(self._waiting) >= WAITING:
            raise ConnectionError("too many commands are waiting for Redis")
        line = None if self._waiting else self._line()
        if line is None:
            self._waiting.append(call)
        elif call.then is None:
            line.send(call)
        else:
            _send(line, call)
        if self._alarm is None:
            self.clock.look()
            self._alarm = asyncio.get_running_loop().call_later(self.clock.step_s, self._look)

    def _line(self) -> PipelinedConnection | None:
        """Return the least busy connection, if it has room."""
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
            _send(line, self._waiting.popleft())

    def _look(self) -> None:
        """Give up the commands that have waited for too long, and the connections that owe them an answer."""
        now = self.clock.look()
        while self._waiting and self._waiting[0].due <= now:
            self._waiting.popleft().settle(TimeoutError())
        lines = [*self._lines, *self._retired]
        for line in [line for line in lines if line.unanswered and line.unanswered[0].due <= now]:
            line.give_up("Redis did not answer others in time", now)
        queues = (self._waiting, *(line.unanswered for line in lines))
        oldest = [calls[0].due for calls in queues if calls]
        self._alarm = None
        if oldest:
            wait_s = min(min(oldest) - now, self.clock.step_s)
            self._alarm = asyncio.get_running_loop().call_later(wait_s, self._look)

    # Connections

    def _open_another(self) -> None:
        if self._opening is None and len(self._lines) < WIDTH and not self._closed:
            self._opening = asyncio.create_task(self._open(), name="redis-pipeline")

    async def _open(self) -> None:
        """Open a connection; `_line` starts it where there is work, `aclose` ends it."""
        failed: Exception | None = None
        try:
            async with answer_timeout(self._deadline_s):
                line = await PipelinedConnection.open(self._redis, self._feed, self._lost)
            if not line.lost:
                self._lines.append(line)
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            failed = error
        except Exception as error:
            _logger.exception("redis.connecting_failed")
            failed = error
        finally:
            self._opening = None
        if failed is None:
            if self._watching is None:
                self._watching = asyncio.create_task(self._locator.watch(), name="redis-locator")
            self._feed()
        elif not self._lines:
            self._tell(failed if isinstance(failed, TimeoutError) else _not_sent(failed))

    def _lost(self, line: PipelinedConnection) -> None:
        """Forget a connection that is over; put one aside that only owes replies."""
        if line in self._lines:
            self._lines.remove(line)
            if not line.lost:
                self._retired.append(line)
            if line.retired:
                self._retire_others()
        elif line.lost and line in self._retired:
            self._retired.remove(line)
        if not self._closed:
            self._feed()

    def _retire_others(self) -> None:
        """One connection was told to go elsewhere: so the others were opened to the same wrong server."""
        for line in list(self._lines):
            line.retire()

    def _moved(self, node: Node) -> None:
        for line in [line for line in self._lines if line.node != node]:
            line.retire()

    def _tell(self, error: Exception) -> None:
        """Fail the callers that wait for a connection, with the reason."""
        while self._waiting:
            self._waiting.popleft().settle(error)


def _send(line: PipelinedConnection, call: PendingCommand) -> None:
    line.send(call)
    if call.then is not None:
        line.send(call.then)


def _not_sent(error: Exception) -> NotSent:
    told = NotSent(*error.args)
    told.__cause__ = error.__cause__ or error
    return told


def _checked(reply: Any) -> Any:
    if isinstance(reply, Exception):
        raise reply
    return reply


def _unanswered(line: PipelinedConnection) -> int:
    return len(line.unanswered)
