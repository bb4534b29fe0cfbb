"""Webhooks to partners that answer, beside one that never does: their deliveries must not be later for it."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path

from aiohttp import web

from bench.figure import Better, Effort, Figure
from hub.bootstrap import open_services
from hub.config import Settings
from hub.core.target_policy import TargetPolicy
from hub.domain.commands import AddWebhook, RemoveWebhook
from hub.domain.event import Event
from hub.domain.events import OrderAcknowledged
from hub.domain.roles import Kind, Principal, Role
from hub.local_redis.embedded_redis import EmbeddedRedis
from hub.outbound.safe_http import safe_http_client
from hub.outbound.webhook_dispatcher import build_dispatcher
from hub.services.build import Services
from hub.services.log_events import new_event
from hub.store.log import Write

PARTNERS = 4
RATE = 50  # events a second, each to every partner
_MANAGER = Principal(kind=Kind.STAFF, id="bench", name="Bench", roles=frozenset({Role.MANAGER}))
_ALLOWED = ("http://127.0.0.1",)


class Partner:
    """A program on loopback that answers, or never does.

    Attributes:
        late_ms: From just before each commit to the event's arrival.
    """

    def __init__(self, *, dead: bool = False) -> None:
        self.late_ms: list[float] = []
        self.url = ""
        self._dead = dead

    async def handle(self, request: web.Request) -> web.Response:
        """Note when an event arrives."""
        event = json.loads(await request.read())
        if self._dead:
            await asyncio.Event().wait()
        self.late_ms.append((time.monotonic_ns() - int(event["data"]["by"])) / 1e6)
        return web.Response(status=204)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Partner]:
        """Listen while the context lasts."""
        app = web.Application()
        app.router.add_post("/", self.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            yield self
        finally:
            await runner.cleanup()


async def measure(effort: Effort) -> Figure:
    """In turn without and with the dead target, again and again, in one process."""
    runs, seconds = effort.runs(5, 3), effort.seconds(8, 4)
    without: list[float] = []
    beside: list[float] = []
    lost = 0
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = await stack.enter_async_context(EmbeddedRedis(folder))
        settings = Settings(_env_file=None, data_dir=folder, outbound_allow=_ALLOWED)
        services = await stack.enter_async_context(open_services(settings, redis.url))
        client = await stack.enter_async_context(safe_http_client(TargetPolicy(_ALLOWED)))
        partners = [await stack.enter_async_context(Partner().running()) for _ in range(PARTNERS)]
        dead = await stack.enter_async_context(Partner(dead=True).running())
        for partner in partners:
            await _add(services, partner)
        delivering = asyncio.create_task(build_dispatcher(services, settings, client, "bench").run())
        stack.push_async_callback(_end, delivering)
        await _play(services, partners, 2.0)  # the first connections, and the first look at each endpoint
        for _ in range(runs):
            p99, missing = await _play(services, partners, seconds)
            without.append(p99)
            webhook = await _add(services, dead)
            p99, late = await _play(services, partners, seconds)
            beside.append(p99)
            lost += missing + late
            await services.webhooks.remove(_MANAGER, RemoveWebhook(webhook_id=webhook))
    ratios = [after / before for before, after in zip(without, beside, strict=True)]
    return Figure(
        name="webhooks",
        what="webhooks beside a dead target: p99 of the others",
        unit="times what it is without",
        better=Better.LOW,
        target=1.25,
        runs=ratios,
        digits=2,
        how=[
            f"{RATE} events/s to {PARTNERS} partners on loopback, from just before the commit to a partner's handler: "
            f"{seconds:g} s without and {seconds:g} s with a fifth one that takes requests and never answers, in turn.",
            f"p99 without {statistics.median(without):.1f} ms, with {statistics.median(beside):.1f} ms (medians).",
        ],
        faults=[f"{lost} deliveries did not arrive"] if lost else [],
    )


async def _add(services: Services, partner: Partner) -> str:
    added = await services.webhooks.add(_MANAGER, AddWebhook(url=partner.url))
    return added.webhook.id


_numbers = count()


async def _play(services: Services, partners: list[Partner], seconds: float) -> tuple[float, int]:
    """Commit events evenly; return the p99 over all partners in ms, and how many deliveries did not arrive."""
    for partner in partners:
        partner.late_ms.clear()
    began, events = time.monotonic(), int(RATE * seconds)
    for number in range(events):
        await asyncio.sleep(began + number / RATE - time.monotonic())
        await services.log.commit(Write(events=(new_event(_event(), services.clock(), order="bench"),)))
    wanted = events * len(partners)
    async with asyncio.timeout(30):
        while sum(len(partner.late_ms) for partner in partners) < wanted:  # noqa: ASYNC110 - partners tell nobody
            await asyncio.sleep(0.05)
    late = sorted(ms for partner in partners for ms in partner.late_ms)
    return late[int(len(late) * 0.99)], wanted - len(late)


def _event() -> Event:
    """Return an event of an order of its own, whose `by` is the time."""
    return OrderAcknowledged(order_id=f"bench-{next(_numbers)}", version=2, by=str(time.monotonic_ns()))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
