"""Pings for all connections of a process: one timer, whatever their number."""

from __future__ import annotations

import asyncio
from typing import Protocol

_TICKS = 25  # an interval


class Pinged(Protocol):
    """A connection."""

    def ping(self) -> None: ...

    def unanswered(self) -> None:
        """It has not answered in time."""


class Pings:
    """Who is to be asked for a sign of life, and who has been asked.

    Both wait equally long for each connection, so each of the two is in the order in which its time comes: nothing
    is searched. Two timers a connection took 0.6 KB of it, and a wakeup each.

    Args:
        interval_s: From one answer, or the beginning, to the next ping; kept to a twenty-fifth of it.
        timeout_s: For the answer.
    """

    def __init__(self, interval_s: float, timeout_s: float) -> None:
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._tick_s = min(interval_s, timeout_s) / _TICKS
        self._resting: dict[Pinged, float] = {}
        self._asked: dict[Pinged, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._look_at = 0.0

    def rest(self, one: Pinged) -> None:
        """It is alive; ask again an interval from now."""
        self.forget(one)
        self._resting[one] = asyncio.get_running_loop().time() + self._interval_s
        self._wake()

    def forget(self, one: Pinged) -> None:
        """It is gone."""
        self._resting.pop(one, None)
        self._asked.pop(one, None)

    def _wake(self) -> None:
        """Look when the first one's time comes, and not before a tick has passed: others' come with it."""
        heads = [next(iter(waiting.values())) for waiting in (self._resting, self._asked) if waiting]
        if not heads or (self._timer is not None and self._look_at <= min(heads)):
            return
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._look_at = max(min(heads), loop.time() + self._tick_s)
        self._timer = loop.call_at(self._look_at, self._look)

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for one in _due(self._resting, now):
            self._asked[one] = now + self._timeout_s
            one.ping()
        for one in _due(self._asked, now):
            one.unanswered()
        self._timer = None
        self._wake()


def _due(waiting: dict[Pinged, float], now: float) -> list[Pinged]:
    """Those whose time has come; taken out."""
    due: list[Pinged] = []
    for one, at in waiting.items():
        if at > now:
            break
        due.append(one)
    for one in due:
        del waiting[one]
    return due
