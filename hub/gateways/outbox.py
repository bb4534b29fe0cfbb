"""A member whose door writes for itself: frames wait here, bounded in bytes, until the door has sent them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hub.fanout.frames import Frame


class Outbox:
    """One reader's unsent bytes. Past the limit it closes: the reader comes back and resumes from its cursor."""

    def __init__(self, member_id: str, encode: Callable[[Frame], bytes], limit_bytes: int) -> None:
        self.id = member_id
        self._encode = encode
        self._limit_bytes = limit_bytes
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._something = asyncio.Event()
        self.overflowed = False

    def deliver(self, frame: Frame) -> None:
        """Take one frame; never waits."""
        self.put(self._encode(frame))

    def put(self, data: bytes) -> None:
        """Take bytes that are no frame, in order with those that are."""
        if self.overflowed:
            return
        self._waiting.append(data)
        self._bytes += len(data)
        if self._limit_bytes and self._bytes > self._limit_bytes:
            self.overflowed = True
            self._waiting.clear()
        self._something.set()

    async def take(self, within_s: float) -> list[bytes] | None:
        """Everything that waits, oldest first; an empty list after `within_s` of silence; None once overflowed."""
        try:
            async with asyncio.timeout(within_s):
                await self._something.wait()
        except TimeoutError:
            return []
        if self.overflowed:
            return None
        taken, self._waiting = self._waiting, []
        self._bytes = 0
        self._something.clear()
        return taken
