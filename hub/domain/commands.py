"""What a caller may ask for: every command by its name on the wire, with the shape of its payload.

Doors parse a request into one of these, once; everything further in trusts the types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from hub.domain.models import Delivery, Order, OrderLine, OrderStatus
from hub.domain.notifications import Channel, QuietHours, Told
from hub.domain.phones import MAX_PHONE_CHARS, PHONE_PATTERN
from hub.domain.values import CommandId, Flag, Id, Line, Passage, Prose, Real, Remark, Sku, Time, Value, Whole

Reason = Remark
Token = Annotated[str, Field(max_length=2048)]
_MAX_NAME_CHARS = 100
Name = Annotated[str, Field(max_length=_MAX_NAME_CHARS)]
Phone = Annotated[str, Field(pattern=PHONE_PATTERN, max_length=MAX_PHONE_CHARS)]


def _name_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= _MAX_NAME_CHARS else None


class Command(Value):
    """Anything that may be asked for."""

    name: ClassVar[str]


class Keyed(Command):
    """A command that a caller may safely say again: the same `command_id` is carried out once."""

    command_id: CommandId | None = None


class Connect(Value):
    """The payload of a Socket.IO client's CONNECT packet. A returning client adds `pid` and `offset`.

    The client library adds these two by itself. A value of another shape is ignored: the client is not refused for it.
    """

    token: Token | None = None
    branch: Name | None = None
    pid: Annotated[Name | None, BeforeValidator(_name_or_none)] = None
    offset: Annotated[Name | None, BeforeValidator(_name_or_none)] = None


class Ping(Command):
    """A test of the connection. It is answered at once, before any limit and without Redis."""

    name: ClassVar[str] = "hub.ping"


class JoinRoom(Command):
    name: ClassVar[str] = "room.join"
    room: Name
    token: Token | None = None
    after: Name | None = None
    only: Annotated[tuple[Name, ...], Field(max_length=64)] | None = None


class LeaveRoom(Command):
    name: ClassVar[str] = "room.leave"
    room: Name


class CustomerContact(Value):
    name: Line
    phone: Phone | None = None


class PlaceOrder(Keyed):
    name: ClassVar[str] = "order.place"
    customer: CustomerContact
    items: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=40)]
    delivery: Delivery


class OrderCommand(Keyed):
    """Anything done to one order."""

    order_id: Id
    token: Token | None = None


class AdvanceOrder(OrderCommand):
    name: ClassVar[str] = "order.advance"
    to: OrderStatus
    version: Annotated[Whole, Field(ge=1)] | None = None


class CancelOrder(OrderCommand):
    name: ClassVar[str] = "order.cancel"
    reason: Reason


class OrderFilter(Value):
    """A filter on open orders: an order must meet every condition that is given.

    Attributes:
        placed_before, placed_after: Exclusive bounds on the time of placing.
        phone: The customer's phone number, in any notation; see `same_phone`.
        origin: The digest of an address that staff see in an order's `customer.origin`.
        min_total: In minor units.
        waiting: True for orders that wait for a person's acceptance.
    """

    status: OrderStatus | None = None
    placed_before: Time | None = None
    placed_after: Time | None = None
    phone: Phone | None = None
    origin: Annotated[Name, Field(min_length=1)] | None = None
    min_total: Annotated[Whole, Field(ge=0)] | None = None
    acknowledged: Flag | None = None
    waiting: Flag | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        """Refuse an empty filter: it would match every open order."""
        if all(value is None for _, value in self):
            raise ValueError("a filter needs at least one condition")
        return self

    def fits(self, order: Order) -> bool:
        """Return True if the order's document matches. The phone number and the origin are not in it."""
        return (
            self.status in (None, order.status)
            and (self.placed_before is None or order.placed_at < self.placed_before)
            and (self.placed_after is None or order.placed_at > self.placed_after)
            and order.total >= (self.min_total or 0)
            and self.acknowledged in (None, order.acknowledged)
            and self.waiting in (None, order.waiting)
        )


class CancelOrders(Command):
    """Cancel the open orders that match a filter. A repeat cancels the orders that match at that time."""

    name: ClassVar[str] = "order.cancel_many"
    filter: OrderFilter
    reason: Reason
    dry_run: Flag = False


class RecallOrder(OrderCommand):
    name: ClassVar[str] = "order.recall"
    reason: Reason


