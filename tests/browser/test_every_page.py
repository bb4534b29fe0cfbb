"""What every page owes its reader, whoever reads it, on whatever."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import log_in, online, order_by_call, see, tap

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
SMALL = {"width": 360, "height": 740}

# Everything a person can act on, and that a screen reader could not name.
NAMELESS = """() => [...document.querySelectorAll("button, a[href], input, textarea, select")]
  .filter((one) => one.checkVisibility())
  .filter((one) => {
    const ids = (one.getAttribute("aria-labelledby") ?? "").split(" ");
    const labelled = ids.some((id) => document.getElementById(id)?.textContent.trim());
    const words = one.textContent.trim() || one.querySelector("img[alt]")?.alt || one.title;
    return !(one.getAttribute("aria-label") || labelled || words || one.labels?.length);
  })
  .map((one) => one.outerHTML.slice(0, 120))"""
PICTURES_WITHOUT_ALT = """() => [...document.images].filter((one) => !one.hasAttribute("alt")).map((one) => one.src)"""
FONT_SIZE = """(px) => getComputedStyle(document.documentElement).fontSize === `${px}px`"""
TOO_WIDE = """() => document.documentElement.scrollWidth - document.documentElement.clientWidth"""


@pytest.mark.parametrize(
    "path", ["/", "/login", "/t/PEDXXXXXX.AAAAAAAAAAAAAAAAAAAAAA", "/kitchen", "/manager", "/support", "/docs"]
)
def test_a_page_fits_a_small_phone_and_can_be_read_aloud(hub: Hub, window: Window, path: str) -> None:
    page = window(SMALL)
    if path in ("/kitchen", "/manager", "/support"):
        log_in(page, hub.url, path, hub.pin)
    else:
        page.goto(f"{hub.url}{path}")
        page.wait_for_load_state("networkidle")
    assert page.evaluate(TOO_WIDE) <= 0
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(PICTURES_WITHOUT_ALT) == []
    assert page.locator("html").get_attribute("lang") == "es"
    assert page.title().strip()
    assert page.locator("h1:visible").count() == 1


def test_no_page_scrolls_sideways_with_text_of_twice_the_size_or_on_the_smallest_phone(
    hub: Hub, window: Window
) -> None:
    page = window(SMALL)
    order_id, link = order_by_call(page, hub.url, "Ana María de los Ángeles")
    log_in(page, hub.url, "/manager", hub.pin)
    shown = {
        "/": '[data-test="add-flan"]',
        link.removeprefix(hub.url): '[data-test="order-status"]',
        "/login": "form",
        "/kitchen": f'[data-test="card-{order_id}"]',
        "/manager": f'[data-test="pick-{order_id}"]',
        "/support": "h1",
        "/docs": "details",
        "/nada": "h1",
    }
    for path, sign in shown.items():
        page.goto(f"{hub.url}{path}")
        page.locator(sign).first.wait_for(state="attached")
        for width, size in ((360, "200%"), (320, "100%")):
            page.set_viewport_size({"width": width, "height": 740})
            page.evaluate("(size) => { document.documentElement.style.fontSize = size; }", size)
            # Without motion, a style of the page's root holds from the next frame on.
            page.wait_for_function(FONT_SIZE, arg=16 * int(size.rstrip("%")) // 100)
            assert page.evaluate(TOO_WIDE) <= 0, (path, width, size)


def test_the_switch_turns_every_word_to_english_and_is_remembered(hub: Hub, window: Window) -> None:
    page = window(DESK)
    page.goto(f"{hub.url}/")
    online(page)
    assert "Tu pedido" in page.inner_text("body")
    tap(page, "lang-switch")
    see(page, 'html[lang="en"] h2:has-text("Your order")')
    page.reload()
    online(page)
    see(page, 'body:has-text("Al pastor taco")')
    text = page.inner_text("body")
    assert "Your order" in text
    assert "Tu pedido" not in text
    assert "Al pastor taco" in text


def test_a_customer_is_not_let_into_the_kitchen(hub: Hub, window: Window) -> None:
    page = window(PHONE)
    page.goto(f"{hub.url}/kitchen")
    page.wait_for_url(re.compile(r"/login\?next=(/|%2F)kitchen$"), timeout=15_000)


def test_an_order_can_be_placed_with_the_keyboard_alone(hub: Hub, window: Window) -> None:
    page = window(DESK)
    page.goto(f"{hub.url}/")
    online(page)
    page.locator('[data-test="add-taco-suadero"]').focus()
    page.keyboard.press("Enter")
    page.locator('[data-test="customer-name"]').focus()
    page.keyboard.type("Teclado")
    page.keyboard.press("Enter")
    see(page, '[data-test="order-status"][data-status="received"]')
