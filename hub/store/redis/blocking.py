"""Blocking commands of Redis, each on its own connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from hiredis import pack_command
from redis.exceptions import ConnectionError

from hub.store.redis.answer_deadline import answer_timeout
from hub.store.redis.pipelined_connection import PendingCommand, PipelinedConnection
from hub.store.redis.redis_py import locator_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from hub.store.redis.address import Node

_KEPT = 4  # idle connections


class BlockingCalls:
    """Sends commands that may wait for seconds, such as XREADGROUP with BLOCK."""

    def __init__(self, redis: Redis, *, deadline_s: float) -> None:
        self._redis = redis
        self._deadline_s = deadline_s
        self._idle: list[PipelinedConnection] = []
        self._busy: set[PipelinedConnection] = set()
        self._closed = False
        self._locator = locator_of(redis)
        self._locator.listen(self._moved)

    def close(self) -> None:
        """Close all connections; pending commands fail."""
        self._closed = True
        self._locator.unlisten(self._moved)
        for line in (*self._idle, *self._busy):
            line.give_up("the event log is closed")

    async def call(self, command: Sequence[str | int], seconds: float) -> Any:
        """Return the reply.

        Args:
            seconds: The time for which the command waits in Redis at most.

        Raises:
            TimeoutError: There was none within the deadline after that time.
            RedisError, OSError: As redis-py has it.
        """
        if self._closed:
            raise ConnectionError("the event log is closed")
        async with answer_timeout(self._deadline_s):
            line = await self._take()
        self._busy.add(line)
        try:
            async with answer_timeout(self._deadline_s, after_s=seconds):
                reply = await self._send(line, command)
        except BaseException:
            line.give_up("nobody waits for the reply any more")
            raise
        finally:
            self._busy.discard(line)
        self._keep(line)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def _take(self) -> PipelinedConnection:
        while self._idle:
            if not (line := self._idle.pop()).lost:
                return line
        return await PipelinedConnection.open(self._redis, lambda: None, self._forget)

    async def _send(self, line: PipelinedConnection, command: Sequence[str | int]) -> Any:
        loop = asyncio.get_running_loop()
        packed = pack_command(cast("Any", command))  # its stub allows a single argument
        pending = PendingCommand(packed, loop.create_future(), float("inf"))
        line.send(pending)
        return await pending.reply

    def _keep(self, line: PipelinedConnection) -> None:
        if line.lost or line.retired or self._closed or len(self._idle) >= _KEPT:
            line.give_up("it is not needed any more")
        else:
            self._idle.append(line)

    def _forget(self, line: PipelinedConnection) -> None:
        if line in self._idle:
            self._idle.remove(line)

    def _moved(self, node: Node) -> None:
        """End waits on a server that no longer has the branch; it has executed nothing."""
        for line in [line for line in (*self._idle, *self._busy) if line.node != node]:
            line.give_up("another server has the branch")
