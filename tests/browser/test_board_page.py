"""The kitchen's board when it is fuller than one answer of the hub may be."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, Hub
from tests.browser.people import DEADLINE_MS, log_in, see, tap

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

Window = Callable[..., Any]

ORDERS = 150
PAGES = "**/api/orders?open=true*"
WATCH_COLUMN = """() => {
  window.moves = { added: 0, removed: 0 };
  new MutationObserver((changes) => {
    for (const { addedNodes, removedNodes } of changes) {
      window.moves.added += addedNodes.length;
      window.moves.removed += removedNodes.length;
    }
  }).observe(document.querySelector("#column-received .column-cards"), { childList: true });
}"""
# The columns' counts are those of all orders that the page knows; their cards follow over several frames.
ALL_DRAWN = """() => {
  const counts = [...document.querySelectorAll(".column .count")].map((one) => Number(one.textContent));
  const known = counts.reduce((sum, count) => sum + count, 0);
  return known > 0 && document.querySelectorAll(".ticket").length === known;
}"""


# A finger that taps once more as soon as the card is gone from its column, at the same place.
TAP_AGAIN_WHEN_GONE = """([id, x, y]) => {
  new MutationObserver((_, watcher) => {
    if (document.querySelector(`#column-received [data-test="card-${id}"]`)) return;
    watcher.disconnect();
    const control = document.elementFromPoint(x, y).closest("button");
    const tap = new MouseEvent("click", { bubbles: true, cancelable: true, detail: 1, clientX: x, clientY: y });
    window.tapped = [control.dataset.test, control.dispatchEvent(tap) ? "taken" : "not taken"];
  }).observe(document.querySelector("#column-received .column-cards"), { childList: true });
}"""
SMALL = {"width": 360, "height": 740}


class FullHub(Hub):
    """A hub whose answers hold some thirty orders of many; its memory counts as short at one percent."""

    @property
    def env(self) -> dict[str, str]:
        short = {"COMANDA_REDIS_MEMORY_MB": "64", "COMANDA_LIMIT_MEMORY_HIGH_PERCENT": "1"}
        return {**super().env, "COMANDA_LIMIT_SNAPSHOT_BYTES": "24576", **short}

    def fill(self, count: int) -> list[str]:
        """Place orders; return their ids."""
        self.token = self._call("/api/login", {"name": "Carmen", "pin": self.pin})["token"]
        body = {"customer": {"name": "Ñ"}, "items": [{"sku": "taco-pastor", "qty": 1}], "delivery": {"kind": "pickup"}}
        return [self._call("/api/orders", body | {"command_id": uuid.uuid4().hex})["order"]["id"] for _ in range(count)]

    def advance(self, order_id: str, to: str) -> None:
        self._call(f"/api/orders/{order_id}/advance", {"to": to})

    def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        token = getattr(self, "token", "")
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        with urlopen(Request(self.url + path, json.dumps(body).encode(), headers), timeout=10) as answer:
            data: dict[str, Any] = json.load(answer)["data"]
        return data


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FullHub, list[str]]]:
    hub = FullHub(tmp_path_factory.mktemp("full"), agent=False)
    try:
        hub.open()
        yield hub, hub.fill(ORDERS)
    finally:
        hub.close()


def cards(page: Any) -> list[str]:
    found: list[str] = page.eval_on_selector_all(".ticket", "all => all.map((one) => one.dataset.test.slice(5))")
    return found


def test_a_full_board_shows_the_newest_order_and_then_all_others(
    full: tuple[FullHub, list[str]], window: Window
) -> None:
    hub, placed = full
    board = window(DESK)
    log_in(board, hub.url, "/kitchen", hub.pin)
    board.locator(f'[data-test="card-{placed[-1]}"]').wait_for(state="attached", timeout=DEADLINE_MS)
    board.wait_for_function(f"() => document.querySelectorAll('.ticket').length === {ORDERS}", timeout=DEADLINE_MS)
    assert cards(board) == placed  # the one that waits longest on top
    assert board.locator("#column-received .count").inner_text() == str(ORDERS)
    assert board.locator('[data-test="board-rest"]').is_hidden()
    assert board.title().startswith(f"({ORDERS}) ")


def test_the_alarm_counts_orders_that_are_not_on_the_page_yet(full: tuple[FullHub, list[str]], window: Window) -> None:
    hub, placed = full
    board = window(DESK)
    board.route(PAGES, lambda route: route.abort())
    log_in(board, hub.url, "/kitchen", hub.pin)
    see(board, f'[data-test="card-{placed[0]}"]')
    board.wait_for_function(ALL_DRAWN, timeout=DEADLINE_MS)
    shown = len(cards(board))
    assert shown < ORDERS
    assert board.title().startswith(f"({ORDERS}) ")
    assert f"+{ORDERS - 6}" in see(board, '[data-test="alarm"]').inner_text()
    assert f"+{ORDERS - shown}" in see(board, '[data-test="board-rest"]').inner_text()


def test_the_alarm_and_the_title_need_no_frames(full: tuple[FullHub, list[str]], window: Window) -> None:
    hub, _ = full
    board = window(DESK)
    log_in(board, hub.url, "/kitchen", hub.pin)
    board.add_init_script("window.requestAnimationFrame = () => 0")  # as in a tab that nobody looks at
    board.reload()
    see(board, '[data-test="alarm"]')
    assert board.title().startswith(f"({ORDERS}) ")
    assert cards(board) == []


def test_an_order_that_moves_on_while_its_page_is_under_way_is_shown_as_it_is(
    full: tuple[FullHub, list[str]], window: Window
) -> None:
    hub, placed = full
    board = window(DESK)
    moved: list[str] = []

    def hold(route: Any) -> None:
        answer = route.fetch()
        if not moved:
            moved.append(json.loads(answer.text())["data"]["orders"][3]["id"])
            hub.advance(moved[0], "preparing")
        route.fulfill(response=answer)

    board.route(PAGES, hold)
    log_in(board, hub.url, "/kitchen", hub.pin)
    board.wait_for_function(f"() => document.querySelectorAll('.ticket').length === {ORDERS}", timeout=DEADLINE_MS)
    see(board, f'#column-preparing [data-test="card-{moved[0]}"]')
    assert set(cards(board)) == set(placed)


def test_an_order_that_leaves_its_column_moves_no_other_card(full: tuple[FullHub, list[str]], window: Window) -> None:
    hub, placed = full
    board = window(DESK)
    log_in(board, hub.url, "/kitchen", hub.pin)
    board.wait_for_function(f"() => document.querySelectorAll('.ticket').length === {ORDERS}", timeout=DEADLINE_MS)
    assert board.locator(".ticket.arrives").count() == 0  # what is there already does not come in one by one
    board.evaluate(WATCH_COLUMN)
    tap(board, f"advance-{placed[0]}")
    see(board, f'#column-preparing [data-test="card-{placed[0]}"].arrives')
    assert board.evaluate("() => window.moves") == {"added": 0, "removed": 1}
    assert board.locator(".ticket.arrives").count() == 1


def test_a_second_tap_does_not_move_the_order_that_slid_under_the_finger(
    full: tuple[FullHub, list[str]], window: Window
) -> None:
    hub, _ = full
    board = window(DESK)
    log_in(board, hub.url, "/kitchen", hub.pin)
    board.wait_for_function(f"() => document.querySelectorAll('.ticket').length === {ORDERS}", timeout=DEADLINE_MS)
    first, second = cards(board)[:2]
    button = see(board, f'#column-received [data-test="advance-{first}"]').bounding_box()
    x, y = button["x"] + button["width"] / 2, button["y"] + button["height"] / 2
    board.evaluate(TAP_AGAIN_WHEN_GONE, [first, x, y])
    board.mouse.click(x, y)
    see(board, f'#column-preparing [data-test="card-{first}"]')
    board.wait_for_function("() => window.tapped", timeout=DEADLINE_MS)
    assert board.evaluate("() => window.tapped") == [f"advance-{second}", "not taken"]
    board.locator(f'[data-test="advance-{second}"]').press("Enter")  # a key presses what has the focus
    see(board, f'#column-preparing [data-test="card-{second}"]')


def test_the_band_leads_to_the_first_order_that_nobody_has_seen(
    full: tuple[FullHub, list[str]], window: Window
) -> None:
    hub, _ = full
    board = window(SMALL)
    log_in(board, hub.url, "/kitchen", hub.pin)
    tap(board, "tab-ready")
    first = board.locator("#column-received .unseen-order").first
    expect(first).not_to_be_in_viewport()
    tap(board, "alarm-show")
    expect(first).to_be_in_viewport()
    expect(first.locator(".ack")).to_be_focused()


def test_the_managers_page_says_that_memory_gets_short(
    full: tuple[FullHub, list[str]], window: Window, shot: Callable[[Any, str], None]
) -> None:
    hub, _ = full
    manager = window(DESK)
    log_in(manager, hub.url, "/manager", hub.pin)
    assert "%" in see(manager, '[data-test="memory-warning"][data-level="high"]').inner_text()
    shot(manager, "manager-memory")
