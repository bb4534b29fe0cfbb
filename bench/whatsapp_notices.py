"""How soon an order's event is at the Graph API, once it may be told."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from aiohttp import web

from bench import customers, hub
from bench.figure import Better, Effort, Figure, middle, percentile
from bench.machine import Others
from bench.notices import EVENTS_S, PHONES, STAFF, UNLIMITED, Arrivals, Phone, Run, delay, first_message, run_of, settle
from bench.sockets import Client
from hub.bootstrap import open_services
from hub.config import Settings
from hub.domain.whatsapp_number import WhatsAppPeer
from hub.services.document_names import whatsapp_order_key
from hub.store.log import Document, Write

_TARGET_MS = 100.0
_SET = {
    "COMANDA_WHATSAPP_TOKEN": "a token",
    "COMANDA_WHATSAPP_PHONE_ID": "106540352242922",
    "COMANDA_WHATSAPP_APP_SECRET": "an app's secret",
    "COMANDA_WHATSAPP_VERIFY_TOKEN": "a verify token",
}


async def measure(effort: Effort) -> Figure:
    """The runs' 95th percentiles."""
    seconds = effort.seconds(20.0, 5.0)
    runs = [await _run(seconds, seed) for seed in range(effort.runs(3))]
    tails = [run.p95_ms for run in runs]
    took = runs[middle(tails)].latencies_ms
    return Figure(
        name="whatsapp-notices",
        what="an order's event to WhatsApp's Graph API, p95",
        unit="ms",
        better=Better.LOW,
        target=_TARGET_MS,
        runs=tails,
        how=[
            f"{PHONES} orders of a number each; staff sockets send order.delay at random moments, {EVENTS_S} a second "
            f"for {seconds:g} s (open loop). From the command's write to its arrival at a stand-in of the Graph "
            "API on loopback: the notice and the message are decided, stored and begun, each in a commit. A number's "
            "pace allows all of them.",
            f"p50 {percentile(took, 50):.1f} ms, p95 {percentile(took, 95):.1f} ms, p99 {percentile(took, 99):.1f} ms, "
            f"max {took[-1]:.1f} ms.",
            f"set for the hub under test: {runs[0].settings}",
        ],
        others=max(run.others for run in runs),
        faults=[f"run {number}: {fault}" for number, run in enumerate(runs, start=1) for fault in run.faults],
    )


async def _run(seconds: float, seed: int) -> Run:
    async with _graph_api() as (url, arrivals):
        with customers.plenty() as menu:
            async with hub.running({**UNLIMITED, **_SET, "COMANDA_WHATSAPP_API_URL": url, **menu}) as under_test:
                return await _run_with(arrivals, under_test, seconds, random.Random(seed))


async def _run_with(arrivals: Arrivals, under_test: hub.Hub, seconds: float, drawn: random.Random) -> Run:
    token = await under_test.token("manager")
    staff = [await Client.open(hub.HOST, under_test.port, token) for _ in range(STAFF)]
    try:
        for number, order in enumerate(customers.orders(PHONES)):
            wa_id = f"52155{number:08d}"
            placed = await staff[number % STAFF].command("order.place", order)
            arrivals.phones[wa_id] = Phone(placed["order"]["id"], wa_id)
        await _bind(under_test, arrivals)
        await first_message(arrivals, staff[0])
        others = Others()
        sent = await delay(arrivals, staff, seconds, drawn)
        await settle(arrivals)
    finally:
        for client in staff:
            client.close()
    return run_of(arrivals, sent, others.share(sum(under_test.cpu_s())), under_test.settings)


async def _bind(under_test: hub.Hub, arrivals: Arrivals) -> None:
    """Give each order to a number, as if it had been placed in the number's chat."""
    data = under_test.folder / "data"
    url = f"unix://{data / 'redis' / 'redis.sock'}"
    async with open_services(Settings(_env_file=None, data_dir=data, redis_url=url), url) as services:
        for wa_id, phone in arrivals.phones.items():
            await services.whatsapp.heard(wa_id, "Ana", services.clock(), "wamid.heard")
            peer = Document(whatsapp_order_key(phone.order_id), 1, WhatsAppPeer(wa_id=wa_id).model_dump_json())
            await services.log.commit(Write(documents=(peer,)))


@asynccontextmanager
async def _graph_api() -> AsyncIterator[tuple[str, Arrivals]]:
    """A stand-in of the Graph API that takes every message."""
    arrivals, ids = Arrivals(), count(1)

    async def take(request: web.Request) -> web.Response:
        now = time.perf_counter()
        to = str((await request.json())["to"])
        arrivals.note(to, now)
        contacts = [{"input": to, "wa_id": to}]
        return web.json_response(
            {"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": f"wamid.{next(ids)}"}]}
        )

    app = web.Application()
    app.router.add_post("/{version}/{phone_id}/messages", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, hub.HOST, 0).start()
    try:
        yield f"http://{hub.HOST}:{runner.addresses[0][1]}", arrivals
    finally:
        await runner.cleanup()
