"""The client against a hub in this process: rooms, commands, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import comanda
from comanda import Comanda, Refused, Room, Unreachable
from tests.support.hub_harness import SKU, HubHarness, an_order, running_hub
from tests.support.processes import free_port

SOON_S = 10.0
ID = "an-id-of-one-s-own-that-is-random"


@pytest.fixture
async def house(empty_redis_url: str, tmp_path: Path) -> AsyncIterator[HubHarness]:
    async with running_hub(empty_redis_url, tmp_path) as house:
        yield house


@pytest.fixture
async def manager(house: HubHarness) -> AsyncIterator[Comanda]:
    async with comanda.connect(house.url, token=house.token()) as hub:
        yield hub


async def read(room: Room, count: int) -> list[comanda.Event]:
    async with asyncio.timeout(SOON_S):
        return [await anext(room) for _ in range(count)]


async def titles(room: Room, count: int) -> list[str]:
    return [event["data"]["title"] for event in await read(room, count)]


async def refusal(command: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await command
    return caught.value


async def test_a_room_gives_its_state_and_then_what_happens(house: HubHarness, manager: Comanda) -> None:
    placed = await manager.command("order.place", an_order())
    order_id = placed["order"]["id"]
    async with manager.room(f"order:{order_id}") as room:
        assert room.snapshot["order"]["status"] == "received"
        assert [event["type"] for event in room.history] == ["order.received"]
        await manager.command("order.advance", {"order_id": order_id, "to": "preparing"})
        [event] = await read(room, 1)
        assert (event["type"], event["room"]) == ("order.preparing", room.name)
        assert room.cursor == f"{str(room.cursor).rpartition('-')[0]}-{event['offset']}"


async def test_a_customer_reads_their_order_with_its_token_and_nothing_else(house: HubHarness) -> None:
    async with comanda.connect(house.url) as hub:
        placed = await hub.command("order.place", an_order())
        async with hub.room(f"order:{placed['order']['id']}", token=placed["tracking"]["token"]) as room:
            assert room.snapshot["order"]["id"] == placed["order"]["id"]
        with pytest.raises(Refused, match="forbidden"):
            async with hub.room("kitchen"):
                pass


async def test_a_program_that_kept_its_cursor_reads_what_it_missed_and_nothing_twice(
    house: HubHarness, manager: Comanda
) -> None:
    async with manager.room("promos") as room:
        for title in ("one", "two"):
            await house.promo(title)
        assert await titles(room, 1) == ["one"]
    await house.promo("three")
    async with manager.room("promos", after=room.cursor) as again:
        await house.promo("four")
        assert await titles(again, 3) == ["two", "three", "four"]


async def test_a_cursor_of_each_missed_event_is_a_place_to_go_on_from(house: HubHarness, manager: Comanda) -> None:
    async with manager.room("promos") as room:
        start = room.cursor
    for title in ("one", "two", "three"):
        await house.promo(title)
    async with manager.room("promos", after=start) as room:
        assert await titles(room, 2) == ["one", "two"]
    async with manager.room("promos", after=room.cursor) as room:
        assert await titles(room, 1) == ["three"]


async def test_a_cursor_that_cannot_be_honoured_gives_the_state_first(house: HubHarness, manager: Comanda) -> None:
    await house.promo("before")
    async with manager.room("promos", after="another-3") as room:
        [reset] = await read(room, 1)
        assert reset["type"] == "room.reset"
        assert [promo["title"] for promo in room.snapshot["promos"]] == ["before"]
        assert reset["data"]["cursor"] == room.cursor
        await house.promo("after")
        assert await titles(room, 1) == ["after"]


async def test_a_slow_program_gets_everything_though_little_of_it_waits(house: HubHarness, manager: Comanda) -> None:
    names = [f"promo {number}" for number in range(12)]
    async with manager.room("promos", max_waiting=3) as room:
        for name in names:
            await house.promo(name)
        assert await titles(room, len(names)) == names
        await house.promo("live again")
        assert await titles(room, 1) == ["live again"]


async def test_a_filter_lets_its_types_through_and_gaps_are_none(house: HubHarness, manager: Comanda) -> None:
    order_id = (await house.placed())["order"]["id"]
    async with manager.room(f"order:{order_id}", only=["order.ready", "order.delivered"]) as room:
        await house.advance(order_id, "preparing", "ready", "en_route", "delivered")
        assert [event["type"] for event in await read(room, 2)] == ["order.ready", "order.delivered"]


async def test_one_client_reads_a_room_once_at_a_time(house: HubHarness, manager: Comanda) -> None:
    async with manager.room("stock"):
        with pytest.raises(ValueError, match="already"):
            await manager.room("stock").__aenter__()
    async with manager.room("stock") as room:
        assert room.snapshot["items"]


async def test_a_command_with_an_id_of_ones_own_is_carried_out_once(house: HubHarness, manager: Comanda) -> None:
    by_socket = await manager.command("order.place", an_order(), command_id=ID)
    by_http = await manager.post("/api/orders", an_order(), command_id=ID)
    assert by_http["order"]["id"] == by_socket["order"]["id"]
    assert (await manager.get("/api/orders"))["orders"] == [by_socket["order"]]


async def test_a_command_that_takes_no_id_is_sent_without_one(house: HubHarness, manager: Comanda) -> None:
    chat = await manager.command("chat.open")
    assert await manager.command("chat.take_over", {"chat_id": chat["chat_id"]}) == {"cursor": await house.position()}
    assert (await manager.command("hub.ping"))["at"]


async def test_equal_commands_are_two(house: HubHarness, manager: Comanda) -> None:
    placed = [await manager.command("order.place", an_order()) for _ in range(2)]
    assert placed[0]["order"]["id"] != placed[1]["order"]["id"]


async def test_a_refusal_has_code_and_values(house: HubHarness, manager: Comanda) -> None:
    much = an_order(items=[{"sku": SKU, "qty": 50}, {"sku": SKU, "qty": 50}, {"sku": SKU, "qty": 50}])
    for answer in (manager.command("order.place", much), manager.post("/api/orders", much)):
        refused = await refusal(answer)
        assert (refused.code, refused.retryable) == ("out_of_stock", False)
        assert refused.values["items"][0]["sku"] == SKU


async def test_a_wrong_token_is_told_to_commands_and_rooms(house: HubHarness) -> None:
    async with comanda.connect(house.url, token="a.wrong.token") as hub:
        assert (await refusal(hub.command("hub.ping"))).code == "unauthorized"
        assert (await refusal(hub.room("promos").__aenter__())).code == "unauthorized"
        assert (await refusal(hub.get("/api/orders"))).code == "unauthorized"


async def test_a_token_is_asked_for_at_each_connection(house: HubHarness) -> None:
    async def token() -> str:
        return house.token("kitchen")

    async with comanda.connect(house.url, token=token) as hub, hub.room("kitchen") as room:
        assert room.snapshot["orders"] == []


async def test_no_hub_at_all_is_said_in_time() -> None:
    retries: list[None] = []
    url = f"http://127.0.0.1:{free_port()}"
    async with comanda.connect(url, timeout_s=0.5, on_retry=lambda: retries.append(None)) as hub:
        for asked in (hub.command("hub.ping"), hub.get("/api/menu"), hub.room("promos", timeout_s=0.5).__aenter__()):
            with pytest.raises(Unreachable) as caught:
                await asked
            assert (caught.value.code, caught.value.retryable) == ("lost", True)
    assert retries


async def test_an_iteration_ends_with_its_client(house: HubHarness) -> None:
    async with comanda.connect(house.url) as hub:
        room = await hub.room("promos").__aenter__()
        reading = asyncio.ensure_future(anext(room, None))
        await hub.command("hub.ping")
    assert await asyncio.wait_for(reading, SOON_S) is None
    with pytest.raises(Refused, match="closed"):
        await hub.command("hub.ping")


async def test_a_client_that_was_not_entered_says_so() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await comanda.connect("http://127.0.0.1:1").command("hub.ping")
