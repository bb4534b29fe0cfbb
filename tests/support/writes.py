"""Writes that tests of the log commit again and again."""

from __future__ import annotations

import json

from hub.store import CounterEvents, CounterMove, DocKey, Document, NewEvent, Write

STOCK_EVENTS = CounterEvents("stock.out", "stock.low", "stock.restocked", ("kitchen", "stock"))
AT = "2026-11-20T21:30:00.123Z"


def event(name: str, *rooms: str, **data: object) -> NewEvent:
    """An event with a body as the domain makes it."""
    body = json.dumps({"type": name, "at": AT, "data": data}, separators=(",", ":"))
    return NewEvent(name, body, rooms)


def told(*rooms: str, **data: object) -> Write:
    """A write of nothing but one event."""
    return Write(events=(event("promo.published", *rooms, **data),))


def order(id: str, version: int, *, name: str = "order.preparing") -> Write:
    """The next version of an order: its document, and an event to its room and the kitchen."""
    key = DocKey("order", id)
    return Write(
        events=(event(name, f"order:{id}", "kitchen", order_id=id, version=version),),
        expects=((key, version - 1),),
        documents=(Document(key, version, json.dumps({"id": id, "version": version})),),
    )


def move(mode: str, sku: str, amount: int, *, low: int = 3) -> CounterMove:
    return CounterMove(sku, mode, amount, low, STOCK_EVENTS, f'{{"sku":"{sku}","name":"{sku.title()}","left":', AT)  # type: ignore[arg-type]
