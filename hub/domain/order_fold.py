"""The fold of an order's events, which is the order's document."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from hub.domain import events as ev
from hub.domain.order_document import Order
from hub.domain.order_events import VersionedChange


def fold(order: Order | None, happened: Iterable[tuple[ev.OrderEvent | ev.UnknownEvent, datetime]]) -> Order:
    """Return the order after these events.

    Args:
        order: The order before them; None if the first of them places it.
        happened: The events with their times, oldest first.

    Raises:
        ValueError: Nothing places the order.
    """
    for event, at in happened:
        order = apply(order, event, at)
    if order is None:
        raise ValueError("an order needs at least one event")
    return order


def apply(order: Order | None, event: ev.OrderEvent | ev.UnknownEvent, at: datetime) -> Order:
    """Return the order after one event. An event of a type that only a newer hub knows changes nothing here."""
    if isinstance(event, ev.OrderReceived):
        return event.order
    if order is None:
        raise ValueError(f"{event.type} before order.received")
    if isinstance(event, ev.UnknownEvent):
        return order
    changed = event.changes(order)
    changed["updated_at"] = at
    if "status" in changed:
        changed["status_since"] = at
    if isinstance(event, VersionedChange):
        changed["version"] = event.version
    return order.model_copy(update=changed)
