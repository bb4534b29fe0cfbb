"""Forms of /manager and /login: a refused field is marked, says why, and has the focus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.axe import faults
from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import log_in, reads, see, settle, started, tap, write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
Shot = Callable[[Any, str], None]


def refused(page: Any, test: str, words: str) -> None:
    """Check that a field is marked, described by these words, and the one with the focus."""
    field = page.locator(f'[data-test="{test}"]')
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(words)
    expect(field).to_be_focused()


def accepted(page: Any, test: str) -> None:
    expect(page.locator(f'[data-test="{test}"]')).not_to_have_attribute("aria-invalid", "true")


def test_what_is_missing_or_wrong_at_the_door_is_marked(hub: Hub, window: Window) -> None:
    page = window(PHONE)
    page.goto(f"{hub.url}/login")
    started(page)
    tap(page, "login-submit")
    refused(page, "login-name", "Falta llenar esto.")
    expect(page.locator('[data-test="login-pin"]')).to_have_attribute("aria-invalid", "true")
    write(page, "login-name", "Carmen")
    accepted(page, "login-name")
    write(page, "login-pin", "000000")
    tap(page, "login-submit")
    see(page, '[data-test="login-problem"]:not(:empty)')
    refused(page, "login-pin", "El nombre o el PIN no coinciden.")
    accepted(page, "login-name")
    assert faults(page) == []


def test_a_promotion_without_words_is_refused_at_its_first_empty_field(hub: Hub, window: Window, shot: Shot) -> None:
    page = window(DESK)
    log_in(page, hub.url, "/manager", hub.pin)
    write(page, "promo-title", "   ")
    tap(page, "promo-publish")
    refused(page, "promo-title", "Falta llenar esto.")
    expect(page.locator('[data-test="promo-message"]')).to_have_attribute("aria-invalid", "true")
    shot(page, "refused-fields")
    assert faults(page) == []
    tap(page, "lang-switch")
    refused_in_english = page.locator('[data-test="promo-title"]')
    expect(refused_in_english).to_have_accessible_description("This is missing.")
    write(page, "promo-title", "2x1")
    accepted(page, "promo-title")


def test_a_field_that_only_the_hub_can_refuse_is_marked_as_well(hub: Hub, window: Window) -> None:
    page = window(DESK)
    log_in(page, hub.url, "/manager", hub.pin)
    page.locator('#cancel-form [name="phone"]').fill("llámame")
    tap(page, "cancel-count")
    phone = page.locator('#cancel-form [name="phone"]')
    expect(phone).to_have_attribute("aria-invalid", "true")
    expect(phone).to_have_accessible_description("Esto no es válido. Revísalo.")
    expect(phone).to_be_focused()
    write(page, "cancel-minutes", "5000")
    settle(page)
    tap(page, "cancel-count")
    refused(page, "cancel-minutes", "Tiene que ser un número entero de 1 a 1440.")


def test_a_stock_of_less_than_nothing_is_refused_in_its_row(hub: Hub, window: Window) -> None:
    page = window(DESK)
    log_in(page, hub.url, "/manager", hub.pin)
    write(page, "stock-flan", "-1")
    tap(page, "stock-save-flan")
    refused(page, "stock-flan", "Tiene que ser un número entero de 0 a 100000.")
    page.goto(f"{hub.url}/manager?day=ayer")
    reads(page, '[data-test="day-problem"]', "no se pudo entender")
    expect(page.locator('[data-test="day-date"]')).to_have_attribute("aria-invalid", "true")
