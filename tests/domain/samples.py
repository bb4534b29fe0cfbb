"""Orders and people to decide about, and times to do it at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hub.domain.lifecycle import DeliveryKind, OrderStatus
from hub.domain.order_document import Courier, CustomerName, Delivery, Eta, Order, OrderDelivery, OrderItem
from hub.domain.roles import Kind, Principal, Role

RECEIVED = OrderStatus.RECEIVED
PREPARING = OrderStatus.PREPARING
READY = OrderStatus.READY
EN_ROUTE = OrderStatus.EN_ROUTE
DELIVERED = OrderStatus.DELIVERED
CANCELLED = OrderStatus.CANCELLED

NOW = datetime(2026, 11, 20, 21, 30, 0, 123_000, tzinfo=UTC)
LATER = NOW + timedelta(minutes=3)
ORDER_ID = "PED7K3Q9X"

CUSTOMER = Principal(kind=Kind.CUSTOMER, orders=frozenset({ORDER_ID}))
STRANGER = Principal(kind=Kind.CUSTOMER, orders=frozenset({"PEDOTHER1"}))
MIGUEL = Courier(id="miguel", name="Miguel")


def staff(role: Role) -> Principal:
    return Principal(kind=Kind.STAFF, id=f"the-{role}", name=f"The {role}", roles=frozenset({role}))


def delivery(kind: DeliveryKind = DeliveryKind.DELIVERY) -> Delivery:
    if kind is DeliveryKind.PICKUP:
        return Delivery(kind=kind)
    return Delivery(kind=kind, address="Calle Álamo 5, Centro")


def an_order(
    status: OrderStatus = OrderStatus.RECEIVED, kind: DeliveryKind = DeliveryKind.DELIVERY, **changes: Any
) -> Order:
    """An order at a status, of two lines, at version 7."""
    fields: dict[str, Any] = {
        "id": ORDER_ID,
        "code": ORDER_ID[-4:],
        "status": status,
        "version": 7,
        "items": (
            OrderItem(item=1, sku="taco-pastor", name="Taco al pastor", qty=3, unit_price=2200),
            OrderItem(item=2, sku="horchata", name="Agua de horchata", qty=1, unit_price=3200, notes="sin hielo"),
        ),
        "total": 9800,
        "customer": CustomerName(name="Ana"),
        "delivery": OrderDelivery.model_validate(delivery(kind).model_dump()),
        "eta": Eta(earliest=NOW + timedelta(minutes=10), latest=NOW + timedelta(minutes=20)),
        "placed_at": NOW,
        "updated_at": NOW,
        "status_since": NOW,
    }
    return Order(**(fields | changes))
