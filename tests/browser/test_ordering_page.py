"""What may happen to a customer between the cart and the order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.line import Line
from tests.browser.people import log_in, online, order_tacos, see, see_status, tap, write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
Shot = Callable[[Any, str], None]
LINK = b"/t/PED"  # in the answer to an order
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def part(page: Any, test: str) -> Any:
    return page.locator(f'[data-test="{test}"]')


def cards_of(kitchen: Any, name: str) -> Any:
    return kitchen.locator(f'[data-test^="card-"]:has-text("{name}")')


def keep(page: Any, url: str, **values: Any) -> None:
    """Have the device remember this from an earlier visit."""
    page.goto(f"{url}/login")
    for key, value in values.items():
        page.evaluate("([key, value]) => localStorage.setItem(`comanda.${key}`, value)", [key, json.dumps(value)])


def cart_of(*lines: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        "lines": [{"qty": 1, "notes": "", **line} for line in lines],
        "customer": {"name": name, "phone": ""},
        "delivery": {"kind": "pickup", "address": ""},
    }


def test_an_order_whose_answer_was_lost_is_made_once_and_shown_after_a_reload(
    hub: Hub, window: Window, shot: Shot
) -> None:
    kitchen, customer = window(DESK), window(DESK)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    with Line(hub.port) as line:
        customer.goto(line.url)
        online(customer)
        tap(customer, "add-taco-pastor")
        write(customer, "customer-name", "Perdida")
        line.hold(LINK)
        tap(customer, "place-order")
        expect(cards_of(kitchen, "Perdida")).to_have_count(1, timeout=15_000)
        tap(customer, "add-flan")  # the cart is another one now
        tap(customer, "place-order")
        expect(part(customer, "cart-problem")).to_contain_text("confirmando")
        customer.close()  # and the answer is lost with its connection
        again = customer.context.new_page()
        again.goto(line.url)
        expect(part(again, "confirming")).to_contain_text("Estamos confirmando tu pedido")
        line.release()
        see_status(again, "received")
        expect(part(again, "line-taco-pastor")).to_have_count(0)
        expect(part(again, "line-flan")).to_have_count(1)
        shot(again, "order-found-again")
    expect(cards_of(kitchen, "Perdida")).to_have_count(1)


def test_an_order_that_is_not_answered_says_so_and_is_taken_up_in_every_tab(
    hub: Hub, window: Window, shot: Shot
) -> None:
    customer = window(PHONE)
    order_tacos(customer, hub.url, "Antes")
    device = customer.context
    pending = {
        "command_id": "0123456789abcdef0123456789abcdef",
        "order": {
            "customer": {"name": "Pendiente"},
            "items": [{"sku": "gringa", "qty": 1, "notes": "sin piña"}],
            "delivery": {"kind": "pickup"},
        },
        "lines": [{"id": 1, "qty": 1, "name": "Gringa"}],
        "at": customer.evaluate("() => Date.now()"),
        "tried": True,
    }
    with Line(hub.port) as line:
        keep(customer, line.url, pending=pending, cart=cart_of({"sku": "flan"}, name="Pendiente"))
        line.hold(LINK)
        customer.goto(line.url)
        expect(part(customer, "confirming")).to_contain_text("Estamos confirmando tu pedido")
        expect(part(customer, "confirming")).to_contain_text("1 × Gringa")
        shot(customer, "order-unsure")
        other = device.new_page()
        other.goto(line.url)
        expect(part(other, "confirming")).to_contain_text("Estamos confirmando tu pedido")
        line.release()
        for tab in (customer, other):
            see_status(tab, "received")
            expect(part(tab, "confirming")).to_be_hidden()
        links = {part(tab, "track-link").get_attribute("href") for tab in (customer, other)}
        assert len(links) == 1, links


def test_an_order_that_could_not_be_sent_can_be_taken_back(hub: Hub, window: Window, shot: Shot) -> None:
    customer = window(PHONE)
    customer.goto(hub.url)
    online(customer)
    tap(customer, "add-taco-pastor")
    customer.context.set_offline(True)
    see(customer, '[data-test="connection"]:not([data-state="online"])')
    tap(customer, "cart-open")
    write(customer, "customer-name", "Sin línea")
    tap(customer, "place-order")
    tap(customer, "cart-close")
    expect(part(customer, "confirming")).to_contain_text("Todavía no se envía")
    shot(customer, "order-waiting")
    tap(customer, "confirming-no")
    customer.context.set_offline(False)
    online(customer)
    expect(part(customer, "confirming")).to_be_hidden()
    expect(part(customer, "order-panel")).to_be_hidden()
    expect(part(customer, "cart-count")).to_have_text("1")


def test_a_price_that_changed_is_shown_before_the_order_is_made(hub: Hub, window: Window, shot: Shot) -> None:
    customer = window(DESK)

    def cheaper(route: Any) -> None:
        answer = route.fetch()
        menu = answer.json()
        for item in menu["data"]["items"]:
            item["price"] -= 300 if item["sku"] == "taco-pastor" else 0
        route.fulfill(response=answer, json=menu)

    customer.route("**/api/menu", cheaper, times=1)
    customer.goto(hub.url)
    online(customer)
    tap(customer, "add-taco-pastor")
    tap(customer, "more-taco-pastor")
    write(customer, "customer-name", "Precios")
    expect(part(customer, "cart-total")).to_have_text("$38")
    tap(customer, "place-order")
    expect(part(customer, "cart-changes")).to_have_text("Taco al pastor: antes $19, ahora $22")
    expect(part(customer, "cart-total")).to_have_text("$44")
    expect(part(customer, "order-panel")).to_be_hidden()
    shot(customer, "price-changed")
    tap(customer, "place-order")
    see_status(customer, "received")


def test_a_dish_is_ordered_once_for_each_wish(hub: Hub, window: Window, shot: Shot) -> None:
    kitchen, customer = window(DESK), window(PHONE)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    customer.goto(hub.url)
    online(customer)
    tap(customer, "add-taco-pastor")
    tap(customer, "more-taco-pastor")
    tap(customer, "cart-open")
    tap(customer, "another-taco-pastor")
    write(customer, "note-taco-pastor", "sin cebolla")
    write(customer, "note-taco-pastor-2", "con todo")
    write(customer, "customer-name", "Dos deseos")
    shot(customer, "cart-two-wishes")
    tap(customer, "place-order")
    see_status(customer, "received")
    card = see(kitchen, '[data-test^="card-"]:has-text("Dos deseos")')
    expect(card).to_contain_text("sin cebolla")
    expect(card).to_contain_text("con todo")


def test_a_dish_that_left_the_menu_is_named_and_removed_with_one_tap(hub: Hub, window: Window, shot: Shot) -> None:
    customer = window(DESK)
    gone = {"sku": "taco-canasta", "name": "Taco de canasta", "qty": 2}
    keep(customer, hub.url, cart=cart_of(gone, {"sku": "flan"}, name="Nostalgia"))
    customer.goto(hub.url)
    online(customer)
    expect(part(customer, "line-taco-canasta")).to_contain_text("Taco de canasta")
    expect(part(customer, "line-taco-canasta")).to_contain_text("Ya no está")
    tap(customer, "place-order")
    expect(part(customer, "cart-problem")).to_contain_text("ya no está en el menú")
    shot(customer, "dish-off-menu")
    tap(customer, "fix-taco-canasta")
    expect(part(customer, "line-taco-canasta")).to_have_count(0)
    tap(customer, "place-order")
    see_status(customer, "received")


def test_a_line_past_what_is_left_is_lowered_with_one_tap(hub: Hub, window: Window, shot: Shot) -> None:
    customer, manager = window(DESK), window(DESK)
    customer.goto(hub.url)
    online(customer)
    tap(customer, "add-churros")
    tap(customer, "more-churros")
    tap(customer, "more-churros")
    log_in(manager, hub.url, "/manager", hub.pin)
    write(manager, "stock-churros", "2")
    tap(manager, "stock-save-churros")
    expect(part(customer, "line-churros")).to_contain_text("Solo quedan 2")
    shot(customer, "cart-short")
    tap(customer, "fix-churros")
    expect(part(customer, "qty-line-churros")).to_have_text("2")
    write(customer, "customer-name", "Churrero")
    tap(customer, "place-order")
    see_status(customer, "received")


def test_whoever_says_not_me_finds_nothing_of_the_one_before_in_any_tab(hub: Hub, window: Window) -> None:
    customer = window(PHONE)
    order_tacos(customer, hub.url, "Doña Privada")
    tap(customer, "chat-open")
    write(customer, "chat-input", "un secreto")
    tap(customer, "chat-send")
    see(customer, '[data-test="message-customer"]')
    tap(customer, "chat-close")
    tracking = customer.context.new_page()
    tracking.goto(hub.url + (part(customer, "track-link").get_attribute("href") or ""))
    see_status(tracking, "received")
    menu = customer.context.new_page()
    menu.goto(hub.url)
    online(menu)

    tracking.on("dialog", lambda dialog: dialog.accept())
    tap(tracking, "not-me")
    for tab in (customer, tracking, menu):
        see(tab, '[data-test="add-taco-pastor"]')
        expect(part(tab, "order-panel")).to_be_hidden()
        expect(part(tab, "customer-name")).to_have_value("")
        assert tab.url == f"{hub.url}/"
        text = tab.evaluate("() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
        assert "Privada" not in text
        assert "secreto" not in text
    tap(menu, "chat-open")
    see(menu, ".chat-hello")
    expect(part(menu, "message-customer")).to_have_count(0)


def test_words_without_a_space_widen_no_page(hub: Hub, window: Window) -> None:
    small = {"width": 360, "height": 740}
    kitchen, customer = window(small), window(small)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    customer.goto(hub.url)
    online(customer)
    tap(customer, "add-taco-pastor")
    tap(customer, "cart-open")
    write(customer, "note-taco-pastor", "n" * 190)
    write(customer, "customer-name", "W" * 80)
    customer.locator('[data-test="delivery-delivery"]').check(force=True)
    write(customer, "customer-address", "a" * 190)
    tap(customer, "place-order")
    see_status(customer, "received")
    tap(customer, "chat-open")
    write(customer, "chat-input", "c" * 190)
    tap(customer, "chat-send")
    see(customer, '[data-test="message-customer"]')
    assert customer.evaluate(TOO_WIDE) <= 0
    customer.goto(hub.url + (part(customer, "track-link").get_attribute("href") or ""))
    see(customer, '[data-test="order-items"]')
    assert customer.evaluate(TOO_WIDE) <= 0
    see(kitchen, '[data-test^="card-"]:has-text("WWWW")')
    assert kitchen.evaluate(TOO_WIDE) <= 0


WATCH_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const shift of list.getEntries()) window.shifted += shift.hadRecentInput ? 0 : shift.value;
}).observe({ type: "layout-shift", buffered: true });
"""
PAINTED = (
    "() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(painted))))"
)


