"""The kitchen's board on its wall: silent until it is touched, without a line, and after the end of its session."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE, Hub
from tests.browser.people import DEADLINE_MS, log_in, online, order_tacos, see, settle, start_board, tap, write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Window = Callable[..., Any]
Shot = Callable[[Any, str], None]

COUNT_WAKE_LOCKS = """
  window.locks = 0;
  navigator.wakeLock.request = async () => (window.locks++, { released: false });
"""
SOUND = """() => document.querySelector('[data-test="sound-on"]').getAttribute("aria-pressed")"""


def end_session(page: Any, hub: Hub) -> None:
    """End the page's token at the hub, as its time would."""
    token = json.loads(page.evaluate("localStorage['comanda.session']"))["token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    assert page.request.post(f"{hub.url}/api/logout", data="{}", headers=headers).ok


def test_the_touch_that_lifts_the_gate_brings_the_sound_and_keeps_the_screen_on(hub: Hub, window: Window) -> None:
    board = window(DESK)
    log_in(board, hub.url, "/kitchen", hub.pin)
    order_id, _ = order_tacos(window(PHONE), hub.url, "Rosa")
    board.context.add_init_script(COUNT_WAKE_LOCKS)
    board.goto(f"{hub.url}/kitchen")
    gate = see(board, '[data-test="gate"]')
    card = see(board, f'[data-test="card-{order_id}"]')
    button = card.locator(".advance").bounding_box()
    board.mouse.click(button["x"] + 20, button["y"] + 20)  # the gate takes it, wherever it is
    gate.wait_for(state="hidden", timeout=DEADLINE_MS)
    board.wait_for_function(f"() => ({SOUND})() === 'true'", timeout=DEADLINE_MS)
    assert board.evaluate("() => window.locks") == 1
    assert card.get_attribute("data-status") == "received"
    assert card.locator("[data-taps]").count() == 0


def test_a_step_that_was_not_meant_is_taken_back_at_once(hub: Hub, window: Window, shot: Shot) -> None:
    board = window(DESK)
    log_in(board, hub.url, "/kitchen", hub.pin)
    order_id, _ = order_tacos(window(PHONE), hub.url, "Inés")
    tap(board, f"advance-{order_id}")
    see(board, f'#column-preparing [data-test="card-{order_id}"]')
    see(board, f'[data-test="undo-step-{order_id}"]')
    shot(board, "undo-step")
    settle(board)
    tap(board, f"undo-step-{order_id}")
    see(board, f'#column-received [data-test="card-{order_id}"]')
    for status in ("preparing", "ready"):
        settle(board)
        tap(board, f"advance-{order_id}")
        see(board, f'#column-{status} [data-test="card-{order_id}"]')
    settle(board)
    tap(board, f"advance-{order_id}")
    see(board, '[data-test="undos"] :text("Entregado")')
    settle(board)
    tap(board, f"undo-step-{order_id}")
    see(board, f'#column-ready [data-test="card-{order_id}"]')


def test_a_session_that_ends_is_loud_on_the_board_and_one_signs_in_again_right_there(
    hub: Hub, window: Window, shot: Shot
) -> None:
    board, other = window(DESK), window(PHONE)
    log_in(board, hub.url, "/kitchen", hub.pin)
    order_id, _ = order_tacos(other, hub.url, "Beto")
    see(board, f'[data-test="card-{order_id}"]')
    manager = board.context.new_page()
    manager.goto(f"{hub.url}/manager")
    online(manager)
    end_session(board, hub)
    ended = see(board, '[data-test="session-ended"]')
    assert "terminó" in ended.inner_text()
    manager.wait_for_url("**/login?next=%2Fmanager&reason=expired", timeout=DEADLINE_MS)
    item = board.locator(f'[data-test="item-{order_id}-1"]')
    item.click()  # the tickets can be read, and take no taps
    expect(item).not_to_be_checked()
    shot(board, "session-ended")
    write(board, "login-name", "Carmen")
    write(board, "login-pin", "00000000")
    tap(board, "login-submit")
    see(board, '[data-test="login-problem"]:not(:empty)')
    expect(board.locator('[data-test="login-pin"]')).to_have_attribute("aria-invalid", "true")
    write(board, "login-pin", hub.pin)
    tap(board, "login-submit")
    ended.wait_for(state="detached", timeout=DEADLINE_MS)
    online(board)
    see(board, f'[data-test="card-{order_id}"]')


def test_a_board_without_a_line_says_as_of_when_it_is(hub: Hub, window: Window) -> None:
    board = window(DESK)
    log_in(board, hub.url, "/kitchen", hub.pin)
    order_id, _ = order_tacos(window(PHONE), hub.url, "Ana")
    see(board, f'[data-test="card-{order_id}"]')
    board.route("**/socket.io/**", lambda route: route.abort())
    board.route_web_socket("**/socket.io/**", lambda route: route.close())
    board.reload()
    see(board, f'[data-test="card-{order_id}"]')
    assert ":" in see(board, '[data-test="board-since"]').inner_text()
    start_board(board)
    expect(board.locator('[data-test="board-since"]')).to_be_visible()
