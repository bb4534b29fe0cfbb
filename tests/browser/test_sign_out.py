"""Signing out in one tab, and its effect on the other tabs and the token."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import DESK, Hub
from tests.browser.people import DEADLINE_MS, log_in_by_pin, online, tap

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Window = Callable[..., Any]


def kept(page: Any, key: str) -> Any:
    return json.loads(page.evaluate(f"localStorage.getItem('comanda.{key}')") or "null")


def test_signing_out_in_one_tab_ends_the_other_and_the_token_and_the_device_stays_known(
    hub: Hub, window: Window
) -> None:
    board = window(DESK)
    log_in_by_pin(board, hub.url, "/kitchen", hub.pin)
    token, device = kept(board, "session")["token"], kept(board, "device")
    manager = board.context.new_page()
    manager.goto(f"{hub.url}/manager")
    online(manager)
    tap(manager, "logout")
    for page in (manager, board):
        page.wait_for_url("**/login*", timeout=DEADLINE_MS)
        assert kept(page, "session") is None
        assert kept(page, "device") == device
    headers = {"Authorization": f"Bearer {token}"}
    assert board.request.get(f"{hub.url}/api/orders", headers=headers).status == 401
    log_in_by_pin(board, hub.url, "/kitchen", hub.pin)
    assert kept(board, "device") == device
