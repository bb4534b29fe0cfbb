"""How a first visit gets to its first dish: in two rounds of requests, and without waiting for the rest of the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import PHONE, Hub
from tests.browser.people import online, see

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]

# Notes what the page had loaded, and was, when it drew a first dish.
WATCH = """
new MutationObserver((_, observer) => {
  const dishes = document.querySelectorAll("[data-test^=dish-]").length;
  if (!dishes) return;
  observer.disconnect();
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name.replace(`${location.origin}/`, ""));
  window.first = { loaded, dishes, isWhole: Boolean(document.documentElement.dataset.booted) };
}).observe(document, { childList: true, subtree: true });
"""

# Timers and frames of the page wait for its first dish. Without this, a menu that comes late is drawn after the rest.
STILL = """
(() => {
  const held = [];
  let isHeld = true;
  for (const name of ["setTimeout", "requestAnimationFrame"]) {
    const start = window[name].bind(window);
    window[name] = (...call) => (isHeld ? held.push(() => start(...call)) : start(...call));
  }
  new MutationObserver((_, observer) => {
    if (!document.querySelector("[data-test^=dish-]")) return;
    observer.disconnect();
    isHeld = false;
    held.forEach((go) => go());
  }).observe(document, { childList: true, subtree: true });
})();
"""


def test_the_first_dish_needs_only_what_the_page_itself_names_and_each_of_it_once(hub: Hub, window: Window) -> None:
    customer = window(PHONE)
    customer.add_init_script(STILL + WATCH)
    with customer.expect_response(f"{hub.url}/") as page:
        customer.goto(hub.url)
    see(customer, '[data-test="dish-taco-pastor"]')
    named = re.findall(r'(?:href|src)="((?:static|api)/[^"]+)"', page.value.text())
    loaded = [path for path in customer.evaluate("() => first.loaded") if not re.match(r"static/(img/|favicon)", path)]
    assert sorted(loaded) == sorted(set(loaded))
    assert set(loaded) <= set(named)
    assert len(loaded) <= 6


def test_the_first_dishes_wait_for_no_other_part_of_the_page(hub: Hub, window: Window) -> None:
    customer = window(PHONE)
    customer.add_init_script(STILL + WATCH)
    customer.goto(hub.url)
    online(customer)
    first = customer.evaluate("() => first")
    assert not first["isWhole"]
    assert first["dishes"] <= 6
    menu = customer.request.get(f"{hub.url}/api/menu").json()["data"]["items"]
    customer.wait_for_function(
        "(count) => document.querySelectorAll('[data-test^=dish-]').length === count", arg=len(menu)
    )


def test_what_a_customer_puts_into_the_cart_before_the_cart_is_drawn_is_in_it(hub: Hub, window: Window) -> None:
    customer = window(PHONE)
    customer.add_init_script(
        STILL
        + """new MutationObserver((_, observer) => {
          const add = document.querySelector("[data-test=add-taco-pastor]");
          if (!add) return;
          observer.disconnect();
          add.click();
          window.wasWhole = Boolean(document.documentElement.dataset.booted);
        }).observe(document, { childList: true, subtree: true });"""
    )
    customer.goto(hub.url)
    see(customer, '[data-test="cart-count"]:has-text("1")')
    assert customer.evaluate("() => wasWhole") is False
    customer.reload()
    see(customer, '[data-test="cart-count"]:has-text("1")')
    see(customer, '[data-test="more-taco-pastor"]')
