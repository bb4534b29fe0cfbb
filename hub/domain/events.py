"""Every event by its name on the wire: the one place from which the rest of the program imports events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter

from hub.domain.branch_events import (
    BranchEvent,
    FloorTick,
    NoticeSent,
    PromoPublished,
    StockChange,
    StockLow,
    StockOut,
    StockRestocked,
)
from hub.domain.chat_events import (
    Author,
    ChatCompleted,
    ChatDelta,
    ChatEvent,
    ChatFailed,
    ChatForgotten,
    ChatHandedBack,
    ChatHandedOver,
    ChatMessage,
    ChatStarted,
    ChatStep,
    ChatStopped,
    ChatToolCalled,
    ChatToolFinished,
    ChatTrackingStarted,
    Tracking,
    TurnError,
    Usage,
)
from hub.domain.event import Event, UnknownEvent
from hub.domain.order_events import (
    CourierMoved,
    OrderAccepted,
    OrderAcknowledged,
    OrderCancelled,
    OrderCourierAssigned,
    OrderDelayed,
    OrderDelivered,
    OrderEnRoute,
    OrderEtaChanged,
    OrderEvent,
    OrderExpired,
    OrderItemDone,
    OrderItemUndone,
    OrderPreparing,
    OrderReady,
    OrderRecalled,
    OrderReceived,
    OrderStep,
)

__all__ = [
    "EVENTS",
    "AnyEvent",
    "Author",
    "BranchEvent",
    "ChatCompleted",
    "ChatDelta",
    "ChatEvent",
    "ChatFailed",
    "ChatForgotten",
    "ChatHandedBack",
    "ChatHandedOver",
    "ChatMessage",
    "ChatStarted",
    "ChatStep",
    "ChatStopped",
    "ChatToolCalled",
    "ChatToolFinished",
    "ChatTrackingStarted",
    "CourierMoved",
    "Event",
    "FloorTick",
    "NoticeSent",
    "OrderAccepted",
    "OrderAcknowledged",
    "OrderCancelled",
    "OrderCourierAssigned",
    "OrderDelayed",
    "OrderDelivered",
    "OrderEnRoute",
    "OrderEtaChanged",
    "OrderEvent",
    "OrderExpired",
    "OrderItemDone",
    "OrderItemUndone",
    "OrderPreparing",
    "OrderReady",
    "OrderRecalled",
    "OrderReceived",
    "OrderStep",
    "PromoPublished",
    "ReadEvent",
    "StockChange",
    "StockLow",
    "StockOut",
    "StockRestocked",
    "Tracking",
    "TurnError",
    "UnknownEvent",
    "Usage",
    "parse_event",
]

AnyEvent = Annotated[OrderEvent | BranchEvent | ChatEvent, Field(discriminator="type")]
ReadEvent = AnyEvent | UnknownEvent

# Every event class that this version knows, by its type on the wire.
EVENTS: Mapping[str, type[Event]] = {
    event.type_name(): event for union in (OrderEvent, BranchEvent, ChatEvent) for event in get_args(union)
}
_ANY: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


def parse_event(type_: str, data: dict[str, Any]) -> ReadEvent:
    """Read an event from its wire form, `type` beside `data`.

    Raises:
        pydantic.ValidationError: The type is known, and a field is missing or wrong.
    """
    fields = {**data, "type": type_}
    return _ANY.validate_python(fields) if type_ in EVENTS else UnknownEvent.model_validate(fields)
