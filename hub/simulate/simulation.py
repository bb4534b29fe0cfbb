"""The two ways to let the actors loose: a counted run with an end, and a demo without one."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
import structlog

import comanda
from comanda import Comanda, Refused, Unreachable
from hub.core.times import format_time
from hub.simulate.customers import Customers
from hub.simulate.kitchen_staff import Kitchen, Pace
from hub.simulate.measurements import Report, RunCounts
from hub.simulate.radio import Radio

MAX_AT_ONCE = 50  # orders of a simulation on their way together
BOARD_FULL = 8  # with more cards than this, nobody can follow the demo
STREAM_OPENS_S = 15.0
GIVE_UP_S = 60.0  # one command, all its attempts: a hub's restart fits in
# An order that takes longer is stuck.
ORDER_S, SLACK_S = 900.0, 120.0

PROMOS = (
    ("2×1 en pastor", "Hasta que se acabe el trompo: dos tacos al pastor por uno 🌮"),
    ("Agua fresca gratis", "Con tres tacos de suadero, el agua de jamaica va por la casa."),
    ("Hora feliz", "Quesadillas a mitad de precio durante la próxima media hora."),
    ("Postre del día", "Flan de la casa con cada pedido de más de $200 🍮"),
)

log = structlog.get_logger(__name__)


async def simulate(
    url: str,
    *,
    orders: int,
    speed: float,
    token: str,
    courier_ids: Sequence[str],
    on_event: Callable[[str], None],
) -> Report:
    """Place a number of orders and serve each to its end; the orders of others are left alone.

    Args:
        url: The hub's root.
        orders: How many.
        speed: 1 is a person's pace, compressed (an order takes three to four minutes); 10 ten times that.
        token: Of a member of staff who may work the kitchen's board.
        courier_ids: Who rides; none: orders leave without a courier's name.
        on_event: Told what happens, a line at a time.

    Raises:
        Refused: The hub does not know the token, or it may not work the board.
        Unreachable: There is no hub at that address.
    """
    async with _actors(url, speed, token, courier_ids, adopt=False, on_event=on_event) as actors:
        watching = actors.tasks.create_task(actors.kitchen.watch())
        await _until_watching(actors.kitchen)
        actors.figures.started = time.perf_counter()
        crowd = asyncio.Semaphore(MAX_AT_ONCE)
        async with asyncio.TaskGroup() as customers:
            for _ in range(orders):
                await crowd.acquire()
                customers.create_task(_one_customer(actors, crowd, ORDER_S / speed + SLACK_S, on_event))
                await actors.pace.pause((4.0, 12.0))
        watching.cancel()
        return actors.figures.report()


async def demo(
    url: str, *, speed: float, token: str, courier_ids: Sequence[str], promo_token: str | None = None
) -> None:
    """Keep a branch busy until cancelled: orders trickle in, all are served, a promotion at times.

    Orders that people place move as well; where a person taps first, the actors follow.

    Raises:
        Refused: The token may not work the kitchen's board.
    """
    async with _actors(url, speed, token, courier_ids, adopt=True, on_event=_silent) as actors:
        actors.tasks.create_task(actors.kitchen.watch())
        actors.tasks.create_task(_trickle(actors))
        if promo_token:
            actors.tasks.create_task(_promote(actors, url, promo_token))


@dataclass(frozen=True, slots=True)
class _Actors:
    http: aiohttp.ClientSession
    tasks: asyncio.TaskGroup
    pace: Pace
    figures: RunCounts
    customers: Customers
    kitchen: Kitchen


@asynccontextmanager
async def _actors(
    url: str,
    speed: float,
    token: str,
    courier_ids: Sequence[str],
    *,
    adopt: bool,
    on_event: Callable[[str], None],
) -> AsyncIterator[_Actors]:
    """Everyone, at their places. Leaving waits for the kitchen's hands; the first problem sends all home."""
    figures, chance = RunCounts(), random.Random()
    pace = Pace(speed, chance)
    try:
        async with (
            aiohttp.ClientSession() as http,
            _client(http, url, figures, token) as hub,
            comanda.connect(url, token=token, http=http) as phones,
            asyncio.TaskGroup() as tasks,
        ):
            kitchen = Kitchen(
                hub,
                Radio(phones),
                tasks,
                pace,
                figures,
                couriers=tuple(courier_ids),
                adopt=adopt,
                on_event=on_event,
            )
            # All customers share this one address: a token keeps them from being counted as one household.
            customers = Customers(hub, chance)
            yield _Actors(http, tasks, pace, figures, customers, kitchen)
    except BaseExceptionGroup as problems:
        expected, unexpected = problems.split((Refused, Unreachable))
        if unexpected is not None or expected is None:
            raise
        raise _first(expected) from problems


def _client(http: aiohttp.ClientSession, url: str, figures: RunCounts, token: str) -> Comanda:
    return comanda.connect(url, token=token, http=http, timeout_s=GIVE_UP_S, on_retry=figures.retried)


async def _until_watching(kitchen: Kitchen) -> None:
    try:
        async with asyncio.timeout(STREAM_OPENS_S):
            await kitchen.watching.wait()
    except TimeoutError:
        raise Unreachable("lost", "the kitchen's room did not open") from None


async def _one_customer(
    actors: _Actors, crowd: asyncio.Semaphore, deadline_s: float, on_event: Callable[[str], None]
) -> None:
    """Order, and wait for the food."""
    try:
        sent = time.perf_counter()
        order = await actors.customers.order()
        actors.figures.orders += 1
        actors.figures.committed(order["id"], order["version"], sent)
        on_event(f"{order['code']}: received from {order['customer']['name']}")
        served = actors.kitchen.take(order)
        if served is not None:
            async with asyncio.timeout(deadline_s):
                await served
    except TimeoutError:
        actors.figures.failed += 1
        on_event(f"an order was not served within {deadline_s:.0f} s")
    except (Refused, Unreachable) as problem:
        actors.figures.failed += 1
        on_event(f"an order was not taken ({problem})")
    finally:
        crowd.release()


async def _trickle(actors: _Actors) -> None:
    """Customers come while the board has room for them: a few at once in the beginning, then now and then."""
    while True:
        quiet = actors.kitchen.in_hand < BOARD_FULL // 2
        await actors.pace.pause((3.0, 8.0) if quiet else (18.0, 35.0))
        if actors.kitchen.in_hand >= BOARD_FULL:
            continue
        try:
            actors.kitchen.take(await actors.customers.order())
        except (Refused, Unreachable) as problem:
            log.warning("order_not_taken", error=str(problem))
            # Sold out, or the hub does not answer: place fewer orders.
            await actors.pace.pause((30.0, 60.0))


async def _promote(actors: _Actors, url: str, token: str) -> None:
    async with _client(actors.http, url, actors.figures, token) as manager:
        for title, message in itertools.cycle(random.sample(PROMOS, k=len(PROMOS))):
            await actors.pace.pause((60.0, 180.0))
            expires_at = format_time(datetime.now(UTC) + timedelta(minutes=30))
            try:
                await manager.post("/api/promos", {"title": title, "message": message, "expires_at": expires_at})
            except (Refused, Unreachable) as problem:
                log.warning("promo_not_published", error=str(problem))


def _silent(_line: str) -> None:
    """The demo's board says it all."""


def _first(problems: ExceptionGroup[Exception]) -> Exception:
    """The one problem to tell a person, out of nested groups."""
    inner = problems.exceptions[0]
    return _first(inner) if isinstance(inner, ExceptionGroup) else inner
