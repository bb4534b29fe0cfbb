"""Orders that ended lately, below the kitchen's board."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.axe import faults
from tests.browser.conftest import DESK, Hub
from tests.browser.people import DEADLINE_MS, log_in, order_by_call, see, settle, tap

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
Shot = Callable[[Any, str], None]

SMALLEST = {"width": 320, "height": 640}
TOO_WIDE = """() => document.documentElement.scrollWidth - document.documentElement.clientWidth"""
RECALL_S = 300


def deliver(board: Any, order_id: str) -> None:
    """Take an order from the first column to its end."""
    for status in ("preparing", "ready"):
        tap(board, f"advance-{order_id}")
        see(board, f'#column-{status} [data-test="card-{order_id}"]')
        settle(board)
    tap(board, f"advance-{order_id}")
    board.locator(f'[data-test="card-{order_id}"]').wait_for(state="detached", timeout=DEADLINE_MS)


def test_an_order_that_was_delivered_by_mistake_is_found_below_the_board_and_goes_back(
    hub: Hub, window: Window, shot: Shot
) -> None:
    board = window(DESK)
    log_in(board, hub.url, "/kitchen", hub.pin)
    order_id, _ = order_by_call(board, hub.url, "Inés")
    deliver(board, order_id)
    board.reload()  # what the page has heard is gone: the hub knows it
    see(board, '[data-test="gate"]').click()
    assert not board.locator(f'[data-test="ended-{order_id}"]').is_visible()
    settle(board)
    tap(board, "ended-toggle")
    row = see(board, f'[data-test="ended-{order_id}"]')
    expect(row).to_contain_text("Inés")
    shot(board, "ended-orders")
    assert faults(board) == []
    board.set_viewport_size(SMALLEST)
    board.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
    board.wait_for_function("() => getComputedStyle(document.documentElement).fontSize === '32px'")
    row.scroll_into_view_if_needed()
    shot(board, "ended-orders-smallest")
    assert board.evaluate(TOO_WIDE) <= 0
    tap(board, f"recall-{order_id}")
    row.wait_for(state="detached", timeout=DEADLINE_MS)
    see(board, f'#column-ready [data-test="card-{order_id}"]')
    expect(board.locator('[data-test="ended-toggle"]')).to_be_focused()


def test_the_way_back_is_gone_when_the_hub_does_not_allow_it_any_more(hub: Hub, window: Window) -> None:
    board = window(DESK)
    board.clock.install()
    log_in(board, hub.url, "/kitchen", hub.pin)
    order_id, _ = order_by_call(board, hub.url, "Beto")
    see(board, f'[data-test="card-{order_id}"]')
    deliver(board, order_id)
    settle(board)
    tap(board, "ended-toggle")
    see(board, f'[data-test="recall-{order_id}"]')
    board.context.set_offline(True)  # or the hub's next word would set the page's clock right
    board.clock.fast_forward((RECALL_S - 60) * 1000)
    expect(board.locator(f'[data-test="recall-{order_id}"]')).to_be_visible()
    board.clock.fast_forward(61 * 1000)
    expect(board.locator(f'[data-test="recall-{order_id}"]')).to_have_count(0)
    expect(board.locator(f'[data-test="ended-{order_id}"]')).to_be_visible()
