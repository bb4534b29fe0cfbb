"""A queue of bytes below a send buffer, where no transport takes them at once: for polls and streamed answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol


class QueueOwner(Protocol):
    """Hears of a queue's limits, as a protocol of asyncio hears of its transport's."""

    def pause_writing(self) -> None:
        """More than the high limit waits."""

    def resume_writing(self) -> None:
        """Resume writing: the queue has been emptied."""


class SendQueue:
    """An outlet whose bytes are taken by somebody else: by the next poll, or by the task that writes an answer.

    Attributes:
        closed: Nothing more comes in.
    """

    __slots__ = ("_high", "_in_flight_bytes", "_owner", "_waiter", "_waiting", "_waiting_bytes", "closed")

    def __init__(self, owner: QueueOwner) -> None:
        self.closed = False
        self._owner = owner
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._in_flight_bytes = 0
        self._high: int | None = None
        self._waiter: asyncio.Future[None] | None = None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set how many waiting bytes pause writing."""
        self._high = high

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait, or are being written."""
        return self._waiting_bytes + self._in_flight_bytes

    def write(self, data: bytes) -> None:
        """Take bytes, in order."""
        if self.closed or not data:
            return
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self.wake()
        if self._high is not None and self.get_write_buffer_size() > self._high:
            self._owner.pause_writing()

    def finish(self) -> None:
        """Take nothing more; what waits can still be taken."""
        self.closed = True
        self.wake()

    def abort(self) -> None:
        """Take nothing more, and drop what waits."""
        self._waiting.clear()
        self._waiting_bytes = self._in_flight_bytes = 0
        self.finish()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_awaited(self) -> bool:
        """True while somebody waits for bytes."""
        return self._waiter is not None

    def wake(self) -> None:
        """End the wait for bytes, whether there are any or not."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        """Wait until `wake` is called. Only one may wait at a time."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def take_all(self) -> list[bytes]:
        """Return everything that waits, oldest first; nothing counts as unsent after it. The owner is not called."""
        taken, self._waiting = self._waiting, []
        self._waiting_bytes = self._in_flight_bytes = 0
        return taken

    async def take(self, within_s: float) -> list[bytes] | None:
        """Return everything that waits, oldest first. It counts as unsent until the next call.

        Returns:
            An empty list after `within_s` seconds without anything; None once the queue is closed and empty.
        """
        self._in_flight_bytes = 0
        if self._high is None or self._waiting_bytes <= self._high:
            self._owner.resume_writing()
        if not self._waiting and not self.closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self.wait()
        taken, self._waiting = self._waiting, []
        self._waiting_bytes, self._in_flight_bytes = 0, self._waiting_bytes
        return taken if taken or not self.closed else None
