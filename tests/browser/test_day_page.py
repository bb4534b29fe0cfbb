"""A business day on the manager's page: today, yesterday or any date, with its figures and its orders."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.axe import faults
from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import DEADLINE_MS, log_in, placed_by_call, reads, see, settle, shows, tap, write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
Shot = Callable[[Any, str], None]

TOO_WIDE = """() => document.documentElement.scrollWidth - document.documentElement.clientWidth"""
ORDER = {
    "customer": {"name": "Inés"},
    "items": [{"sku": "taco-pastor", "qty": 3}],
    "delivery": {"kind": "pickup"},
}


def call(page: Any, hub: Hub, path: str, body: dict[str, Any] | None = None) -> Any:
    """Ask the hub as the manager who is logged in on this page."""
    token = json.loads(page.evaluate("localStorage['comanda.session']"))["token"]
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{hub.url}{path}"
    answer = (
        page.request.get(url, headers=headers) if body is None else page.request.post(url, headers=headers, data=body)
    )
    return answer.json()["data"]


def a_day_later(page: Any, hub: Hub) -> str:
    """Let the page believe that a day has gone by: the hub's today, whose name this returns, is its yesterday."""
    today = call(page, hub, "/api/figures")
    tomorrow = str(date.fromisoformat(today["day"]) + timedelta(days=1))
    later = {**today, "day": tomorrow, "previous": today["day"], "orders": 0, "cancelled": 0, "sales": 0}
    page.route("**/api/figures", lambda route: route.fulfill(json={"ok": True, "data": later}))
    name: str = today["day"]
    return name


def test_yesterdays_figures_and_orders_are_read_at_an_address_of_their_own(
    hub: Hub, window: Window, shot: Shot
) -> None:
    page = window(DESK)
    log_in(page, hub.url, "/manager", hub.pin)
    order = placed_by_call(page, hub.url, ORDER)["order"]
    other = placed_by_call(page, hub.url, ORDER)["order"]
    call(page, hub, f"/api/orders/{other['id']}/cancel", {"reason": "prueba"})
    tap(page, "day-today")
    row = see(page, f'[data-test="day-{order["id"]}"]')
    for words in (order["code"], "Inés", "Recibido", "$66"):
        expect(row).to_contain_text(words)
    expect(page.locator(f'[data-test="day-{other["id"]}"]')).to_contain_text("Cancelado")
    expect(page.locator('[data-test="figure-day-orders"]')).to_have_text("2")
    expect(page.locator('[data-test="figure-day-cancelled"]')).to_have_text("1")
    expect(page.locator('[data-test="figure-day-sales"]')).to_have_text("$66")
    expect(page.locator('[data-test="day-today"]')).to_have_attribute("aria-pressed", "true")
    yesterday = a_day_later(page, hub)
    settle(page)
    tap(page, "day-yesterday")
    see(page, '[data-test="day-yesterday"][aria-pressed="true"]')
    see(page, f'[data-test="day-{order["id"]}"]')
    see(page, "#day").scroll_into_view_if_needed()
    shot(page, "manager-day")
    page.go_back()
    see(page, '[data-test="day-today"][aria-pressed="true"]')
    reads(page, '[data-test="day-said"]', "no hubo pedidos")
    page.goto(f"{hub.url}/manager?day={yesterday}")  # the link that one sends to somebody else
    expect(page.locator(f'[data-test="day-{order["id"]}"]')).to_be_in_viewport(timeout=DEADLINE_MS)
    see(page, '[data-test="day-yesterday"][aria-pressed="true"]')
    tap(page, "lang-switch")
    reads(page, f'[data-test="day-{other["id"]}"]', "Cancelled")
    assert faults(page) == []
    page.set_viewport_size({"width": 320, "height": 740})
    assert page.evaluate(TOO_WIDE) <= 0
    see(page, "#day").scroll_into_view_if_needed()
    shot(page, "manager-day-smallest")


def test_a_day_without_orders_says_so_and_so_does_one_that_cannot_be_read(hub: Hub, window: Window) -> None:
    page = window(PHONE)
    log_in(page, hub.url, "/manager?day=2020-02-02", hub.pin)
    reads(page, '[data-test="day-said"]', "no hubo pedidos")
    reads(page, '[data-test="day-name"]', ", 2 de febrero de 2020")
    expect(page.locator('[data-test="day-date"]')).to_have_value("2020-02-02")
    page.route("**/api/orders?day=*", lambda route: route.abort())
    write(page, "day-date", "2020-02-03")
    see(page, '[data-test="day-problem"]:not(:empty)')
    page.unroute("**/api/orders?day=*")
    write(page, "day-date", "2020-02-04")
    reads(page, '[data-test="day-name"]', "4 de febrero")
    expect(page.locator('[data-test="day-problem"]')).to_be_empty()
    page.goto(f"{hub.url}/manager?day=ayer")
    reads(page, '[data-test="day-problem"]', "no se pudo entender")


def test_a_long_day_comes_in_pages(hub: Hub, window: Window) -> None:
    page = window(DESK)
    log_in(page, hub.url, "/manager", hub.pin)
    for _ in range(3):
        placed_by_call(page, hub.url, ORDER)
    page.route(
        "**/api/orders?day=*", lambda route: route.continue_(url=route.request.url.replace("limit=50", "limit=2"))
    )
    tap(page, "day-today")
    shows(page, '[data-test="day-orders"] li', 2)
    while (more := page.locator('[data-test="day-more"]')).is_visible():
        count = page.locator('[data-test="day-orders"] li').count()
        more.click(timeout=DEADLINE_MS)
        page.wait_for_function(
            "(count) => document.querySelectorAll('[data-test=\"day-orders\"] li').length > count"
            " || document.querySelector('[data-test=\"day-more\"]').hidden",
            arg=count,
        )
    assert page.locator('[data-test="day-orders"] li').count() == call(page, hub, "/api/figures")["orders"]
