"""Pings for all connections of a process: one timer, whatever their number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

logger = structlog.get_logger(__name__)

_TICKS = 25  # an interval
_SLICE = 256  # connections pinged in a row; a thousand at once blocked the event loop for 8 ms


class Pinged(Protocol):
    """A connection that is pinged."""

    def ping(self) -> None:
        """Send a ping."""

    def pong_missing(self) -> None:
        """Close the connection: it has not answered in time."""


class Heartbeats:
    """Pings connections, and reports those that do not answer.

    Both delays are the same for each connection, so each of the two dicts is in the order in which the times come:
    nothing is searched. Two timers a connection took 0.6 KB of it, and a wakeup each.

    Example:
        heartbeats = Heartbeats(interval_s=25, timeout_s=20)
        heartbeats.schedule(connection)  # at its beginning, and at each pong
        heartbeats.forget(connection)  # at its end

    Args:
        interval_s: From a connection's beginning or pong to the next ping, in seconds; kept to a twenty-fifth of it.
        timeout_s: The time to answer, in seconds.
    """

    def __init__(self, interval_s: float, timeout_s: float) -> None:
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._tick_s = min(interval_s, timeout_s) / _TICKS
        self._scheduled: dict[Pinged, float] = {}
        self._awaited: dict[Pinged, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = 0.0

    def schedule(self, connection: Pinged) -> None:
        """Ping the connection an interval from now: it is alive."""
        self.forget(connection)
        at = self._scheduled[connection] = asyncio.get_running_loop().time() + self._interval_s
        self._wake_at(at)

    def __len__(self) -> int:
        return len(self._scheduled) + len(self._awaited)

    def forget(self, connection: Pinged) -> None:
        """Ping the connection no more."""
        self._scheduled.pop(connection, None)
        self._awaited.pop(connection, None)

    def _wake_at(self, at: float) -> None:
        if self._timer is not None:
            if self._wakes_at <= at:
                return
            self._timer.cancel()
        self._wakes_at = at
        self._timer = asyncio.get_running_loop().call_at(at, self._wake)

    def _wake(self) -> None:
        now, self._timer = asyncio.get_running_loop().time(), None
        to_ping, missing = _take_due(self._scheduled, now), _take_due(self._awaited, now)
        for connection in to_ping:
            self._awaited[connection] = now + self._timeout_s
            _call(connection.ping)
        for connection in missing:
            _call(connection.pong_missing)
        if _SLICE in (len(to_ping), len(missing)):
            return self._wake_at(now)
        # Only here: after many removals at its front, a dict is slow to find its first entry.
        heads = [next(iter(waiting.values())) for waiting in (self._scheduled, self._awaited) if waiting]
        if heads:  # at least one tick later, so that pings that are due soon share one timer
            self._wake_at(max(min(heads), now + self._tick_s))


def _call(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception:  # the timer's root: a failure of one must not stop the pings of the others
        logger.exception("heartbeats.ping_failed")


def _take_due(waiting: dict[Pinged, float], now: float) -> list[Pinged]:
    """Remove and return the connections whose time has come, a slice of them at most."""
    due: list[Pinged] = []
    for connection, at in waiting.items():
        if at > now or len(due) == _SLICE:
            break
        due.append(connection)
    for connection in due:
        del waiting[connection]
    return due
