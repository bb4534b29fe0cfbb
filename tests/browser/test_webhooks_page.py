"""Webhooks on the manager's page: their state, and what did not arrive, sent again by one tap."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.axe import faults
from tests.browser.conftest import DESK, Hub
from tests.browser.people import log_in, reads, see, tap

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]

TOO_WIDE = """() => document.documentElement.scrollWidth - document.documentElement.clientWidth"""


def answered(page: Any, *webhooks: dict[str, Any]) -> None:
    """Let the page read these endpoints from now on."""
    page.unroute("**/api/webhooks")
    answer = {"ok": True, "data": {"webhooks": list(webhooks)}}
    page.route("**/api/webhooks", lambda route: route.fulfill(json=answer))


def call(page: Any, hub: Hub, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    token = json.loads(page.evaluate("localStorage['comanda.session']"))["token"]
    headers = {"Authorization": f"Bearer {token}"}
    return page.request.fetch(f"{hub.url}{path}", method=method, headers=headers, data=body).json()["data"]


def test_an_endpoint_is_shown_with_what_did_not_arrive_and_one_that_is_off_is_switched_on(
    hub: Hub, window: Window
) -> None:
    page = window(DESK)
    log_in(page, hub.url, "/manager", hub.pin)
    expect(page.locator("#webhooks")).to_be_hidden()
    added = call(page, hub, "POST", "/api/webhooks", {"url": "https://partner.example/", "description": "Reparto"})
    webhook = added["webhook"]
    answered(page, {**webhook, "dead": 3})
    page.reload()
    reads(page, '[data-test="webhook"]', "Reparto")
    reads(page, '[data-test="webhook-dead"]', "3 avisos no llegaron")
    answered(page, webhook)
    tap(page, "webhook-replay")
    expect(page.locator('[data-test="webhook-dead"]')).to_have_count(0)
    call(page, hub, "PATCH", f"/api/webhooks/{webhook['id']}", {"enabled": False})
    page.unroute("**/api/webhooks")
    page.reload()
    reads(page, '[data-test="webhook"]', "En pausa")
    tap(page, "lang-switch")
    reads(page, '[data-test="webhook"]', "Paused")
    assert faults(page) == []
    tap(page, "webhook-enable")
    see(page, '[data-test="webhook"][data-state="enabled"]')
    page.set_viewport_size({"width": 320, "height": 740})
    assert page.evaluate(TOO_WIDE) <= 0
    call(page, hub, "DELETE", f"/api/webhooks/{webhook['id']}")
