"""A flood of orders from one address, and a customer beside it: `python -m bench.flood --seconds 60`.

The script starts a hub with default limits, and acts as its trusted proxy. The attacker sends orders of 35 kB, orders
of the whole menu, and small ones, 20 of each a second. Neighbours at other addresses send five a second, and do so for
ten seconds before the attack as well, for comparison.
It exits with 1 if Redis has grown by 20 MB or more, the neighbours' p99 is 100 ms or more, or the stock was sold out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
import tomllib
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

from bench import hub
from bench.figure import percentile
from hub.config import MENU_FILE

ATTACKER = "203.0.113.66"
MAX_MB, MAX_P99_MS, MIN_LEFT = 20.0, 100.0, 0.8
_A_SECOND, _NEIGHBOURS_A_SECOND = 20, 5
_CALM_S = 10.0
_SKUS = [item["sku"] for item in tomllib.loads(MENU_FILE.read_text(encoding="utf-8"))["item"]]

Order = dict[str, Any]


def order_of(items: list[dict[str, Any]]) -> Order:
    return {"customer": {"name": "Ana"}, "items": items, "delivery": {"kind": "pickup"}}


HEAVY = order_of([{"sku": "agua", "qty": 1, "notes": "ñ" * 170}] * 40)
EVERYTHING = order_of([{"sku": sku, "qty": 50} for sku in _SKUS])
SMALL = [order_of([{"sku": sku, "qty": 1}]) for sku in _SKUS]


class Caller:
    """Posts orders, and records the answers and their times."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url
        self.answers: Counter[str] = Counter()
        self.took_ms: list[float] = []

    async def order(self, order: Order, address: str) -> None:
        sent = time.perf_counter()
        headers = {"X-Forwarded-For": address, "Idempotency-Key": uuid.uuid4().hex}
        async with self._http.post(f"{self._url}/api/orders", json=order, headers=headers) as response:
            body = json.loads(await response.read())
        self.took_ms.append((time.perf_counter() - sent) * 1000)
        self.answers["taken" if body["ok"] else body["error"]["code"]] += 1

    async def keep_going(
        self, orders: Sequence[Order], a_second: float, seconds: float, address: Callable[[int], str]
    ) -> None:
        """Send these in turn at this rate, without waiting for answers."""
        async with asyncio.TaskGroup() as tasks:
            began, count = time.perf_counter(), int(seconds * a_second)
            for number in range(count):
                await asyncio.sleep(max(0.0, began + number / a_second - time.perf_counter()))
                tasks.create_task(self.order(orders[number % len(orders)], address(number)))


async def flood(seconds: float) -> bool:
    """Run the flood, print the results, and return True if all are within their bounds."""
    async with hub.running({"COMANDA_TRUSTED_PROXIES": "127.0.0.1"}) as under_test:
        url = f"http://{hub.HOST}:{under_test.port}"
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as http, under_test.redis_client() as redis:
            attacker, before, neighbour = Caller(http, url), Caller(http, url), Caller(http, url)
            await before.keep_going(SMALL, _NEIGHBOURS_A_SECOND, _CALM_S, _neighbour)
            stock, used = await _stock(http, url), (await redis.info("memory"))["used_memory"]
            log = (await redis.info("persistence"))["aof_current_size"]
            async with asyncio.TaskGroup() as tasks:
                for orders in ([HEAVY], [EVERYTHING], SMALL):
                    tasks.create_task(attacker.keep_going(orders, _A_SECOND, seconds, lambda _: ATTACKER))
                tasks.create_task(neighbour.keep_going(SMALL, _NEIGHBOURS_A_SECOND, seconds, _neighbour))
            grown_mb = ((await redis.info("memory"))["used_memory"] - used) / 1e6
            logged_mb = ((await redis.info("persistence"))["aof_current_size"] - log) / 1e6
            left = await _stock(http, url) / stock
    calm, p99 = (percentile(sorted(caller.took_ms), 99) for caller in (before, neighbour))
    print(f"attacker: {dict(attacker.answers)}")
    middle = statistics.median(neighbour.took_ms)
    print(f"neighbours: {dict(neighbour.answers)}, p50 {middle:.1f} ms, p99 {p99:.1f} ms (before: {calm:.1f} ms)")
    print(f"Redis has grown by {grown_mb:.2f} MB, its log by {logged_mb:.2f} MB; {left:.0%} of the stock is left")
    fine = max(grown_mb, logged_mb) < MAX_MB and p99 < MAX_P99_MS and left > MIN_LEFT
    return fine and neighbour.answers["taken"] == neighbour.answers.total()


def _neighbour(number: int) -> str:
    return f"198.51.100.{number % 250}"


async def _stock(http: aiohttp.ClientSession, url: str) -> int:
    async with http.get(f"{url}/api/menu") as response:
        items = (await response.json())["data"]["items"]
    return sum(item["left"] for item in items if "left" in item)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    sys.exit(0 if asyncio.run(flood(parser.parse_args().seconds)) else 1)


if __name__ == "__main__":
    main()
