"""The base of all events: their form in the log, and the rooms that they go to."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from hub.core.times import format_time
from hub.domain.rooms import WITH_ID, Room, RoomKind
from hub.domain.values import Stored, absent

# A field that the protocol marks with "?": left out when it has no value.
Optional_ = Field(default=None, exclude_if=absent)


class Event(Stored):
    """Something that happened. An event's fields are its `data`; offsets, rooms and times are the log's.

    Attributes:
        volatile: The event is only passed on. Durable events are kept in the log and have an offset.
        rooms: The kinds of room that get the event.
        outbound: Readers outside may want it: notifications, webhooks. The branch's outbound stream gets it.
        one_room: Each event of this class goes to one room, of any of these kinds.
    """

    volatile: ClassVar[bool] = False
    rooms: ClassVar[frozenset[RoomKind]] = frozenset()
    one_room: ClassVar[bool] = False
    outbound: ClassVar[bool] = False
    type: str

    @classmethod
    def type_name(cls) -> str:
        """Return the event's type on the wire."""
        return str(cls.model_fields["type"].default)

    @classmethod
    def room_names(cls, **ids: str) -> tuple[str, ...]:
        """Return the names of the rooms that an event of this class goes to, in the order of `RoomKind`.

        Args:
            ids: By the kind of room, the id of the order or chat that the event is about. A kind of room that has
                ids is left out if its id is missing or empty. An event that goes to one room goes to the room with
                an id, if one is given.

        Example:
            `OrderReady.room_names(order="PED1")` is `("order:PED1", "kitchen")`.
        """
        rooms = [Room(kind, ids.get(kind, "")) for kind in RoomKind if kind in cls.rooms]
        named = [room for room in rooms if room.id]
        rooms = [room for room in rooms if room.id or room.kind not in WITH_ID]
        return tuple(map(str, (named or rooms)[:1] if cls.one_room else rooms))

    def body(self, at: datetime) -> str:
        """Return the event as the log keeps it: `{"type": …, "at": …, "data": {…}}`, in one line of JSON."""
        data = self.model_dump_json(exclude={"type"})
        return f'{{"type":"{self.type}","at":"{format_time(at)}","data":{data}}}'


class UnknownEvent(Event):
    """An event of a type that this version of the hub does not know, with all its fields."""
