"""Events of orders; each knows what it changes in the order's document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, get_args

from hub.domain.event import Event, Optional_
from hub.domain.lifecycle import OrderStatus, StoredStatus, event_type, rule_of
from hub.domain.order_document import (
    Acceptance,
    AcceptanceState,
    Courier,
    Delay,
    Eta,
    ExpiryReason,
    Order,
    OrderItem,
    RecallOffer,
)
from hub.domain.reason_codes import StoredReasonCode
from hub.domain.rooms import RoomKind

Changes = dict[str, Any]


class OrderHappening(Event):
    """Something that happened to an order, for its customer and for the kitchen."""

    rooms: ClassVar[frozenset[RoomKind]] = frozenset({RoomKind.ORDER, RoomKind.KITCHEN})
    outbound: ClassVar[bool] = True


class OrderReceived(OrderHappening):
    """A new order, with its whole document."""

    type: Literal["order.received"] = "order.received"
    order: Order


class OrderChange(OrderHappening):
    """A change of an existing order. All but a change of the estimate move the order's version."""

    order_id: str

    def changes(self, order: Order) -> Changes:
        """Return the fields of the order's document that the event changes, with their new values."""
        return {}


class VersionedChange(OrderChange):
    """A change that moves the order's version.

    Attributes:
        version: The order's version after it.
    """

    version: int


class OrderStep(VersionedChange):
    """The order entered a status. `by` is the name of whoever did it, for people to read."""

    status: StoredStatus
    version: int
    by: str
    eta: Eta | None

    def changes(self, order: Order) -> Changes:
        """The status, and the estimate that was made for it. A delay is over once the order is on its way."""
        rule = rule_of(self.status)
        over = rule is not None and rule.delay_over
        return {
            "status": self.status,
            "eta": self.eta,
            "recall": None,
            **({"delay": None} if over else {}),
        }


class UndoableStep(OrderStep):
    """A step that can be taken back for some minutes. `recall`: by whom, and until when; absent: by nobody."""

    recall: RecallOffer | None = Optional_

    def changes(self, order: Order) -> Changes:
        """Those of every step, and the offer."""
        return {**super().changes(order), "recall": self.recall}


class OrderPreparing(OrderStep):
    """The kitchen has begun."""

    type: Literal["order.preparing"] = "order.preparing"


class OrderReady(OrderStep):
    """The order is packed."""

    type: Literal["order.ready"] = "order.ready"


class OrderEnRoute(UndoableStep):
    """A courier has left with the order."""

    type: Literal["order.en_route"] = "order.en_route"


class OrderDelivered(UndoableStep):
    """The customer has the order."""

    type: Literal["order.delivered"] = "order.delivered"


class OrderCancelled(UndoableStep):
    """The order will not happen."""

    type: Literal["order.cancelled"] = "order.cancelled"
    reason: str
    reason_code: StoredReasonCode | None = Optional_


class OrderRecalled(VersionedChange):
    """The order went back: one step, or to where it was before it was cancelled.

    `order` is there if it had ended: the whole document, for readers that have forgotten it.
    """

    type: Literal["order.recalled"] = "order.recalled"
    status: StoredStatus
    version: int
    by: str
    reason: str
    reason_code: StoredReasonCode | None = Optional_
    recall: RecallOffer | None = Optional_
    order: Order | None = Optional_

    def changes(self, order: Order) -> Changes:
        """The status, and the offer to go back further: a new estimate is an event of its own."""
        return {"status": self.status, "recall": self.recall}


class OrderCourierAssigned(VersionedChange):
    """A courier will carry the order."""

    type: Literal["order.courier_assigned"] = "order.courier_assigned"
    courier: Courier

    def changes(self, order: Order) -> Changes:
        """The courier."""
        return {"courier": self.courier}


class OrderItemMark(VersionedChange):
    """A line of the order was marked. `item` is the line's number."""

    item: int
    done: bool

    def changes(self, order: Order) -> Changes:
        """The lines, with the one that was marked."""

        def mark(line: OrderItem) -> OrderItem:
            return line.model_copy(update={"done": self.done}) if line.item == self.item else line

        return {"items": tuple(mark(line) for line in order.items)}


class OrderItemDone(OrderItemMark):
    """A line of the order is done."""

    type: Literal["order.item_done"] = "order.item_done"
    done: Literal[True] = True


class OrderItemUndone(OrderItemMark):
    """A line of the order is not done after all."""

    type: Literal["order.item_undone"] = "order.item_undone"
    done: Literal[False] = False


class OrderAcknowledged(VersionedChange):
    """A person saw the order. Only the kitchen is interested."""

    rooms: ClassVar[frozenset[RoomKind]] = frozenset({RoomKind.KITCHEN})
    type: Literal["order.acknowledged"] = "order.acknowledged"
    by: str

    def changes(self, order: Order) -> Changes:
        """The mark that keeps the board from ringing."""
        return {"acknowledged": True}


class OrderAccepted(VersionedChange):
    """A person accepted an order that waited for acceptance."""

    type: Literal["order.accepted"] = "order.accepted"
    by: str

    def changes(self, order: Order) -> Changes:
        """The acceptance."""
        return {"acceptance": Acceptance(state=AcceptanceState.ACCEPTED)}


class OrderExpired(VersionedChange):
    """The order was not accepted or not finished in time. `order.cancelled` follows in the same commit."""

    type: Literal["order.expired"] = "order.expired"
    why: ExpiryReason

    def changes(self, order: Order) -> Changes:
        """The reason."""
        return {"expired": self.why}


class OrderDelayed(VersionedChange):
    """The order will take longer."""

    type: Literal["order.delayed"] = "order.delayed"
    minutes: int
    reason: str
    reason_code: StoredReasonCode | None = Optional_

    def changes(self, order: Order) -> Changes:
        """The delay, until the order is on its way."""
        if order.rule is not None and order.rule.delay_over:
            return {}
        return {"delay": Delay(minutes=self.minutes, reason=self.reason, reason_code=self.reason_code)}


class OrderEtaChanged(OrderChange):
    """The estimate has changed."""

    type: Literal["order.eta_changed"] = "order.eta_changed"
    eta: Eta

    def changes(self, order: Order) -> Changes:
        """The estimate."""
        return {"eta": self.eta}


class CourierMoved(Event):
    """A courier's position. The order's room gets it only while the order is on the road."""

    volatile: ClassVar[bool] = True
    rooms: ClassVar[frozenset[RoomKind]] = frozenset({RoomKind.ORDER, RoomKind.KITCHEN})
    type: Literal["courier.moved"] = "courier.moved"
    order_id: str
    courier_id: str
    lat: float
    lon: float
    accuracy_m: float
    heading: float | None = Optional_
    speed_m_s: float | None = Optional_


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

_BY_TYPE: Mapping[str, Callable[..., OrderEvent]] = {event.type_name(): event for event in get_args(OrderEvent)}

# The class of the event with which an order enters each status.
EVENT_OF: Mapping[OrderStatus, Callable[..., OrderEvent]] = {
    status: _BY_TYPE[event_type(status)] for status in OrderStatus
}
