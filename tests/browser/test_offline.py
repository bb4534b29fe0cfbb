"""What is tapped while there is no line, and what a page knows after a reload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.line import Line
from tests.browser.people import log_in, online, order_tacos, see, see_status, tap, write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
Shot = Callable[[Any, str], None]


def told(page: Any, test: str) -> str:
    text: str = see(page, f'[data-test="{test}"]').inner_text()
    return text


def gone(page: Any, selector: str) -> None:
    page.locator(selector).first.wait_for(state="detached", timeout=15_000)


def test_taps_made_offline_are_shown_waiting_and_are_done_once_when_the_line_is_back(
    hub: Hub, window: Window, shot: Shot
) -> None:
    kitchen, customer = window(DESK), window(PHONE)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    order_id, link = order_tacos(customer, hub.url, "Rosa")
    see(kitchen, f'[data-test="card-{order_id}"]')
    hub.process.kill()
    see(kitchen, '[data-test="connection"]:not([data-state="online"])')
    tap(kitchen, f"ack-{order_id}")
    tap(kitchen, f"advance-{order_id}")
    kitchen.locator(f'[data-test="item-{order_id}-1"]').check(timeout=15_000)
    assert "3" in told(kitchen, "taps-waiting")
    assert kitchen.locator(f'[data-test="tap-{order_id}"]').count() == 3
    shot(kitchen, "taps-waiting")
    kitchen.set_viewport_size(PHONE)
    shot(kitchen, "taps-waiting-phone")
    kitchen.set_viewport_size(DESK)
    kitchen.locator(f'[data-test="undo-{order_id}"]').first.click()
    assert "2" in told(kitchen, "taps-waiting")
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
    boards, customer = [window(DESK), window(DESK)], window(PHONE)
    for board in boards:
        log_in(board, hub.url, "/kitchen", hub.pin)
    order_id, _ = order_tacos(customer, hub.url, "Beto")
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
    assert "no se hizo" in told(loser, f"refused-{order_id}")
    tap(loser, f"seen-{order_id}")
    gone(loser, f'[data-test="refused-{order_id}"]')


def test_what_waits_when_the_page_is_closed_is_sent_by_the_next_one(hub: Hub, window: Window) -> None:
    kitchen, customer = window(DESK), window(PHONE)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    order_id, _ = order_tacos(customer, hub.url, "Inés")
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
    assert "1 toque" in told(again, "login-taps")
    again.goto(f"{hub.url}/kitchen")
    see_status(customer, "preparing")


def test_a_page_that_was_away_shows_what_it_knew_and_each_step_it_missed_once(hub: Hub, window: Window) -> None:
    kitchen, customer = window(DESK), window(PHONE)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    order_id, link = order_tacos(customer, hub.url, "Ana")
    customer.goto(link)
    see_status(customer, "received")
    customer.goto("about:blank")  # the tab keeps what it knew, and the line is gone
    for status in ("preparing", "ready"):
        tap(kitchen, f"advance-{order_id}")
        see(kitchen, f'#column-{status} [data-test="card-{order_id}"]')
    customer.goto(link)
    see_status(customer, "ready")
    online(customer)
    steps = customer.locator('[data-test="order-history"] li').count()
    customer.reload()
    see_status(customer, "ready")
    online(customer)
    assert customer.locator('[data-test="order-history"] li').count() == steps
    assert steps == 3


def test_a_reload_in_mid_answer_shows_what_was_written_and_says_that_it_is_catching_up(
    hub: Hub, window: Window, shot: Shot
) -> None:
    hub.wait_for_agent()
    customer = window(PHONE)
    with Line(hub.port) as line:
        customer.goto(line.url)
        online(customer)
        tap(customer, "chat-open")
        see(customer, '[data-test="chat-input"]')
        line.hold(b'"chat.completed"')
        write(customer, "chat-input", "¿Qué hay en el menú?")
        tap(customer, "chat-send")
        written = see(customer, '[data-test="chat-stream"]:not(:empty)').inner_text()
        line.hold(b'"recovered":')  # the answer to a join
        customer.reload()
        see(customer, '[data-test="connection"][data-state="catching_up"]')
        assert "al día" in told(customer, "connection-band")
        shot(customer, "catching-up-phone")
        tap(customer, "chat-open")
        assert told(customer, "chat-stream").startswith(written)
        shot(customer, "catching-up-chat")
        customer.set_viewport_size(DESK)
        shot(customer, "catching-up")
        line.release()
        online(customer)
        answer = see(customer, '[data-test="message-agent"][data-state="completed"]').inner_text()
        assert answer.startswith(written)
        assert customer.locator('[data-test="message-agent"]').count() == 1
        assert customer.locator('[data-test="message-customer"]').count() == 1
        customer.close()


def test_who_signs_out_leaves_nothing_of_the_board_in_the_tab(hub: Hub, window: Window) -> None:
    kitchen, customer = window(DESK), window(PHONE)
    log_in(kitchen, hub.url, "/kitchen", hub.pin)
    order_id, _ = order_tacos(customer, hub.url, "Lalo")
    see(kitchen, f'[data-test="card-{order_id}"]')
    kitchen.wait_for_function("() => sessionStorage.length > 0")
    order_id, _ = order_tacos(window(PHONE), hub.url, "Memo")
    see(kitchen, f'[data-test="card-{order_id}"]')
    tap(kitchen, "logout")  # the news is not written yet
    kitchen.wait_for_url("**/login")
    assert kitchen.evaluate("() => Object.keys(sessionStorage)") == []
