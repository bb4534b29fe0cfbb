"""The page that shows the hub's contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.axe import faults
from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import see, tap

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
Shot = Callable[[Any, str], None]
PLACE = '[data-test="call-post-api-orders"]'


def test_every_call_event_and_command_is_there_and_opens_to_its_shape(hub: Hub, window: Window, shot: Shot) -> None:
    page = window(DESK)
    page.goto(f"{hub.url}/docs")
    see(page, PLACE)
    openapi = page.request.get(f"{hub.url}/openapi.json").json()
    calls = [(method, path) for path, methods in openapi["paths"].items() for method in methods]
    assert page.locator('[data-test="docs-http"] details').count() == len(calls)
    page.locator(f"{PLACE} summary").click()
    see(page, f'{PLACE} pre:has-text("items: [{{")')
    see(page, f'{PLACE} dt:has-text("409")')
    see(page, '[data-test="docs-events"] .call-name:has-text("order.ready")')
    shot(page, "docs")


def test_a_search_leaves_what_fits_and_an_address_opens_its_call(hub: Hub, window: Window) -> None:
    page = window(PHONE)
    page.goto(f"{hub.url}/docs#post-api-orders")
    see(page, f"{PLACE}[open] pre")
    page.fill('[data-test="docs-filter"]', "notices")
    see(page, '[data-test="call-get-api-orders-order_id-notices"]')
    page.locator(PLACE).wait_for(state="hidden")
    assert page.locator("[data-test=docs-count]").inner_text() == "1 llamadas, eventos y comandos"
    tap(page, "lang-switch")
    see(page, 'html[lang="en"]')
    see(page, '[data-test="docs-count"]:has-text("calls, events and commands")')


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_axe_finds_nothing(hub: Hub, window: Window, shot: Shot, size: dict[str, int]) -> None:
    page = window(size)
    page.goto(f"{hub.url}/docs#post-api-orders")
    see(page, f"{PLACE}[open] pre")
    shot(page, f"docs-{size['width']}")
    found = faults(page)
    assert not found, "\n".join(found)


def test_documents_that_cannot_be_read_are_said(hub: Hub, window: Window) -> None:
    page = window(PHONE)
    page.route("**/asyncapi.json", lambda route: route.fulfill(status=503, body="{}"))
    page.goto(f"{hub.url}/docs")
    see(page, '[data-test="docs-problem"]:not([hidden])')
