"""What has happened: every event by its name on the wire, with the shape of its `data`.

An event's fields are its `data`; `type` names it. Offsets, rooms and times are the log's business
and stand around it, never in it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, TypeAdapter

from hub.domain.models import Courier, Eta, ExpiryReason, Order, StoredStatus
from hub.domain.values import Stored, Time, absent, format_time

# A field that PROTOCOL marks with "?": left out when there is nothing to say.
Optional_ = Field(default=None, exclude_if=absent)


class Event(Stored):
    """Anything that happened. Durable ones get an offset; volatile ones are only passed on."""

    volatile: ClassVar[bool] = False
    type: str

    def body(self, at: datetime) -> str:
        """The event as the log keeps it: `{"type": …, "at": …, "data": {…}}`, in one line of JSON."""
        data = self.model_dump_json(exclude={"type"})
        return f'{{"type":"{self.type}","at":"{format_time(at)}","data":{data}}}'


class UnknownEvent(Event):
    """An event of a type that this version of the hub does not know, with all its fields."""


# Orders


class OrderReceived(Event):
    type: Literal["order.received"] = "order.received"
    order: Order


class OrderStep(Event):
    """One of the steps of an order's way; the status says which."""

    order_id: str
    status: StoredStatus
    version: int
    by: str
    eta: Eta | None


class OrderPreparing(OrderStep):
    type: Literal["order.preparing"] = "order.preparing"


class OrderReady(OrderStep):
    type: Literal["order.ready"] = "order.ready"


class OrderEnRoute(OrderStep):
    type: Literal["order.en_route"] = "order.en_route"


class OrderDelivered(OrderStep):
    type: Literal["order.delivered"] = "order.delivered"


class OrderCancelled(OrderStep):
    type: Literal["order.cancelled"] = "order.cancelled"
    reason: str


class OrderRecalled(Event):
    type: Literal["order.recalled"] = "order.recalled"
    order_id: str
    status: StoredStatus
    version: int
    by: str
    reason: str


class OrderCourierAssigned(Event):
    type: Literal["order.courier_assigned"] = "order.courier_assigned"
    order_id: str
    version: int
    courier: Courier


class OrderItemDone(Event):
    type: Literal["order.item_done"] = "order.item_done"
    order_id: str
    version: int
    item: int
    done: Literal[True] = True


class OrderItemUndone(Event):
    type: Literal["order.item_undone"] = "order.item_undone"
    order_id: str
    version: int
    item: int
    done: Literal[False] = False


class OrderAcknowledged(Event):
    type: Literal["order.acknowledged"] = "order.acknowledged"
    order_id: str
    version: int
    by: str


class OrderAccepted(Event):
    """A person accepted an order that waited for acceptance."""

    type: Literal["order.accepted"] = "order.accepted"
    order_id: str
    version: int
    by: str


class OrderExpired(Event):
    """Nobody accepted the order, or nobody ended it, in time. `order.cancelled` follows in the same commit."""

    type: Literal["order.expired"] = "order.expired"
    order_id: str
    version: int
    why: ExpiryReason


class OrderDelayed(Event):
    type: Literal["order.delayed"] = "order.delayed"
    order_id: str
    version: int
    minutes: int
    reason: str


class OrderEtaChanged(Event):
    type: Literal["order.eta_changed"] = "order.eta_changed"
    order_id: str
    eta: Eta


class CourierMoved(Event):
    volatile: ClassVar[bool] = True
    type: Literal["courier.moved"] = "courier.moved"
    order_id: str
    courier_id: str
    lat: float
    lon: float
    accuracy_m: float
    heading: float | None = Optional_
    speed_m_s: float | None = Optional_


# The branch


class PromoPublished(Event):
    type: Literal["promo.published"] = "promo.published"
    promo_id: str
    title: str
    message: str
    expires_at: Time | None = Optional_


class StockChange(Event):
    """How many of a dish are left. The log itself fills in `left`: only it knows the order of things."""

    sku: str
    name: str
    left: int


class StockLow(StockChange):
    type: Literal["stock.low"] = "stock.low"


class StockOut(StockChange):
    type: Literal["stock.out"] = "stock.out"


class StockRestocked(StockChange):
    type: Literal["stock.restocked"] = "stock.restocked"


class NoticeSent(Event):
    type: Literal["notice.sent"] = "notice.sent"
    notice_id: str
    message: str
    level: Literal["info", "warning", "urgent"]


class FloorTick(Event):
    volatile: ClassVar[bool] = True
    type: Literal["floor.tick"] = "floor.tick"
    figures: dict[str, Any]


# Chat


class Author(Stored):
    kind: Literal["customer", "staff"] | str
    name: str


class ChatMessage(Event):
    type: Literal["chat.message"] = "chat.message"
    message_id: str
    author: Author
    text: str


