"""Volatile events for a reader that is slow: the newest about each subject, until it has read what came before."""

from __future__ import annotations

import asyncio
from typing import Protocol

from hub.fanout.frames import Frame, Reset

SLOW_BYTES = 65_536  # unsent; with more, a position would be old news by the time it is read
MOST_KEPT = 64  # events a reader
_LOOK_S = 0.25  # whether it has read meanwhile


class Reader(Protocol):
    """Who reads: a connection with bytes unsent."""

    @property
    def is_slow(self) -> bool:
        """Whether it has too much unsent for an event that a newer one replaces anyway."""

    def write(self, frame: Frame) -> None:
        """Send a frame, now, behind what is unsent."""


def slow_bytes(limit_bytes: int) -> int:
    """From how many unsent bytes on a reader that may have `limit_bytes` of them is slow.

    Half of the limit at most: what is volatile takes no room from what is not.
    """
    return min(SLOW_BYTES, limit_bytes // 2) if limit_bytes else SLOW_BYTES


class Latest:
    """Passes a reader's events on; volatile ones wait here while it is slow, and only the newest of each kind.

    Whatever is durable goes through at once, in its order. What waits is bounded in number: the longest untouched
    is forgotten first. It goes out as soon as the reader has room: at its next event, or when a timer looks.
    """

    __slots__ = ("_kept", "_reader", "_timer")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: dict[tuple[str, str, str], Frame] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def pass_on(self, frame: Frame) -> None:
        """Give the reader a frame, or keep it."""
        is_reset = isinstance(frame, Reset)
        if self._kept:
            if is_reset:
                self.forget(frame.room)  # what waits is older than the room as it is shown now
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
        """The reader has left this room, or begun it anew."""
        for key in [key for key in self._kept if key[0] == room]:
            del self._kept[key]

    def clear(self) -> None:
        """The reader is gone."""
        self._kept.clear()
        self.release()

    def _keep(self, frame: Frame) -> None:
        key = frame.room, frame.type, frame.subject
        self._kept.pop(key, None)
        self._kept[key] = frame
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        self._timer = None
        self.release()
        if self._kept:
            self._timer = asyncio.get_running_loop().call_later(_LOOK_S, self._look)
