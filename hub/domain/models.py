"""The order document and its parts, as PROTOCOL gives them; what may happen to them stands in `order`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from hub.domain.values import Note, Real, Sku, Stored, Time, Value, Whole, absent


class OrderStatus(StrEnum):
    """Where an order is on its way."""

    RECEIVED = "received"  # paid for or promised; nobody has started on it
    PREPARING = "preparing"  # on the grill
    READY = "ready"  # packed, waiting to be fetched
    EN_ROUTE = "en_route"  # with a courier (delivery only)
    DELIVERED = "delivered"  # in the customer's hands: the end
    CANCELLED = "cancelled"  # will not happen: the other end


class DeliveryKind(StrEnum):
    PICKUP = "pickup"
    DELIVERY = "delivery"


# As stored: another version of the hub may know more of them.
StoredStatus = Annotated[OrderStatus | str, Field(union_mode="left_to_right")]
StoredDeliveryKind = Annotated[DeliveryKind | str, Field(union_mode="left_to_right")]


ENDED = frozenset({OrderStatus.DELIVERED, OrderStatus.CANCELLED})

# The way of an order, step by step. Cancelling and recalling are not steps: see `order`.
TRANSITIONS: Mapping[DeliveryKind, Mapping[OrderStatus, frozenset[OrderStatus]]] = {
    DeliveryKind.DELIVERY: {
        OrderStatus.RECEIVED: frozenset({OrderStatus.PREPARING}),
        OrderStatus.PREPARING: frozenset({OrderStatus.READY}),
        OrderStatus.READY: frozenset({OrderStatus.EN_ROUTE}),
        OrderStatus.EN_ROUTE: frozenset({OrderStatus.DELIVERED}),
        OrderStatus.DELIVERED: frozenset(),
        OrderStatus.CANCELLED: frozenset(),
    },
    DeliveryKind.PICKUP: {
        OrderStatus.RECEIVED: frozenset({OrderStatus.PREPARING}),
        OrderStatus.PREPARING: frozenset({OrderStatus.READY}),
        OrderStatus.READY: frozenset({OrderStatus.DELIVERED}),
        OrderStatus.EN_ROUTE: frozenset(),
        OrderStatus.DELIVERED: frozenset(),
        OrderStatus.CANCELLED: frozenset(),
    },
}

RECALLS: Mapping[OrderStatus, OrderStatus] = {
    OrderStatus.PREPARING: OrderStatus.RECEIVED,
    OrderStatus.READY: OrderStatus.PREPARING,
}


class Eta(Stored):
    """When the customer will have it: a range, because a promise to the minute is a lie."""

    earliest: Time
    latest: Time


class Courier(Stored):
    id: str
    name: str


class OrderItem(Stored):
    """One line of an order. `item` is its number in the order, from 1; `unit_price` in minor units."""

    item: int
    sku: str
    name: str
    qty: int
    unit_price: int
    notes: str = ""
    done: bool = False


class Delivery(Value):
    """How the customer gets it. An address is needed for `delivery`, and kept only there."""

    kind: DeliveryKind
    address: Note | None = Field(default=None, exclude_if=absent)
    lat: Annotated[Real, Field(ge=-90, le=90)] | None = Field(default=None, exclude_if=absent)
    lon: Annotated[Real, Field(ge=-180, le=180)] | None = Field(default=None, exclude_if=absent)


class OrderDelivery(Stored):
    """`Delivery`, as stored in an order."""

    kind: StoredDeliveryKind
    address: str | None = Field(default=None, exclude_if=absent)
    lat: float | None = Field(default=None, exclude_if=absent)
    lon: float | None = Field(default=None, exclude_if=absent)


class CustomerName(Stored):
    name: str


class AcceptanceState(StrEnum):
    """The state of a large order's acceptance by a person."""

    WAITING = "waiting"  # no person has said yes to it yet
    ACCEPTED = "accepted"


class Acceptance(Stored):
    """The acceptance of a large order. `until`: the order expires then if it still waits; absent: it never does."""

    state: Annotated[AcceptanceState | str, Field(union_mode="left_to_right")]
    until: Time | None = Field(default=None, exclude_if=absent)


class ExpiryReason(StrEnum):
    """The reason why the hub cancelled an order by itself."""

    NOT_ACCEPTED = "not_accepted"  # in the time that a large order may wait
    NOT_ENDED = "not_ended"  # nothing happened to it for as long as an order may be open


class Order(Stored):
    """The order document. `version` counts its changes from 1; `status_since` is when it entered its status.

    `acceptance` is there for orders that need or needed one; `expired` for those that were cancelled for it.
    """

    id: str
    code: str
    status: StoredStatus
    version: int
    items: tuple[OrderItem, ...]
    total: int
    currency: str = "MXN"
    customer: CustomerName
    delivery: OrderDelivery
    courier: Courier | None = None
    eta: Eta | None = None
    acknowledged: bool = False
    placed_at: Time
    updated_at: Time
    status_since: Time
    acceptance: Acceptance | None = Field(default=None, exclude_if=absent)
    expired: Annotated[ExpiryReason | str | None, Field(union_mode="left_to_right")] = Field(
        default=None, exclude_if=absent
    )

    @property
    def waiting(self) -> bool:
        """True if the order needs a person's acceptance and has none yet."""
        return self.acceptance is not None and self.acceptance.state is AcceptanceState.WAITING and not self.ended

    @property
    def known(self) -> bool:
        """True if this version of the hub knows the order's status and its kind of delivery."""
        return isinstance(self.status, OrderStatus) and isinstance(self.delivery.kind, DeliveryKind)

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def unseen(self) -> bool:
        """True if nobody has acknowledged the order or begun to cook it. The board's alarm is for these orders."""
        return self.status is OrderStatus.RECEIVED and not self.acknowledged


class OrderLine(Value):
    """What a customer asks for: how many of a dish, and how."""

    sku: Sku
    qty: Annotated[Whole, Field(ge=1, le=50)]
    notes: Note = ""
