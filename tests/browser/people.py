"""What people do with the pages, in their own words."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import expect

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


def reads(page: Any, selector: str, words: str) -> None:
    """Wait until these words are in it: a page draws what it knows a moment later."""
    expect(page.locator(selector).first).to_contain_text(words, use_inner_text=True, timeout=DEADLINE_MS)


def shows(page: Any, selector: str, count: int) -> None:
    """Wait until there are so many of these."""
    expect(page.locator(selector)).to_have_count(count, timeout=DEADLINE_MS)


def online(page: Any) -> None:
    see(page, '[data-test="connection"][data-state="online"]')


def started(page: Any) -> None:
    """Wait until the page's script listens: what is tapped before does what a form does by itself."""
    page.locator("html[data-booted]").wait_for(state="attached", timeout=DEADLINE_MS)


def becomes_true(page: Any, condition: str, arg: Any = None) -> None:
    """Wait until an asynchronous function in the page returns something true; `wait_for_function` awaits none."""
    page.evaluate(
        f"""async ([arg, deadline_ms]) => {{
          const until = performance.now() + deadline_ms;
          while (!(await ({condition})(arg))) {{
            if (performance.now() > until) throw new Error("it did not come true");
            await new Promise((resume) => setTimeout(resume, 50));
          }}
        }}""",
        [arg, DEADLINE_MS],
    )


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


def order_by_call(page: Any, url: str, name: str) -> tuple[str, str]:
    """Place the same order without a page, from where this one is; the order's id, and its tracking link."""
    order = {
        "customer": {"name": name},
        "items": [{"sku": "taco-pastor", "qty": 3, "notes": "sin cebolla, con piña 🍍"}, {"sku": "horchata", "qty": 1}],
        "delivery": {"kind": "pickup"},
    }
    placed = placed_by_call(page, url, order)
    return placed["order"]["id"], f"{url}{placed['tracking']['url']}"


def placed_by_call(page: Any, url: str, order: dict[str, Any]) -> Any:
    """Place an order of its own, and return the answer: equal orders without an id would be one."""
    return page.request.post(f"{url}/api/orders", data=order | {"command_id": uuid.uuid4().hex}).json()["data"]


def log_in(page: Any, url: str, to: str, pin: str) -> None:
    """Open a page of the staff's as the manager, whose session this device has already."""
    session = page.request.post(f"{url}/api/login", data={"name": "Carmen", "pin": pin}).json()["data"]
    keep(page, url, session=session)
    page.goto(f"{url}{to}")
    online(page)
    if to == "/kitchen":
        start_board(page)


def keep(page: Any, url: str, **kept: Any) -> None:
    """Put something into the device's storage, as pages of an earlier visit did."""
    page.goto(f"{url}/healthz")
    root = urlsplit(url).path
    prefix = f"comanda{root}/" if root else "comanda."
    for name, value in kept.items():
        page.evaluate("([name, text]) => (localStorage[name] = text)", [prefix + name, json.dumps(value)])


def log_in_by_pin(page: Any, url: str, to: str, pin: str) -> None:
    """Log in as the manager does, with name and PIN."""
    page.goto(f"{url}{to}")
    page.wait_for_url("**/login*", timeout=DEADLINE_MS)
    started(page)
    see(page, '[data-test="login-name"]')
    write(page, "login-name", "Carmen")
    write(page, "login-pin", pin)
    tap(page, "login-submit")
    page.wait_for_url(f"**{to}", timeout=DEADLINE_MS)
    online(page)


def see_status(page: Any, status: str) -> None:
    see(page, f'[data-test="order-status"][data-status="{status}"]')


def start_board(page: Any) -> None:
    """Touch the kitchen's board, if it asks for that before it has its sound."""
    see(page, '[data-test="gate"]:visible, [data-test="sound-on"][aria-pressed="true"]')
    gate = page.locator('[data-test="gate"]')
    if gate.is_visible():
        gate.click()
    gate.wait_for(state="hidden", timeout=DEADLINE_MS)


def settle(board: Any) -> None:
    """Wait as long as the board takes a second tap at the same place for a slip of the finger."""
    began = board.evaluate("performance.now()")
    board.wait_for_function("(began) => performance.now() - began > 600", arg=began)
