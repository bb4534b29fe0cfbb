"""Pings for all connections of a process: one timer, whatever their number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

logger = structlog.get_logger(__name__)

_TICKS = 25  # an interval
_SLICE = 256  # connections asked before others have their turn: a thousand at once held the loop for 8 ms


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
        at = self._resting[one] = asyncio.get_running_loop().time() + self._interval_s
        self._wake_at(at)

    def __len__(self) -> int:
        return len(self._resting) + len(self._asked)

    def forget(self, one: Pinged) -> None:
        """It is gone."""
        self._resting.pop(one, None)
        self._asked.pop(one, None)

    def _wake_at(self, at: float) -> None:
        if self._timer is not None:
            if self._look_at <= at:
                return
            self._timer.cancel()
        self._look_at = at
        self._timer = asyncio.get_running_loop().call_at(at, self._look)

    def _look(self) -> None:
        now, self._timer = asyncio.get_running_loop().time(), None
        to_ask, given_up = _due(self._resting, now), _due(self._asked, now)
        for one in to_ask:
            self._asked[one] = now + self._timeout_s
            _tell(one.ping)
        for one in given_up:
            _tell(one.unanswered)
        if _SLICE in (len(to_ask), len(given_up)):
            return self._wake_at(now)
        # Only here: behind those that were taken from its front, a dict's first entry is far to seek.
        heads = [next(iter(waiting.values())) for waiting in (self._resting, self._asked) if waiting]
        if heads:  # not before a tick has passed: others' time comes with the first one's
            self._wake_at(max(min(heads), now + self._tick_s))


def _tell(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception:  # the timer's root: one that fails must not cost the others their pings
        logger.exception("pings.failed")


def _due(waiting: dict[Pinged, float], now: float) -> list[Pinged]:
    """Those whose time has come, a slice of them at most; taken out."""
    due: list[Pinged] = []
    for one, at in waiting.items():
        if at > now or len(due) == _SLICE:
            break
        due.append(one)
    for one in due:
        del waiting[one]
    return due
