"""A large order waits on both screens until somebody in the kitchen accepts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import log_in, online, placed_by_call, reads, see, shows, tap

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
    placed = placed_by_call(customer, hub.url, PARTY)
    order_id, link = placed["order"]["id"], placed["tracking"]["url"]
    customer.goto(f"{hub.url}{link}")
    online(customer)
    reads(customer, '[data-test="order-status"]', "acepte")
    reads(customer, ".aside-warn", "se cancela")
    reads(kitchen, f'[data-test="card-{order_id}"]', "acéptalo antes de las")
    tap(kitchen, f"accept-{order_id}")
    see(customer, '[data-test="order-history"] [data-type="order.accepted"]')
    see(customer, '[data-test="order-status"]:not(:has-text("acepte"))')
    see(kitchen, f'[data-test="card-{order_id}"]:not(.unseen-order) [data-test="advance-{order_id}"]')
    shows(kitchen, f'[data-test="accept-{order_id}"]', 0)


def test_a_manager_counts_the_orders_of_one_origin_and_cancels_them(hub: Hub, window: Window) -> None:
    manager, customer = window(DESK), window(PHONE)
    order = {"customer": {"name": "Nadie"}, "items": [{"sku": "flan", "qty": 1}], "delivery": {"kind": "pickup"}}
    ids = [placed_by_call(customer, hub.url, order)["order"]["id"] for _ in range(2)]
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
