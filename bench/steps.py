"""How many steps of orders a second one hub process commits, each on the disk before its answer."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from bench import customers, hub
from bench.figure import Better, Effort, Figure, middle, percentile
from bench.machine import Others, cpu_s
from bench.posting import Connection, post
from bench.sockets import Client

_AT_A_TIME = 64
_WARM_UP_S = 1.0
_ANSWER_S = 10.0
_TARGET = 3_000
_WELL = b'[{"ok":true'
_UNLIMITED = ("CONNECTIONS", "REQUESTS_S", "STAFF_REQUESTS_S", "COMMANDS_S", "READS_S", "READ_BYTES_S")


class Line(Protocol):
    """One caller's way to the hub: a step is sent when the one before it is answered."""

    def step(self, done: bool) -> None: ...

    def close(self) -> None: ...


# Of a port, a token, an order's id, and what to call with whether a step went well.
Open = Callable[[int, str, str, Callable[[bool], None]], Awaitable[Line]]


@dataclass(frozen=True, slots=True)
class Run:
    """One run; latencies sorted."""

    steps_s: float
    latencies_ms: list[float]
    refused: int
    hub_cpu: float
    redis_cpu: float
    client_cpu: float
    others: float
    settings: str


async def measure_http(effort: Effort) -> Figure:
    return await _measure(effort, "steps-http", "an order's steps over HTTP", HttpLine.open)


async def measure_sockets(effort: Effort) -> Figure:
    return await _measure(effort, "steps-sockets", "an order's steps over Socket.IO", SocketLine.open)


async def _measure(effort: Effort, name: str, what: str, open_line: Open) -> Figure:
    seconds = effort.seconds(3.0, 2.0)
    runs = [await _run(seconds, open_line) for _ in range(effort.runs(3))]
    rates = [run.steps_s for run in runs]
    run = runs[middle(rates)]
    took = run.latencies_ms
    each_ms = statistics.median(run.hub_cpu / run.steps_s * 1_000 for run in runs if run.steps_s)
    return Figure(
        name=name,
        what=f"{what}, {_AT_A_TIME} at a time",
        unit="/s",
        better=Better.HIGH,
        target=_TARGET,
        runs=rates,
        digits=0,
        how=[
            f"{_AT_A_TIME} staff connections, an order each: order.mark_item, done and not done in turn, the next one "
            f"when the last is answered, for {seconds:g} s after {_WARM_UP_S:g} s of warm-up; one hub process. "
            f"An answer takes {percentile(took, 50):.0f} ms (p50), {percentile(took, 99):.0f} ms (p99).",
            f"CPU of one core: hub {run.hub_cpu:.0%} ({each_ms:.3f} ms a step), Redis {run.redis_cpu:.0%}, load client "
            f"{run.client_cpu:.0%}; other processes {run.others:.0%} of the machine. Set: {run.settings}.",
        ],
        others=max(run.others for run in runs),
        faults=[f"run {n}: {run.refused} steps were refused" for n, run in enumerate(runs, start=1) if run.refused],
    )


async def _run(seconds: float, open_line: Open) -> Run:
    settings = {f"COMANDA_LIMIT_{name}": "0" for name in _UNLIMITED}
    with customers.plenty() as menu, ExitStack() as stack:
        async with hub.running(settings | menu) as under_test:
            token = await under_test.token("kitchen")
            orders = await _place(under_test.port, token)
            tally = Replies()
            for number, order_id in enumerate(orders):
                line = await open_line(under_test.port, token, order_id, partial(tally.answered, number))
                stack.callback(line.close)
                tally.lines.append(line)
            await tally.keep_going(_WARM_UP_S)
            others, before = Others(), _cpu(under_test)
            took_s = await tally.keep_going(seconds)
            spent = [now - then for now, then in zip(_cpu(under_test), before, strict=True)]
            hub_cpu, redis_cpu, client_cpu = (each / took_s for each in spent)
            return Run(
                steps_s=len(tally.latencies) / took_s,
                latencies_ms=sorted(latency * 1_000 for latency in tally.latencies),
                refused=tally.refused,
                hub_cpu=hub_cpu,
                redis_cpu=redis_cpu,
                client_cpu=client_cpu,
                others=others.share(sum(spent)),
                settings=" ".join(f"{name}={value}" for name, value in settings.items()),
            )


async def _place(port: int, token: str) -> list[str]:
    staff = await Client.open(hub.HOST, port, token)
    placed = [await staff.command("order.place", order) for order in customers.orders(_AT_A_TIME)]
    staff.close()
    return [each["order"]["id"] for each in placed]


class Replies:
    """What came back, and whether there is more to send."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.latencies: list[float] = []
        self.refused = 0
        self._sent: dict[int, float] = {}
        self._done: dict[int, bool] = {}
        self._until = 0.0
        self._all_answered = asyncio.Event()

    async def keep_going(self, seconds: float) -> float:
        """Step for so long, and wait for the last answers; returns how long it all took."""
        self.latencies.clear()
        self._all_answered.clear()
        started = time.perf_counter()
        self._until = started + seconds
        for number in range(len(self.lines)):
            self._step(number, started)
        async with asyncio.timeout(seconds + _ANSWER_S):
            await self._all_answered.wait()
        return time.perf_counter() - started

    def answered(self, number: int, well: bool) -> None:
        now = time.perf_counter()
        sent = self._sent.pop(number)
        if well:
            self.latencies.append(now - sent)
        else:
            self.refused += 1
        if now < self._until:
            self._step(number, now)
        elif not self._sent:
            self._all_answered.set()

    def _step(self, number: int, now: float) -> None:
        self._sent[number] = now
        done = self._done[number] = not self._done.get(number, False)
        self.lines[number].step(done)


class HttpLine:
    """A kept-alive connection."""

    def __init__(self, connection: Connection, token: str, order_id: str) -> None:
        path, allowed = f"/api/orders/{order_id}/items", f"Authorization: Bearer {token}"
        bodies = [customers.encoded({"item": 1, "done": done}) for done in (False, True)]
        self._requests = [b"".join(post(path, body, allowed)) for body in bodies]
        self._connection = connection

    @classmethod
    async def open(cls, port: int, token: str, order_id: str, answered: Callable[[bool], None]) -> HttpLine:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(lambda _, status, __: answered(status == 200), lambda: None), hub.HOST, port
        )
        return cls(connection, token, order_id)

    def step(self, done: bool) -> None:
        self._connection.send(self._requests[done], 0.0)

    def close(self) -> None:
        self._connection.close()


class SocketLine:
    """A Socket.IO client."""

    def __init__(self, client: Client, order_id: str) -> None:
        self._client = client
        self._order_id = order_id

    @classmethod
    async def open(cls, port: int, token: str, order_id: str, answered: Callable[[bool], None]) -> SocketLine:
        client = await Client.open(hub.HOST, port, token)
        client.on_answer = lambda answer: answered(answer.startswith(_WELL))
        return cls(client, order_id)

    def step(self, done: bool) -> None:
        self._client.emit("order.mark_item", {"order_id": self._order_id, "item": 1, "done": done})

    def close(self) -> None:
        self._client.close()


def _cpu(under_test: hub.Hub) -> tuple[float, float, float]:
    """CPU seconds so far: of the hub, of its Redis, of this client."""
    return cpu_s(under_test.process.pid), cpu_s(under_test.redis().pid), time.process_time()
