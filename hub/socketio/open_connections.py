"""The open connections of a gateway: counted by address, and closed together when the process stops."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, Protocol, TypeVar

import structlog
from aiohttp import web

from hub.core.errors import RateLimited, Unavailable
from hub.socketio.close_reason import CloseReason
from hub.socketio.connection_counter import ConnectionCounter
from hub.socketio.drain import staggered

logger = structlog.get_logger(__name__)

ANSWER_TIMEOUT_S = 1.0  # for commands under way when the process stops
LEAVE_TIMEOUT_S = 1.5  # for transports and tasks of closed connections to end


class OpenConnection(Protocol):
    """A connection that can be closed."""

    @property
    def id(self) -> str:
        """The id, unique within the process."""

    @property
    def address(self) -> str:
        """The address of the client, as it is counted."""

    def close(self, reason: CloseReason) -> None:
        """Close the connection for this reason."""


class Transport(Protocol):
    """The transport of a closed connection that is still flushing its last bytes."""

    def abort(self) -> None:
        """Cut the connection; what is unsent is lost."""


C = TypeVar("C", bound=OpenConnection)


class OpenConnections(Generic[C]):
    """Admits connections, and closes all of them at the end, each after the answer to its command under way.

    Args:
        per_address: The count of connections by address, shared by all gateways.

    Attributes:
        by_id: The open connections.
        closed: How many connections have ended, by reason.
    """

    def __init__(self, per_address: ConnectionCounter) -> None:
        self.by_id: dict[str, C] = {}
        self.closed: Counter[CloseReason] = Counter()
        self._per_address = per_address
        self._transports: set[Transport] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._answering: set[C] = set()
        self._waiting: set[C] = set()  # connections that close after the answer to their command under way
        self._none_waits = asyncio.Event()
        self._none_waits.set()
        self._changed = asyncio.Event()

    def admit(self, address: str) -> None:
        """Count one more connection of an address. Give it to `add`, or call `release`.

        Raises:
            RateLimited: The address has as many connections as it may have.
            Unavailable: The process stops.
        """
        if self._is_closing:
            raise Unavailable("this process is stopping", retry_after_s=1)
        if not self._per_address.take(address):
            raise RateLimited("too many connections from this address", retry_after_s=5)

    def release(self, address: str) -> None:
        """Count one connection less: it was admitted, and not added."""
        self._per_address.give_back(address)

    def add(self, connection: C) -> None:
        """Keep an admitted connection until `remove`."""
        self.by_id[connection.id] = connection

    def remove(self, connection: C, reason: CloseReason) -> None:
        """Forget a connection that has ended."""
        self.by_id.pop(connection.id, None)
        self._per_address.give_back(connection.address)
        self.closed[reason] += 1
        self._changed.set()

    def __iter__(self) -> Iterator[C]:
        return iter(tuple(self.by_id.values()))

    def __len__(self) -> int:
        return len(self.by_id)

    # Transports and tasks of closed connections

    def transport_opened(self, transport: Transport) -> None:
        """Note a transport; it is aborted if it outlives `close_all`."""
        self._transports.add(transport)

    def transport_lost(self, transport: Transport) -> None:
        """Forget a transport that is closed."""
        self._transports.discard(transport)
        self._changed.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task for a connection; it is cancelled if it outlives the application."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._changed.set()

    @property
    def is_idle(self) -> bool:
        """True if no task runs for a connection."""
        return not self._tasks

    # The end

    @contextmanager
    def answering(self, connection: C) -> Iterator[None]:
        """Let a command of the connection be answered before `close_all` closes it."""
        self._answering.add(connection)
        try:
            yield
        finally:
            self._answering.discard(connection)
            if connection in self._waiting:
                connection.close(CloseReason.SHUTDOWN)
                self._waiting.discard(connection)
                if not self._waiting:
                    self._none_waits.set()

    async def close_all(self, over_s: float = 0) -> None:
        """Close every connection and admit no new ones; return when none is left, or only what is stuck.

        A command under way is answered first, unless that takes longer than `ANSWER_TIMEOUT_S`.

        Args:
            over_s: Spread the closings over so many seconds.
        """
        self._is_closing = True
        async for connection in staggered(tuple(self.by_id.values()), over_s):
            if connection in self._answering:
                self._waiting.add(connection)
                self._none_waits.clear()
            else:
                connection.close(CloseReason.SHUTDOWN)
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._none_waits.wait()
        for connection in tuple(self._waiting):
            connection.close(CloseReason.SHUTDOWN)
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                while self.by_id or self._transports or self._tasks:
                    self._changed.clear()
                    await self._changed.wait()
        for transport in tuple(self._transports):
            transport.abort()

    async def shut_down(self, _app: web.Application) -> None:
        """Close everything when the application ends: aiohttp does not know these connections."""
        await self.close_all()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
