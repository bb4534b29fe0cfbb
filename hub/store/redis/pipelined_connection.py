"""One connection to Redis that many share: commands go out as they come, replies come back in that order."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

import hiredis
from redis.exceptions import ConnectionError, InvalidResponse, RedisError

from hub.store.redis.error_translation import ends_connection
from hub.store.redis.open_connection import OpenConnection, ReplyProtocol, open_connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

    from hub.store.redis.address import Node

# Unanswered commands per connection: a broken connection fails them all.
WINDOW = 64

_logger = logging.getLogger(__name__)


class PendingCommand:
    """A command, and the future of its reply.

    Attributes:
        packed: The command as it is sent.
        due: The time of the pool's `AnswerClock` until which the reply is waited for.
        then: A command that is sent right after it on the same connection.
    """

    __slots__ = ("due", "packed", "reply", "then")

    def __init__(self, packed: bytes, reply: asyncio.Future[Any], due: float) -> None:
        self.packed = packed
        self.reply = reply
        self.due = due
        self.then: PendingCommand | None = None

    def settle(self, reply: Any) -> None:
        """Set the reply; an error is a result like any, so that no exception is left unheard."""
        if not self.reply.done():
            self.reply.set_result(reply)


class PipelinedConnection(ReplyProtocol):
    """Writes at once what callers ask for in one turn of the loop, and reads replies where their bytes arrive.

    A reply that nobody waits for any more is dropped when it comes: the next one is the next caller's.

    Args:
        on_room: Called when the connection may have room for more commands.
        on_lost: Called once, when the connection is over or takes no more commands.

    Attributes:
        unanswered: The commands that were sent, oldest first.
        lost: True when the connection has ended; its commands have failed.
        retired: True if it takes no more commands. It closes when the last one that was sent is answered.
    """

    def __init__(self, on_room: Callable[[], None], on_lost: Callable[[PipelinedConnection], None]) -> None:
        self.unanswered: deque[PendingCommand] = deque()
        self.lost = False
        self.retired = False
        self._on_room = on_room
        self._on_lost = on_lost
        self._paused = False
        self._loop = asyncio.get_running_loop()
        self._unsent: list[bytes] = []
        self._reader = hiredis.Reader()

    @classmethod
    async def open(
        cls, redis: Redis, on_room: Callable[[], None], on_lost: Callable[[PipelinedConnection], None]
    ) -> PipelinedConnection:
        """Open a connection outside the client's pool.

        Raises:
            RedisError, OSError: There is nothing to connect to.
        """
        line = cls(on_room, on_lost)
        line._read_with(await open_connection(redis, line))
        return line

    def _read_with(self, connection: OpenConnection) -> None:
        encoding, errors = connection.encoding
        self._parse_error = connection.parse_error
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse, replyError=self._error_of, encoding=encoding, errors=errors
        )

    def _error_of(self, text: str) -> Exception:
        error = self._parse_error(text)
        if ends_connection(error):
            self.retired = True
        return error

    @property
    def node(self) -> Node | None:
        """The server; None for a Unix socket."""
        return self.connection.node

    @property
    def has_room(self) -> bool:
        """True if one more command may be sent."""
        return len(self.unanswered) < WINDOW and not self._paused

    def send(self, command: PendingCommand) -> None:
        """Send one more command at the end of this turn of the loop; never wait."""
        self.unanswered.append(command)
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(command.packed)

    def retire(self) -> None:
        """Accept no new commands, and close when the sent ones are answered."""
        self.retired = True
        if not self.unanswered:
            self.give_up("another server has the branch")
        else:
            self._on_lost(self)

    def give_up(self, reason: str, now: float = 0.0) -> None:
        """Close the connection: overdue commands fail with a timeout, the others with the reason."""
        if self.lost:
            return
        self.lost = True
        self.connection.close()
        pending, self.unanswered = self.unanswered, deque()
        for command in pending:
            command.settle(TimeoutError() if command.due <= now else ConnectionError(reason))
        self._on_lost(self)

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, and give each reply to the oldest pending command."""
        gets = self._reader.gets
        try:
            self._reader.feed(data)
            while (reply := gets()) is not False:
                self._take(reply)
        except Exception as error:
            self._broke(error)
        if self.retired and not self.lost:
            self.retire()
        self._on_room()

    def reply_received(self, reply: Any) -> None:
        """Give a reply that is parsed already to the oldest pending command."""
        self._take(reply)
        self._on_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail all pending commands."""
        self.give_up("the connection is gone")

    def pause_writing(self) -> None:
        """Stop writing commands until the transport has room."""
        self._paused = True

    def resume_writing(self) -> None:
        """Write commands again."""
        self._paused = False
        self._on_room()

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if not self.lost:
            self.connection.transport.write(b"".join(unsent))

    def _take(self, reply: Any) -> None:
        if not self.unanswered:
            raise ConnectionError("Redis sent a reply to no command")
        self.unanswered.popleft().settle(reply)

    def _broke(self, error: Exception) -> None:
        if not isinstance(error, RedisError):
            _logger.error("redis.connection_failed", exc_info=error)
        self.give_up("the connection speaks no Redis")
