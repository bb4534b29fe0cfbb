"""Counters that may not fall below zero, and the events by which the log announces their changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hub.core.errors import ComandaError

MAX_COUNTER_MOVES = 64


@dataclass(frozen=True, slots=True)
class CounterEvents:
    """The events of one kind of counter. The log appends them itself, because only it knows the count.

    Attributes:
        empty: The type of the event when a counter has come to zero.
        low: The type of the event when it has fallen to its `low` mark, or below.
        refilled: The type of the event when it is above zero again, or was set above its mark.
        rooms: The rooms of these events, in the order in which they hear of them.
    """

    empty: str
    low: str
    refilled: str
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CounterMove:
    """A change of one counter, made with the rest of a write or not at all.

    Example:
        `CounterMove("tickets-A", "take", 2, 10, TICKET_EVENTS, '{"row":"A","left":', "2026-11-20T21:30:00.123Z")`

    Attributes:
        name: The counter's name.
        mode: `take` refuses the whole write if fewer than `amount` are left; `give` adds; `set` replaces the count.
            Taking and giving do nothing to a counter that was never set.
        amount: At least 0.
        low: The mark at or below which the counter runs low.
        events: The events that announce the change.
        data_prefix: The JSON of an event's `data` up to the count: `{"row":"A","left":`.
        at: The time of the event, RFC 3339 in UTC.
    """

    name: str
    mode: Literal["take", "give", "set"]
    amount: int
    low: int
    events: CounterEvents
    data_prefix: str
    at: str


class CounterTooLow(ComandaError):
    """A write takes more from a counter than is left. Nothing of the write happened.

    Attributes:
        left: By counter, what was left before the write; only the counters that are too low.
    """

    code = "conflict"
    status = 409

    def __init__(self, left: Mapping[str, int]) -> None:
        super().__init__("there is not enough left", left=dict(left))
        self.left = left