SIZES = {"phone": {"width": 360, "height": 740}, "tablet": {"width": 820, "height": 1180}, "desk": DESK}


def shifted_by_late_scripts(page: Any, url: str, last: str) -> float:
    """Open the page, with its scripts after it was drawn; by how much it moved until the last thing was there."""
    page.add_init_script(WATCH_SHIFTS)
    held: list[Any] = []
    is_late = True

    def hold(route: Any) -> None:
        if is_late:
            held.append(route)
        else:
            route.continue_()

    page.route(re.compile(r"/(order(\.bundle)?\.js|api/menu)(\?|$)"), hold)
    page.goto(url, wait_until="commit")
    see(page, "h1")
    page.evaluate(PAINTED)
    is_late = False
    for route in held:
        route.continue_()
    see(page, '[data-test="add-taco-pastor"]')
    see(page, last)
    online(page)
    page.evaluate(PAINTED)
    shifted: float = page.evaluate("() => window.shifted")
    return shifted


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_nothing_moves_when_the_scripts_and_the_menu_arrive_late(
    hub: Hub, window: Window, size: dict[str, int]
) -> None:
    assert shifted_by_late_scripts(window(size), hub.url, ".foot") < 0.05


def test_the_menu_does_not_move_when_an_order_that_is_followed_arrives(hub: Hub, window: Window) -> None:
    customer = window(PHONE)
    order_tacos(customer, hub.url, "Vuelve")
    again = customer.context.new_page()
    assert shifted_by_late_scripts(again, hub.url, '[data-test="order-status"]') < 0.05


def test_a_part_of_the_page_that_fails_is_named_and_the_others_work(hub: Hub, window: Window) -> None:
    customer = window(PHONE)

    def without_promos(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('id="promo"', 'id="another"'))

    customer.route(re.compile(rf"{hub.url}/$"), without_promos)
    customer.goto(hub.url)
    expect(part(customer, "parts-failed")).to_contain_text("las promociones")
    online(customer)
    tap(customer, "add-taco-pastor")
    expect(part(customer, "cart-count")).to_have_text("1")
