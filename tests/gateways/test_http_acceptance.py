"""Large orders over HTTP: bounds, acceptance, and the hub that ends what nobody accepts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.support.hub_harness import SKU, SOON_S, HubHarness, an_order, streaming

if TYPE_CHECKING:
    from tests.gateways.conftest import Open

LARGE = an_order(items=[{"sku": SKU, "qty": 45}])


async def test_a_large_order_waits_and_staff_accept_it(house: HubHarness) -> None:
    placed = (await house.post("/api/orders", LARGE)).data["order"]
    assert placed["acceptance"]["state"] == "waiting"
    path = f"/api/orders/{placed['id']}/accept"
    assert (await house.post(path, {})).status == 403
    accepted = (await house.post(path, {}, token=house.token("kitchen"))).data["order"]
    assert (accepted["acceptance"], accepted["acknowledged"]) == ({"state": "accepted"}, True)


async def test_an_order_past_a_bound_is_told_which(house: HubHarness) -> None:
    answer = await house.post("/api/orders", an_order(items=[{"sku": SKU, "qty": 50}] * 3))
    assert (answer.status, answer.code) == (429, "limit_reached")
    assert answer.body["error"]["values"] == {"limit": "order_portions", "most": 100, "used": 150}
    assert answer.body["error"]["retryable"] is False


async def test_orders_past_a_rate_are_told_when_to_come_back(open_hub: Open) -> None:
    async with open_hub(orders_minute=2) as house:
        for _ in range(2):
            await house.placed()
        answer = await house.post("/api/orders", an_order())
        assert (answer.status, answer.code) == (429, "rate_limited")
        assert 0 < int(answer.headers["Retry-After"]) <= 60


async def test_a_running_hub_ends_an_order_that_nobody_accepts_and_tells_its_customer(
    open_hub: Open,
) -> None:
    async with open_hub(accept_s=1, housekeeping_s=0.05) as house, asyncio.timeout(SOON_S * 2):
        data = (await house.post("/api/orders", LARGE)).data
        path = f"/api/rooms/order:{data['order']['id']}/events?token={data['tracking']['token']}"
        async with streaming(house, path) as stream:
            expired, cancelled = await stream.until("order.expired"), await stream.next()
        assert expired.event["data"]["why"] == "not_accepted"
        assert (cancelled.type, cancelled.event["data"]["reason"]) == ("order.cancelled", "expired")
        left = {item["sku"]: item.get("left") for item in (await house.get("/api/menu")).data["items"]}
        assert left[SKU] == 100


async def test_a_manager_counts_and_cancels_what_came_from_one_address(house: HubHarness) -> None:
    ids = {(await house.placed())["order"]["id"] for _ in range(3)}
    shown = (await house.get(f"/api/orders/{min(ids)}", token=house.token())).data["order"]
    body = {"filter": {"origin": shown["customer"]["origin"], "acknowledged": False}, "reason": "pedido falso"}
    assert (await house.post("/api/orders/cancel", body, token=house.token("kitchen"))).status == 403
    counted = await house.post("/api/orders/cancel", {**body, "dry_run": True}, token=house.token())
    assert counted.data["count"] == 3
    done = (await house.post("/api/orders/cancel", body, token=house.token())).data
    assert (set(done["order_ids"]), done["more"]) == (ids, False)
    assert (await house.post("/api/orders/cancel", {**body, "filter": {}}, token=house.token())).code == "bad_request"
