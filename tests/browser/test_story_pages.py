"""An order's way, from a tap to every screen: two people, two windows, one evening."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import (
    log_in,
    log_in_by_pin,
    online,
    order_tacos,
    reads,
    see,
    see_status,
    shows,
    started,
    tap,
    write,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

Window = Callable[..., Any]
Shot = Callable[[Any, str], None]

# Every text that the streamed answer shows on its way, as a reader would see it grow.
WATCH_ANSWER = """() => {
  window.seen = [];
  new MutationObserver(() => {
    const text = document.querySelector('[data-test="chat-stream"]')?.textContent ?? "";
    if (text && text !== window.seen.at(-1)) window.seen.push(text);
  }).observe(document.querySelector('[data-test="chat-log"]'), { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def with_agent() -> bool:
    return True


def test_an_order_goes_from_the_customers_tap_to_the_kitchen_and_back(hub: Hub, window: Window, shot: Shot) -> None:
    kitchen = window(DESK)
    log_in_by_pin(kitchen, hub.url, "/kitchen", hub.pin)
    customer = window(PHONE)

    order_id, link = order_tacos(customer, hub.url, "José Ángel")
    see(kitchen, f'[data-test="card-{order_id}"][data-status="received"]')
    shot(customer, "customer-received")
    shot(kitchen, "kitchen-received")

    tap(kitchen, f"ack-{order_id}")
    tap(kitchen, f"advance-{order_id}")
    see_status(customer, "preparing")
    see(kitchen, f'[data-test="card-{order_id}"][data-status="preparing"]')
    tap(kitchen, f"advance-{order_id}")
    see_status(customer, "ready")
    shot(customer, "customer-ready")

    follower = window(PHONE)
    follower.goto(link)
    see_status(follower, "ready")
    tap(kitchen, f"advance-{order_id}")
    see_status(customer, "delivered")
    see_status(follower, "delivered")
    see(follower, '[data-test="order-history"] [data-type="order.delivered"]')
    shot(follower, "tracking-delivered")


def test_a_promotion_of_the_manager_appears_on_the_customers_page(hub: Hub, window: Window, shot: Shot) -> None:
    customer, manager = window(PHONE), window(DESK)
    customer.goto(f"{hub.url}/")
    online(customer)
    log_in(manager, hub.url, "/manager", hub.pin)
    write(manager, "promo-title", "2×1 en pastor")
    write(manager, "promo-message", "Solo hoy, hasta que se acabe el trompo 🌮")
    tap(manager, "promo-publish")
    reads(customer, '[data-test="promo-banner"]', "2×1 en pastor")
    see(manager, '[data-test="figures"]')
    shot(customer, "customer-promo")
    shot(manager, "manager")


def test_a_dish_that_is_sold_out_cannot_be_added_any_more(hub: Hub, window: Window) -> None:
    customer, manager = window(DESK), window(DESK)
    customer.goto(f"{hub.url}/")
    online(customer)
    log_in(manager, hub.url, "/manager", hub.pin)
    assert see(customer, '[data-test="add-flan"]').is_enabled()
    write(manager, "stock-flan", "0")
    tap(manager, "stock-save-flan")
    customer.locator('[data-test="add-flan"]:disabled').wait_for(timeout=15_000)


def test_the_chat_says_word_by_word_where_the_order_is(hub: Hub, window: Window, shot: Shot) -> None:
    hub.wait_for_agent()
    customer = window(PHONE)
    order_id, _ = order_tacos(customer, hub.url, "Lucía")
    tap(customer, "chat-open")
    see(customer, '[data-test="chat-input"]')
    customer.evaluate(WATCH_ANSWER)
    write(customer, "chat-input", "¿Dónde está mi pedido?")
    tap(customer, "chat-send")
    answer = see(customer, '[data-test="message-agent"][data-state="completed"]').inner_text()
    assert order_id[-4:] in answer
    grown = customer.evaluate("() => window.seen")
    assert len(grown) >= 3, grown
    assert all(later.startswith(earlier) for earlier, later in pairwise(grown)), grown
    shot(customer, "chat")


def test_tacos_ordered_in_the_chat_reach_the_kitchen_and_the_page_follows_them(
    hub: Hub, window: Window, shot: Shot
) -> None:
    hub.wait_for_agent()
    kitchen, customer = window(DESK), window(PHONE)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    customer.goto(f"{hub.url}/")
    online(customer)
    tap(customer, "chat-open")
    write(customer, "chat-input", "Quiero dos gringas y una jamaica para llevar, soy Ramón")
    tap(customer, "chat-send")
    summary = see(customer, '[data-test="message-agent"][data-state="completed"]').inner_text()
    assert "2 × Gringa" in summary
    assert summary.count("Total: $160.00") == 1
    see(customer, '[data-test="chat-confirm"]')
    assert customer.locator(".confirm-summary").is_hidden()  # the answer ends with it
    customer = customer.context.new_page()  # another tab of the same device: it knows what the hub tells it
    customer.goto(f"{hub.url}/")
    tap(customer, "chat-open")
    again = see(customer, '[data-test="message-agent"][data-state="completed"]')
    expect(again).to_have_text(summary, use_inner_text=True)  # drawn anew when the room's state arrives
    see(customer, '[data-test="chat-confirm"]')
    assert customer.locator(".confirm-summary").is_hidden()
    shot(customer, "chat-confirm")
    tap(customer, "chat-confirm")
    answer = see(customer, '[data-test="message-agent"]:has(a[href*="/t/PED"])')
    assert answer.locator('a[href*="/t/PED"]').count() == 1
    see(customer, '[data-test="note-tracking"] a[href*="/t/PED"]')
    shot(customer, "chat-follows")
    card = see(kitchen, '[data-test^="card-"]:has-text("Ramón")')
    see_status(customer, "received")
    tap(kitchen, (card.get_attribute("data-test") or "").replace("card-", "advance-"))
    see_status(customer, "preparing")
    write(customer, "chat-input", "¿y cuánto falta?")  # in the conversation that knows the order
    tap(customer, "chat-send")
    see(customer, '[data-test="message-agent"] >> nth=2')
    shows(customer, '[data-test="message-customer"]', 3)


def test_a_customer_who_asks_for_a_person_is_answered_by_one(hub: Hub, window: Window, shot: Shot) -> None:
    hub.wait_for_agent()
    manager, customer = window(DESK), window(PHONE)
    log_in(manager, hub.url, "/manager", hub.pin)
    customer.goto(f"{hub.url}/")
    online(customer)
    tap(customer, "chat-open")
    write(customer, "chat-input", "quiero hablar con una persona")
    tap(customer, "chat-send")
    see(manager, '[data-test="toasts"]:has-text("pide a una persona")')
    see(customer, '[data-test="note-handed_over"]')

    tap(manager, "to-support")
    see(manager, '[data-test="inbox-waiting"] .unanswered').click()
    see(manager, '[data-test="message-customer"]:has-text("quiero hablar con una persona")')
    write(manager, "reply-text", "Soy Carmen, ¿qué se te ofrece? <b>*Dime*</b>")
    tap(manager, "reply-send")
    answer = see(customer, '[data-test="message-staff"]')
    assert "<b>*Dime*</b>" in answer.inner_text()
    manager.locator('[data-test="inbox-waiting"] .unanswered').wait_for(state="detached")
    write(customer, "chat-input", "¿Abren mañana?")
    tap(customer, "chat-send")
    see(manager, '[data-test="message-customer"]:has-text("¿Abren mañana?")')
    see(manager, '[data-test="inbox-waiting"] .unanswered:has-text("¿Abren mañana?")')
    shot(manager, "support")
    tap(manager, "hand-back")
    see(customer, '[data-test="note-handed_back"]')
    write(customer, "chat-input", "¿cuánto cuesta la gringa?")
    tap(customer, "chat-send")
    see(manager, '[data-test="inbox-others"] [data-test^="chat-"]:has-text("gringa")')
    see(customer, '[data-test="message-agent"]:has-text("$")')
    see(manager, '[data-test="message-agent"]:has-text("$")')


def test_a_reload_shows_the_order_and_the_conversation_again(hub: Hub, window: Window) -> None:
    hub.wait_for_agent()
    customer = window(PHONE)
    order_tacos(customer, hub.url, "Inés")
    tap(customer, "chat-open")
    write(customer, "chat-input", "¿cuánto cuesta la gringa?")
    tap(customer, "chat-send")
    see(customer, '[data-test="message-agent"][data-state="completed"]')
    customer.reload()
    online(customer)
    see_status(customer, "received")
    tap(customer, "chat-open")
    see(customer, '[data-test="message-customer"]')
    see(customer, '[data-test="message-agent"][data-state="completed"]')


def test_the_tracking_page_of_nobodys_order_is_friendly(hub: Hub, window: Window) -> None:
    page = window(PHONE)
    page.goto(f"{hub.url}/t/PEDXXXXXX.AAAAAAAAAAAAAAAAAAAAAA")
    see(page, '[data-test="track-missing"]')


def test_a_wrong_pin_is_told_and_the_right_one_still_works(hub: Hub, window: Window) -> None:
    page = window(PHONE)
    page.goto(f"{hub.url}/login")
    started(page)
    write(page, "login-name", "Nadie")
    write(page, "login-pin", "00000000")
    tap(page, "login-submit")
    see(page, '[data-test="login-problem"]:not(:empty)')
