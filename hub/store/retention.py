"""The number of events that the rooms of a log keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _none(_room: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Retention:
    """A policy: every room keeps its newest events, and some rooms keep all of theirs.

    Redis trims a room in steps, so it may keep up to about a hundred events more.

    Attributes:
        events: The number of events that a room keeps; 0: all.
        whole: Return True for the name of a room that keeps all its events. Let such a room expire (`Write.expire`).
    """

    events: int = 1_000
    whole: Callable[[str], bool] = _none

    def of(self, room: str) -> int:
        """Return the number of events that a room keeps; 0: all."""
        return 0 if self.whole(room) else self.events
