"""What a caller may ask for, and what of it is let in."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from hub.domain.commands import COMMANDS

ID = "PED7K3Q9X"
PLACE = {
    "customer": {"name": "Ana", "phone": "+52 55 1234 5678"},
    "items": [{"sku": "taco-pastor", "qty": 3, "notes": "sin cebolla", "unit_price": 2200}],
    "delivery": {"kind": "delivery", "address": "Calle Álamo 5"},
    "total": 6600,
    "command_id": "c-1",
}
POSITION = {"order_id": ID, "lat": 19.43, "lon": -99.13, "accuracy_m": 8}

# One of each, as PROTOCOL writes them, with everything that is optional.
PAYLOADS: dict[str, dict[str, Any]] = {
    "hub.ping": {},
    "room.join": {"room": "kitchen", "token": "t", "after": "a-1", "only": ["order.received"]},
    "room.leave": {"room": "kitchen"},
    "order.place": PLACE,
    "order.advance": {"order_id": ID, "to": "preparing", "version": 1, "command_id": "c-2"},
    "order.cancel": {"order_id": ID, "reason": "se acabó", "command_id": "c-3"},
    "order.cancel_many": {"filter": {"acknowledged": False, "placed_after": "2026-11-21T06:00:00Z"}, "reason": "no"},
    "order.recall": {"order_id": ID, "reason": "faltó salsa", "command_id": "c-4"},
    "order.delay": {"order_id": ID, "reason": "lluvia", "reason_code": "busy", "minutes": 10, "command_id": "c-5"},
    "order.acknowledge": {"order_id": ID},
    "order.accept": {"order_id": ID, "command_id": "c-9"},
    "order.mark_item": {"order_id": ID, "item": 1, "done": True},
    "order.assign_courier": {"order_id": ID, "courier_id": "miguel"},
    "courier.report": {**POSITION, "heading": 270, "speed_m_s": 4.5},
    "auth.logout": {},
    "key.add": {"title": "Reparto", "scopes": ["orders:write", "chat"], "expires_at": "2027-11-21T06:00:00Z"},
    "key.revoke": {"key_id": "0f3a5c7e9b1d2f40"},
    "promo.publish": {"title": "2x1", "message": "Hoy", "expires_at": "2026-11-21T06:00:00Z", "command_id": "c-6"},
    "stock.set": {"sku": "taco-pastor", "left": 40},
    "webhook.add": {"url": "https://partner.example/", "types": ["order.*", "promo.*"], "command_id": "c-10"},
    "webhook.change": {"webhook_id": "w1", "enabled": False, "version": 1},
    "webhook.remove": {"webhook_id": "w1"},
    "webhook.rotate": {"webhook_id": "w1", "overlap_s": 0},
    "webhook.replay": {"webhook_id": "w1", "ids": ["abcd1234-7"]},
    "chat.open": {"order_token": "t"},
    "chat.send": {"chat_id": "c1", "token": "t", "text": "¿dónde está?", "command_id": "c-7"},
    "chat.stop": {"chat_id": "c1", "turn_id": "t1", "token": "t"},
    "chat.take_over": {"chat_id": "c1"},
    "chat.hand_back": {"chat_id": "c1"},
    "chat.reply": {"chat_id": "c1", "text": "Ya va"},
    "chat.forget": {"chat_id": "c1", "token": "t"},
    "notify.set": {
        "types": ["order.ready", "promo.published"],
        "channels": ["page", "push"],
        "quiet_hours": {"start": "22:00", "end": "07:00"},
        "token": "t",
        "command_id": "c-8",
    },
    "push.subscribe": {
        "endpoint": "https://fcm.googleapis.com/fcm/send/a1",
        "keys": {"p256dh": "B" * 87, "auth": "a" * 22},
        "lang": "en",
        "token": "t",
    },
    "push.unsubscribe": {"endpoint": "https://fcm.googleapis.com/fcm/send/a1", "token": "t"},
}


def test_there_is_a_command_for_every_row_of_the_protocol_that_is_open() -> None:
    assert set(COMMANDS) == set(PAYLOADS)


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_command_as_the_protocol_writes_it_is_let_in(name: str) -> None:
    command = COMMANDS[name].model_validate(PAYLOADS[name])
    assert command.name == name


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_field_that_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        COMMANDS[name].model_validate({**PAYLOADS[name], "colour": "red"})


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("order.place", {"items": []}),
        ("order.place", {"items": [{"sku": "flan", "qty": 1}] * 41}),
        ("order.place", {"items": [{"sku": "flan", "qty": 0}]}),
        ("order.place", {"items": [{"sku": "flan", "qty": 51}]}),
        ("order.place", {"items": [{"sku": "flan", "qty": "2"}]}),
        ("order.place", {"items": [{"sku": "flan", "qty": True}]}),
        ("order.place", {"items": [{"sku": "flan", "qty": 1, "price": 1}]}),
        ("order.place", {"customer": {"name": "   "}}),
        ("order.place", {"customer": {"name": "Ana", "phone": "call me"}}),
        ("order.place", {"customer": {"name": "Ana", "phone": "5512345678\n"}}),
        ("order.place", {"customer": {"name": "Ana", "phone": "()()()()"}}),
        ("order.place", {"customer": {"name": "Ana", "phone": "+1 (23) 456"}}),
        ("order.place", {"customer": {"name": "Ana", "phone": "+" + "1" * 21}}),
        ("order.cancel_many", {"filter": {"phone": "-------"}}),
        ("order.cancel_many", {"filter": {"phone": ""}}),
        ("order.cancel_many", {"filter": {"origin": ""}}),
        ("order.place", {"delivery": {"kind": "drone"}}),
        ("order.place", {"delivery": {"kind": "delivery", "lat": 91}}),
        ("order.place", {"delivery": {"kind": "delivery", "lat": float("nan")}}),
        ("order.place", {"command_id": "two words"}),
        ("order.advance", {"to": "eaten"}),
        ("order.advance", {"version": 0}),
        ("order.advance", {"order_id": "a:b"}),
        ("order.cancel", {"reason": "  "}),
        ("order.cancel", {"reason_code": "whim"}),
        ("order.delay", {"minutes": 0}),
        ("order.delay", {"minutes": 181}),
        ("order.mark_item", {"item": 0}),
        ("order.mark_item", {"item": "1"}),
        ("order.mark_item", {"done": "yes"}),
        ("order.advance", {"version": "3"}),
        ("courier.report", {"lat": "19.4"}),
        ("promo.publish", {"expires_at": 1_800_000_000}),
        ("courier.report", {"lat": float("nan")}),
        ("courier.report", {"lon": 180.1}),
        ("courier.report", {"accuracy_m": float("inf")}),
        ("courier.report", {"accuracy_m": float("nan")}),
        ("courier.report", {"heading": float("nan")}),
        ("courier.report", {"speed_m_s": -1}),
        ("promo.publish", {"message": ""}),
        ("promo.publish", {"expires_at": "2026-11-21T06:00:00"}),
        ("promo.publish", {"expires_at": "0001-01-01T00:00:00+23:00"}),
        ("stock.set", {"left": -1}),
        ("stock.set", {"left": "3"}),
        ("stock.set", {"sku": "Taco Pastor"}),
        ("chat.send", {"text": "a" * 65_537}),
        ("chat.send", {"text": " "}),
        ("room.join", {"only": ["x"] * 65}),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        COMMANDS[name].model_validate({**PAYLOADS[name], **change})


@pytest.mark.parametrize("name", [name for name, payload in PAYLOADS.items() if payload])
def test_a_command_cannot_be_changed_once_it_was_let_in(name: str) -> None:
    command = COMMANDS[name].model_validate(PAYLOADS[name])
    with pytest.raises(ValidationError, match="frozen"):
        setattr(command, next(iter(PAYLOADS[name])), "x")
