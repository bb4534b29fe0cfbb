"""A member's seat in one room: what it has been given, and what waits until it may be."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from hub.domain.rooms import Cursor
from hub.fanout.frames import Frame, Reset

HELD_FRAMES = 512
HELD_BYTES = 262_144  # all of it is written at once: well below what a connection may have unsent


class Member(Protocol):
    """Whoever reads rooms: a Socket.IO connection, an SSE stream, a plain WebSocket.

    Attributes:
        id: Unique within the process.
    """

    @property
    def id(self) -> str: ...

    def deliver(self, frame: Frame) -> None:
        """Take a frame. Never waits, never raises; a member that cannot keep up closes itself."""


class Seat:
    """One member in one room.

    It lets through exactly the chain after its cursor: each durable event once, in order. While it is held
    (its member's join is not answered yet), events wait, a bounded number of them; past that it
    forgets them and knows that it `missed` some, which the stream still has.

    Attributes:
        epoch: With `after`: the last event its member has been given, or the cursor of the view it got.
        since: Everything past this offset has been offered here.
        settled: Its member has been given a view.
        missed: What was held is not all there was: read the stream from `after` before going on.
    """

    __slots__ = (
        "_waiting",
        "_waiting_bytes",
        "after",
        "epoch",
        "gone",
        "holds",
        "member",
        "missed",
        "only",
        "settled",
        "since",
    )

    def __init__(self, member: Member, since: int) -> None:
        self.member = member
        self.since = since
        self.only: frozenset[str] | None = None
        self.epoch = ""
        self.after = 0
        self.holds = 0
        self.settled = False
        self.missed = False
        self.gone = False
        self._waiting: deque[Frame] | None = None
        self._waiting_bytes = 0

    def offer(self, frame: Frame) -> bool:
        """A frame of this room, in the room's order; whether the member got it."""
        if self.holds:
            self._keep(frame)
            return False
        return self.take(frame)

    def take(self, frame: Frame) -> bool:
        """Give it to the member, held or not, if it is past what the member has."""
        if isinstance(frame, Reset):
            self.epoch, self.after = frame.epoch, frame.offset
            self.member.deliver(frame)
            return True
        if frame.offset:
            if frame.offset <= self.after or frame.epoch != self.epoch:
                return False
            self.after = frame.offset
        if self.only is not None and frame.type not in self.only:
            return False
        self.member.deliver(frame)
        return True

    def settle(self, member: Member, cursor: Cursor, only: frozenset[str] | None) -> None:
        """The member gets a view as of `cursor`; what follows here is past it."""
        self.member = member
        self.only = only
        self.epoch, self.after = cursor.epoch, cursor.offset
        self.settled = True
        if cursor.offset < self.since:
            self.missed = True

    def hold_anew(self) -> None:
        """Forget what waited: it is about to be read from the log. What comes from here on is kept again."""
        self._waiting = None
        self.missed = False

    def drain(self) -> None:
        """Give what waited; the seat is open from here on."""
        waiting, self._waiting = self._waiting, None
        for frame in waiting or ():
            self.offer(frame)

    def close(self) -> None:
        """The member has left; a delivery under way may still come by here, and finds nobody."""
        self.gone = True
        self.holds += 1  # never released
        self._waiting = None

    def _keep(self, frame: Frame) -> None:
        durable = frame.offset or isinstance(frame, Reset)
        if self.gone or not durable:  # a position is worth nothing by the time the seat opens
            return
        if self._waiting is None:
            self._waiting, self._waiting_bytes = deque(), 0
        if isinstance(frame, Reset):
            self._waiting.clear()
            self.missed = False
            self._waiting_bytes = 0
        elif self.missed:
            return
        elif len(self._waiting) >= HELD_FRAMES or self._waiting_bytes > HELD_BYTES:
            self._waiting.clear()
            self.missed = True
            return
        self._waiting.append(frame)
        self._waiting_bytes += len(frame.body)
