"""Measure how soon the menu can be read on a slow phone: `python -m bench.first_dish --runs 7`.

The script starts a hub of its own. Chromium then opens `/`, each time as a new device with an empty cache, on the
"Slow 4G" of its developer tools and with a CPU that is four times slower than this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
from dataclasses import asdict, dataclass, fields
from typing import Any

from bench import hub, machine

_FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
# "Slow 4G" of Chromium's developer tools: each request begins to be answered so much later, and all share the line.
_LATENCY_MS = 150 * 3.75
_DOWN_BYTES_S = 1_600_000 / 8 * 0.9
_UP_BYTES_S = 750_000 / 8 * 0.9
_CPU = 4
_WAIT_MS = 60_000.0
# Runs before the page's scripts, and notes what is on the screen at the frame after the one that drew it.
_BEFORE = """
window.seen = { shift: 0 };
const note = (name) => {
  if (!(name in seen)) requestAnimationFrame(() => setTimeout(() => { seen[name] ??= performance.now(); }));
};
const look = () => {
  if (document.querySelector("[data-test^=dish-] h3")) note("dish");
  if (document.querySelector("[data-test^=add-]:enabled")) note("button");
  if (document.querySelector("[data-test=connection][data-state=online]")) note("online");
};
new MutationObserver(look).observe(document, { childList: true, subtree: true, attributes: true });
new PerformanceObserver((list) => {
  for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) seen.shift += value;
}).observe({ type: "layout-shift", buffered: true });
"""
_ALL_SEEN = "() => ['dish', 'button', 'online'].every((name) => seen[name])"
_REPORT = """() => {
  const files = performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"));
  return {
    ...seen,
    paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? -1,
    requests: files.filter(({ startTime }) => startTime < seen.dish).length,
    kb: files.filter(({ responseEnd }) => responseEnd && responseEnd <= seen.dish)
      .reduce((sum, { transferSize }) => sum + transferSize, 0) / 1000,
  };
}"""


@dataclass(frozen=True, slots=True)
class Opened:
    """One opening. Times are in milliseconds from the navigation on.

    Attributes:
        paint_ms: Until the first text or picture was painted.
        dish_ms: Until a first dish with its name was drawn.
        button_ms: Until a dish could be put into the cart.
        online_ms: Until the page had its connection to the hub.
        requests: Those that had begun before the first dish, the page itself included.
        kb: What had arrived before it.
        shift: The sum of all layout shifts.
    """

    paint_ms: int
    dish_ms: int
    button_ms: int
    online_ms: int
    requests: int
    kb: int
    shift: float


async def main() -> int:
    """Start a hub, open its menu, print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.first_dish", description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    asked = parser.parse_args()
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        print("bench: there is no Chromium on PATH", file=sys.stderr)
        return 1
    for fact in machine.facts():
        print(fact)
    async with hub.running() as started:
        runs = [await _open(path, f"http://{hub.HOST}:{started.port}/") for _ in range(asked.runs)]
    for run in runs:
        print(json.dumps(asdict(run)))
    for field in fields(Opened):
        values = [getattr(run, field.name) for run in runs]
        print(f"{field.name}: {statistics.median(values)} ({min(values)}–{max(values)})")
    return 0


async def _open(path: str, url: str) -> Opened:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        page = await browser.new_page(viewport={"width": 390, "height": 844}, locale="es-MX", service_workers="block")
        line = await page.context.new_cdp_session(page)
        await line.send("Network.enable")
        await line.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": _LATENCY_MS,
                "downloadThroughput": _DOWN_BYTES_S,
                "uploadThroughput": _UP_BYTES_S,
            },
        )
        await line.send("Emulation.setCPUThrottlingRate", {"rate": _CPU})
        await page.add_init_script(_BEFORE)
        await page.goto(url, wait_until="commit")
        await page.wait_for_function(_ALL_SEEN, timeout=_WAIT_MS)
        seen: dict[str, Any] = await page.evaluate(_REPORT)
        await browser.close()
    return Opened(
        paint_ms=round(seen["paint"]),
        dish_ms=round(seen["dish"]),
        button_ms=round(seen["button"]),
        online_ms=round(seen["online"]),
        requests=seen["requests"],
        kb=round(seen["kb"]),
        shift=round(seen["shift"], 3),
    )


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