class DelayOrder(OrderCommand):
    name: ClassVar[str] = "order.delay"
    reason: Reason
    minutes: Annotated[Whole, Field(ge=1, le=180)]


class AcknowledgeOrder(OrderCommand):
    name: ClassVar[str] = "order.acknowledge"


class AcceptOrder(OrderCommand):
    name: ClassVar[str] = "order.accept"


class MarkItem(OrderCommand):
    name: ClassVar[str] = "order.mark_item"
    item: Annotated[Whole, Field(ge=1)]
    done: Flag


class AssignCourier(OrderCommand):
    name: ClassVar[str] = "order.assign_courier"
    courier_id: Id


class ReportPosition(Command):
    name: ClassVar[str] = "courier.report"
    order_id: Id
    lat: Annotated[Real, Field(ge=-90, le=90)]
    lon: Annotated[Real, Field(ge=-180, le=180)]
    accuracy_m: Annotated[Real, Field(ge=0, le=100_000)]
    heading: Annotated[Real, Field(ge=0, le=360)] | None = None
    speed_m_s: Annotated[Real, Field(ge=0, le=200)] | None = None


class PublishPromo(Keyed):
    name: ClassVar[str] = "promo.publish"
    title: Line
    message: Remark
    expires_at: Time | None = None


class SetStock(Keyed):
    name: ClassVar[str] = "stock.set"
    sku: Sku
    left: Annotated[Whole, Field(ge=0, le=100_000)]


class OpenChat(Keyed):
    """Said again under its `command_id`, it gives the same chat: whoever knows that id is in it."""

    name: ClassVar[str] = "chat.open"
    order_token: Token | None = None


class SendChat(Keyed):
    name: ClassVar[str] = "chat.send"
    chat_id: Id
    text: Prose
    token: Token | None = None


class StopChat(Command):
    name: ClassVar[str] = "chat.stop"
    chat_id: Id
    turn_id: Id
    token: Token | None = None


class TakeOverChat(Command):
    name: ClassVar[str] = "chat.take_over"
    chat_id: Id
    text: Prose | None = None


class HandBackChat(Command):
    name: ClassVar[str] = "chat.hand_back"
    chat_id: Id
    text: Prose | None = None


class ReplyChat(Keyed):
    name: ClassVar[str] = "chat.reply"
    chat_id: Id
    text: Prose


class ForgetChat(Command):
    name: ClassVar[str] = "chat.forget"
    chat_id: Id
    token: Token | None = None


class SetNotifications(Keyed):
    name: ClassVar[str] = "notify.set"
    types: Annotated[tuple[Told, ...], Field(max_length=16)]
    channels: Annotated[tuple[Channel, ...], Field(max_length=3)]
    quiet_hours: QuietHours | None = None
    token: Token | None = None


class SendNotice(Keyed):
    """Not on the wire: the agent's tools say it."""

    name: ClassVar[str] = "notice.send"
    order_id: Id
    message: Remark
    level: Literal["info", "warning", "urgent"] = "info"


class ChangeOrder(Keyed):
    """Not on the wire: the agent's tools say it. The order is taken back, and placed anew in the same step."""

    name: ClassVar[str] = "order.change"
    order_id: Id
    items: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=40)]
    delivery: Delivery


class Login(Value):
    """Log in with a name and a PIN. It is no command of the log, as it changes nothing there.

    Attributes:
        device: A random text that the caller's device keeps. An account knows the devices of its earlier logins.
    """

    name: Line
    pin: Annotated[str, Field(min_length=1, max_length=64)]
    device: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")] | None = None


class Logout(Command):
    """Revoke the token of this connection or request."""

    name: ClassVar[str] = "auth.logout"


class ChatTurn(Value):
    """One message of a conversation that the caller keeps itself (`POST /api/chat/stream`)."""

    role: Literal["user", "assistant", "system"]
    content: Passage


COMMANDS: Mapping[str, type[Command]] = {
    model.name: model
    for model in (
        Ping,
        JoinRoom,
        LeaveRoom,
        PlaceOrder,
        AdvanceOrder,
        CancelOrder,
        CancelOrders,
        RecallOrder,
        DelayOrder,
        AcknowledgeOrder,
        AcceptOrder,
        MarkItem,
        AssignCourier,
        ReportPosition,
        PublishPromo,
        SetStock,
        OpenChat,
        SendChat,
        StopChat,
        TakeOverChat,
        HandBackChat,
        ReplyChat,
        ForgetChat,
        SetNotifications,
        Logout,
    )
}
