"""An order as the kitchen's hands see it, and what they do next: decided here, done elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.domain.models import DeliveryKind, OrderStatus

COOKING_S = (45.0, 75.0)  # all lines of an order together, at speed 1
RIDE_S = (45.0, 70.0)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What matters of the order document."""

    id: str
    code: str
    status: OrderStatus
    version: int
    kind: DeliveryKind
    acknowledged: bool
    has_courier: bool
    lines: int
    undone: tuple[int, ...]
    lat: float | None
    lon: float | None

    @classmethod
    def of(cls, order: Mapping[str, Any]) -> Ticket:
        delivery = order["delivery"]
        return cls(
            id=order["id"],
            code=order["code"],
            status=OrderStatus(order["status"]),
            version=order["version"],
            kind=DeliveryKind(delivery["kind"]),
            acknowledged=order["acknowledged"],
            has_courier=bool(order.get("courier")),
            lines=len(order["items"]),
            undone=tuple(line["item"] for line in order["items"] if not line["done"]),
            lat=delivery.get("lat"),
            lon=delivery.get("lon"),
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One tap: `POST /api/orders/{id}/{call}`, after the time that a person needs before it."""

    call: str
    body: Mapping[str, Any]
    after_s: tuple[float, float]
    says: str


def next_step(ticket: Ticket, couriers: Sequence[str]) -> Step | None:
    """What a kitchen with these couriers at hand does next with an order; nothing, when it is at its end."""
    match ticket.status:
        case OrderStatus.RECEIVED if not ticket.acknowledged:
            return Step("acknowledge", {}, (3.0, 8.0), "acknowledged")
        case OrderStatus.RECEIVED:
            return _advance(ticket, OrderStatus.PREPARING, (6.0, 14.0))
        case OrderStatus.PREPARING if ticket.undone:
            shortest, longest = (seconds / ticket.lines for seconds in COOKING_S)
            item = ticket.undone[0]
            return Step("items", {"item": item, "done": True}, (shortest, longest), f"line {item} done")
        case OrderStatus.PREPARING:
            return _advance(ticket, OrderStatus.READY, (4.0, 8.0))
        case OrderStatus.READY if ticket.kind is DeliveryKind.PICKUP:
            return _advance(ticket, OrderStatus.DELIVERED, (20.0, 40.0))
        case OrderStatus.READY if couriers and not ticket.has_courier:
            # By the order's own name, so that the same order finds the same courier after a restart.
            courier = couriers[sum(map(ord, ticket.id)) % len(couriers)]
            return Step("courier", {"courier_id": courier}, (8.0, 15.0), "courier assigned")
        case OrderStatus.READY:
            return _advance(ticket, OrderStatus.EN_ROUTE, (8.0, 15.0))
        case OrderStatus.EN_ROUTE:
            return _advance(ticket, OrderStatus.DELIVERED, RIDE_S)
        case _:
            return None


def _advance(ticket: Ticket, to: OrderStatus, after_s: tuple[float, float]) -> Step:
    # The version makes it a tap on what was seen: whoever was faster wins.
    return Step("advance", {"to": str(to), "version": ticket.version}, after_s, str(to))
