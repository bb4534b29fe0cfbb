"""Waking staff when nobody sees an order: the button on the pages of kitchen and manager, and its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.axe import faults
from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import keep, log_in, log_in_by_pin, order_by_call, reads, see, start_board, tap
from tests.browser.test_notices import ENDPOINT, MESSAGE, SUBSCRIBED, deliver, hub, wait_for_notices, whole_browser
from tests.support.browser_keys import Browser

__all__ = ("hub", "whole_browser")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
Shot = Callable[[Any, str], None]
BUTTON = '[data-test="wake-me"]'
ON = f'{BUTTON}[aria-pressed="true"]:not([aria-busy])'
OFF = f'{BUTTON}[aria-pressed="false"]:not([aria-busy])'
DENIED = "Object.defineProperty(Notification, 'permission', { get: () => 'denied' })"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15"


def staff_window(window: Window, size: dict[str, int] = PHONE, permission: str = "granted") -> Any:
    page = window(size, service_workers="allow")
    page.add_init_script(f"({SUBSCRIBED})({json.dumps([ENDPOINT, Browser(ENDPOINT).keys, permission])})")
    return page


def switched_on(page: Any) -> None:
    see(page, OFF)
    with page.expect_response("**/api/push/subscriptions") as told:
        tap(page, "wake-me")
    assert told.value.ok
    see(page, ON)


def ends(response: Any) -> bool:
    return bool(response.request.method == "DELETE" and "/api/push/subscriptions" in response.url)


@pytest.mark.parametrize("path", ["/kitchen", "/manager"])
def test_staff_ask_to_be_woken_and_may_change_their_mind(hub: Hub, window: Window, shot: Shot, path: str) -> None:
    page = staff_window(window)
    order_by_call(page, hub.url, "Rita")
    log_in(page, hub.url, path, hub.pin)
    assert see(page, BUTTON).inner_text() == "Despiértame si nadie ve un pedido"
    assert page.evaluate("() => window.subscribedWith") == []  # nothing is asked before a tap
    shot(page, f"wake-me{path.replace('/', '-')}")
    switched_on(page)
    assert page.evaluate("() => document.activeElement.dataset.test") == "wake-me"
    assert "2 min" in see(page, '[data-test="toasts"] .toast-good').text_content()
    assert faults(page) == []
    with page.expect_response("**/api/push/subscriptions") as renewed:
        page.reload()
    assert renewed.value.ok
    if path == "/kitchen":
        start_board(page)
    see(page, ON)
    with page.expect_response(ends) as ended:
        tap(page, "wake-me")
    assert ended.value.ok
    see(page, OFF)
    tap(page, "lang-switch")
    reads(page, BUTTON, "Wake me if nobody sees an order")


@pytest.mark.parametrize("path", ["/kitchen", "/manager", "/support"])
def test_signing_out_ends_it_at_the_hub_and_in_the_browser(hub: Hub, window: Window, path: str) -> None:
    page = staff_window(window)
    log_in(page, hub.url, "/manager", hub.pin)
    switched_on(page)
    page.goto(f"{hub.url}{path}")
    if path == "/kitchen":
        start_board(page)
    see(page, 'html[data-booted="true"]')
    with page.expect_response(ends) as ended:
        tap(page, "logout")
    assert ended.value.ok
    page.wait_for_url("**/login*")
    assert page.evaluate("() => sessionStorage.getItem('unsubscribed')") == "yes"
    log_in_by_pin(page, hub.url, "/manager", hub.pin)
    see(page, OFF)


def test_whoever_signs_in_next_is_not_woken_for_the_one_before(hub: Hub, window: Window) -> None:
    page = staff_window(window)
    page.goto(hub.url)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => {})")  # a device that was woken has one
    keep(page, hub.url, woken={"person": "chuy", "endpoint": ENDPOINT})
    log_in(page, hub.url, "/manager", hub.pin)
    see(page, OFF)
    assert page.evaluate("() => sessionStorage.getItem('unsubscribed')") == "yes"


def test_a_subscription_that_the_browser_has_ended_is_not_shown_as_on(hub: Hub, window: Window) -> None:
    page = staff_window(window)
    keep(page, hub.url, woken={"person": "carmen", "endpoint": f"{ENDPOINT}-of-before"})
    log_in(page, hub.url, "/manager", hub.pin)
    see(page, OFF)


def test_whoever_says_no_is_told_how_to_change_that(hub: Hub, window: Window) -> None:
    page = staff_window(window, permission="denied")
    log_in(page, hub.url, "/manager", hub.pin)
    tap(page, "wake-me")
    assert "permisos" in see(page, '[data-test="toasts"] .toast-bad').text_content()
    see(page, OFF)


@pytest.mark.parametrize(
    ("lacks", "agent", "words"),
    [
        (DENIED, None, "permisos"),
        ("Object.defineProperty(window, 'isSecureContext', { value: false })", None, "https"),
        ("delete window.PushManager; delete window.Notification", IPHONE, "Agregar a inicio"),
    ],
    ids=["refused", "plain-http", "iphone"],
)
@pytest.mark.parametrize("path", ["/kitchen", "/manager"])
def test_what_a_device_lacks_is_said_once(
    hub: Hub, window: Window, path: str, lacks: str, agent: str | None, words: str
) -> None:
    page = window(PHONE, user_agent=agent) if agent else window(PHONE)
    page.add_init_script(lacks)
    order_by_call(page, hub.url, "Rita")
    log_in(page, hub.url, path, hub.pin)
    assert words in see(page, '[data-test="wake-hint"]').text_content()
    assert faults(page) == []
    tap(page, "wake-read")
    page.locator("#wake-me").wait_for(state="hidden")
    with page.expect_response("**/api/push/key"):
        page.reload()
    if path == "/kitchen":
        start_board(page)
    assert not page.locator("#wake-me").is_visible()


@pytest.mark.parametrize("size", ["100%", "200%"])
@pytest.mark.parametrize("width", [360, 820, 1440])
@pytest.mark.parametrize("path", ["/kitchen", "/manager"])
def test_the_button_is_no_fault_and_the_page_fits_at_any_size_of_text(
    hub: Hub, window: Window, path: str, width: int, size: str
) -> None:
    page = staff_window(window, {"width": width, "height": 800})
    larger = f"document.documentElement.style.fontSize = '{size}'"
    page.add_init_script(f"addEventListener('DOMContentLoaded', () => {{ {larger}; }})")
    order_by_call(page, hub.url, "Rita")
    log_in(page, hub.url, path, hub.pin)
    see(page, OFF)
    if path == "/kitchen":
        start_board(page)  # until then its gate covers tickets, and axe takes it for what is behind their words
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_those_whom_nobody_wakes_are_not_asked(hub: Hub, window: Window) -> None:
    hub.comanda("staff", "add", "Rayo", "--role", "courier")
    page = staff_window(window)
    token = hub.comanda("token", "--role", "courier", "--name", "Rayo")
    session = {"token": token, "principal": {"kind": "staff", "id": "rayo", "name": "Rayo", "roles": ["courier"]}}
    keep(page, hub.url, session=session)
    page.goto(f"{hub.url}/kitchen")
    see(page, 'html[data-booted="true"]')
    start_board(page)
    assert not page.locator("#wake-me").is_visible()


def test_the_notice_leads_to_the_board_and_is_shown_to_whoever_looks_at_another_page(hub: Hub, window: Window) -> None:
    page = window(DESK, service_workers="allow", permissions=["notifications"])
    page.goto(hub.url)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => {})")
    notification = {**MESSAGE["notification"], "navigate": "/kitchen", "tag": "PED9"}  # type: ignore[dict-item]
    deliver(page, hub.url, json.dumps({**MESSAGE, "notification": notification}))
    (shown,) = wait_for_notices(page, 1)
    assert shown["url"] == f"{hub.url}/kitchen"
