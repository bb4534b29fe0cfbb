"""A reason that a cook chooses is read in the language of whoever reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import DEADLINE_MS, log_in, online, order_by_call, reads, see, settle, tap

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]


def choose(board: Any, order_id: str, kind: str, chip: str, more: str = "") -> None:
    """Give one of the usual reasons, with some words of one's own behind it."""
    settle(board)
    tap(board, f"more-{order_id}")
    settle(board)
    tap(board, f"act-{kind}")
    settle(board)
    board.locator(f'.reasons button:has-text("{chip}")').click(timeout=DEADLINE_MS)
    reason = board.locator('[data-test="action-reason"]')
    reason.fill(reason.input_value() + more)
    tap(board, "action-confirm")


def test_a_cooks_chip_is_read_in_the_customers_language_and_what_they_write_as_it_is(hub: Hub, window: Window) -> None:
    board, customer = window(DESK), window(PHONE, locale="en-GB")
    log_in(board, hub.url, "/kitchen", hub.pin)
    order_id, link = order_by_call(customer, hub.url, "Mary")
    customer.goto(link)
    online(customer)
    see(board, f'[data-test="card-{order_id}"]')
    choose(board, order_id, "delay", "Mucha demanda")
    reads(board, f'[data-test="card-{order_id}"]', "+10 min: Mucha demanda")
    reads(customer, ".asides", "+10 min: Very busy")
    tap(board, "lang-switch")
    reads(board, f'[data-test="card-{order_id}"]', "+10 min: Very busy")
    choose(board, order_id, "delay", "An ingredient", more=": cilantro")
    reads(customer, ".asides", "An ingredient is missing: cilantro")
    tap(board, "lang-switch")
    choose(board, order_id, "cancel", "Se agotó")
    reads(customer, ".asides", "Reason: Sold out")
    reads(customer, '[data-test="order-history"]', "Cancelled: Sold out")
    customer.reload()
    reads(customer, ".asides", "Reason: Sold out")
    expect(board.locator(f'[data-test="card-{order_id}"]')).to_contain_text("Se agotó")
