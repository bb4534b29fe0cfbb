"""How soon an order's event is at the push service, once it may be told."""

from __future__ import annotations

import asyncio
import os
import random
import time
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench import customers, hub
from bench.figure import Better, Effort, Figure, middle, percentile
from bench.machine import Others
from bench.sockets import Client, Refused, data_of

PHONES = 100
STAFF = 8
EVENTS_S = 50
_TARGET_MS = 100.0
_SETTLE_S = 10.0  # for the last messages
_READY_S = 30.0  # for the notifier, which starts after the hub
UNLIMITED = {
    f"COMANDA_LIMIT_{name}": "0"
    for name in ("CONNECTIONS", "COMMANDS_S", "REQUESTS_S", "STAFF_REQUESTS_S", "NOTIFY_HOUR")
}


@dataclass
class Phone:
    """An order whose customer is told by push.

    Attributes:
        sent: When each command was sent, oldest first; those whose message has come are gone.
    """

    order_id: str
    path: str
    sent: deque[float] = field(default_factory=deque)


@dataclass
class Arrivals:
    """What a stand-in on loopback has got: it takes everything, and notes when it came.

    Attributes:
        phones: By what the stand-in knows them by.
    """

    url: str = ""
    phones: dict[str, Phone] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    unasked: int = 0

    async def pushed(self, request: web.Request) -> web.Response:
        """Take one message as a push service does."""
        now = time.perf_counter()
        await request.read()
        self.note(request.path, now)
        return web.Response(status=201)

    def note(self, key: str, now: float) -> None:
        """Note a message that came."""
        phone = self.phones.get(key)
        if phone is None or not phone.sent:
            self.unasked += 1
        else:
            self.latencies_s.append(now - phone.sent.popleft())


@dataclass(frozen=True, slots=True)
class Run:
    """One run; latencies sorted."""

    latencies_ms: list[float]
    faults: list[str]
    others: float
    settings: str

    @property
    def p95_ms(self) -> float:
        return percentile(self.latencies_ms, 95)


async def measure(effort: Effort) -> Figure:
    """The runs' 95th percentiles."""
    seconds = effort.seconds(20.0, 5.0)
    runs = [await _run(seconds, seed) for seed in range(effort.runs(3))]
    tails = [run.p95_ms for run in runs]
    took = runs[middle(tails)].latencies_ms
    return Figure(
        name="notices",
        what="an order's event to the push service, p95",
        unit="ms",
        better=Better.LOW,
        target=_TARGET_MS,
        runs=tails,
        how=[
            f"{PHONES} orders with a phone each; staff sockets send order.delay at random moments, {EVENTS_S} a "
            f"second for {seconds:g} s (open loop). From the command's write to the encrypted message's arrival at a "
            "stand-in of a push service on loopback. A delay may be told at once: no time to undo it is in the figure.",
            f"p50 {percentile(took, 50):.1f} ms, p95 {percentile(took, 95):.1f} ms, p99 {percentile(took, 99):.1f} ms, "
            f"max {took[-1]:.1f} ms.",
            f"set for the hub under test: {runs[0].settings}",
        ],
        others=max(run.others for run in runs),
        faults=[f"run {number}: {fault}" for number, run in enumerate(runs, start=1) for fault in run.faults],
    )


async def _run(seconds: float, seed: int) -> Run:
    async with _push_service() as service:
        told = {
            "COMANDA_PUSH_CONTACT": "mailto:bench@example.org",
            "COMANDA_PUSH_SERVICES": service.url,
            "COMANDA_OUTBOUND_ALLOW": "http://127.0.0.1",
        }
        with customers.plenty() as menu:
            async with hub.running({**UNLIMITED, **told, **menu}) as under_test:
                return await _run_with(service, under_test, seconds, random.Random(seed))


