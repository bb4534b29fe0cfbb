"""One room as this process follows it: whether it is heard, and how far its events have been passed on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from hub.domain.rooms import Cursor, Room
from hub.fanout.frames import Frame
from hub.fanout.seats import NO_SEATS, Seat

EARLY = 256  # frames that wait for a room's first view


class Watch:
    """A room's place in its chain.

    Attributes:
        epoch: None until a first view says where the room stands.
        head: Everything of the room up to here has been passed on.
        target: The stream is known to reach this far.
        early: What was heard before the first view.
        confirmed: Done while Redis has us subscribed.
        empty_since: Loop time at which the last member left.
    """

    __slots__ = ("_taken", "channel", "confirmed", "early", "empty_since", "epoch", "head", "name", "room", "target")

    def __init__(self, room: Room, channel: str, taken: Mapping[str, Mapping[str, Seat]]) -> None:
        self.room = room
        self.name = str(room)
        self.channel = channel
        self.epoch: str | None = None
        self.head = 0
        self.target = 0
        self.early: list[Frame] = []
        self.confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.empty_since = 0.0
        self._taken = taken

    @property
    def seats(self) -> Mapping[str, Seat]:
        return self._taken.get(self.name, NO_SEATS)

    def follows(self, frame: Frame) -> bool:
        """Whether a durable frame is the next one, with none missing before it."""
        return frame.epoch == self.epoch and frame.prev <= self.head < frame.offset

    def begin(self, cursor: Cursor) -> list[Frame]:
        """A first view is here: what it does not show follows from its cursor on. What has been heard of that."""
        self.epoch, self.head = cursor.epoch, cursor.offset
        for seat in self.seats.values():
            seat.offered = max(seat.offered, cursor.offset)
        early, self.early = self.early, []
        return [frame for frame in early if frame.offset > cursor.offset or frame.epoch != cursor.epoch]

    def keep(self, frame: Frame) -> None:
        """Let a frame wait for the first view; past a bound it is read from the stream."""
        if len(self.early) >= EARLY:
            self.early.clear()
        self.early.append(frame)

    def stop(self) -> None:
        """Nobody is here any more: whoever comes next begins from a view."""
        self.epoch, self.head, self.target = None, 0, 0
        self.early.clear()
