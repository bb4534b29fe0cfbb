"""A busy evening, as the README shows it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import log_in, online, order_tacos, see, see_status, tap

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]

# Who ordered what, how it is to be had, and how far it has got.
EVENING: tuple[tuple[str, list[tuple[str, int, str]], str, list[str]], ...] = (
    (
        "Don Chucho",
        [("taco-suadero", 5, "bien doradito"), ("refresco", 2, "")],
        "delivery",
        ["preparing", "ready", "en_route"],
    ),
    ("Mariana", [("gringa", 2, ""), ("jamaica", 1, "")], "pickup", ["preparing", "ready"]),
    ("Toño", [("taco-pastor", 6, "con todo"), ("choriqueso", 1, "")], "pickup", ["preparing"]),
    ("Itzel", [("taco-nopal", 3, "sin crema"), ("horchata", 2, "")], "delivery", ["preparing"]),
    ("Sr. Ruiz", [("pozole", 1, ""), ("consome", 1, "sin garbanzo")], "pickup", []),
)


def call(hub: Hub, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"{hub.url}{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        data: dict[str, Any] = json.load(response)["data"]
    return data


def staff_token(hub: Hub) -> str:
    return hub.comanda("token", "--role", "manager")


def place(hub: Hub, name: str, lines: list[tuple[str, int, str]], kind: str, steps: list[str], token: str) -> str:
    delivery = {"kind": kind} | ({"address": "Calle Roble 12, Centro"} if kind == "delivery" else {})
    items = [{"sku": sku, "qty": qty, "notes": notes} for sku, qty, notes in lines]
    order_id = call(hub, "/api/orders", {"customer": {"name": name}, "items": items, "delivery": delivery})["order"][
        "id"
    ]
    if steps:
        call(hub, f"/api/orders/{order_id}/acknowledge", {}, token)
    for step in steps:
        call(hub, f"/api/orders/{order_id}/advance", {"to": step}, token)
    return str(order_id)


def test_a_busy_board_shows_each_order_in_its_column(
    hub: Hub, window: Window, shot: Callable[[Any, str], None]
) -> None:
    token = staff_token(hub)
    placed = [(place(hub, *one, token), one[3]) for one in EVENING]
    kitchen = window(DESK)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    for order_id, steps in placed:
        status = steps[-1] if steps else "received"
        see(kitchen, f'#column-{status} [data-test="card-{order_id}"]')
    shot(kitchen, "kitchen")

    customer = window(PHONE)
    customer.goto(f"{hub.url}/")
    online(customer)
    shot(customer, "menu")
    order_id, link = order_tacos(customer, hub.url, "Ana")
    tap(kitchen, f"advance-{order_id}")
    see_status(customer, "preparing")
    customer.goto(link)
    see_status(customer, "preparing")
    shot(customer, "tracking")
