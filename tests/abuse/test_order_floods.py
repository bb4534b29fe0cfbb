"""Floods of orders that try to sell the restaurant out, or to fill its Redis: the default limits refuse them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hub.domain.lifecycle import OrderStatus
from tests.support.hub_harness import MENU, SOON_S, an_order, streaming

if TYPE_CHECKING:
    from tests.abuse.conftest import OpenTarget
    from tests.abuse.target import Target

STRANGER, NEIGHBOUR = "203.0.113.66", "203.0.113.7"
SKUS = [item.sku for item in MENU.items]
EVERYTHING = an_order(items=[{"sku": sku, "qty": 50} for sku in SKUS])
HEAVY = an_order(items=[{"sku": "agua", "qty": 1, "notes": "ñ" * 170} for _ in range(40)])
MB = 1_000_000


async def left(hub: Target) -> dict[str, int]:
    items = (await hub.get("/api/menu", address=NEIGHBOUR)).data["items"]
    return {item["sku"]: item["left"] for item in items if "left" in item}


async def memory(hub: Target) -> int:
    return int((await hub.house.hub.redis.info("memory"))["used_memory"])


async def test_two_orders_of_everything_take_nothing_from_the_stock(hub: Target) -> None:
    before = await left(hub)
    for _ in range(2):
        answer = await hub.post("/api/orders", EVERYTHING, address=STRANGER)
        assert (answer.status, answer.code) == (429, "limit_reached")
    assert await left(hub) == before
    assert (await hub.post("/api/orders", an_order(), address=NEIGHBOUR)).status == 201


async def test_the_most_that_one_address_can_order_leaves_most_of_every_dish_to_others(open_hub: OpenTarget) -> None:
    async with open_hub(requests_s=0) as hub:
        before = sum((await left(hub)).values())
        answers = [
            await hub.post("/api/orders", an_order(items=[{"sku": sku, "qty": 20}]), address=STRANGER)
            for sku in SKUS * 2
        ]
        taken = [answer for answer in answers if answer.status == 201]
        assert {answer.code for answer in answers if answer.status != 201} == {"rate_limited"}
        assert sum((await left(hub)).values()) == before - 20 * len(taken) > before * 0.85


async def test_small_orders_of_one_address_that_together_are_large_come_back_by_themselves(
    open_hub: OpenTarget,
) -> None:
    async with open_hub(requests_s=0, accept_s=1, housekeeping_s=0.05) as hub, asyncio.timeout(SOON_S * 2):
        before, token = sum((await left(hub)).values()), hub.house.token("kitchen")
        async with streaming(hub.house, "/api/rooms/kitchen/events", token=token) as kitchen:
            line = {"sku": "taco-pastor", "qty": 20}
            answers = [await hub.post("/api/orders", an_order(items=[line]), address=STRANGER) for _ in range(5)]
            waiting = [answer for answer in answers if answer.data["order"].get("acceptance")]
            assert len(waiting) == 3
            for _ in waiting:
                await kitchen.until("order.cancelled")
        assert sum((await left(hub)).values()) == before - 40


async def test_a_number_that_strangers_order_with_is_still_its_owners(hub: Target) -> None:
    hers = an_order(customer={"name": "Ana", "phone": "55 1234 5678"})
    for number in range(8):
        assert (await hub.post("/api/orders", hers, address=f"198.51.100.{number}")).status == 201
    answer = await hub.post("/api/orders", hers, address=NEIGHBOUR)
    assert (answer.status, answer.data["order"]["acceptance"]["state"]) == (201, "waiting")


async def test_stock_that_a_crowd_holds_with_large_orders_comes_back_by_itself(
    open_hub: OpenTarget,
) -> None:
    async with open_hub(accept_s=1, housekeeping_s=0.05) as hub, asyncio.timeout(SOON_S * 2):
        before, token = await left(hub), hub.house.token("kitchen")
        lines = [{"sku": sku, "qty": 50} for sku in ("taco-pastor", "taco-suadero")]
        async with streaming(hub.house, "/api/rooms/kitchen/events", token=token) as kitchen:
            for number in range(2):
                answer = await hub.post("/api/orders", an_order(items=lines), address=f"198.51.100.{number}")
                assert answer.data["order"]["acceptance"]["state"] == "waiting"
            for _ in range(2):
                assert (await kitchen.until("order.cancelled")).event["data"]["status"] == OrderStatus.CANCELLED
        assert await left(hub) == before


async def test_heavy_orders_leave_nothing_in_redis(open_hub: OpenTarget) -> None:
    async with open_hub(requests_s=0) as hub:
        assert len(str(HEAVY)) > 8_192
        position, before = await hub.house.position(), await memory(hub)
        answers: list[Any] = []
        for _ in range(100):
            answers.append(await hub.post("/api/orders", HEAVY, address=STRANGER))
        assert {(answer.status, answer.code) for answer in answers} == {(429, "limit_reached")}
        assert await hub.house.position() == position
        assert await memory(hub) - before < MB


async def test_orders_as_heavy_as_they_may_be_are_counted_by_their_weight(open_hub: OpenTarget) -> None:
    heaviest = an_order(items=[{"sku": sku, "qty": 1, "notes": "x" * 200} for sku in SKUS])
    others = dict.fromkeys(("orders_minute", "orders_hour", "order_portions_hour", "open_orders_address"), 0)
    async with open_hub(requests_s=0, **others) as hub:
        before = await memory(hub)
        answers = [await hub.post("/api/orders", heaviest, address=STRANGER) for _ in range(100)]
        taken = sum(answer.status == 201 for answer in answers)
        assert 15 < taken < 20
        refused = answers[-1].body["error"]
        assert (refused["code"], refused["retryable"]) == ("rate_limited", True)
        assert await memory(hub) - before < 2 * MB
        assert (await hub.post("/api/orders", an_order(), address=NEIGHBOUR)).status == 201


async def test_open_orders_of_one_address_keep_nobody_else_from_ordering(open_hub: OpenTarget) -> None:
    async with open_hub(requests_s=0, orders_minute=0) as hub:
        answers = [await hub.post("/api/orders", an_order(), address=STRANGER) for _ in range(25)]
        assert [answer.status for answer in answers] == [201] * 20 + [429] * 5
        assert answers[-1].body["error"]["values"] == {"limit": "open_orders_address", "most": 20, "used": 20}
        assert (await hub.post("/api/orders", an_order(), address=NEIGHBOUR)).status == 201
