"""What the contenders are put through: who listens, and what is published at which pace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.comparison import Measure
from bench.contenders.contender import Pace
from bench.figure import Better
from bench.trial import Trial

SOCKETS = 1_000
_DELIVERIES = "deliveries per CPU second of the server"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One measure of what a publisher and a thousand sockets see.

    Attributes:
        rooms: The sockets are spread over them evenly.
        rate: Events a second; 0 is as many as can be.
    """

    measure: Measure
    value: Callable[[Trial], float]
    rooms: int
    rate: int
    seconds: float = 2.0
    burst: int = 1

    @property
    def members(self) -> float:
        return SOCKETS / self.rooms

    def pace(self, quick: bool) -> Pace:
        return Pace(self.rooms, self.rate, self.seconds / 2 if quick else self.seconds, self.burst)


def _deliveries(trial: Trial) -> float:
    return trial.deliveries_a_cpu_s


def _tail(trial: Trial) -> float:
    return trial.p99_ms


# The order matters: sockets stay as long as the rooms do, and who falls behind when it is flat out ends there.
SCENARIOS: Sequence[Scenario] = (
    Scenario(
        Measure(
            "small",
            "500 rooms of 2, 1,500 events/s",
            _DELIVERIES,
            Better.HIGH,
            ratios={"node": 2.0, "stock": 5.0},
            how="One commit an event, evenly.",
        ),
        _deliveries,
        rooms=500,
        rate=1_500,
    ),
    Scenario(
        Measure(
            "latency",
            "500 rooms of 2, 2,000 deliveries/s: p99",
            "milliseconds from just before publishing to the socket",
            Better.LOW,
            digits=2,
            ratios={"node": 1.0},
            bound=5.0,
            how="1,000 events/s, evenly; ours are on the disk before they are published, the others' never.",
        ),
        _tail,
        rooms=500,
        rate=1_000,
    ),
    Scenario(
        Measure(
            "big",
            "one room of 1,000, 100 events/s",
            _DELIVERIES,
            Better.HIGH,
            ratios={"limit": 0.75, "node": 1.5, "stock": 8.0},
            how="One event at a time, evenly.",
        ),
        _deliveries,
        rooms=1,
        rate=100,
    ),
    Scenario(
        Measure(
            "burst",
            "one room of 1,000, 50 events in one go, twice a second",
            _DELIVERIES,
            Better.HIGH,
            ratios={"limit": 1.0},
            how="What follows each other may share a system call.",
        ),
        _deliveries,
        rooms=1,
        rate=100,
        burst=50,
    ),
    Scenario(
        Measure(
            "flat",
            "500 rooms of 2, flat out",
            _DELIVERIES,
            Better.HIGH,
            ratios={"node": 2.5},
            how="As fast as the publisher goes; ours are commits of 8 events, 64 under way.",
        ),
        _deliveries,
        rooms=500,
        rate=0,
    ),
)

CONNECTS = Measure(
    "connects",
    "1,000 sockets connect and join, 64 at a time",
    "connects/s",
    Better.HIGH,
    ratios={"node": 1.0},
    how="WebSocket from the start; 500 rooms of 2. Ours are orders: a join shows a capability, is checked and kept for "
    "recovery in Redis, and is answered with the order and its history from there; the others answer with a constant "
    "of that size, and check and keep nothing.",
)
MEMORY = Measure(
    "memory",
    "memory a connection",
    "KB",
    Better.LOW,
    digits=1,
    bound=18.0,
    how="Resident memory of the server's process in 10³ bytes, pages mapped from files apart: after 1,000 have "
    "connected and joined less before, when 100 had come and gone. All that connections and 500 rooms keep there; the "
    "kernel's buffers not.",
)
ARRIVAL_ROOMS = 500
