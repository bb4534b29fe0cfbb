"""The actors at work, against a hub by hand that can fail in the ways a real one does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hub.domain.lifecycle import OrderStatus
from hub.simulate import Refused, Report, Unreachable, demo, simulate
from hub.simulate import simulation as running
from tests.simulate.fake_hub import TOKEN, FakeHub
from tests.support.processes import free_port

FAST = 2_000.0
SOMEBODY = {
    "customer": {"name": "Marta"},
    "items": [{"sku": "taco-pastor", "qty": 2}],
    "delivery": {"kind": "pickup"},
}


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub()


@pytest.fixture
async def url(hub: FakeHub) -> AsyncIterator[str]:
    async with TestServer(hub.app(), shutdown_timeout=0.1) as server:
        yield str(server.make_url("/"))
        await hub.break_streams()


@asynccontextmanager
async def demo_of(url: str, **options: str) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        acting = tasks.create_task(demo(url, speed=FAST, token=TOKEN, courier_ids=["c1", "c2"], **options))
        yield
        acting.cancel()


async def run(url: str, orders: int, lines: list[str] | None = None) -> Report:
    says = (lines if lines is not None else []).append
    return await simulate(url, orders=orders, speed=FAST, token=TOKEN, courier_ids=["c1"], on_event=says)


async def test_every_order_is_delivered_through_all_its_steps(hub: FakeHub, url: str) -> None:
    lines: list[str] = []
    report = await run(url, 12, lines)
    assert (report.orders, report.delivered, report.failed) == (12, 12, 0)
    assert {order.status for order in hub.orders.values()} == {OrderStatus.DELIVERED}
    assert all(line.done for order in hub.orders.values() for line in order.items)
    assert report.commands == sum(order.version for order in hub.orders.values())
    assert report.answered.count == report.commands
    assert 0 < report.answered.p50_ms <= report.answered.p99_ms
    assert report.seen.count > 0
    assert str(report).startswith("12 orders: 12 delivered")
    assert any(line.endswith(": delivered") for line in lines)


async def test_deliveries_get_a_courier_and_pickups_none(hub: FakeHub, url: str) -> None:
    await run(url, 20)
    for order in hub.orders.values():
        assert (order.courier is not None) == (order.delivery.kind == "delivery")


async def test_a_simulation_leaves_the_orders_of_others_alone(hub: FakeHub, url: str) -> None:
    theirs = await hub.place(SOMEBODY)
    report = await run(url, 2)
    assert report.orders == 2
    assert hub.orders[theirs.id] == theirs


async def test_a_hub_that_is_away_for_a_while_costs_retries_and_nothing_else(hub: FakeHub, url: str) -> None:
    hub.refuse_next = 4
    report = await run(url, 3)
    assert report.delivered == 3
    assert hub.refused == 4
    assert report.retries >= 4
    assert len(hub.orders) == 3


async def test_a_stream_that_breaks_is_resumed_where_it_broke(hub: FakeHub, url: str) -> None:
    async with demo_of(url):
        await hub.until(lambda: len(hub.orders) >= 1)
        await hub.break_streams()
        theirs = await hub.place(SOMEBODY)
        await hub.until(lambda: hub.orders[theirs.id].status is OrderStatus.DELIVERED)
    assert hub.streams_opened >= 2


async def test_the_demo_serves_what_is_on_the_board_already_and_what_people_order(hub: FakeHub, url: str) -> None:
    before = await hub.place(SOMEBODY)
    async with demo_of(url):
        during = await hub.place(SOMEBODY)
        for order in (before, during):
            await hub.until(lambda id=order.id: hub.orders[id].status is OrderStatus.DELIVERED)  # type: ignore[misc]
        await hub.until(lambda: len(hub.orders) >= 5)


async def test_where_a_person_taps_first_the_actors_follow(hub: FakeHub, url: str) -> None:
    theirs = await hub.place(SOMEBODY)
    async with demo_of(url):
        await hub.until(lambda: hub.orders[theirs.id].acknowledged)
        # Straight to ready, with lines that nobody has marked: no actor works like that.
        now = hub.orders[theirs.id]
        if now.status is OrderStatus.RECEIVED:
            now = await hub.act(now, "advance", {"to": "preparing"})
        if now.status is OrderStatus.PREPARING:
            await hub.act(now, "advance", {"to": "ready"})
        await hub.until(lambda: hub.orders[theirs.id].status is OrderStatus.DELIVERED)


async def test_a_manager_sends_promotions_now_and_then(hub: FakeHub, url: str) -> None:
    async with demo_of(url, promo_token=TOKEN):
        await hub.until(lambda: len(hub.promos) >= 2)
    assert set(hub.promos[0]) == {"title", "message", "expires_at"}
    assert hub.promos[0]["expires_at"].endswith("Z")


async def test_the_demo_never_crowds_the_board(hub: FakeHub, url: str) -> None:
    def active() -> int:
        return sum(not order.ended for order in hub.orders.values())

    most = 0

    def enough() -> bool:
        nonlocal most
        most = max(most, active())
        return len(hub.orders) >= 30

    async with demo_of(url):
        await hub.until(enough)
    assert most <= running.BOARD_FULL


async def test_a_wrong_token_is_said_at_once(url: str) -> None:
    with pytest.raises(Refused, match="unauthorized"):
        await simulate(url, orders=1, speed=FAST, token="wrong", courier_ids=[], on_event=print)
    with pytest.raises(Refused, match="unauthorized"):
        await demo(url, speed=FAST, token="wrong", courier_ids=[])


async def test_no_hub_at_all_is_said_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "STREAM_OPENS_S", 0.5)
    with pytest.raises(Unreachable):
        await run(f"http://127.0.0.1:{free_port()}", 1)


async def test_something_else_on_the_port_is_not_taken_for_a_hub() -> None:
    async with TestServer(web.Application()) as server:
        with pytest.raises(Refused, match="not the answer of a hub"):
            await run(str(server.make_url("/")), 1)
