"""An order as the kitchen's hands see it, and what they do next: decided here, done elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.domain.lifecycle import RULES, DeliveryKind, OrderStatus

# How long people take before they tap, at speed 1: the shortest and the longest time, in seconds.
COOKING_S = (45.0, 75.0)  # all lines of an order together
RIDE_S = (45.0, 70.0)
CUSTOMER_COMES_S = (20.0, 40.0)
STEP_S = (8.0, 15.0)
QUICK_STEP_S = {OrderStatus.PREPARING: (6.0, 14.0), OrderStatus.READY: (4.0, 8.0)}  # by the status that follows


@dataclass(frozen=True, slots=True)
class Ticket:
    """The part of an order document that the kitchen works with."""

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
        """Return the ticket of an order document."""
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
    """Return the next tap of a kitchen with these couriers; None for an order at its end."""
    rule = RULES[ticket.status]
    to = rule.next.get(ticket.kind)
    if to is None:
        return None
    if not rule.begun and not ticket.acknowledged:
        return Step("acknowledge", {}, (3.0, 8.0), "acknowledged")
    if rule.begun and rule.to_cook and ticket.undone:
        shortest, longest = (seconds / ticket.lines for seconds in COOKING_S)
        item = ticket.undone[0]
        return Step("items", {"item": item, "done": True}, (shortest, longest), f"line {item} done")
    if RULES[to].on_the_road and couriers and not ticket.has_courier:
        # Chosen by the order's id, so that an order keeps its courier after a restart.
        courier = couriers[sum(map(ord, ticket.id)) % len(couriers)]
        return Step("courier", {"courier_id": courier}, (8.0, 15.0), "courier assigned")
    if ticket.kind in rule.waits_for_customer:
        return _advance(ticket, to, CUSTOMER_COMES_S)
    return _advance(ticket, to, RIDE_S if rule.on_the_road else QUICK_STEP_S.get(to, STEP_S))


def _advance(ticket: Ticket, to: OrderStatus, after_s: tuple[float, float]) -> Step:
    # With the version, the step applies to the state that was seen: the faster writer wins.
    return Step("advance", {"to": str(to), "version": ticket.version}, after_s, str(to))
