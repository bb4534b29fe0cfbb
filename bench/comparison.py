"""What servers side by side come to: each one's runs, and what ours is to theirs, pair by pair."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.figure import Better, middle

OURS = "comanda"


@dataclass(frozen=True, slots=True)
class Measure:
    """What is compared.

    Attributes:
        ratios: By contender: what ours divided by theirs should at least be, or at most where low is better.
        bound: What ours should be, whatever the others are.
        how: How it was taken.
    """

    name: str
    what: str
    unit: str
    better: Better
    digits: int = 0
    ratios: Mapping[str, float] = field(default_factory=dict)
    bound: float | None = None
    how: str = ""

    def show(self, value: float) -> str:
        return f"{value:,.{self.digits}f}"

    def enough(self, value: float, wanted: float) -> bool:
        return value >= wanted if self.better is Better.HIGH else value <= wanted


@dataclass(frozen=True, slots=True)
class Reading:
    """One run of one contender.

    Attributes:
        columns: What else was seen, by heading.
        faults: What makes it worthless, however good it looks.
        others: How much of the machine other processes took.
    """

    value: float
    columns: Mapping[str, str] = field(default_factory=dict)
    faults: Sequence[str] = ()
    others: float = 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measure, and every contender's runs in the order in which they were taken in turn."""

    measure: Measure
    runs: Mapping[str, Sequence[Reading]]

    def values(self, contender: str) -> list[float]:
        return [reading.value for reading in self.runs[contender]]

    def middle(self, contender: str) -> Reading:
        """The run that is the median."""
        return self.runs[contender][middle(self.values(contender))]

    def ratios(self, contender: str) -> list[float]:
        """What ours is to theirs, run by run: a slow minute of the machine is in both."""
        if contender == OURS or OURS not in self.runs:
            return []
        pairs = zip(self.values(OURS), self.values(contender), strict=False)
        return [ours / theirs for ours, theirs in pairs if theirs]

    def wanted(self, contender: str) -> tuple[float, bool] | None:
        """What is wanted in this contender's line, and whether it is so; None where nothing is."""
        if contender == OURS:
            bound = self.measure.bound
            return bound if bound is None else (bound, self.measure.enough(statistics.median(self.values(OURS)), bound))
        ratio, seen = self.measure.ratios.get(contender), self.ratios(contender)
        if ratio is None or not seen:
            return None
        return ratio, self.measure.enough(statistics.median(seen), ratio)

    def faults(self) -> Iterator[str]:
        """Ours; what others lose stands in their line."""
        for number, reading in enumerate(self.runs.get(OURS, ()), start=1):
            yield from (f"run {number}: {fault}" for fault in reading.faults)

    def judged(self) -> list[bool]:
        """Each target that there is, met or not; a fault is one that is not."""
        told = [wanted[1] for wanted in map(self.wanted, self.runs) if wanted is not None]
        return [*told, False] if any(self.faults()) else told

    @property
    def others(self) -> float:
        return max((reading.others for runs in self.runs.values() for reading in runs), default=0.0)
