"""Every page in each of its main states, read by axe-core: it finds nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.axe import faults
from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import keep, log_in, online, order_tacos, see, tap, write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
State = Callable[[Any, Hub], object]

UNAVAILABLE = {"code": "unavailable", "message": "Redis does not answer", "retryable": True}


def menu(page: Any, hub: Hub) -> None:
    page.goto(hub.url)
    online(page)
    see(page, '[data-test="dish-taco-pastor"]')


def in_english(page: Any, hub: Hub) -> None:
    menu(page, hub)
    tap(page, "lang-switch")
    see(page, 'html[lang="en"]')


def open_cart(page: Any) -> None:
    if page.viewport_size["width"] == PHONE["width"]:
        tap(page, "cart-open")
    see(page, '[data-test="place-order"]')


def filled_cart(page: Any, hub: Hub) -> None:
    menu(page, hub)
    tap(page, "add-taco-pastor")
    tap(page, "more-taco-pastor")
    tap(page, "add-gringa")
    open_cart(page)
    tap(page, "delivery-delivery")
    see(page, ".cart-lines li:nth-child(2)")
    write(page, "note-taco-pastor", "sin cebolla")
    see(page, '[data-test="customer-address"]')


def refused_cart(page: Any, hub: Hub) -> None:
    filled_cart(page, hub)
    tap(page, "place-order")
    see(page, '[data-test="cart-problem"]:not(:empty)')


def cart_with_a_dish_that_left(page: Any, hub: Hub) -> None:
    left = {"id": "a", "sku": "taco-de-ayer", "qty": 2, "notes": "", "price": 2500, "name": "Taco de ayer"}
    person = {"name": "Ana", "phone": ""}
    keep(page, hub.url, cart={"lines": [left], "customer": person, "delivery": {"kind": "pickup", "address": ""}})
    menu(page, hub)
    open_cart(page)
    see(page, ".cart-lines li")


def unanswered_order(page: Any, hub: Hub) -> None:
    menu(page, hub)
    tap(page, "add-taco-pastor")
    open_cart(page)
    write(page, "customer-name", "Ana")
    page.context.set_offline(True)
    see(page, '[data-test="connection"]:not([data-state="online"])')
    tap(page, "place-order")
    if page.viewport_size["width"] == PHONE["width"]:
        tap(page, "cart-close")
    see(page, '[data-test="confirming"] button')


def failed_menu(page: Any, hub: Hub) -> None:
    page.route("**/api/menu", lambda route: route.fulfill(status=503, json={"ok": False, "error": UNAVAILABLE}))
    page.goto(hub.url)
    see(page, "#menu .empty button")


def empty_chat(page: Any, hub: Hub) -> None:
    menu(page, hub)
    tap(page, "chat-open")
    see(page, '[data-test="chat-input"]')


def ordered(page: Any, hub: Hub) -> None:
    order_tacos(page, hub.url, "Ana")


def chatting(page: Any, hub: Hub) -> None:
    menu(page, hub)
    tap(page, "chat-open")
    write(page, "chat-input", "¿Qué me recomiendas?")
    tap(page, "chat-send")
    see(page, '[data-test="message-customer"]')


def tracking(page: Any, hub: Hub) -> None:
    _, link = order_tacos(page, hub.url, "Luis")
    page.goto(link)
    see(page, '[data-test="order-title"]')


def expired_link(page: Any, hub: Hub) -> None:
    page.goto(f"{hub.url}/t/PEDXXXXXX.AAAAAAAAAAAAAAAAAAAAAA")
    see(page, '[data-test="track-missing"]')


def error_page(page: Any, hub: Hub) -> None:
    page.goto(f"{hub.url}/nada")
    see(page, '[data-test="error-page"]')


def login(page: Any, hub: Hub) -> None:
    page.goto(f"{hub.url}/login")
    see(page, '[data-test="login-name"]')


def refused_login(page: Any, hub: Hub) -> None:
    login(page, hub)
    write(page, "login-name", "Carmen")
    write(page, "login-pin", "000000")
    tap(page, "login-submit")
    see(page, '[data-test="login-problem"]:not(:empty)')


def board(page: Any, hub: Hub) -> None:
    order_tacos(page, hub.url, "Chema")
    log_in(page, hub.url, "/kitchen", hub.pin)
    see(page, "[data-test^=advance-]")


def board_actions(page: Any, hub: Hub) -> None:
    board(page, hub)
    page.locator("[data-test^=more-PED]").first.click()
    see(page, '[data-test="action-dialog"]')


def board_asking_for_a_reason(page: Any, hub: Hub) -> None:
    board_actions(page, hub)
    tap(page, "act-cancel")
    see(page, '[data-test="action-reason"]')


def board_without_a_line(page: Any, hub: Hub) -> None:
    board(page, hub)
    page.context.set_offline(True)
    see(page, '[data-test="connection"]:not([data-state="online"])')


def ended_session(page: Any, hub: Hub) -> None:
    board(page, hub)
    token = page.evaluate("() => JSON.parse(localStorage['comanda.session']).token")
    page.request.post(f"{hub.url}/api/logout", data={}, headers={"Authorization": f"Bearer {token}"})
    see(page, '[data-test="session-ended"]')


def manager(page: Any, hub: Hub) -> None:
    log_in(page, hub.url, "/manager", hub.pin)
    see(page, "#stock-list li")


def support(page: Any, hub: Hub) -> None:
    log_in(page, hub.url, "/support", hub.pin)
    see(page, "[data-test=inbox-nobody], [data-test=inbox-waiting] li")


STATES: tuple[State, ...] = (
    menu,
    in_english,
    failed_menu,
    filled_cart,
    refused_cart,
    cart_with_a_dish_that_left,
    unanswered_order,
    ordered,
    empty_chat,
    chatting,
    tracking,
    expired_link,
    error_page,
    login,
    refused_login,
    board,
    board_actions,
    board_asking_for_a_reason,
    board_without_a_line,
    ended_session,
    manager,
    support,
)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_axe_finds_nothing(hub: Hub, window: Window, state: State, size: dict[str, int]) -> None:
    page = window(size)
    state(page, hub)
    found = faults(page)
    assert not found, "\n".join(found)


def test_axe_finds_nothing_on_an_empty_board(hub: Hub, window: Window) -> None:
    hub.comanda("orders", "cancel", "--placed-after", "2000-01-01T00:00:00Z")
    page = window(PHONE)
    log_in(page, hub.url, "/kitchen", hub.pin)
    see(page, '[data-test="board"] .nothing')
    assert faults(page) == []
