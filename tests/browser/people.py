"""What people do with the pages, in their own words."""

from __future__ import annotations

import re
from typing import Any

DEADLINE_MS = 15_000


def tap(page: Any, test: str) -> None:
    page.locator(f'[data-test="{test}"]').first.click(timeout=DEADLINE_MS)


def write(page: Any, test: str, text: str) -> None:
    page.locator(f'[data-test="{test}"]').first.fill(text, timeout=DEADLINE_MS)


def see(page: Any, selector: str) -> Any:
    """Wait until it is there to be seen."""
    found = page.locator(selector).first
    found.wait_for(state="visible", timeout=DEADLINE_MS)
    return found


def online(page: Any) -> None:
    see(page, '[data-test="connection"][data-state="online"]')


def order_tacos(page: Any, url: str, name: str) -> tuple[str, str]:
    """Order three tacos and a drink; the order's id, and its tracking link."""
    page.goto(f"{url}/")
    online(page)
    tap(page, "add-taco-pastor")
    tap(page, "more-taco-pastor")
    tap(page, "more-taco-pastor")
    tap(page, "add-horchata")
    if page.viewport_size["width"] < 900:
        tap(page, "cart-open")
    write(page, "note-taco-pastor", "sin cebolla, con piña 🍍")
    write(page, "customer-name", name)
    tap(page, "place-order")
    see(page, '[data-test="order-status"][data-status="received"]')
    link = page.locator('[data-test="track-link"]').get_attribute("href")
    found = re.search(r"/t/((PED[A-Z0-9]+)\.[\w-]+)", link or "")
    assert found, link
    return found[2], f"{url}/t/{found[1]}"


def log_in(page: Any, url: str, to: str, pin: str) -> None:
    page.goto(f"{url}{to}")
    see(page, '[data-test="login-name"]')
    write(page, "login-name", "Carmen")
    write(page, "login-pin", pin)
    tap(page, "login-submit")
    page.wait_for_url(f"**{to}", timeout=DEADLINE_MS)
    online(page)


def see_status(page: Any, status: str) -> None:
    see(page, f'[data-test="order-status"][data-status="{status}"]')
