"""An order's way over two hubs, as stock Socket.IO clients see it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.integration.cluster import an_order
from tests.integration.screens import WEBSOCKET, check_chain

if TYPE_CHECKING:
    from tests.integration.cluster import Cluster, HubClient
    from tests.integration.conftest import AnyScreen

STEPS = ("preparing", "ready", "courier", "en_route", "delivered")
HERE = {"lat": 19.42, "lon": -99.16, "accuracy_m": 8.0}
TRANSPORTS = {"websocket": WEBSOCKET, "polling": ("polling",), "upgrade": ("polling", "websocket")}


def offset_of(cursor: str) -> int:
    return int(cursor.rpartition("-")[2])


async def test_the_first_thing_a_client_hears_is_who_it_is_and_where_the_log_stands(
    cluster: Cluster, screen: AnyScreen
) -> None:
    await screen.connect(cluster.urls[0], token=cluster.token, branch="centro")
    await screen.next("hub.welcome")
    welcome = next(heard for heard in screen.heard if heard.name not in ("connected", "upgraded"))
    assert welcome.name == "hub.welcome"
    told, cursor = welcome.args
    assert set(told) == {"at", "branch", "epoch", "principal", "server"}
    assert told["branch"] == "centro"
    assert (told["principal"]["kind"], told["principal"]["roles"]) == ("service", ["manager"])
    assert told["server"]["name"] == "comanda"
    assert cursor.rpartition("-")[0] == told["epoch"]


@pytest.mark.parametrize("transports", TRANSPORTS.values(), ids=TRANSPORTS)
async def test_a_customer_on_one_hub_sees_each_step_made_on_the_other_once_and_in_order(
    cluster: Cluster,
    clients: tuple[HubClient, HubClient],
    kind: str,
    new_screen: Callable[[str], AnyScreen],
    transports: tuple[str, ...],
) -> None:
    customer, cook = new_screen(kind), new_screen("python")
    await customer.connect(cluster.urls[0], transports)
    await cook.connect(cluster.urls[1], token=cluster.token)
    placed = (await customer.call("order.place", an_order()))["data"]
    id, token = placed["order"]["id"], placed["tracking"]["token"]
    joined = await customer.join(f"order:{id}", token=token)
    assert joined["snapshot"]["order"] == placed["order"]
    assert [event["type"] for event in joined["events"]] == ["order.received"]
    assert offset_of(joined["cursor"]) >= joined["events"][0]["offset"] == offset_of(placed["cursor"])
    for step in STEPS:
        name, body = (
            ("order.assign_courier", {"courier_id": cluster.courier})
            if step == "courier"
            else ("order.advance", {"to": step})
        )
        ack = await cook.call(name, {"order_id": id, **body})
        assert ack["ok"] is True, ack
        wanted = "order.courier_assigned" if step == "courier" else f"order.{step}"
        seen = await customer.next(wanted)
        assert seen.args[1] == ack["data"]["cursor"]
        assert seen.event["data"]["order_id"] == id
    if transports == TRANSPORTS["upgrade"]:
        await customer.upgraded()
    steps = customer.of(f"order:{id}")
    assert len(steps) == len(STEPS)
    check_chain(steps, joined["events"][0]["offset"])
    order = (await clients[0].get(f"/api/orders/{id}"))["order"]
    assert (order["status"], order["courier"]["id"]) == ("delivered", cluster.courier)


async def test_the_kitchen_sees_every_order_of_both_hubs(
    cluster: Cluster, clients: tuple[HubClient, HubClient], screen: AnyScreen
) -> None:
    await screen.connect(cluster.urls[0], token=cluster.token)
    joined = await screen.join("kitchen")
    placed = await asyncio.gather(*(client.place() for client in clients * 3))
    await screen.until(lambda: len(screen.of("kitchen")) >= len(placed))
    heard = screen.of("kitchen")
    assert heard[0].event["prev"] <= offset_of(joined["cursor"]) < heard[0].event["offset"]
    check_chain(heard, heard[0].event["prev"])
    seen = {one.event["data"]["order"]["id"] for one in heard}
    assert seen == {each["order"]["id"] for each in placed}


async def test_a_courier_is_seen_by_the_customer_while_on_the_way_and_by_the_kitchen_always(
    cluster: Cluster, clients: tuple[HubClient, HubClient], kind: str, new_screen: Callable[[str], AnyScreen]
) -> None:
    customer, kitchen, rider = new_screen(kind), new_screen(kind), new_screen("python")
    placed = await clients[1].place()
    id = placed["order"]["id"]
    await customer.connect(cluster.urls[0], token=placed["tracking"]["token"])
    await customer.join(f"order:{id}")
    await kitchen.connect(cluster.urls[1], token=cluster.token)
    await kitchen.join("kitchen")
    await rider.connect(cluster.urls[1], token=cluster.token)

    async def report(lat: float) -> None:
        ack = await rider.call("courier.report", {**HERE, "order_id": id, "lat": lat})
        assert ack == {"ok": True, "data": {}}

    await clients[0].post(f"/api/orders/{id}/courier", {"courier_id": cluster.courier})
    for step in ("preparing", "ready"):
        await clients[0].advance(id, step)
    await report(1.0)
    await clients[0].advance(id, "en_route")
    await report(2.0)
    await clients[0].advance(id, "delivered")
    late = await rider.call("courier.report", {**HERE, "order_id": id})
    assert late["error"]["code"] == "conflict"
    for screen in (customer, kitchen):
        await screen.next("order.delivered")
    seen = [heard for heard in customer.heard if heard.name == "courier.moved"]
    assert [heard.event["data"]["lat"] for heard in seen] == [2.0]
    on_board = [heard for heard in kitchen.heard if heard.name == "courier.moved"]
    assert [heard.event["data"]["lat"] for heard in on_board] == [1.0, 2.0]
    for heard in (*seen, *on_board):
        assert len(heard.args) == 1  # no cursor: it is no place to resume from
        assert not {"offset", "prev"} & set(heard.event)
        assert heard.event["data"]["courier_id"] == cluster.courier
        assert set(heard.event["data"]) == {"order_id", "courier_id", "lat", "lon", "accuracy_m"}


async def test_a_promotion_reaches_everybody_on_both_hubs(
    cluster: Cluster, clients: tuple[HubClient, HubClient], new_screen: Callable[[str], AnyScreen]
) -> None:
    screens = [new_screen(kind) for kind in ("python", "python", "python", "python", "node", "node")]
    for number, screen in enumerate(screens):
        await screen.connect(cluster.urls[number % 2])
        await screen.join("promos")
    publisher = new_screen("python")
    await publisher.connect(cluster.urls[0], token=cluster.token)
    ack = await publisher.call("promo.publish", {"title": "Jueves 🌮", "message": "2×1 en suadero"})
    for screen in screens:
        seen = await screen.next("promo.published")
        assert seen.event["data"]["title"] == "Jueves 🌮"
        assert seen.args[1] == ack["data"]["cursor"]
        assert len(screen.of("promos")) == 1
    assert publisher.of("promos") == []  # it is in no room


async def test_a_reader_gets_the_types_it_asked_for_and_its_own_catching_up_too(
    cluster: Cluster, clients: tuple[HubClient, HubClient], screen: AnyScreen
) -> None:
    placed = await clients[0].place()
    id = placed["order"]["id"]
    await clients[0].advance(id, "preparing")
    await screen.connect(cluster.urls[1], token=placed["tracking"]["token"])
    joined = await screen.join(f"order:{id}", after=placed["cursor"], only=["order.ready", "order.delivered"])
    assert (joined["recovered"], joined["events"]) == (True, [])
    assert joined["snapshot"]["order"]["status"] == "preparing"
    for step in ("ready", "en_route", "delivered"):
        await clients[0].advance(id, step)
    await screen.next("order.delivered")
    assert [heard.name for heard in screen.of(f"order:{id}")] == ["order.ready", "order.delivered"]


async def test_who_leaves_a_room_hears_no_more_of_it(
    cluster: Cluster, clients: tuple[HubClient, HubClient], screen: AnyScreen
) -> None:
    await screen.connect(cluster.urls[0], token=cluster.token)
    await screen.join("promos")
    await screen.join("kitchen")
    assert await screen.call("room.leave", {"room": "promos"}) == {"ok": True, "data": {}}
    await clients[1].promo()
    placed = await clients[1].place()
    await screen.until(lambda: screen.of("kitchen"))
    assert screen.of("kitchen")[0].event["data"]["order"]["id"] == placed["order"]["id"]
    assert screen.of("promos") == []


async def test_a_client_that_wants_no_ack_is_served_all_the_same(
    cluster: Cluster, clients: tuple[HubClient, HubClient], screen: AnyScreen
) -> None:
    id = (await clients[0].place())["order"]["id"]
    await screen.connect(cluster.urls[0], token=cluster.token)
    await screen.emit("order.burn", {"order_id": id})
    await screen.emit("order.advance", {"order_id": id, "to": "delivered"})
    await screen.emit("room.join", {"room": f"order:{id}"})
    await screen.emit("order.advance", {"order_id": id, "to": "preparing"})
    assert (await screen.next("order.preparing")).event["data"]["order_id"] == id
    assert [heard.name for heard in screen.heard if heard.name == "ack"] == []


async def test_no_event_falls_between_the_state_and_what_follows_it(
    cluster: Cluster, clients: tuple[HubClient, HubClient], kind: str, new_screen: Callable[[str], AnyScreen]
) -> None:
    """Rooms are entered while both hubs commit without a pause; the ack comes before what follows it."""
    writing = True

    async def write(client: HubClient) -> None:
        while writing:
            await client.promo()

    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            tasks.create_task(write(client))
        screens = []
        for number in range(4):
            screen = new_screen(kind)
            await screen.connect(cluster.urls[number % 2], TRANSPORTS["upgrade" if number > 1 else "websocket"])
            screens.append((screen, await screen.join("promos")))
            await screen.next("promo.published")
        writing = False
    end = offset_of(await clients[0].position())
    for screen, joined in screens:
        await screen.until(lambda screen=screen: screen.of("promos")[-1].event["offset"] == end)  # type: ignore[misc]
        order = [heard.name for heard in screen.heard if heard.name in ("ack", "promo.published")]
        assert order.index("ack") == 0
        events = joined["events"]
        assert events[-1]["offset"] <= offset_of(joined["cursor"])
        assert all(a["offset"] == b["prev"] for a, b in pairwise(events))
        check_chain(screen.of("promos"), events[-1]["offset"])
