"""Joins and resumes: a member is in a room, or back in its rooms, and held until it has been told so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from hub.core.cursor import Cursor
from hub.relay.frames import Reset
from hub.relay.subscription import MemberSubscriptions, Subscription

if TYPE_CHECKING:
    from hub.relay.replay import Missed, Replay


class RoomSnapshot(Protocol):
    """A room's state as of one cursor."""

    @property
    def cursor(self) -> Cursor:
        """The position in the log; what follows it is not in the snapshot."""

    @property
    def snapshot(self) -> Mapping[str, Any]:
        """The state, as JSON; `room.reset` carries it."""


SnapshotT = TypeVar("SnapshotT", bound=RoomSnapshot)


@dataclass(frozen=True, slots=True)
class Join(Generic[SnapshotT]):
    """A member is in a room. All its events are held until `release`.

    Attributes:
        view: The room as of `view.cursor`, to be sent as the answer.
    """

    view: SnapshotT
    _replay: Replay
    _subscriptions: MemberSubscriptions

    def release(self) -> None:
        """Deliver what came past the view's cursor, and everything after it. To be called once."""
        self._replay.release(self._subscriptions)


@dataclass(frozen=True, slots=True)
class ServerJoin:
    """A member is in a room for which it did not ask. All its events are held until `show`."""

    _subscription: Subscription
    _reset: Reset
    _replay: Replay

    def show(self) -> None:
        """Deliver `room.reset`, and everything after it. To be called once."""
        self._replay.show(self._subscription, self._reset)


@dataclass(frozen=True, slots=True)
class Resume:
    """A member is back in its rooms. All its events are held until `begin`.

    Attributes:
        recovered: It gets everything that it missed. Otherwise it gets `room.reset` for each of its rooms.
        cursor: The log's position as of which the missed events were read.
        size_bytes: Bytes of the events and snapshots that the member is given.
    """

    recovered: bool
    cursor: Cursor
    _replay: Replay
    _subscriptions: MemberSubscriptions | None
    _missed: Sequence[Missed]
    size_bytes: int = 0

    def begin(self) -> None:
        """Deliver what was missed, and everything after it. To be called once."""
        if self._subscriptions is not None:
            self._replay.play(self._subscriptions, self._missed, self.size_bytes)
