"""Measure how soon the board is there again after a reload without a line: `python -m bench.reload --runs 9`.

The script starts a hub of its own, with a line in front of it that can go dead. Chromium opens the board, and waits
until its service worker has kept the page. Then the line is lost, in one of two ways, and the board is loaded anew.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
from typing import Any

from bench import customers, hub, machine
from bench.board import fill
from tests.browser.line import Line

_FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
_OFF = {f"COMANDA_LIMIT_{name}": "0" for name in ("REQUESTS_S", "STAFF_REQUESTS_S", "CONNECTIONS")}
_WAIT_MS = 60_000.0
# Runs before the page's scripts: sets its session, and notes when tickets are on the screen, from the navigation on.
_BEFORE = """
localStorage.setItem("comanda.session", JSON.stringify({session}));
new MutationObserver((_, watcher) => {{
  if (!document.querySelector(".ticket")) return;
  watcher.disconnect();
  requestAnimationFrame(() => setTimeout(() => {{ window.shown = performance.now(); }}));
}}).observe(document, {{ childList: true, subtree: true }});
"""
_KEPT = """async () => {
  if (!navigator.serviceWorker.controller) return false;
  const found = [];
  for (const name of await caches.keys()) for (const { url } of await (await caches.open(name)).keys()) found.push(url);
  return ["/kitchen", ".bundle.js", "/i18n/"].every((part) => found.some((url) => url.includes(part)));
}"""
_ONLINE = "() => document.querySelector('[data-test=connection][data-state=online]')"
_SHOWN = "() => window.shown"


async def main() -> int:
    """Start a hub, reload its board without a line, print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.reload", description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--orders", type=int, default=30)
    asked = parser.parse_args()
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        print("bench: there is no Chromium on PATH", file=sys.stderr)
        return 1
    for fact in machine.facts():
        print(fact)
    with customers.plenty() as menu:
        async with hub.running({**_OFF, **menu}) as started:
            token = await started.token("manager")
            await fill(f"http://{hub.HOST}:{started.port}", token, asked.orders, 2, 30)
            dead = [await _reload(path, started.port, token, refuses=False) for _ in range(asked.runs)]
            refused = [await _reload(path, started.port, token, refuses=True) for _ in range(asked.runs)]
    for name, times in (("the line says nothing", dead), ("the line refuses", refused)):
        print(f"{name}, ms: {statistics.median(times):.0f} ({min(times):.0f}–{max(times):.0f} of {len(times)})")
    return 0


async def _reload(path: str, port: int, token: str, *, refuses: bool) -> float:
    """Return the milliseconds from the reload to tickets on the screen."""
    from playwright.async_api import async_playwright

    principal = {"kind": "service", "name": "bench", "roles": ["manager"]}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, service_workers="allow")
        page = await context.new_page()
        await page.add_init_script(_BEFORE.format(session=json.dumps({"token": token, "principal": principal})))
        with Line(port) as line:
            await page.goto(f"{line.url}/kitchen")
            for condition in (_ONLINE, _SHOWN, _KEPT):
                await page.wait_for_function(condition, timeout=_WAIT_MS)
            if not refuses:
                line.go_dead()
                shown = await _shown_again(page)
        if refuses:
            shown = await _shown_again(page)
        await browser.close()
    return shown


async def _shown_again(page: Any) -> float:
    await page.reload(wait_until="commit")
    await page.wait_for_function(_SHOWN, timeout=_WAIT_MS)
    shown: float = await page.evaluate(_SHOWN)
    return shown


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