class ChatStarted(Event):
    type: Literal["chat.started"] = "chat.started"
    turn_id: str
    attempt: int
    model: str


class ChatStep(Event):
    type: Literal["chat.step"] = "chat.step"
    turn_id: str
    step: str
    state: Literal["started", "done", "failed"]
    text: str


class ChatToolCalled(Event):
    type: Literal["chat.tool_called"] = "chat.tool_called"
    turn_id: str
    call_id: str
    tool: str
    summary: str


class ChatToolFinished(Event):
    type: Literal["chat.tool_finished"] = "chat.tool_finished"
    turn_id: str
    call_id: str
    tool: str
    summary: str
    ok: bool
    # The message that says yes to what is proposed: a page may offer it as a button.
    confirm: str | None = Optional_


class Tracking(Stored):
    """The way to an order: its page, and what opens its room."""

    url: str
    token: str


class ChatTrackingStarted(Event):
    """The chat follows an order from here on; customers who are in it are brought into the order's room."""

    type: Literal["chat.tracking_started"] = "chat.tracking_started"
    turn_id: str
    order_id: str
    code: str
    tracking: Tracking


class ChatDelta(Event):
    type: Literal["chat.delta"] = "chat.delta"
    turn_id: str
    index: int
    text: str


class Usage(Stored):
    """The times, tokens and calls of one answer.

    Attributes:
        ttft_ms: From a worker taking the question to the first text in the room.
        queue_ms: From the question to that worker.
        model_ms: The part of `ttft_ms` that the model took for its first word.
        gap_p50_ms: The median time between two pieces of text; `gap_p95_ms` is the 95th percentile.
        input_tokens, output_tokens: The provider's count, or an estimate.
        tool_ms: Spent in tools.
        retries: Tries at models past the first.
    """

    ttft_ms: int
    duration_ms: int
    deltas: int
    llm_calls: int
    tool_calls: int
    input_tokens: int | None = Optional_
    output_tokens: int | None = Optional_
    queue_ms: int | None = Optional_
    model_ms: int | None = Optional_
    gap_p50_ms: int | None = Optional_
    gap_p95_ms: int | None = Optional_
    tool_ms: int | None = Optional_
    retries: int | None = Optional_
    provider: str | None = Optional_


class ChatCompleted(Event):
    type: Literal["chat.completed"] = "chat.completed"
    turn_id: str
    text: str
    usage: Usage


class ChatStopped(Event):
    type: Literal["chat.stopped"] = "chat.stopped"
    turn_id: str
    text: str
    by: str


class TurnError(Stored):
    code: str
    message: str
    retryable: bool


class ChatFailed(Event):
    type: Literal["chat.failed"] = "chat.failed"
    turn_id: str
    text: str
    error: TurnError


class ChatHandedOver(Event):
    type: Literal["chat.handed_over"] = "chat.handed_over"
    by: str
    reason: str


class ChatHandedBack(Event):
    type: Literal["chat.handed_back"] = "chat.handed_back"
    by: str
    reason: str


class ChatForgotten(Event):
    """Nothing that was said before it is kept, and nobody is to show it any more."""

    type: Literal["chat.forgotten"] = "chat.forgotten"
    by: str


OrderEvent = (
    OrderReceived
    | OrderPreparing
    | OrderReady
    | OrderEnRoute
    | OrderDelivered
    | OrderCancelled
    | OrderRecalled
    | OrderCourierAssigned
    | OrderItemDone
    | OrderItemUndone
    | OrderAcknowledged
    | OrderAccepted
    | OrderExpired
    | OrderDelayed
    | OrderEtaChanged
)
BranchEvent = PromoPublished | StockLow | StockOut | StockRestocked | NoticeSent | CourierMoved | FloorTick
ChatEvent = (
    ChatMessage
    | ChatStarted
    | ChatStep
    | ChatToolCalled
    | ChatToolFinished
    | ChatTrackingStarted
    | ChatDelta
    | ChatCompleted
    | ChatStopped
    | ChatFailed
    | ChatHandedOver
    | ChatHandedBack
    | ChatForgotten
)
AnyEvent = Annotated[OrderEvent | BranchEvent | ChatEvent, Field(discriminator="type")]
ReadEvent = AnyEvent | UnknownEvent

_ANY: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
_TYPES = frozenset(
    event.model_fields["type"].default
    for event in (*get_args(OrderEvent), *get_args(BranchEvent), *get_args(ChatEvent))
)


def parse_event(type_: str, data: dict[str, Any]) -> ReadEvent:
    """An event from its wire form, `type` beside `data`.

    Raises:
        pydantic.ValidationError: The type is known, and a field is missing or wrong.
    """
    fields = {**data, "type": type_}
    return _ANY.validate_python(fields) if type_ in _TYPES else UnknownEvent.model_validate(fields)
