"""Events on the wire: every type of the protocol's table, there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from hub.domain import events as ev
from hub.domain.events import parse_event
from tests.domain.samples import MIGUEL, NOW, an_order

ETA = {"earliest": "2026-11-20T21:40:00.123Z", "latest": "2026-11-20T21:50:00.123Z"}
ORDER = {
    "id": "PED7K3Q9X",
    "code": "3Q9X",
    "status": "received",
    "version": 7,
    "items": [
        {
            "item": 1,
            "sku": "taco-pastor",
            "name": "Taco al pastor",
            "qty": 3,
            "unit_price": 2200,
            "notes": "",
            "done": False,
        },
        {
            "item": 2,
            "sku": "horchata",
            "name": "Agua de horchata",
            "qty": 1,
            "unit_price": 3200,
            "notes": "sin hielo",
            "done": False,
        },
    ],
    "total": 9800,
    "currency": "MXN",
    "customer": {"name": "Ana"},
    "delivery": {"kind": "delivery", "address": "Calle Álamo 5, Centro"},
    "courier": None,
    "eta": ETA,
    "acknowledged": False,
    "placed_at": "2026-11-20T21:30:00.123Z",
    "updated_at": "2026-11-20T21:30:00.123Z",
    "status_since": "2026-11-20T21:30:00.123Z",
}


def _step(status: str, **more: Any) -> dict[str, Any]:
    return {"order_id": "PED7K3Q9X", "status": status, "version": 8, "by": "Chuy", "eta": ETA, **more}


_MARKED = {"order_id": "PED7K3Q9X", "version": 8, "item": 1}
_MOVED = {"order_id": "PED7K3Q9X", "courier_id": "miguel", "lat": 19.43, "lon": -99.13, "accuracy_m": 8.0}
_STOCK = {"sku": "taco-pastor", "name": "Taco al pastor", "left": 3}
_PROMO = {"promo_id": "p1", "title": "2x1 🌮", "message": "Hoy, ¡al pastor!"}
_USAGE = {"ttft_ms": 90, "duration_ms": 900, "deltas": 12, "llm_calls": 2, "tool_calls": 1}

EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("order.received", {"order": ORDER}),
    ("order.preparing", _step("preparing")),
    ("order.ready", _step("ready")),
    ("order.en_route", _step("en_route")),
    ("order.delivered", _step("delivered", eta=None)),
    ("order.cancelled", _step("cancelled", eta=None, reason="se acabó")),
    (
        "order.courier_assigned",
        {"order_id": "PED7K3Q9X", "version": 8, "courier": {"id": "miguel", "name": "Miguel"}},
    ),
    ("order.item_done", {**_MARKED, "done": True}),
    ("order.item_undone", {**_MARKED, "done": False}),
    (
        "order.recalled",
        {"order_id": "PED7K3Q9X", "status": "received", "version": 8, "by": "Chuy", "reason": "faltó salsa"},
    ),
    ("order.acknowledged", {"order_id": "PED7K3Q9X", "version": 8, "by": "Chuy"}),
    ("order.accepted", {"order_id": "PED7K3Q9X", "version": 8, "by": "Chuy"}),
    ("order.expired", {"order_id": "PED7K3Q9X", "version": 8, "why": "not_accepted"}),
    (
        "order.delayed",
        {"order_id": "PED7K3Q9X", "version": 8, "minutes": 10, "reason": "lluvia", "reason_code": "busy"},
    ),
    ("order.eta_changed", {"order_id": "PED7K3Q9X", "eta": ETA}),
    ("courier.moved", _MOVED),
    ("courier.moved", {**_MOVED, "heading": 270.0, "speed_m_s": 4.5}),
    ("promo.published", _PROMO),
    ("promo.published", {**_PROMO, "expires_at": "2026-11-21T06:00:00.000Z"}),
    ("stock.low", _STOCK),
    ("stock.out", {**_STOCK, "left": 0}),
    ("stock.restocked", {**_STOCK, "left": 40}),
    ("notice.sent", {"notice_id": "n1", "message": "Tu pedido va tarde", "level": "warning"}),
    ("floor.tick", {"figures": {"orders_active": 3}}),
    (
        "chat.message",
        {"message_id": "m1", "author": {"kind": "customer", "name": "Ana"}, "text": "¿dónde está mi pedido?"},
    ),
    ("chat.started", {"turn_id": "t1", "attempt": 1, "model": "offline"}),
    ("chat.step", {"turn_id": "t1", "step": "s1", "state": "started", "text": "Miro el menú"}),
    ("chat.tool_called", {"turn_id": "t1", "call_id": "c1", "tool": "show_menu", "summary": "Mirando el menú"}),
    (
        "chat.tool_finished",
        {"turn_id": "t1", "call_id": "c1", "tool": "show_menu", "summary": "28 platillos", "ok": True},
    ),
    (
        "chat.tracking_started",
        {"turn_id": "t1", "order_id": "PED7K3Q9X", "code": "K3Q9", "tracking": {"url": "/t/x.y", "token": "x.y"}},
    ),
    ("chat.delta", {"turn_id": "t1", "index": 0, "text": "Va "}),
    ("chat.completed", {"turn_id": "t1", "text": "Va en camino.", "usage": _USAGE}),
    ("chat.completed", {"turn_id": "t1", "text": "Va en camino.", "usage": {**_USAGE, "output_tokens": 7}}),
    ("chat.stopped", {"turn_id": "t1", "text": "Va", "by": "customer"}),
    (
        "chat.failed",
        {"turn_id": "t1", "text": "", "error": {"code": "unavailable", "message": "…", "retryable": True}},
    ),
    ("chat.handed_over", {"by": "Lupe", "reason": ""}),
    ("chat.handed_back", {"by": "Lupe", "reason": "listo"}),
    ("chat.forgotten", {"by": "Ana"}),
]


@pytest.mark.parametrize(("type_", "data"), EVENTS, ids=[type_ for type_, _ in EVENTS])
def test_an_event_keeps_its_shape_on_the_way_there_and_back(type_: str, data: dict[str, Any]) -> None:
    body = parse_event(type_, data).body(NOW)
    assert "\n" not in body
    assert json.loads(body) == {"type": type_, "at": "2026-11-20T21:30:00.123Z", "data": data}


@pytest.mark.parametrize(("type_", "data"), EVENTS, ids=[type_ for type_, _ in EVENTS])
def test_an_event_keeps_a_field_that_only_a_newer_hub_knows(type_: str, data: dict[str, Any]) -> None:
    newer = {**data, "since_next_year": {"deep": [1, None]}}
    assert json.loads(parse_event(type_, newer).body(NOW))["data"] == newer


def test_an_event_of_a_type_that_only_a_newer_hub_knows_keeps_its_fields() -> None:
    event = parse_event("order.exploded", {"order_id": "PED7K3Q9X", "pieces": 3})
    assert isinstance(event, ev.UnknownEvent)
    assert json.loads(event.body(NOW)) == {
        "type": "order.exploded",
        "at": "2026-11-20T21:30:00.123Z",
        "data": {"order_id": "PED7K3Q9X", "pieces": 3},
    }


def test_the_table_above_has_every_type_of_event_there_is() -> None:
    def types(kind: type[ev.Event]) -> set[str]:
        own = kind.model_fields["type"].default
        return {own for own in [own] if isinstance(own, str)}.union(*map(types, kind.__subclasses__()))

    assert {type_ for type_, _ in EVENTS} == types(ev.Event)


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("order.item_done", {**_MARKED, "done": False}),
        ("order.preparing", {"order_id": "PED7K3Q9X"}),
        ("notice.sent", {"notice_id": "n1", "message": "…", "level": "loud"}),
    ],
)
def test_an_event_that_lacks_what_its_type_needs_is_refused(type_: str, data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parse_event(type_, data)


def test_only_positions_and_figures_are_volatile() -> None:
    volatile = {type(parse_event(type_, data)).__name__ for type_, data in EVENTS if parse_event(type_, data).volatile}
    assert volatile == {"CourierMoved", "FloorTick"}


def test_an_order_without_a_place_has_no_empty_fields_for_one() -> None:
    order = an_order(delivery={"kind": "pickup"}, courier=MIGUEL)
    data = json.loads(ev.OrderReceived(order=order).body(NOW))["data"]["order"]
    assert data["delivery"] == {"kind": "pickup"}
    assert data["courier"] == {"id": "miguel", "name": "Miguel"}
