"""Effects: work that the sequencer decides on and others carry out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.relay.frames import Batch, Frame
from hub.relay.room_state import RoomState


@dataclass(frozen=True, slots=True)
class Deliver:
    """Deliver a frame to the members of its room."""

    room: RoomState
    frame: Frame


@dataclass(frozen=True, slots=True)
class DeliverBatch:
    """Deliver several frames that follow each other to the members of their room."""

    room: RoomState
    batch: Batch


@dataclass(frozen=True, slots=True)
class ReadMissed:
    """Read what some rooms' streams have after these offsets, and confirm that all published before has been heard.

    To be answered with `Sequencer.filled`.
    """

    after: Mapping[str, int]
    epoch: str


@dataclass(frozen=True, slots=True)
class ReadViews:
    """Read some rooms as they stand, and confirm that all published before has been heard.

    To be answered with `Sequencer.reset`.
    """

    rooms: Sequence[str]


@dataclass(frozen=True, slots=True)
class RoomsRestarted:
    """All rooms that had to be reset have been. Sessions that were stored before that are out of date."""


Effect = Deliver | DeliverBatch | ReadMissed | ReadViews | RoomsRestarted
