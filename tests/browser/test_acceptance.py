"""A large order waits on both screens until somebody in the kitchen accepts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import log_in, online, see, tap

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
PARTY = {
    "customer": {"name": "Nayeli"},
    "items": [{"sku": "agua", "qty": 25}, {"sku": "jamaica", "qty": 25}],
    "delivery": {"kind": "pickup"},
}


def test_a_large_order_waits_until_the_kitchen_accepts_it(hub: Hub, window: Window) -> None:
    kitchen, customer = window(DESK), window(PHONE)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    placed = customer.request.post(f"{hub.url}/api/orders", data=PARTY).json()["data"]
    order_id, link = placed["order"]["id"], placed["tracking"]["url"]
    customer.goto(f"{hub.url}{link}")
    online(customer)
    assert "acepte" in see(customer, '[data-test="order-status"]').inner_text()
    assert "se cancela" in see(customer, ".aside-warn").inner_text()
    card = see(kitchen, f'[data-test="card-{order_id}"]')
    assert "acéptalo antes de las" in card.inner_text()
    tap(kitchen, f"accept-{order_id}")
    see(customer, '[data-test="order-history"] [data-type="order.accepted"]')
    assert "acepte" not in see(customer, '[data-test="order-status"]').inner_text()
    see(kitchen, f'[data-test="card-{order_id}"]:not(.unseen-order) [data-test="advance-{order_id}"]')
    assert kitchen.locator(f'[data-test="accept-{order_id}"]').count() == 0


def test_a_manager_counts_the_orders_of_one_origin_and_cancels_them(hub: Hub, window: Window) -> None:
    manager, customer = window(DESK), window(PHONE)
    order = {"customer": {"name": "Nadie"}, "items": [{"sku": "flan", "qty": 1}], "delivery": {"kind": "pickup"}}
    ids = [customer.request.post(f"{hub.url}/api/orders", data=order).json()["data"]["order"]["id"] for _ in range(2)]
    log_in(manager, hub.url, "/manager", hub.pin)
    tap(manager, f"pick-{ids[0]}")
    manager.wait_for_function("() => document.querySelector('[data-test=cancel-origin]').value")
    tap(manager, "cancel-unseen")
    tap(manager, "cancel-count")
    found = see(manager, '[data-test="cancel-found"]:has-text("pedidos")').inner_text()
    assert all(order_id[-4:] in found for order_id in ids)
    tap(manager, "cancel-confirm")
    see(manager, f'[data-test="recent-{ids[1]}"][data-status="cancelled"]')
    assert manager.locator('[data-test="cancel-confirm"]').is_hidden()
