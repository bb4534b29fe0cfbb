"""Pages that begin under bad conditions: plain HTTP from the shop's own network, odd storage, missing files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import DESK, PHONE, Hub, chromium
from tests.browser.people import keep, log_in, log_in_by_pin, online, order_tacos, see, see_status, tap, write

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
    log_in_by_pin(kitchen, url, "/kitchen", hub.pin)
    tap(kitchen, f"advance-{order_id}")
    see_status(customer, "preparing")
    log_in_by_pin(manager, url, "/manager", hub.pin)
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
    keep(customer, hub.url, cart=cart, order=cart, chat=cart)
    order_tacos(customer, hub.url, "Beto")


def test_a_page_whose_texts_do_not_arrive_works_says_so_and_gets_them_later(hub: Hub, window: Window) -> None:
    customer = window(PHONE)
    customer.route("**/i18n/*.json*", lambda route: route.fulfill(status=503, body="busy"))
    customer.goto(hub.url)
    online(customer)
    see(customer, '[data-test="texts-missing"]')
    see(customer, '[data-test="dish-taco-pastor"]')
    customer.unroute("**/i18n/*.json*")
    see(customer, 'button:has-text("Agregar")')
    customer.locator('[data-test="texts-missing"]').wait_for(state="detached")


def test_a_language_that_does_not_arrive_leaves_the_page_in_its_own(hub: Hub, window: Window) -> None:
    customer = window(PHONE)
    customer.goto(hub.url)
    online(customer)
    customer.route("**/i18n/en.json*", lambda route: route.abort())
    tap(customer, "lang-switch")
    see(customer, '[data-test="toasts"]:has-text("idioma")')
    assert customer.evaluate("() => document.documentElement.lang") == "es"


def test_a_page_whose_script_does_not_arrive_says_so_and_offers_to_try_again(hub: Hub, window: Window) -> None:
    customer = window(PHONE)
    customer.route("**/js/order.bundle.js*", lambda route: route.abort())
    customer.goto(hub.url)
    see(customer, '[data-test="boot-failed"]')
    customer.unroute("**/js/order.bundle.js*")
    customer.locator('[data-test="boot-failed"] button').click()
    online(customer)
    assert customer.locator('[data-test="boot-failed"]').count() == 0


WRONG_CLOCK = (
    """() => { const wall = Date.now; window.off_ms = 3 * 24 * 3600e3; Date.now = () => wall() + window.off_ms; }"""
)


def test_a_device_whose_clock_is_days_off_and_then_jumps_shows_the_hubs_time(hub: Hub, window: Window) -> None:
    customer, kitchen = window(PHONE), window(DESK)
    kitchen.add_init_script(f"({WRONG_CLOCK})()")
    customer.add_init_script(f"({WRONG_CLOCK})()")
    order_id, link = order_tacos(customer, hub.url, "Nico")
    customer.goto(link)
    see(customer, '.eta strong:has-text("min")')
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    timer = f'[data-test="card-{order_id}"] .timer .time'
    see(kitchen, timer)
    kitchen.locator(timer).scroll_into_view_if_needed()  # the timers that go are those that can be seen
    for jump_h in (0, 1, -2):
        kitchen.evaluate("(h) => { window.off_ms += h * 3600e3; }", jump_h)
        before = kitchen.text_content(timer)
        kitchen.wait_for_function(
            "([css, text]) => document.querySelector(css).textContent !== text", arg=[timer, before]
        )
        assert kitchen.text_content(timer)[:2] in ("0:", "1:")
