"""Counts of the agent's turns: fields of one set of tallies, updated when a turn ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.domain.chat import Turn
    from hub.domain.events import Usage

TALLIES = "turns"
# Upper bounds of what falls into each bin, in milliseconds; what is longer than the last falls into `inf`.
BINS: Mapping[str, tuple[int, ...]] = {
    "ttft": (100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000),
    "duration": (500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000),
    "gap_p95": (25, 50, 75, 100, 150, 250, 500, 1_000),
}
SUMS = ("input_tokens", "output_tokens", "llm_calls", "tool_calls", "tool_ms", "retries")


@dataclass(frozen=True, slots=True)
class Bins:
    """One distribution, as counted.

    Attributes:
        counts: How many fell into each bin, the last one being `inf`.
    """

    counts: tuple[int, ...]
    sum_ms: int


@dataclass(frozen=True, slots=True)
class TurnsToday:
    """The turns and tokens of the branch since its business day began.

    Attributes:
        tokens: Read and written by metered models. The offline model costs nothing and is not counted.
        ceiling: The most tokens a day (`COMANDA_LIMIT_TOKENS_BRANCH_DAY`); 0: there is no ceiling.
    """

    turns: int
    tokens: int
    ceiling: int

    @property
    def ceiling_reached(self) -> bool:
        """True if the day's tokens are used up."""
        return 0 < self.ceiling <= self.tokens


def tallied(turn: Turn) -> Iterator[tuple[str, int]]:
    """Return the counters that a turn adds to when it ends, each with its amount."""
    yield f"ended|{turn.state}|{turn.error}|{(turn.usage and turn.usage.provider) or ''}", 1
    if turn.usage is not None:
        yield from measured(turn.usage)


def measured(usage: Usage) -> Iterator[tuple[str, int]]:
    """Return the counters that the usage of an answer adds to, each with its amount."""
    for name in SUMS:
        if amount := getattr(usage, name):
            yield name, amount
    times = {
        "ttft": usage.ttft_ms if usage.deltas else None,
        "duration": usage.duration_ms,
        "gap_p95": usage.gap_p95_ms,
    }
    for name, ms in times.items():
        if ms is not None:
            yield f"{name}|{next((str(most) for most in BINS[name] if ms <= most), 'inf')}", 1
            yield f"{name}|sum", ms


def bins(tallies: Mapping[str, int], name: str) -> Bins:
    """Return one of the distributions, from the counters."""
    counts = tuple(tallies.get(f"{name}|{most}", 0) for most in (*BINS[name], "inf"))
    return Bins(counts, tallies.get(f"{name}|sum", 0))


def endings(tallies: Mapping[str, int]) -> Iterator[tuple[str, str, str, int]]:
    """Return the endings of turns: state, error, provider, and the number of turns."""
    for field, count in tallies.items():
        kind, *names = field.split("|")
        if kind == "ended":
            state, error, provider = names
            yield state, error, provider, count
