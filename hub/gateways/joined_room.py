"""The answers about a room's events: to `room.join`, and to a request for one page."""

from __future__ import annotations

from pydantic import ConfigDict, Field, JsonValue

from hub.domain.answers import Answer
from hub.domain.answers.room_answers import Snapshot
from hub.domain.values import absent
from hub.relay.frames import Frame
from hub.services.room_views import RoomView


class RoomEvent(Answer):
    """An event of a room, in its form on the wire.

    Attributes:
        offset: Its place in the log; volatile events have none.
        prev: The offset of the event before it in the room; 0: none.
        data: The fields of the event's type.
    """

    model_config = ConfigDict(extra="allow")

    offset: int | None = Field(default=None, exclude_if=absent)
    prev: int | None = Field(default=None, exclude_if=absent)
    room: str
    type: str
    at: str
    data: dict[str, JsonValue]


class JoinedRoom(Answer):
    """A room at the moment of a join.

    Attributes:
        cursor: The place in the log of `snapshot`.
        recovered: True if `events` has everything since the cursor that the client brought.
    """

    room: str
    cursor: str
    recovered: bool
    snapshot: Snapshot
    events: tuple[RoomEvent, ...]

    @classmethod
    def of(cls, room: str, view: RoomView, only: tuple[str, ...] | None = None) -> JoinedRoom:
        """Return the answer to a join of this room.

        Args:
            only: The types of events to keep; None: all.
        """
        return cls(
            room=room,
            cursor=str(view.cursor),
            recovered=view.recovered,
            snapshot=view.state,
            events=events_of(view, only),
        )


class EventPage(Answer):
    """A page of a room's events.

    Attributes:
        cursor: The place where the next page begins.
        recovered: True if no event is missing between the reader's cursor and this page.
    """

    events: tuple[RoomEvent, ...]
    cursor: str
    recovered: bool


def events_of(view: RoomView, only: tuple[str, ...] | None = None) -> tuple[RoomEvent, ...]:
    """Return the view's events in their form on the wire.

    Args:
        only: The types to keep; None: all.
    """
    wanted = (entry for entry in view.events if only is None or entry.type in only)
    return tuple(RoomEvent.model_validate_json(Frame.of_entry(entry, view.cursor.epoch).event) for entry in wanted)
