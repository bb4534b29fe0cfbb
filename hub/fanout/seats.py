"""A member among the rooms: one seat in each of them, and what waits until it may be given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from hub.domain.rooms import Cursor
from hub.fanout.frames import Batch, Frame, Reset

HELD_FRAMES = 512
HELD_BYTES = 262_144  # all of it is written at once: well below what a connection may have unsent


class Line:
    """Where bytes for a member may be written as they are, behind nothing that waits.

    Attributes:
        write: Its transport's; None while it has to be given frames instead.
        pending: What came for it in this turn of the loop; it leaves in one system call.
    """

    __slots__ = ("pending", "write")

    def __init__(self) -> None:
        self.write: Callable[[bytes], None] | None = None
        self.pending: list[bytes] | None = None

    def flush(self) -> None:
        """Write what is pending."""
        pending, self.pending = self.pending, None
        if pending and self.write is not None:
            with suppress(RuntimeError):  # uvloop's, when the connection is gone: its protocol is told
                self.write(pending[0] if len(pending) == 1 else b"".join(pending))


NO_LINE = Line()


class Member(Protocol):
    """Whoever reads rooms: a Socket.IO connection, an SSE stream, a plain WebSocket.

    Attributes:
        id: Unique within the process.
    """

    @property
    def id(self) -> str: ...

    @property
    def unsent_bytes(self) -> int:
        """How much of what it was given it has not read yet."""

    def deliver(self, frame: Frame) -> None:
        """Take a frame. Never waits, never raises; a member that cannot keep up closes itself."""

    def deliver_all(self, batch: Batch) -> None:
        """Take several frames, in their order."""


class Presence:
    """One member, in all its rooms.

    While it is held (a join of its is not answered yet, or it is being given what it missed), the events of all its
    rooms wait, in the order in which they came: a member that comes back names one place, so nothing may overtake.
    A bounded number of them waits; past that they are forgotten, and it knows that it `missed` some, which the
    streams still have.

    Attributes:
        seats: By room.
        holds: How many reasons there are to hold it.
        missed: What waits is not all there is: read the streams before going on.
    """

    __slots__ = ("_waiting", "_waiting_bytes", "holds", "member", "missed", "seats")

    def __init__(self, member: Member) -> None:
        self.member = member
        self.seats: dict[str, Seat] = {}
        self.holds = 0
        self.missed = False
        self._waiting: deque[tuple[Seat, Frame]] | None = None
        self._waiting_bytes = 0

    def keep(self, seat: Seat, frame: Frame) -> None:
        """Let a frame wait. A volatile one would be worth nothing by the time it is given."""
        if self.missed or not (frame.offset or isinstance(frame, Reset)):
            return
        if self._waiting is None:
            self._waiting, self._waiting_bytes = deque(), 0
        if len(self._waiting) >= HELD_FRAMES or self._waiting_bytes > HELD_BYTES:
            self._waiting = None
            self.missed = True
            return
        self._waiting.append((seat, frame))
        self._waiting_bytes += frame.size

    def hold_anew(self) -> None:
        """Forget what waited: it is about to be read from the log. What comes from here on is kept again."""
        self._waiting = None
        self.missed = False

    def drain(self) -> None:
        """Give what waited; what comes from here on is given at once."""
        waiting, self._waiting = self._waiting or (), None
        for seat, frame in sorted(waiting, key=_offset):  # what was heard before a room's first view comes last
            seat.take(frame)


def _offset(kept: tuple[Seat, Frame]) -> int:
    return kept[1].offset


class Seat:
    """One member in one room: it lets through exactly the chain after its cursor, each durable event once, in order.

    Attributes:
        epoch: With `after`: the last event its member has been given, or the cursor of the view it got.
        since: The cursor's offset of that view: what the room was like up to there, its member was shown.
        floor: A connection that resumes from before this offset has not been given the view.
        offered: Everything past this offset has been offered here.
        settled: Its member has been given a view.
        joins: How many are under way that may seat the member here.
        deliver: Its member's.
        line: For WebSocket frames of Socket.IO, where its member speaks that.
    """

    __slots__ = (
        "after",
        "deliver",
        "epoch",
        "floor",
        "gone",
        "joins",
        "line",
        "offered",
        "only",
        "presence",
        "room",
        "settled",
        "since",
    )

    def __init__(self, room: str, presence: Presence, offered: int = 0) -> None:
        self.room = room
        self.presence = presence
        self.deliver = presence.member.deliver
        self.line: Line = getattr(presence.member, "line", NO_LINE)
        self.offered = offered
        self.only: frozenset[str] | None = None
        self.epoch = ""
        self.after = 0
        self.since = 0
        self.floor = 0
        self.settled = False
        self.gone = False
        self.joins = 0

    def offer(self, frame: Frame) -> bool:
        """A frame of this room, in the log's order; whether the member got it."""
        if self.presence.holds:
            self.presence.keep(self, frame)
            return False
        return self.take(frame)

    def offer_all(self, batch: Batch) -> int:
        """Frames that follow each other here; how many of them the member got."""
        first, last = batch.frames[0], batch.frames[-1]
        if self.presence.holds or self.gone or self.only is not None or self.epoch != first.epoch:
            return sum(map(self.offer, batch.frames))
        if self.after >= first.offset:
            return sum(map(self.offer, batch.frames))
        self.after = last.offset
        self.presence.member.deliver_all(batch)
        return len(batch.frames)

    def take(self, frame: Frame) -> bool:
        """Give it to the member, held or not, if it is past what the member has."""
        if not self.lets(frame):
            return False
        self.deliver(frame)
        return True

    def lets(self, frame: Frame) -> bool:
        """Whether the member, held or not, is to be given this one now; from here on it counts as given."""
        if self.gone:
            return False
        if isinstance(frame, Reset):
            return self._begin_anew(frame)
        if frame.offset:
            if frame.offset <= self.after or frame.epoch != self.epoch:
                return False
            self.after = frame.offset
        return self.only is None or frame.type in self.only

    def settle(self, cursor: Cursor, only: frozenset[str] | None) -> None:
        """The member gets a view as of `cursor`; what follows here is past it."""
        self.only = only
        self.epoch, self.after, self.since, self.floor = cursor.epoch, cursor.offset, cursor.offset, 0
        self.settled = True
        if cursor.offset < self.offered:
            self.presence.missed = True

    def wait_for_reset(self) -> None:
        """Nothing is let through until its member has been given `room.reset`."""
        self.epoch, self.after = "", 0

    def _begin_anew(self, frame: Reset) -> bool:
        if frame.epoch == self.epoch and frame.offset <= self.after:
            return False  # it has been shown as much already
        self.epoch, self.after = frame.epoch, frame.offset
        self.since, self.floor = frame.offset, frame.floor
        return True


NO_SEATS: Mapping[str, Seat] = {}
