"""The client through what breaks: a hub killed by SIGKILL, a line that dies without a word, answers that are lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

import comanda
from comanda import Comanda, Room
from comanda import link as links
from tests.browser.conftest import Hub
from tests.browser.line import Line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SOON_S = 40.0
ORDER = {"customer": {"name": "Ana"}, "items": [{"sku": "agua", "qty": 1}], "delivery": {"kind": "pickup"}}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    hub = Hub(tmp_path, agent=False)
    try:
        hub.open()
        yield hub
    finally:
        hub.close()


@pytest.fixture
def line(hub: Hub) -> Iterator[Line]:
    with Line(hub.port) as line:
        yield line


@pytest.fixture
def token(hub: Hub) -> str:
    return hub.comanda("token", "--role", "manager")


async def publish(hub: Comanda, title: str) -> None:
    await hub.command("promo.publish", {"title": title, "message": "en pastor"}, timeout_s=SOON_S)


async def titles(room: Room, count: int) -> list[str]:
    async with asyncio.timeout(SOON_S):
        return [(await anext(room))["data"]["title"] for _ in range(count)]


async def test_a_hub_that_is_killed_and_comes_back_costs_no_event_and_repeats_none(hub: Hub, token: str) -> None:
    async with (
        comanda.connect(hub.url, token=token) as reader,
        comanda.connect(hub.url, token=token) as writer,
        reader.room("promos") as room,
    ):
        await publish(writer, "one")
        assert await titles(room, 1) == ["one"]
        await publish(writer, "two")
        await asyncio.to_thread(hub.restart)
        await publish(writer, "three")
        assert await titles(room, 2) == ["two", "three"]
        await publish(writer, "four")
        assert await titles(room, 1) == ["four"]


async def test_a_command_that_is_under_way_when_the_hub_is_killed_is_carried_out_once(hub: Hub, token: str) -> None:
    async with comanda.connect(hub.url, token=token, timeout_s=SOON_S) as client:
        await client.command("hub.ping")
        placing = [asyncio.ensure_future(client.command("order.place", ORDER)) for _ in range(20)]
        await asyncio.wait(placing, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(hub.restart)
        placed = [await one for one in placing]
        orders = (await client.get("/api/orders", limit="200"))["orders"]
    assert sorted(order["id"] for order in orders) == sorted(answer["order"]["id"] for answer in placed)
    assert len(orders) == 20


async def test_an_answer_that_is_lost_is_asked_for_again_and_the_order_placed_once(
    hub: Hub, line: Line, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "ANSWER_S", 1.0)
    retries: list[None] = []
    async with (
        comanda.connect(hub.url, token=token) as witness,
        comanda.connect(line.url, token=token, timeout_s=SOON_S, on_retry=lambda: retries.append(None)) as client,
        witness.room("kitchen") as kitchen,
    ):
        await client.command("hub.ping")
        line.hold(b"tracking")  # the answer, and the line with it
        placing = asyncio.ensure_future(client.command("order.place", ORDER))
        async with asyncio.timeout(SOON_S):
            assert (await anext(kitchen))["type"] == "order.received"
        line.go_dead()
        line.release()
        line.revive(silent=True)
        placed = await asyncio.wait_for(placing, SOON_S)
        orders = (await witness.get("/api/orders"))["orders"]
    assert [order["id"] for order in orders] == [placed["order"]["id"]]
    assert retries


async def test_a_line_that_dies_without_a_word_is_noticed_and_read_on(hub: Hub, line: Line, token: str) -> None:
    async with (
        comanda.connect(hub.url, token=token) as writer,
        comanda.connect(line.url, token=token, heartbeat_s=0.5) as reader,
        reader.room("promos") as room,
    ):
        await publish(writer, "one")
        assert await titles(room, 1) == ["one"]
        line.go_dead()
        await publish(writer, "two")
        line.revive(silent=True)
        await publish(writer, "three")
        assert await titles(room, 2) == ["two", "three"]