async def _run_with(service: Arrivals, under_test: hub.Hub, seconds: float, drawn: random.Random) -> Run:
    token = await under_test.token("manager")
    staff = [await Client.open(hub.HOST, under_test.port, token) for _ in range(STAFF)]
    customer = await Client.open(hub.HOST, under_test.port)
    try:
        for number, order in enumerate(customers.orders(PHONES)):
            await _open_phone(service, staff[number % STAFF], customer, f"/push/{number}", order)
        await first_message(service, staff[0])
        others = Others()
        sent = await delay(service, staff, seconds, drawn)
        await settle(service)
    finally:
        for client in (*staff, customer):
            client.close()
    return run_of(service, sent, others.share(sum(under_test.cpu_s())), under_test.settings)


def run_of(service: Arrivals, sent: list[tuple[Client, int]], others: float, settings: str) -> Run:
    """Return a run that is over, with what was wrong in it."""
    faults = (
        [f"{missing} messages did not come"] if (missing := sum(len(p.sent) for p in service.phones.values())) else []
    )
    faults += [f"{service.unasked} messages came that nobody sent"] if service.unasked else []
    faults += list(refused(sent))
    latencies = sorted(latency * 1_000 for latency in service.latencies_s)
    return Run(latencies, faults[:5], others, settings)


@asynccontextmanager
async def _push_service() -> AsyncIterator[Arrivals]:
    service, app = Arrivals(), web.Application()
    app.router.add_post("/push/{name}", service.pushed)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, hub.HOST, 0).start()
    service.url = f"http://{hub.HOST}:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()


async def _open_phone(service: Arrivals, staff: Client, customer: Client, path: str, order: dict[str, Any]) -> None:
    placed = await staff.command("order.place", order)
    token = placed["tracking"]["token"]
    await customer.command("notify.set", {"types": ["order.delayed"], "channels": ["push"], "token": token})
    subscription = {"endpoint": service.url + path, "keys": _keys(), "token": token}
    await customer.command("push.subscribe", subscription)
    service.phones[path] = Phone(placed["order"]["id"], path)


def _keys() -> dict[str, str]:
    point = (
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    )
    return {"p256dh": _text(point), "auth": _text(os.urandom(16))}


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


async def first_message(service: Arrivals, staff: Client) -> None:
    """Delay an order until a message comes: a notifier that has never read begins with the next event."""
    phone = next(iter(service.phones.values()))
    deadline = time.perf_counter() + _READY_S
    while not service.latencies_s and time.perf_counter() < deadline:
        phone.sent.append(time.perf_counter())
        await staff.command("order.delay", {"order_id": phone.order_id, "minutes": 5, "reason": "bench"})
        await asyncio.sleep(0.5)
    if not service.latencies_s:
        raise hub.DidNotStart("no notifier sent anything")
    await asyncio.sleep(1.0)  # what was sent meanwhile comes too
    phone.sent.clear()
    service.latencies_s.clear()
    service.unasked = 0


async def delay(
    service: Arrivals, staff: Sequence[Client], seconds: float, drawn: random.Random
) -> list[tuple[Client, int]]:
    """Delay the orders in turn, at random moments. Return the commands."""
    phones = list(service.phones.values())
    moments = sorted(drawn.uniform(0, seconds) for _ in range(round(seconds * EVENTS_S)))
    sent: list[tuple[Client, int]] = []
    began = time.perf_counter()
    for number, moment in enumerate(moments):
        await asyncio.sleep(began + moment - time.perf_counter())
        phone, by = phones[number % len(phones)], staff[number % len(phones) % len(staff)]
        phone.sent.append(time.perf_counter())
        payload = {"order_id": phone.order_id, "minutes": 5 + number % 20, "reason": "bench"}
        sent.append((by, by.emit("order.delay", payload)))
    return sent


async def settle(service: Arrivals) -> None:
    """Wait until everything has come, for some seconds."""
    deadline = time.perf_counter() + _SETTLE_S
    while any(p.sent for p in service.phones.values()) and time.perf_counter() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def refused(sent: Sequence[tuple[Client, int]]) -> list[str]:
    """Return what went wrong with commands."""
    faults: list[str] = []
    for by, number in sent:
        answer = by.answers.get(number)
        try:
            if answer is None:
                faults.append("a command was not answered")
            else:
                data_of(answer)
        except Refused as refused:
            faults.append(f"a command was refused: {refused}")
    return faults
