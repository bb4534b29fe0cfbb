"""Counts and latencies of a simulation."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_SAMPLES = 100_000
MAX_HALVES = 10_000


@dataclass(frozen=True, slots=True)
class Latency:
    """The distribution of `count` measured times."""

    count: int
    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        """Return the distribution of measured times."""
        if not seconds:
            return cls(0, 0.0, 0.0)
        ranked = sorted(seconds)
        last = len(ranked) - 1
        return cls(
            len(ranked),
            round(ranked[round(last * 0.50)] * 1000, 2),
            round(ranked[round(last * 0.99)] * 1000, 2),
        )

    def __str__(self) -> str:
        return f"p50 {self.p50_ms} ms, p99 {self.p99_ms} ms ({self.count})"


@dataclass(frozen=True, slots=True)
class Report:
    """The results of a simulation.

    Attributes:
        orders: Orders placed.
        delivered: Of those, in the customer's hands.
        cancelled: Of those, cancelled by somebody else.
        failed: Not placed, or not at an end in time.
        commands: Commands the hub committed.
        conflicts: Commands that came too late, because somebody else had acted.
        retries: Attempts repeated because the hub was away or asked for patience.
        duration_s: From the first order to the last one's end.
        answered: From sending a command to its answer, retries included.
        seen: From sending a command to its event on the kitchen's stream.
    """

    orders: int
    delivered: int
    cancelled: int
    failed: int
    commands: int
    conflicts: int
    retries: int
    duration_s: float
    answered: Latency
    seen: Latency

    def __str__(self) -> str:
        return (
            f"{self.orders} orders: {self.delivered} delivered, {self.cancelled} cancelled, "
            f"{self.failed} failed, in {self.duration_s:.1f} s\n"
            f"{self.commands} commands, {self.conflicts} conflicts, {self.retries} retries\n"
            f"command to answer: {self.answered}\n"
            f"command to event:  {self.seen}"
        )


@dataclass(slots=True)
class RunCounts:
    """The running count; a demo may run for weeks, so what it keeps is bounded."""

    orders: int = 0
    delivered: int = 0
    cancelled: int = 0
    failed: int = 0
    commands: int = 0
    conflicts: int = 0
    retries: int = 0
    started: float = field(default_factory=time.perf_counter)
    _answered: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_SAMPLES))
    _seen: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_SAMPLES))
    _open: dict[tuple[str, int], tuple[str, float]] = field(default_factory=dict)

    def retried(self) -> None:
        """Something was tried again, because the hub was away or asked for patience."""
        self.retries += 1

    def committed(self, order_id: str, version: int, sent: float) -> None:
        """A command that was sent at `sent` (`perf_counter`) gave the order this version."""
        self.commands += 1
        self._answered.append(time.perf_counter() - sent)
        self._match(order_id, version, "sent", sent)

    def saw(self, order_id: str, version: int) -> None:
        """The event that gave the order this version arrived."""
        self._match(order_id, version, "seen", time.perf_counter())

    def report(self) -> Report:
        """Return the results so far."""
        return Report(
            orders=self.orders,
            delivered=self.delivered,
            cancelled=self.cancelled,
            failed=self.failed,
            commands=self.commands,
            conflicts=self.conflicts,
            retries=self.retries,
            duration_s=time.perf_counter() - self.started,
            answered=Latency.of(self._answered),
            seen=Latency.of(self._seen),
        )

    def _match(self, order_id: str, version: int, half: str, at: float) -> None:
        """Answer and event race each other: whichever comes second completes the measurement."""
        other = self._open.pop((order_id, version), None)
        if other is None:
            self._open[order_id, version] = (half, at)
            if len(self._open) > MAX_HALVES:
                # Commands of other clients never find their other half here: drop the oldest.
                del self._open[next(iter(self._open))]
        elif other[0] != half:
            self._seen.append(abs(at - other[1]))
