"""Counts of a relay."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stats:
    """The present size of a relay, and its counts since the beginning.

    Attributes:
        rooms, members: The present numbers.
        deliveries: Frames that members got.
        repeats_dropped: Events heard again.
        gaps_filled: Gaps seen in what was heard, and filled from the streams.
        found_by_poll: Rooms that had moved on unheard.
        resets: Rooms that could not be continued.
        resubscriptions: Connections that broke after they had been live.
    """

    rooms: int = 0
    members: int = 0
    deliveries: int = 0
    repeats_dropped: int = 0
    gaps_filled: int = 0
    found_by_poll: int = 0
    resets: int = 0
    resubscriptions: int = 0
