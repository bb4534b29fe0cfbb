"""What a measurement comes to: the runs, the target, and how it was taken."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Better(Enum):
    """Which way a figure should go."""

    LOW = "≤"
    HIGH = "≥"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much time the measurements may take."""

    quick: bool = False

    def runs(self, full: int, quick: int = 1) -> int:
        return quick if self.quick else full

    def seconds(self, full: float, quick: float) -> float:
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        runs: The figure of each run.
        how: How it was taken, and what else was seen; a line each.
        faults: What makes the figure worthless, however good it looks: an event lost, an order refused.
        others: How much of the machine other processes took meanwhile, in the worst run, where that was seen.
    """

    name: str
    what: str
    unit: str
    better: Better
    target: float
    runs: Sequence[float]
    how: Sequence[str]
    faults: Sequence[str] = ()
    digits: int = 1
    others: float = 0.0

    @property
    def measured(self) -> float:
        return statistics.median(self.runs)

    @property
    def met(self) -> bool:
        on_target = self.measured <= self.target if self.better is Better.LOW else self.measured >= self.target
        return on_target and not self.faults

    def show(self, value: float) -> str:
        return f"{value:,.{self.digits}f}"


def middle(runs: Sequence[float]) -> int:
    """The index of the run that is the median, the lower one of two."""
    return sorted(range(len(runs)), key=runs.__getitem__)[(len(runs) - 1) // 2]


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The value that so many per cent of a sorted sequence do not exceed (nearest rank, never interpolated)."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]
