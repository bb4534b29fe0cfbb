"""Events as the log takes them: each with the rooms that its class declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.store.log import NewEvent

if TYPE_CHECKING:
    from datetime import datetime

    from hub.domain.event import Event


def new_event(event: Event, at: datetime, **ids: str) -> NewEvent:
    """Return an event for a write.

    Args:
        ids: The id of the order or chat that the event is about, by the kind of its room (see `Event.room_names`).

    Example:
        `new_event(OrderReady(...), now, order="PED1")` goes to the rooms `order:PED1` and `kitchen`.
    """
    return NewEvent(event.type, event.body(at), event.room_names(**ids), event.outbound)
