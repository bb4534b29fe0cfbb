"""One room as this process follows it: its epoch, and the offset up to which its events have been delivered."""

from __future__ import annotations

from collections.abc import Mapping

from hub.core.cursor import Cursor
from hub.relay.frames import Frame, Reset
from hub.relay.subscription import NO_SUBSCRIPTIONS, Subscription

MAX_EARLY = 256  # frames that wait for a room's first view


class RoomState:
    """A room's position in its chain of events. Its fields are written by its own methods only.

    Attributes:
        epoch: None until a first view tells the room's position.
        head: Everything of the room up to this offset has been delivered.
        catch_up_to, catch_up_epoch: The room's stream is known to reach this offset, in this epoch.
        early: Frames heard before the first view.
    """

    __slots__ = ("_by_room", "catch_up_epoch", "catch_up_to", "early", "epoch", "head", "name")

    def __init__(self, name: str, by_room: Mapping[str, Mapping[str, Subscription]]) -> None:
        self.name = name
        self.epoch: str | None = None
        self.head = 0
        self.catch_up_to = 0
        self.catch_up_epoch = ""
        self.early: list[Frame] = []
        self._by_room = by_room

    @property
    def subscriptions(self) -> Mapping[str, Subscription]:
        """The room's subscriptions, by member id, as they are now."""
        return self._by_room.get(self.name, NO_SUBSCRIPTIONS)

    def follows(self, frame: Frame) -> bool:
        """Return True if a durable frame is the room's next one, with none missing before it."""
        return frame.epoch == self.epoch and frame.prev <= self.head < frame.offset

    def advance(self, frame: Frame) -> bool:
        """Advance to a durable frame if it is the room's next one. Return False if it is not."""
        if frame.epoch == self.epoch and frame.prev <= self.head < frame.offset:
            self.head = frame.offset
            return True
        return False

    def advance_to(self, frame: Frame) -> None:
        """Advance to the last of several frames that follow each other."""
        self.head = frame.offset

    def is_current(self, frame: Frame) -> bool:
        """Return False if the room is in another epoch than a frame that was due before."""
        is_volatile = not frame.offset and not isinstance(frame, Reset)
        return is_volatile or frame.epoch == self.epoch

    def skip_to(self, frame: Frame) -> None:
        """Advance past a frame that nobody is here to receive, whatever is missing before it."""
        self.head = max(self.head, frame.offset) if frame.epoch == self.epoch else frame.offset
        self.epoch = frame.epoch

    def start(self, cursor: Cursor) -> list[Frame]:
        """Follow the room from its first view on; return the frames heard so far that the view does not show."""
        self.epoch, self.head = cursor.epoch, cursor.offset
        for subscription in self.subscriptions.values():
            subscription.offered_up_to(cursor.offset)
        early, self.early = self.early, []
        return [frame for frame in early if frame.offset > cursor.offset or frame.epoch != cursor.epoch]

    def restart(self, reset: Reset) -> None:
        """Follow the room from a `room.reset` on; what its stream is known to reach past that still holds."""
        self.epoch, self.head = reset.epoch, reset.offset
        if self.catch_up_epoch != reset.epoch:
            self.catch_up_to = 0

    def keep_early(self, frame: Frame) -> None:
        """Keep a frame for the first view; past a bound all are dropped, and read from the stream later."""
        if len(self.early) >= MAX_EARLY:
            self.early.clear()
        self.early.append(frame)

    def reaches(self, offset: int, epoch: str) -> None:
        """Record that the room's stream reaches an offset in an epoch."""
        self.catch_up_to = max(self.catch_up_to, offset) if epoch == self.catch_up_epoch else offset
        self.catch_up_epoch = epoch

    def stop(self) -> None:
        """Forget the room's position: nobody is here, and the next member begins from a view."""
        self.epoch, self.head, self.catch_up_to = None, 0, 0
        self.early.clear()


class PendingResets:
    """Rooms that cannot be continued, only reset.

    Attributes:
        rooms: The rooms, by name.
        resume_cursor: While there are any: where a connection in one of them resumes if it breaks now. Empty if nothing
            has been delivered in this epoch.
    """

    __slots__ = ("resume_cursor", "rooms")

    def __init__(self) -> None:
        self.rooms: dict[str, RoomState] = {}
        self.resume_cursor = ""

    def add(self, room: RoomState, resume_cursor: str) -> None:
        """Add a room.

        Args:
            resume_cursor: Taken from the first room only: whatever is delivered after it may have to be repeated.
        """
        if not self.rooms:
            self.resume_cursor = resume_cursor
        self.rooms[room.name] = room

    def discard(self, name: str) -> None:
        """Remove a room, if it is here."""
        self.rooms.pop(name, None)
