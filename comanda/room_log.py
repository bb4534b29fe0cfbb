"""How far one room has been read, and whether the next event continues it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from comanda.shapes import Event

Verdict = Literal["volatile", "repeat", "gap", "next"]


@dataclass(frozen=True, slots=True)
class RoomLog:
    """The place up to which a room has been read.

    Attributes:
        epoch: The life of the hub's log; None before the first join.
        seen: The highest offset that is covered: of the last event, or of a join's cursor.
    """

    epoch: str | None = None
    seen: int = 0

    def judge(self, event: Event, cursor: str | None) -> Verdict:
        """Say what to do with an event that arrived with this cursor."""
        if "offset" not in event:
            return "volatile"
        place = read_up_to(cursor)
        if self.epoch is None or (place.epoch is not None and place.epoch != self.epoch):
            return "gap"
        if event["offset"] <= self.seen:
            return "repeat"
        return "gap" if event["prev"] > self.seen else "next"

    def after(self, event: Event) -> RoomLog:
        """Return the place behind a durable event."""
        return replace(self, seen=event["offset"])

    @property
    def cursor(self) -> str | None:
        """The cursor to come back with; None before the first join."""
        return None if self.epoch is None else f"{self.epoch}-{self.seen}"


def read_up_to(cursor: str | None) -> RoomLog:
    """Return the place that a cursor names; nothing is read if it is none."""
    epoch, _, digits = (cursor or "").rpartition("-")
    return RoomLog(epoch, int(digits)) if epoch and digits.isascii() and digits.isdigit() else RoomLog()
