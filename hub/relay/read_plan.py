"""The reads that delivery waits for: missed parts of rooms' streams, and snapshots of rooms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from hub.relay.effects import ReadMissed, ReadViews
from hub.relay.frames import Frame, MissedFrames, Reset
from hub.relay.room_state import PendingResets, RoomState

MAX_RESETS = 100  # rooms that are reset together


class ReadPlan:
    """Rooms that are behind their streams, and rooms that cannot be continued. Pure, a part of the sequencer.

    Args:
        rooms: The rooms that are followed, by name.

    Attributes:
        pending_resets: The rooms that wait for a `room.reset`.
        is_restarting: Rooms have been reset, or are to be, since the last `end_restart`.
    """

    def __init__(self, rooms: Mapping[str, RoomState]) -> None:
        self.pending_resets = PendingResets()
        self.is_restarting = False
        self._rooms = rooms
        self._behind: dict[str, RoomState] = {}
        self._requested: dict[str, tuple[RoomState, int]] = {}  # being read, up to which offset at least
        self._requested_epochs: set[str | None] = set()
        self._min_resume_offset = 0  # of the resets that belong together; 0 before the first of them

    def __bool__(self) -> bool:
        return bool(self._behind or self.pending_resets.rooms or self.is_restarting)

    # What is known

    def fall_behind(self, room: RoomState, offset: int, epoch: str) -> None:
        """Record that a room's stream reaches an offset in an epoch, and has events that were not heard."""
        room.reaches(offset, epoch)
        if room.name not in self.pending_resets.rooms:
            self._behind[room.name] = room

    def lose(self, room: RoomState) -> None:
        """Record that a room cannot be continued."""
        self._behind.pop(room.name, None)
        self.pending_resets.add(room, "" if self.pending_resets.rooms else self._delivered_cursor(room.epoch))
        self.is_restarting = True

    def lose_all(self) -> None:
        """Record that no room can be continued."""
        for room in self._rooms.values():
            if room.epoch is not None and room.subscriptions:
                self.lose(room)

    def lose_behind(self) -> None:
        """Record that the rooms that are behind cannot be continued: their streams cannot be read."""
        for room in list(self._behind.values()):
            self.lose(room)

    def find_gaps(self, waiting: Iterable[Frame], read: Collection[str], epoch: str, up_to: int) -> bool:
        """Return True if rooms other than those read are behind, too.

        Frames that wait, up to an offset, may show so; or frames that would have shown it were dropped.
        """
        heads: dict[str, int] = {}
        others = (room for name, room in self._behind.items() if name not in read)
        found = any(room.epoch == epoch and room.subscriptions for room in others)
        for frame in waiting:
            room = self._rooms.get(frame.room)
            if room is None or frame.room in read or frame.room in self.pending_resets.rooms:
                continue
            if not frame.epoch == room.epoch == epoch:
                continue
            if 0 < frame.offset <= up_to and room.subscriptions:
                if frame.prev > heads.get(frame.room, room.head):
                    self.fall_behind(room, frame.offset, epoch)
                    found = True
                heads[frame.room] = frame.offset
        return found

    # What is to be read

    def next_read(self) -> ReadMissed | ReadViews | None:
        """Return what is to be read next: streams before views."""
        if behind := self._with_members(self._behind.values()):
            self._requested = {room.name: (room, room.catch_up_to) for room in behind}
            return ReadMissed({room.name: room.head for room in behind}, behind[0].epoch or "")
        if lost := self._with_members(self.pending_resets.rooms.values())[:MAX_RESETS]:
            self._requested_epochs = {room.epoch for room in lost}
            return ReadViews([room.name for room in lost])
        return None

    def take_missed(self, missed: MissedFrames) -> list[Frame]:
        """Take the answer to `ReadMissed`; return its frames. Rooms that cannot be continued are lost."""
        frames: list[Frame] = []
        for name, (room, wanted) in self._requested.items():
            found = missed.rooms[name]
            reached = found[-1].offset if found else room.head
            # Not all of it is there any more; or what was announced is not there.
            if found is None or reached < wanted:
                self.lose(room)
                continue
            frames += found
            if reached >= room.catch_up_to:  # and nothing was dropped meanwhile
                self._behind.pop(name, None)
        return frames

    def former_epochs(self, epoch: str) -> Collection[str | None]:
        """Return the epochs that the rooms being reset were in, other than this one."""
        return self._requested_epochs - {epoch}

    def take_resets(self, resets: Sequence[Reset]) -> list[Frame]:
        """Take the answer to `ReadViews`; return the resets, as belonging together with those before them."""
        first = self._min_resume_offset = self._min_resume_offset or min(reset.offset for reset in resets)
        return [reset.together(f"{reset.epoch}-{first}", first) for reset in resets]

    def separate_resets(self) -> None:
        """Let the next resets not belong together with those before them."""
        self._min_resume_offset = 0

    def end_restart(self) -> None:
        """All rooms have been reset."""
        self.is_restarting = False
        self._min_resume_offset = 0

    def _with_members(self, rooms: Iterable[RoomState]) -> list[RoomState]:
        """Return those of the rooms that have members, and let go of the others."""
        kept: list[RoomState] = []
        for room in list(rooms):
            if room.subscriptions and self._rooms.get(room.name) is room:
                kept.append(room)
                continue
            self._behind.pop(room.name, None)
            self.pending_resets.discard(room.name)
            room.stop()
        return kept

    def _delivered_cursor(self, epoch: str | None) -> str:
        """Return the cursor up to which everything has been delivered in this epoch."""
        heads = [room.head for room in self._rooms.values() if room.epoch == epoch and room.subscriptions]
        return f"{epoch}-{max(heads)}" if epoch and heads else ""
