"""Measure the time to open a full kitchen board: `python -m bench.board --orders 2700 --lines 2 --notes 30`.

The script starts a hub of its own and places the orders over HTTP. Chromium then opens the board several times, each
time as a new device.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import time
import uuid
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

from bench import customers, hub, machine

_AT_A_TIME = 16
_WAIT_MS = 60_000.0
_FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
_OFF = {f"COMANDA_LIMIT_{name}": "0" for name in ("REQUESTS_S", "STAFF_REQUESTS_S", "CONNECTIONS")}
# Runs before the page's scripts: sets its session, and records the longest task of its main thread.
_BEFORE = """
localStorage.setItem("comanda.session", JSON.stringify({session}));
window.longest = 0;
new PerformanceObserver((list) => {{
  for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
}}).observe({{ entryTypes: ["longtask"] }});
"""
_HEAP = "() => Math.round(performance.memory.usedJSHeapSize / 1e6)"


@dataclass(frozen=True, slots=True)
class Opened:
    """One opening, in milliseconds from the navigation on; -1: not within a minute.

    Attributes:
        first_ms: Until a first ticket was there.
        newest_ms: Until the ticket of the newest order was there.
        all_ms: Until there was a ticket for every open order.
        longest_ms: The longest task of the page's main thread.
        tickets: The number of tickets at the end of the wait.
    """

    first_ms: float
    newest_ms: float
    all_ms: float
    longest_ms: float
    tickets: int
    heap_mb: int


async def main() -> int:
    """Fill a hub, open its board, print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.board", description=__doc__)
    parser.add_argument("--orders", type=int, default=2_700)
    parser.add_argument("--lines", type=int, default=2, help="of an order")
    parser.add_argument("--notes", type=int, default=30, help="characters of four bytes with each line")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        print("bench: there is no Chromium on PATH", file=sys.stderr)
        return 1
    for fact in machine.facts():
        print(fact)
    with customers.plenty() as menu:
        async with hub.running({**_OFF, **menu}) as started:
            url, token = f"http://{hub.HOST}:{started.port}", await started.token("manager")
            newest, size = await fill(url, token, asked.orders, asked.lines, asked.notes)
            print(f"{asked.orders} orders of {size} bytes")
            runs = [await _open(path, url, token, newest, asked.orders) for _ in range(asked.runs)]
    for run in runs:
        print(json.dumps(asdict(run)))
    for name in ("first_ms", "newest_ms", "all_ms", "longest_ms"):
        print(f"{name}: {statistics.median(getattr(run, name) for run in runs):.0f}")
    return 0


async def fill(url: str, token: str, count: int, lines: int, notes: int) -> tuple[str, int]:
    """Place the orders; return the newest one's id, and the bytes of its document."""
    item = {"sku": "agua", "qty": 1, "notes": "🌮" * notes}
    order = {"customer": {"name": "Ángela"}, "items": [item] * lines, "delivery": {"kind": "pickup"}}
    body = json.dumps(order, ensure_ascii=False).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    gate = asyncio.Semaphore(_AT_A_TIME)
    async with aiohttp.ClientSession(headers=headers) as session:

        async def place() -> dict[str, Any]:
            async with (
                gate,
                session.post(f"{url}/api/orders", data=body, headers={"Idempotency-Key": uuid.uuid4().hex}) as response,
            ):
                answer = await response.json()
                if response.status != 201:
                    raise RuntimeError(f"an order was refused: {answer}")
                placed: dict[str, Any] = answer["data"]["order"]
                return placed

        await asyncio.gather(*(place() for _ in range(count - 1)))
        newest = await place()
    return newest["id"], len(json.dumps(newest, ensure_ascii=False, separators=(",", ":")).encode())


async def _open(path: str, url: str, token: str, newest: str, count: int) -> Opened:
    from playwright.async_api import async_playwright

    principal = {"kind": "service", "name": "bench", "roles": ["manager"]}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await page.add_init_script(_BEFORE.format(session=json.dumps({"token": token, "principal": principal})))
        began = time.perf_counter()
        await page.goto(f"{url}/kitchen", wait_until="commit")
        first = await _until(page, began, "() => document.querySelector('.ticket')")
        newest_ms = await _until(page, began, f"() => document.querySelector('[data-test=\"card-{newest}\"]')")
        every = -1.0
        if newest_ms >= 0:
            every = await _until(page, began, f"() => document.querySelectorAll('.ticket').length >= {count}")
        tickets = await page.locator(".ticket").count()
        longest, heap = await page.evaluate("() => window.longest"), await page.evaluate(_HEAP)
        await browser.close()
    return Opened(first, newest_ms, every, round(longest), tickets, heap)


async def _until(page: Any, began: float, condition: str) -> float:
    from playwright.async_api import TimeoutError as Late

    try:
        await page.wait_for_function(condition, timeout=_WAIT_MS, polling=50)
    except Late:
        return -1.0
    return round((time.perf_counter() - began) * 1_000)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
