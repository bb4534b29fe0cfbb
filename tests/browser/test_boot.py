"""Pages that begin under bad conditions: plain HTTP from the shop's own network, odd storage, missing files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import DESK, PHONE, Hub, chromium
from tests.browser.people import log_in, online, order_tacos, see, see_status, tap, write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium that finds the hub under a name of the shop's own network."""
    with chromium("--host-resolver-rules=MAP taqueria.lan 127.0.0.1") as browser:
        yield browser


def test_everything_works_on_plain_http_from_the_shops_own_network(hub: Hub, window: Window) -> None:
    url = f"http://taqueria.lan:{hub.port}"
    customer, kitchen, manager = window(PHONE), window(DESK), window(DESK)
    order_id, _ = order_tacos(customer, url, "Rosa")
    assert customer.evaluate("() => [isSecureContext, typeof crypto.randomUUID]") == [False, "undefined"]
    log_in(kitchen, url, "/kitchen", hub.pin)
    tap(kitchen, f"advance-{order_id}")
    see_status(customer, "preparing")
    log_in(manager, url, "/manager", hub.pin)
    manager.locator("#promo-form [name=title]").fill("2×1")
    manager.locator("#promo-form [name=message]").fill("Hoy en pastor")
    tap(manager, "promo-publish")
    see(customer, "#promo:has-text('2×1')")
    tap(customer, "chat-open")
    write(customer, "chat-input", "¿Dónde está mi pedido?")
    tap(customer, "chat-send")
    see(customer, '[data-test="message-customer"]')


ODD_CARTS = {
    "another shape": {"items": [{"id": 1}]},
    "lines that are a number": {"lines": 7, "customer": {}, "delivery": {}},
    "lines of nothing": {"lines": [None], "customer": None, "delivery": None},
    "no customer": {"lines": [], "customer": None, "delivery": {"kind": "pickup", "address": ""}},
    "a text": "tacos",
}


@pytest.mark.parametrize("cart", ODD_CARTS.values(), ids=ODD_CARTS)
def test_a_stored_cart_of_another_shape_costs_the_cart_and_nothing_else(hub: Hub, window: Window, cart: Any) -> None:
    customer = window(PHONE)
    keep = "".join(
        f"localStorage['comanda.{key}'] = {json.dumps(json.dumps(cart))};" for key in ("cart", "order", "chat")
    )
    customer.goto(f"{hub.url}/login")
    customer.evaluate(f"() => {{ {keep} }}")
    order_tacos(customer, hub.url, "Beto")


def test_a_page_whose_texts_do_not_arrive_works_says_so_and_gets_them_later(hub: Hub, window: Window) -> None:
    customer = window(PHONE)
    customer.route("**/i18n/*.json", lambda route: route.fulfill(status=503, body="busy"))
    customer.goto(hub.url)
    online(customer)
    see(customer, '[data-test="texts-missing"]')
    see(customer, '[data-test="dish-taco-pastor"]')
    customer.unroute("**/i18n/*.json")
    see(customer, 'button:has-text("Agregar")')
    customer.locator('[data-test="texts-missing"]').wait_for(state="detached")


def test_a_language_that_does_not_arrive_leaves_the_page_in_its_own(hub: Hub, window: Window) -> None:
    customer = window(PHONE)
    customer.goto(hub.url)
    online(customer)
    customer.route("**/i18n/en.json", lambda route: route.abort())
    tap(customer, "lang-switch")
    see(customer, '[data-test="toasts"]:has-text("idioma")')
    assert customer.evaluate("() => document.documentElement.lang") == "es"


def test_a_page_whose_script_does_not_arrive_says_so_and_offers_to_try_again(hub: Hub, window: Window) -> None:
    customer = window(PHONE)
    customer.route("**/js/state/menu.js", lambda route: route.abort())
    customer.goto(hub.url)
    see(customer, '[data-test="boot-failed"]')
    customer.unroute("**/js/state/menu.js")
    customer.locator('[data-test="boot-failed"] button').click()
    online(customer)
    assert customer.locator('[data-test="boot-failed"]').count() == 0
