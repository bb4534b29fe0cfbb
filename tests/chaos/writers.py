"""Writers: managers' programs over HTTP, who say each command until it is answered, and remember what was promised."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.chaos.checker import Acked
from tests.chaos.truth import ORDER_ROOM

SKU = "agua"
_AT_ONCE = 16
_TRY_S = 5.0
_AGAIN_S = 0.05
_QUIET_S = 60.0


@dataclass(frozen=True, slots=True)
class Placed:
    """An order, and the capability that opens it."""

    id: str
    token: str

    @property
    def room(self) -> str:
        return f"{ORDER_ROOM}{self.id}"


class RetryingWriter:
    """Says commands to whichever hub answers, each with its key, until one does.

    Attributes:
        acks: What was promised.
        writes: By room: how many acknowledged writes an order had since it was placed.
        acked: Set with each of them.
        slowest_answer_s: The longest that a single request took, whatever the answer.
    """

    def __init__(self, http: aiohttp.ClientSession, urls: Sequence[str], token: str) -> None:
        self.acks: list[Acked] = []
        self.writes: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.slowest_answer_s = 0.0
        self.acked = asyncio.Event()
        self._http = http
        self._urls = urls
        self._headers = {"Authorization": f"Bearer {token}"}
        self._turn = itertools.count()

    async def place(self) -> Placed:
        body = {
            "customer": {"name": "Ángela Núñez"},
            "items": [{"sku": SKU, "qty": 1}, {"sku": SKU, "qty": 2}],
            "delivery": {"kind": "pickup"},
        }
        data = await self.say("/api/orders", body)
        placed = Placed(data["order"]["id"], data["tracking"]["token"])
        self._promised(Acked(placed.room, data["cursor"]))
        self.writes[placed.room] += 0
        return placed

    async def place_many(self, count: int) -> list[Placed]:
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one() -> Placed:
            async with turns:
                return await self.place()

        return list(await asyncio.gather(*(one() for _ in range(count))))

    async def change(self, order: Placed, action: str, **body: Any) -> None:
        data = await self.say(f"/api/orders/{order.id}/{action}", body)
        self._promised(Acked(order.room, data["cursor"]))
        self.writes[order.room] += 1

    async def promo(self) -> None:
        title = uuid.uuid4().hex
        data = await self.say("/api/promos", {"title": title, "message": "¡2×1! 🌮"})
        self._promised(Acked("promos", data["cursor"], title))

    async def say(self, path: str, body: Mapping[str, Any]) -> Any:
        """Say it until it is committed, to the next hub each time."""
        key = uuid.uuid4().hex
        while (answer := await self.once(self._next(), path, body, key)) is None or not answer["ok"]:
            assert answer is None or answer["error"]["retryable"], answer
            await asyncio.sleep(_AGAIN_S)
        return answer["data"]

    def _promised(self, ack: Acked) -> None:
        self.acks.append(ack)
        self.acked.set()

    async def once(self, url: str, path: str, body: Mapping[str, Any], key: str) -> Any:
        """One try at one hub: its answer, or None if there was none."""
        headers = {**self._headers, "Idempotency-Key": key}
        started = time.perf_counter()
        try:
            async with self._http.post(url + path, json=body, headers=headers) as response:
                answer = json.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.answers[type(error).__name__] += 1
            return None
        finally:
            self.slowest_answer_s = max(self.slowest_answer_s, time.perf_counter() - started)
        self.answers["ok" if answer["ok"] else answer["error"]["code"]] += 1
        return answer

    def _next(self) -> str:
        return self._urls[next(self._turn) % len(self._urls)]


class SteadyTraffic:
    """Writes at a steady rate, until it is told to be quiet.

    Args:
        orders_s: Changes of orders a second, over all of them.
        promos_s: Promotions a second.
    """

    def __init__(
        self, writer: RetryingWriter, orders: Sequence[Placed], *, orders_s: float, promos_s: float, seed: int = 1
    ) -> None:
        self.writer = writer
        self._orders = orders
        self._orders_s = orders_s
        self._promos_s = promos_s
        self._drawn = random.Random(seed)
        self._tasks: list[asyncio.Task[None]] = []
        self._stop = False
        self._steps: Counter[str] = Counter()

    def start(self) -> None:
        """Write from now on."""
        assert not self._tasks, "it is being written already"
        self._stop = False
        shares = min(_AT_ONCE, len(self._orders)) if self._orders_s else 0
        loop = asyncio.get_running_loop()
        for number in range(shares):
            # An order has one writer: what it says of the order is never news to it.
            work = self._change_orders(self._orders[number::shares], shares / self._orders_s)
            self._tasks.append(loop.create_task(work))
        if self._promos_s:
            self._tasks += [loop.create_task(self._promote(4 / self._promos_s)) for _ in range(4)]

    async def quiet(self) -> None:
        """Say nothing new, and wait until all that was said is answered.

        Raises:
            TimeoutError: Some of it is not, after a minute.
        """
        self._stop = True
        tasks, self._tasks = self._tasks, []
        async with asyncio.timeout(_QUIET_S):
            await asyncio.gather(*tasks)

    def cancel(self) -> None:
        """Stop at once, whatever is under way."""
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    async def _change_orders(self, orders: Sequence[Placed], period_s: float) -> None:
        pace = _Pace(period_s * self._drawn.random(), period_s)
        for order in itertools.cycle(orders):
            await pace.wait()
            if self._stop:
                return
            action, body = _CHANGES[self._steps[order.id] % len(_CHANGES)]
            self._steps[order.id] += 1
            await self.writer.change(order, action, **body)

    async def _promote(self, period_s: float) -> None:
        pace = _Pace(period_s * self._drawn.random(), period_s)
        while True:
            await pace.wait()
            if self._stop:
                return
            await self.writer.promo()


# What is done to an order, one after the other, and then from the beginning again.
_CHANGES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("advance", {"to": "preparing"}),
    ("items", {"item": 1, "done": True}),
    ("delay", {"minutes": 1, "reason": "mucha gente"}),
    ("items", {"item": 1, "done": False}),
    ("recall", {"reason": "todavía no"}),
)


class _Pace:
    """A turn a period, whatever the work in between takes."""

    def __init__(self, first_s: float, period_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + first_s
        self._period_s = period_s

    async def wait(self) -> None:
        await asyncio.sleep(self._due - self._loop.time())
        # What an outage held up is not made up for: the rate is a rate.
        self._due = max(self._due + self._period_s, self._loop.time() - self._period_s)
