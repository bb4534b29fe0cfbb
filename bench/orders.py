"""How many orders a second one hub process takes over HTTP, each durable before its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

from bench import customers, hub
from bench.figure import Better, Effort, Figure, middle, percentile
from bench.machine import Others
from bench.posting import Connection, post

_AT_A_TIME = 32
_WARM_UP_S = 1.0
_ANSWER_S = 10.0
_KEPT = "comanda:{centro}:doc:order:*"


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        orders_s: Answered a second, after the warm-up.
        placed: All that were answered with 201, the warm-up's included.
        kept: Orders found in Redis afterwards.
        latencies_ms: Sorted.
        redis: Which Redis, and its answers to CONFIG GET.
    """

    orders_s: float
    placed: int
    kept: int
    refused: int
    latencies_ms: list[float]
    hub_cpu: float
    redis_cpu: float
    client_cpu: float
    others: float
    redis: str
    settings: str


async def measure(effort: Effort) -> Figure:
    """The median run's latencies and CPU shares stand under the figure."""
    seconds = effort.seconds(5.0, 4.0)
    runs = [await _run(seconds) for _ in range(effort.runs(3))]
    rates = [run.orders_s for run in runs]
    run = runs[middle(rates)]
    took = run.latencies_ms
    return Figure(
        name="orders",
        what="orders over HTTP, 32 at a time",
        unit="/s",
        better=Better.HIGH,
        target=800,
        runs=rates,
        digits=0,
        how=[
            f"POST /api/orders on {_AT_A_TIME} kept-alive connections for {seconds:g} s after {_WARM_UP_S:g} s of "
            "warm-up, each with an Idempotency-Key of its own: 1–4 lines of counted dishes, name, phone, two in three "
            "with an address; one hub process. An answer takes "
            f"{percentile(took, 50):.0f} ms (p50), {percentile(took, 99):.0f} ms (p99), {took[-1]:.0f} ms (longest).",
            f"{run.redis}; {run.placed:,} answered with 201, {run.kept:,} in Redis afterwards.",
            f"set for the hub under test: {run.settings}; the menu's stock is 100,000 a dish.",
            f"CPU of one core: hub {run.hub_cpu:.0%}, Redis {run.redis_cpu:.0%}, load client {run.client_cpu:.0%}; "
            f"other processes {run.others:.0%} of the machine.",
        ],
        others=max(run.others for run in runs),
        faults=list(_faults(runs)),
    )


def _faults(runs: list[Run]) -> Iterator[str]:
    for number, run in enumerate(runs, start=1):
        if run.refused:
            yield f"run {number}: {run.refused} requests were not answered with 201"
        if run.kept != run.placed:
            yield f"run {number}: {run.placed} orders were answered, {run.kept} are kept"
        if not run.redis.endswith("appendonly yes, appendfsync always"):
            yield f"run {number}: not durable before the answer: {run.redis}"


async def _run(seconds: float) -> Run:
    with customers.plenty() as menu:
        async with hub.running({"COMANDA_LIMIT_REQUESTS_S": "0", **menu}) as under_test:
            load = Load()
            await load.connect(under_test.port)
            try:
                await load.keep_going(_WARM_UP_S)
                warmed_up, load.latencies = len(load.latencies), []
                others, before = Others(), _cpu_s(under_test)
                took_s = await load.keep_going(seconds)
                spent = [now - then for now, then in zip(_cpu_s(under_test), before, strict=True)]
                shared = others.share(sum(spent))
            finally:
                load.close()
            async with under_test.redis_client() as redis:
                kept = sum([1 async for _ in redis.scan_iter(_KEPT, count=1_000)])
            hub_cpu, redis_cpu, client_cpu = (share / took_s for share in spent)
            return Run(
                orders_s=len(load.latencies) / took_s,
                placed=warmed_up + len(load.latencies),
                kept=kept,
                refused=load.refused,
                latencies_ms=sorted(latency * 1_000 for latency in load.latencies),
                hub_cpu=hub_cpu,
                redis_cpu=redis_cpu,
                client_cpu=client_cpu,
                others=shared,
                redis=await under_test.redis_facts(),
                settings=under_test.settings,
            )


class Load:
    """Connections that each send the next order when the last one is answered."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.refused = 0
        self._requests = cycle([post("/api/orders", customers.encoded(order)) for order in customers.orders(512)])
        self._number = 0
        self._connections: list[Connection] = []
        self._until = 0.0
        self._under_way = 0
        self._done = asyncio.Event()

    async def connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(_AT_A_TIME):
            _, connection = await loop.create_connection(lambda: Connection(self._answered, self._lost), hub.HOST, port)
            self._connections.append(connection)

    async def keep_going(self, seconds: float) -> float:
        """Send for so long, and wait for the last answers; returns how long it all took."""
        started = time.perf_counter()
        self._until = started + seconds
        self._done.clear()
        self._under_way = len(self._connections)
        for connection in self._connections:
            connection.send(self._next(), started)
        async with asyncio.timeout(seconds + _ANSWER_S):
            await self._done.wait()
        return time.perf_counter() - started

    def close(self) -> None:
        self._done.set()
        for connection in self._connections:
            connection.close()

    def _answered(self, connection: Connection, status: int, _body: bytes) -> None:
        now = time.perf_counter()
        if status == 201:
            self.latencies.append(now - connection.sent_at)
        else:
            self.refused += 1
        if now < self._until:
            connection.send(self._next(), now)
        else:
            self._under_way -= 1
            if not self._under_way:
                self._done.set()

    def _lost(self) -> None:
        if not self._done.is_set():
            self.refused += 1
            self._done.set()

    def _next(self) -> bytes:
        self._number += 1
        head, rest = next(self._requests)
        return b"%bIdempotency-Key: bench-%d\r\n%b" % (head, self._number, rest)


def _cpu_s(under_test: hub.Hub) -> tuple[float, float, float]:
    """CPU seconds so far: of the hub, of its Redis, of this client."""
    return (*under_test.cpu_s(), time.process_time())
