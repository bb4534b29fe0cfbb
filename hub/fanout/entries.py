"""A member is in a room, or back in all of its: what it is to be told first, while its events are held back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.domain.rooms import Cursor
from hub.fanout.frames import Reset
from hub.fanout.replay import Given, Replay
from hub.fanout.seats import Presence, Seat
from hub.services.views import RoomView


@dataclass(frozen=True, slots=True)
class Joined:
    """A member is in a room, and all its events are held back until the answer is on its way.

    Attributes:
        view: The room as of `view.cursor`.
    """

    view: RoomView
    _replay: Replay
    _presence: Presence

    def release(self) -> None:
        """Let through what came past the view's cursor, and everything after it. To be called once."""
        self._replay.release(self._presence)


@dataclass(frozen=True, slots=True)
class Brought:
    """A member is in a room that it knows nothing of yet, and all its events are held back until it does."""

    _seat: Seat
    _reset: Reset
    _replay: Replay

    def show(self) -> None:
        """Give it `room.reset`, and everything after it. To be called once."""
        self._replay.show(self._seat, self._reset)


@dataclass(frozen=True, slots=True)
class Resumed:
    """A member is back in its rooms, and all its events are held back until it has been told so.

    Attributes:
        recovered: It gets everything it missed. Otherwise `room.reset` for each of its rooms.
        cursor: Where the log stood.
    """

    recovered: bool
    cursor: Cursor
    _replay: Replay
    _presence: Presence | None
    _given: Sequence[Given]

    @property
    def size_bytes(self) -> int:
        """Bytes of the events and snapshots that it is given."""
        return sum(frame.size for _, frame in self._given)

    def begin(self) -> None:
        """Give what was missed, and everything after it. To be called once."""
        if self._presence is not None:
            self._replay.play(self._presence, self._given)
