"""Commands said again, at once, by others, and with the answer lost: through every gateway of two hubs."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from hub.domain.events import parse_event
from hub.domain.order_document import Order
from hub.domain.order_fold import fold
from tests.integration.cluster import SKU, an_order
from tests.integration.screens import SOON_S, PythonScreen

if TYPE_CHECKING:
    from tests.integration.cluster import Cluster, HubClient

AT_ONCE = 10
_HTTP_PATHS = {
    "order.place": "/api/orders",
    "order.advance": "/api/orders/{order_id}/advance",
    "order.cancel": "/api/orders/{order_id}/cancel",
    "order.recall": "/api/orders/{order_id}/recall",
    "order.delay": "/api/orders/{order_id}/delay",
    "order.acknowledge": "/api/orders/{order_id}/acknowledge",
    "order.accept": "/api/orders/{order_id}/accept",
    "order.mark_item": "/api/orders/{order_id}/items",
    "order.assign_courier": "/api/orders/{order_id}/courier",
    "promo.publish": "/api/promos",
    "stock.set": "/api/stock",
    "chat.send": "/api/chats/{chat_id}/messages",
}

Say = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


class PlainGateway:
    """Commands over a plain WebSocket, any number at once."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._ids = itertools.count()
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def read(self) -> None:
        async for message in self._ws:
            said = json.loads(message.data)
            self._answers[said.pop("ack")].set_result(said)

    async def say(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        id = next(self._ids)
        self._answers[id] = asyncio.get_running_loop().create_future()
        await self._ws.send_json({"id": id, "command": name, "data": payload})
        async with asyncio.timeout(SOON_S):
            return await self._answers[id]


def http_gateway(http: aiohttp.ClientSession, url: str, token: str) -> Say:
    async def say(name: str, payload: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        body = dict(payload)
        if "command_id" in body:
            headers["Idempotency-Key"] = body.pop("command_id")
        async with http.post(url + _HTTP_PATHS[name].format(**payload), json=body, headers=headers) as response:
            answer: dict[str, Any] = json.loads(await response.read())
        if not answer["ok"]:
            code = answer["error"]["code"]
            assert response.status == {"idempotency_mismatch": 422, "conflict": 409, "out_of_stock": 409}[code], answer
        return answer

    return say


class Crowd:
    """One principal on every gateway of both hubs."""

    def __init__(self, gateways: dict[str, list[Say]]) -> None:
        self._gateways = gateways

    def gateways(self, name: str) -> list[Say]:
        """Those that take this command, the hubs and the kinds by turns."""
        kinds = [kind for kind in self._gateways if kind != "http" or name in _HTTP_PATHS]
        return [self._gateways[kind][hub] for hub in (0, 1) for kind in kinds]

    async def storm(self, name: str, payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """All of these at once, each through the next gateway."""
        gateways = itertools.cycle(self.gateways(name))
        return await asyncio.gather(*(say(name, payload) for say, payload in zip(gateways, payloads, strict=False)))


@pytest.fixture
async def new_crowd(cluster: Cluster, http: aiohttp.ClientSession) -> AsyncIterator[Callable[[str], Awaitable[Crowd]]]:
    async with AsyncExitStack() as stack:
        readers: list[asyncio.Task[None]] = []

        async def make(token: str) -> Crowd:
            gateways: dict[str, list[Say]] = {"socketio": [], "plain": [], "http": []}
            for url in cluster.urls:
                screen = PythonScreen()
                stack.push_async_callback(screen.close)
                await screen.connect(url, token=token)
                gateways["socketio"].append(screen.call)
                ws = await http.ws_connect(f"{url}/ws", headers={"Authorization": f"Bearer {token}"})
                stack.push_async_callback(ws.close)
                plain = PlainGateway(ws)
                readers.append(asyncio.create_task(plain.read()))
                gateways["plain"].append(plain.say)
                gateways["http"].append(http_gateway(http, url, token))
            return Crowd(gateways)

        yield make
    await asyncio.gather(*readers)


@pytest.fixture
async def crowd(cluster: Cluster, new_crowd: Callable[[str], Awaitable[Crowd]]) -> Crowd:
    """A manager's program."""
    return await new_crowd(cluster.token)


async def events_after(client: HubClient, room: str, cursor: str) -> list[dict[str, Any]]:
    page = await client.get(f"/api/rooms/{room}/events?after={cursor}")
    assert page["recovered"] is True
    events: list[dict[str, Any]] = page["events"]
    return events


async def check_folds(client: HubClient, order_id: str, since: str) -> None:
    """The order is what the events of its two rooms make of it."""
    pages = [(await client.get(f"/api/rooms/order:{order_id}/events"))["events"]]
    pages.append(await events_after(client, "kitchen", since))
    told = {event["offset"]: event for page in pages for event in page if event["type"].startswith("order.")}
    theirs = (
        (parse_event(event["type"], event["data"]), datetime.fromisoformat(event["at"]))
        for _, event in sorted(told.items())
        if order_id in (event["data"].get("order_id"), event["data"].get("order", {}).get("id"))
    )
    document = (await client.get(f"/api/orders/{order_id}"))["order"]
    document["customer"].pop("origin", None)  # shown to staff, and no part of it
    folded: Any = theirs
    assert fold(None, folded) == Order.model_validate(document)


def same_bytes(answers: list[dict[str, Any]]) -> bool:
    """Whether each holds the very same data, to the order of its fields."""
    return len({json.dumps(answer.get("data")) for answer in answers}) == 1 and all(one["ok"] for one in answers)


# What makes each command possible, what it says, what else it might say under the same id, and where it is told.
Prepared = tuple[dict[str, Any], dict[str, Any], str]


async def _order(client: HubClient, *steps: str, **more: Any) -> tuple[dict[str, Any], str]:
    placed = await client.place(**more)
    for step in steps:
        await client.advance(placed["order"]["id"], step)
    return {"order_id": placed["order"]["id"]}, f"order:{placed['order']['id']}"


async def _chat(client: HubClient) -> dict[str, Any]:
    opened: dict[str, Any] = await client.post("/api/chats", {})
    return opened


async def place(client: HubClient, cluster: Cluster, manager: Say) -> Prepared:
    return an_order(), {"items": [{"sku": SKU, "qty": 2}]}, "kitchen"


async def advance(client: HubClient, cluster: Cluster, manager: Say) -> Prepared:
    order, room = await _order(client)
    return {**order, "to": "preparing"}, {"to": "ready"}, room


async def cancel(client: HubClient, cluster: Cluster, manager: Say) -> Prepared:
    order, room = await _order(client)
    return {**order, "reason": "no"}, {"reason": "sí"}, room


async def recall(client: HubClient, cluster: Cluster, manager: Say) -> Prepared:
    order, room = await _order(client, "preparing", "ready")
    return {**order, "reason": "no"}, {"reason": "sí"}, room


async def delay(client: HubClient, cluster: Cluster, manager: Say) -> Prepared:
    order, room = await _order(client)
    return {**order, "reason": "lluvia", "minutes": 5}, {"minutes": 6}, room


async def acknowledge(client: HubClient, cluster: Cluster, manager: Say) -> Prepared:
    order, _ = await _order(client)
    other, _ = await _order(client)
    return order, other, "kitchen"


async def accept(client: HubClient, cluster: Cluster, manager: Say) -> Prepared:
    customer, large = client.of_a_customer(), [{"sku": "refresco", "qty": 41}]
    await client.post("/api/stock", {"sku": "refresco", "left": 100})
    order, room = await _order(customer, items=large)
    await client.post(f"/api/orders/{order['order_id']}/acknowledge", {})
    other, _ = await _order(customer, items=large)
    return order, other, room


async def mark_item(client: HubClient, cluster: Cluster, manager: Say) -> Prepared:
    order, room = await _order(client)
    return {**order, "item": 1, "done": True}, {"done": False}, room


async def assign_courier(client: HubClient, cluster: Cluster, manager: Say) -> Prepared:
    order, room = await _order(client)
    other, _ = await _order(client)
    return {**order, "courier_id": cluster.courier}, other, room


async def publish(client: HubClient, cluster: Cluster, manager: Say) -> Prepared:
    return {"title": "Jueves", "message": "2×1"}, {"message": "3×1"}, "promos"


async def set_stock(client: HubClient, cluster: Cluster, manager: Say) -> Prepared:
    return {"sku": "flan", "left": 0}, {"left": 7}, "stock"


async def send(client: HubClient, cluster: Cluster, manager: Say) -> Prepared:
    return {**await _chat(client), "text": "hola"}, {"text": "adiós"}, "chat:"


async def reply(client: HubClient, cluster: Cluster, manager: Say) -> Prepared:
    chat = await _chat(client)
    assert (await manager("chat.take_over", {"chat_id": chat["chat_id"]}))["ok"]
    return {"chat_id": chat["chat_id"], "text": "dime"}, {"text": "¿sí?"}, "chat:"


KEYED: dict[str, Callable[[HubClient, Cluster, Say], Awaitable[Prepared]]] = {
    "order.place": place,
    "order.advance": advance,
    "order.cancel": cancel,
    "order.recall": recall,
    "order.delay": delay,
    "order.acknowledge": acknowledge,
    "order.accept": accept,
    "order.mark_item": mark_item,
    "order.assign_courier": assign_courier,
    "promo.publish": publish,
    "stock.set": set_stock,
    "chat.send": send,
    "chat.reply": reply,
}
# One command may tell of a change and of what follows from it.
_TOLD = {"order.delay": 2, "order.recall": 2}


@pytest.mark.parametrize("name", KEYED)
async def test_a_command_said_many_times_at_once_is_carried_out_once_and_answered_alike(
    cluster: Cluster, clients: tuple[HubClient, HubClient], crowd: Crowd, name: str
) -> None:
    ways = crowd.gateways(name)
    began = await clients[1].position()
    payload, other, room = await KEYED[name](clients[0], cluster, ways[0])
    room += payload["chat_id"] if room == "chat:" else ""
    before = await clients[1].position()
    payload["command_id"] = uuid.uuid4().hex
    answers = await crowd.storm(name, [payload] * AT_ONCE)
    assert same_bytes(answers), answers
    told = await events_after(clients[1], room, before)
    assert len(told) == _TOLD.get(name, 1), told
    assert told[-1]["offset"] == offset_of(answers[0])
    # Said again later, alone, when other things have happened; and something else under the same id.
    await clients[0].promo()
    assert same_bytes([answers[0], *[await say(name, payload) for say in ways]])
    for say in ways:
        refused = await say(name, {**payload, **other})
        assert refused["error"]["code"] == "idempotency_mismatch", refused
    assert [e for e in await events_after(clients[1], room, before) if e["type"] != "promo.published"] == [
        e for e in told if e["type"] != "promo.published"
    ]
    if order_id := payload.get("order_id"):
        await check_folds(clients[1], order_id, began)


@pytest.mark.parametrize("name", [name for name in KEYED if name not in ("chat.send", "order.cancel")])
async def test_the_same_id_said_by_somebody_else_is_another_command(
    cluster: Cluster,
    clients: tuple[HubClient, HubClient],
    crowd: Crowd,
    new_crowd: Callable[[str], Awaitable[Crowd]],
    name: str,
) -> None:
    others = await new_crowd(cluster.token_of("Eva"))
    payload, other, _ = await KEYED[name](clients[0], cluster, crowd.gateways(name)[0])
    payload["command_id"] = uuid.uuid4().hex
    first = await crowd.gateways(name)[0](name, payload)
    second = await others.gateways(name)[-1](name, {**payload, **other})
    assert first["ok"] is second["ok"] is True, second
    assert offset_of(second) > offset_of(first)


async def test_of_fifty_conflicting_steps_one_is_taken_and_every_other_one_is_a_conflict(
    cluster: Cluster, clients: tuple[HubClient, HubClient], crowd: Crowd
) -> None:
    began = await clients[0].position()
    order_id = (await clients[0].place())["order"]["id"]
    for to in ("preparing", "ready", "en_route"):
        steps = [{"order_id": order_id, "to": to, "command_id": uuid.uuid4().hex} for _ in range(50)]
        answers = await crowd.storm("order.advance", steps)
        codes = [answer["error"]["code"] for answer in answers if not answer["ok"]]
        assert codes == ["conflict"] * 49
    assert (await clients[1].get(f"/api/orders/{order_id}"))["order"]["version"] == 4
    await check_folds(clients[1], order_id, began)


async def test_many_hands_that_change_one_order_at_once_leave_what_its_events_say(
    cluster: Cluster, clients: tuple[HubClient, HubClient], crowd: Crowd
) -> None:
    began = await clients[0].position()
    order_id = (await clients[0].place())["order"]["id"]
    jobs: list[tuple[str, dict[str, Any]]] = [
        ("order.advance", {"to": "preparing"}),
        ("order.advance", {"to": "ready"}),
        ("order.recall", {"reason": "frío"}),
        ("order.acknowledge", {}),
        ("order.mark_item", {"item": 1, "done": True}),
        ("order.mark_item", {"item": 1, "done": False}),
        ("order.delay", {"minutes": 3, "reason": "lluvia"}),
        ("order.assign_courier", {"courier_id": cluster.courier}),
        ("order.cancel", {"reason": "ya no"}),
    ]
    ways = itertools.cycle(crowd.gateways("order.advance"))
    said = [(name, {**more, "order_id": order_id, "command_id": uuid.uuid4().hex}) for name, more in jobs * 3]
    answers = await asyncio.gather(*(say(name, payload) for (name, payload), say in zip(said * 2, ways, strict=False)))
    refusals = {answer["error"]["code"] for answer in answers if not answer["ok"]}
    assert refusals <= {"conflict", "unavailable"}  # the second: so many hands that it gave up; say it again
    first, second = answers[: len(said)], answers[len(said) :]
    for one, other in zip(first, second, strict=True):
        if one["ok"] and other["ok"]:
            assert same_bytes([one, other])
    await check_folds(clients[1], order_id, began)


async def test_the_last_three_portions_are_sold_to_three_of_twenty(
    cluster: Cluster, clients: tuple[HubClient, HubClient], crowd: Crowd
) -> None:
    sku = "churros"
    await clients[0].post("/api/stock", {"sku": sku, "left": 3})
    wanted = [an_order(items=[{"sku": sku, "qty": 1}], command_id=uuid.uuid4().hex) for _ in range(20)]
    before = await clients[0].position()
    answers = await crowd.storm("order.place", wanted)
    placed = [answer["data"]["order"]["id"] for answer in answers if answer["ok"]]
    assert len(set(placed)) == 3
    assert [answer["error"]["code"] for answer in answers if not answer["ok"]] == ["out_of_stock"] * 17
    told = await events_after(clients[1], "kitchen", before)
    received = [event["data"]["order"]["id"] for event in told if event["type"] == "order.received"]
    assert sorted(received) == sorted(placed)
    # Who was served hears the same again; who was not is not served by asking again.
    again = await crowd.storm("order.place", wanted)
    assert [answer.get("data") for answer in again] == [answer.get("data") for answer in answers]
    (flavour,) = [item for item in (await clients[0].get("/api/menu"))["items"] if item["sku"] == sku]
    assert flavour["available"] is False


@pytest.mark.parametrize("name", ["order.place", "order.advance", "promo.publish"])
async def test_who_is_cut_off_right_after_asking_asks_again_and_gets_the_first_answer(
    cluster: Cluster, clients: tuple[HubClient, HubClient], http: aiohttp.ClientSession, crowd: Crowd, name: str
) -> None:
    payload, _, room = await KEYED[name](clients[0], cluster, crowd.gateways(name)[0])
    payload["command_id"] = uuid.uuid4().hex
    before = await clients[0].position()
    url = f"{cluster.urls[0]}/socket.io/?EIO=4&transport=websocket"
    async with http.ws_connect(url) as ws:
        await ws.receive_str()
        await ws.send_str("40" + json.dumps({"token": cluster.token}))
        for _ in ("CONNECT", "hub.welcome"):
            await ws.receive_str()
        await ws.send_str("421" + json.dumps([name, payload]))
        assert ws._response.connection is not None
        assert ws._response.connection.transport is not None
        ws._response.connection.transport.close()  # what was written is on its way; nothing is read any more
    # Meanwhile the first may still be under way, on the other hub.
    again = [await say(name, payload) for say in reversed(crowd.gateways(name))]
    assert same_bytes(again), again
    told = await events_after(clients[1], room, before)
    assert [event["offset"] for event in told] == [offset_of(again[0])]


@pytest.mark.parametrize(
    ("step", "again"),
    [
        (("order.advance", {"to": "preparing"}), "conflict"),
        (("order.cancel", {"reason": "no"}), "conflict"),
        (("order.delay", {"minutes": 5, "reason": "no"}), "twice"),
        (("order.acknowledge", {}), "nothing"),
        (("order.mark_item", {"item": 1, "done": True}), "nothing"),
        (("order.assign_courier", "courier"), "nothing"),
    ],
    ids=lambda value: value[0].partition(".")[2] if isinstance(value, tuple) else value,
)
async def test_what_a_repeat_without_an_id_does_lies_in_the_nature_of_the_command(
    cluster: Cluster, clients: tuple[HubClient, HubClient], crowd: Crowd, step: tuple[str, Any], again: str
) -> None:
    began = await clients[0].position()
    order_id = (await clients[0].place())["order"]["id"]
    before = await clients[0].position()
    name, more = step
    payload = {"order_id": order_id, **({"courier_id": cluster.courier} if more == "courier" else more)}
    first, second = [await say(name, payload) for say in crowd.gateways(name)[:2]]
    assert first["ok"] is True, first
    told = await events_after(clients[1], "kitchen", before)
    if again == "conflict":
        assert second["error"]["code"] == "conflict"
    else:
        assert second["ok"] is True
    assert len(told) == (4 if again == "twice" else 1)
    await check_folds(clients[1], order_id, began)


async def test_a_chat_is_taken_over_handed_back_and_stopped_once_however_often_it_is_said(
    cluster: Cluster, clients: tuple[HubClient, HubClient], crowd: Crowd
) -> None:
    chat = await clients[0].post("/api/chats", {})
    asked = await clients[0].post(f"/api/chats/{chat['chat_id']}/messages", {"text": "hola", "token": chat["token"]})
    chat_id = {"chat_id": chat["chat_id"]}
    stop = ("chat.stop", {**chat_id, "turn_id": asked["turn_id"]})
    for name, payload in (("chat.take_over", chat_id), stop, ("chat.hand_back", chat_id), stop):
        answers = await asyncio.gather(*(say(name, payload) for say in crowd.gateways("chat.take_over") * 3))
        assert all(answer["ok"] for answer in answers), answers
    room = f"chat:{chat['chat_id']}"
    told = [event["type"] for event in (await clients[1].get(f"/api/rooms/{room}/events"))["events"]]
    assert sorted(told) == ["chat.handed_back", "chat.handed_over", "chat.message", "chat.stopped"]


def offset_of(answer: dict[str, Any]) -> int:
    return int(answer["data"]["cursor"].rpartition("-")[2])
