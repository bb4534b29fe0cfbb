"""Volatile events for a slow reader: only the newest about each subject, until it has read what came before."""

from __future__ import annotations

import asyncio
from typing import Protocol

from hub.relay.frames import Frame, Reset

SLOW_BYTES = 65_536  # unsent; behind more, a position would be out of date by the time it is read
MAX_KEPT = 64  # events a reader
_POLL_S = 0.25  # how often to look whether the reader has caught up


class Reader(Protocol):
    """A connection with bytes unsent."""

    @property
    def is_slow(self) -> bool:
        """True if too much is unsent for an event that a newer one replaces anyway."""

    def write(self, frame: Frame) -> None:
        """Send a frame behind what is unsent."""


def slow_bytes(limit_bytes: int) -> int:
    """Return the number of unsent bytes from which on a reader counts as slow.

    Args:
        limit_bytes: The most that it may have unsent; 0 for no limit. Half of it at most is for volatile events.
    """
    return min(SLOW_BYTES, limit_bytes // 2) if limit_bytes else SLOW_BYTES


class Conflator:
    """Passes a reader's events on. While it is slow, volatile ones wait here, only the newest about each subject.

    Durable events go through at once, in order. The number of waiting events is bounded: the least recently updated is
    dropped first. They go out as soon as the reader has room: at its next event, or when a timer looks.
    """

    __slots__ = ("_kept", "_reader", "_timer")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: dict[tuple[str, str, str], Frame] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def pass_on(self, frame: Frame) -> None:
        """Send a frame to the reader, or keep it."""
        is_reset = isinstance(frame, Reset)
        if self._kept:
            if is_reset:
                self.forget(frame.room)  # what waits is older than the snapshot
            self.release()
        if frame.offset or is_reset or not (self._kept or self._reader.is_slow):
            self._reader.write(frame)
        else:
            self._keep(frame)

    def release(self) -> None:
        """Send what waits, as far as there is room."""
        while self._kept and not self._reader.is_slow:
            self._reader.write(self._kept.pop(next(iter(self._kept))))
        if not self._kept and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def forget(self, room: str) -> None:
        """Drop what waits of a room: the reader has left it, or got a reset."""
        for key in [key for key in self._kept if key[0] == room]:
            del self._kept[key]

    def clear(self) -> None:
        """Drop everything: the reader is gone."""
        self._kept.clear()
        self.release()

    def _keep(self, frame: Frame) -> None:
        key = frame.room, frame.type, frame.subject
        self._kept.pop(key, None)
        self._kept[key] = frame
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_POLL_S, self._look)

    def _look(self) -> None:
        self._timer = None
        self.release()
        if self._kept:
            self._timer = asyncio.get_running_loop().call_later(_POLL_S, self._look)
