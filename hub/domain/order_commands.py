"""Commands on orders."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from hub.domain.command import Command, Keyed, Name, Phone, Reason, Token
from hub.domain.lifecycle import OrderStatus
from hub.domain.order_document import Delivery, Order, OrderLine, SeenMoney
from hub.domain.positions import Accuracy, Heading, Latitude, Longitude, Speed
from hub.domain.reason_codes import ReasonCode
from hub.domain.values import Flag, Id, SingleLine, Time, Value, Whole, absent


class CustomerContact(Value):
    """The customer of a new order."""

    name: SingleLine
    phone: Phone | None = None


class PlaceOrder(Keyed):
    """Place an order.

    Attributes:
        total: The sum that the caller saw, in minor units: an order that costs something else is refused. None: any
            sum is right.
    """

    name: ClassVar[str] = "order.place"
    customer: CustomerContact
    items: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=40)]
    delivery: Delivery
    total: SeenMoney | None = Field(default=None, exclude_if=absent)


class OrderCommand(Keyed):
    """A command on one order."""

    order_id: Id
    token: Token | None = None


class AdvanceOrder(OrderCommand):
    """Move an order one step on; with a `version`, only if it has not changed since."""

    name: ClassVar[str] = "order.advance"
    to: OrderStatus
    version: Annotated[Whole, Field(ge=1)] | None = None


class CancelOrder(OrderCommand):
    """Cancel an order."""

    name: ClassVar[str] = "order.cancel"
    reason: Reason
    reason_code: ReasonCode | None = Field(default=None, exclude_if=absent)


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
    reason_code: ReasonCode | None = Field(default=None, exclude_if=absent)
    dry_run: Flag = False


class RecallOrder(OrderCommand):
    """Move an order one step back."""

    name: ClassVar[str] = "order.recall"
    reason: Reason
    reason_code: ReasonCode | None = Field(default=None, exclude_if=absent)


class DelayOrder(OrderCommand):
    """Announce that an order will take longer."""

    name: ClassVar[str] = "order.delay"
    reason: Reason
    reason_code: ReasonCode | None = Field(default=None, exclude_if=absent)
    minutes: Annotated[Whole, Field(ge=1, le=180)]


class AcknowledgeOrder(OrderCommand):
    """Record that a person saw a new order."""

    name: ClassVar[str] = "order.acknowledge"


class AcceptOrder(OrderCommand):
    """Accept an order that waits for acceptance."""

    name: ClassVar[str] = "order.accept"


class MarkItem(OrderCommand):
    """Mark a line of an order as done or not done."""

    name: ClassVar[str] = "order.mark_item"
    item: Annotated[Whole, Field(ge=1)]
    done: Flag


class AssignCourier(OrderCommand):
    """Give an order to a courier."""

    name: ClassVar[str] = "order.assign_courier"
    courier_id: Id


class ReportPosition(Command):
    """Report a courier's position."""

    name: ClassVar[str] = "courier.report"
    order_id: Id
    lat: Latitude
    lon: Longitude
    accuracy_m: Accuracy
    heading: Heading | None = None
    speed_m_s: Speed | None = None


class ChangeOrder(Keyed):
    """Cancel an order and place it again, in one step. Only the agent's tools use it; it is not on the wire."""

    name: ClassVar[str] = "order.change"
    order_id: Id
    items: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=40)]
    delivery: Delivery
    total: SeenMoney | None = Field(default=None, exclude_if=absent)
