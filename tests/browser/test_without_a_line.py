"""What is tapped while there is no line, and what a page knows after a reload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import (
    log_in,
    online,
    order_by_call,
    order_tacos,
    reads,
    see,
    see_status,
    shows,
    start_board,
    tap,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
Shot = Callable[[Any, str], None]


def gone(page: Any, selector: str) -> None:
    page.locator(selector).first.wait_for(state="detached", timeout=15_000)


def test_a_lost_connection_is_shown_and_comes_back_by_itself(hub: Hub, window: Window, shot: Shot) -> None:
    kitchen, customer = window(DESK), window(PHONE)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    order_id, _ = order_tacos(customer, hub.url, "Rosa")
    see(kitchen, f'[data-test="card-{order_id}"]')
    hub.process.kill()
    see(customer, '[data-test="connection"]:not([data-state="online"])')
    see(customer, "body.has-band")
    shot(customer, "connection-lost")
    hub.restart()
    online(customer)
    online(kitchen)
    tap(kitchen, f"advance-{order_id}")
    see_status(customer, "preparing")


def test_taps_made_offline_are_shown_waiting_and_are_done_once_when_the_line_is_back(
    hub: Hub, window: Window, shot: Shot
) -> None:
    kitchen, customer = window(DESK), window(PHONE)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    order_id, link = order_by_call(kitchen, hub.url, "Rosa")
    customer.goto(link)
    online(customer)
    see(kitchen, f'[data-test="card-{order_id}"]')
    hub.process.kill()
    see(kitchen, '[data-test="connection"]:not([data-state="online"])')
    tap(kitchen, f"ack-{order_id}")
    tap(kitchen, f"advance-{order_id}")
    kitchen.locator(f'[data-test="item-{order_id}-1"]').check(timeout=15_000)
    reads(kitchen, '[data-test="taps-waiting"]', "3")
    shows(kitchen, f'[data-test="tap-{order_id}"]', 3)
    shot(kitchen, "taps-waiting")
    kitchen.set_viewport_size(PHONE)
    shot(kitchen, "taps-waiting-phone")
    kitchen.set_viewport_size(DESK)
    kitchen.locator(f'[data-test="undo-{order_id}"]').first.click()
    reads(kitchen, '[data-test="taps-waiting"]', "2")
    hub.restart()
    online(kitchen)
    see_status(customer, "preparing")
    gone(kitchen, f'[data-test="tap-{order_id}"]')
    see(kitchen, f'#column-preparing [data-test="card-{order_id}"]')
    assert kitchen.locator(f'[data-test="item-{order_id}-1"]').is_checked()
    assert kitchen.locator('[data-test="taps-refused"] > *').count() == 0
    # Once each: the order was advanced, its line was marked, and what was taken back was not done.
    answer = customer.request.get(f"{hub.url}/api/orders/{order_id}?token={link.rpartition('/')[2]}").json()
    order = answer["data"]["order"]
    assert (order["version"], order["acknowledged"]) == (3, False)


def test_of_two_boards_that_tapped_the_same_one_is_told_of_the_conflict_until_it_is_seen(
    hub: Hub, window: Window, shot: Shot
) -> None:
    boards = [window(DESK), window(DESK)]
    for board in boards:
        log_in(board, hub.url, "/kitchen", hub.pin)
    order_id, _ = order_by_call(boards[0], hub.url, "Beto")
    for board in boards:
        see(board, f'[data-test="card-{order_id}"]')
    hub.process.kill()
    for board in boards:
        see(board, '[data-test="connection"]:not([data-state="online"])')
        tap(board, f"advance-{order_id}")
        see(board, f'[data-test="tap-{order_id}"]')
    hub.restart()
    for board in boards:
        online(board)
        gone(board, f'[data-test="tap-{order_id}"]')
        see(board, f'#column-preparing [data-test="card-{order_id}"]')
    [loser] = [board for board in boards if board.locator(f'[data-test="refused-{order_id}"]').count()]
    shot(loser, "taps-conflict")
    loser.reload()
    online(loser)
    start_board(loser)
    reads(loser, f'[data-test="refused-{order_id}"]', "no se hizo")
    tap(loser, f"seen-{order_id}")
    gone(loser, f'[data-test="refused-{order_id}"]')


def test_what_waits_when_the_page_is_closed_is_sent_by_the_next_one(hub: Hub, window: Window) -> None:
    kitchen, customer = window(DESK), window(PHONE)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    order_id, link = order_by_call(kitchen, hub.url, "Inés")
    customer.goto(link)
    see_status(customer, "received")
    see(kitchen, f'[data-test="card-{order_id}"]')
    hub.process.kill()
    see(kitchen, '[data-test="connection"]:not([data-state="online"])')
    tap(kitchen, f"advance-{order_id}")
    see(kitchen, f'[data-test="tap-{order_id}"]')
    device = kitchen.context
    kitchen.close()
    hub.restart()
    online(customer)
    see_status(customer, "received")
    again = device.new_page()
    again.goto(f"{hub.url}/login")
    reads(again, '[data-test="login-taps"]', "1 toque")
    again.goto(f"{hub.url}/kitchen")
    see_status(customer, "preparing")


def test_a_page_that_was_away_shows_what_it_knew_and_each_step_it_missed_once(hub: Hub, window: Window) -> None:
    kitchen, customer = window(DESK), window(PHONE)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    order_id, link = order_by_call(kitchen, hub.url, "Ana")
    customer.goto(link)
    see_status(customer, "received")
    customer.goto("about:blank")  # the tab keeps what it knew, and the line is gone
    for status in ("preparing", "ready"):
        tap(kitchen, f"advance-{order_id}")
        see(kitchen, f'#column-{status} [data-test="card-{order_id}"]')
    customer.goto(link)
    see_status(customer, "ready")
    online(customer)
    shows(customer, '[data-test="order-history"] li', 3)
    customer.reload()
    see_status(customer, "ready")
    online(customer)
    shows(customer, '[data-test="order-history"] li', 3)


def test_who_signs_out_leaves_nothing_of_the_board_in_the_tab(hub: Hub, window: Window) -> None:
    kitchen = window(DESK)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    order_id, _ = order_by_call(kitchen, hub.url, "Lalo")
    see(kitchen, f'[data-test="card-{order_id}"]')
    kitchen.wait_for_function("() => sessionStorage.length > 0")
    order_id, _ = order_by_call(kitchen, hub.url, "Memo")
    see(kitchen, f'[data-test="card-{order_id}"]')
    tap(kitchen, "logout")  # the news is not written yet
    kitchen.wait_for_url("**/login")
    assert kitchen.evaluate("() => Object.keys(sessionStorage)") == []
