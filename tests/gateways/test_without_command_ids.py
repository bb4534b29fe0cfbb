"""A client that repeats a command without an id makes one order, one message, one count: on every gateway."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import socketio

from tests.support.hub_harness import SKU, an_order, plain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.support.hub_harness import HubHarness

    Say = Callable[..., Awaitable[dict[str, Any]]]

PATHS = {"order.place": "/api/orders", "stock.set": "/api/stock", "chat.send": "/api/chats/{chat_id}/messages"}
GATEWAYS = ("http", "websocket", "socketio")


@asynccontextmanager
async def client(house: HubHarness, gateway: str, token: str = "", agent: str = "one") -> AsyncIterator[Say]:
    """One caller: says a command and gets its answer."""

    async def by_http(name: str, **payload: Any) -> dict[str, Any]:
        path = PATHS[name].format(**payload)
        answer = await house.post(path, payload, token=token, headers={"User-Agent": agent})
        body: dict[str, Any] = answer.body
        return body

    if gateway == "http":
        yield by_http
    elif gateway == "websocket":
        async with await plain(house, token=token, headers={"User-Agent": agent}) as connection:
            yield connection.command
    else:
        socket = socketio.AsyncClient(reconnection=False)
        await socket.connect(house.url, auth={"token": token} if token else {}, transports=["websocket"])

        async def by_socketio(name: str, **payload: Any) -> dict[str, Any]:
            answer: dict[str, Any] = await socket.call(name, payload)
            return answer

        yield by_socketio
        await socket.disconnect()


def placed(answer: dict[str, Any]) -> str:
    assert answer["ok"], answer
    order_id: str = answer["data"]["order"]["id"]
    return order_id


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_an_order_that_is_sent_again_is_one_order(house: HubHarness, gateway: str) -> None:
    async with client(house, gateway) as say:
        first = await say("order.place", **an_order())
        assert (await say("order.place", **an_order()))["data"] == first["data"]
        other = await say("order.place", **an_order(customer={"name": "Luz"}))
        assert placed(other) != placed(first)
        assert placed(await say("order.place", **an_order())) == placed(first)  # also after another one


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_two_callers_with_the_same_body_are_two(house: HubHarness, gateway: str) -> None:
    async with client(house, gateway, agent="one") as one, client(house, gateway, agent="two") as two:
        assert placed(await one("order.place", **an_order())) != placed(await two("order.place", **an_order()))


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_two_tokens_are_two_callers_and_one_token_is_one(house: HubHarness, gateway: str) -> None:
    first, second = house.token(), house.token()
    async with client(house, gateway, first, "one") as one, client(house, gateway, first, "two") as same:
        assert placed(await one("order.place", **an_order())) == placed(await same("order.place", **an_order()))
        async with client(house, gateway, second, "one") as other:
            assert placed(await one("order.place", **an_order())) != placed(await other("order.place", **an_order()))


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_two_equal_orders_with_ids_are_two(house: HubHarness, gateway: str) -> None:
    async with client(house, gateway) as say:
        ids = {placed(await say("order.place", **an_order(command_id=f"the-order-of-a-guest-{n}"))) for n in range(2)}
        assert len(ids) == 2


async def test_a_minute_later_it_is_another_order(house: HubHarness) -> None:
    async with client(house, "http") as say:
        first = placed(await say("order.place", **an_order()))
        log = house.hub.branch.log
        [key] = await log.calls.call("KEYS", log.keys.command("derived:*"))
        assert 50 < await log.calls.call("TTL", key) <= 60
        await log.calls.call("DEL", key)
        assert placed(await say("order.place", **an_order())) != first


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_count_that_is_sent_again_undoes_no_sale_and_one_after_another_counts(
    house: HubHarness, gateway: str
) -> None:
    async with client(house, gateway, house.token()) as say:

        async def left() -> int:
            return (await house.hub.branch.log.counters())[SKU]

        await say("stock.set", sku=SKU, left=5)
        await house.placed()
        await say("stock.set", sku=SKU, left=5)
        assert await left() == 4
        for counted, command_id in ((0, None), (5, None), (0, "c-1"), (5, None)):
            await say("stock.set", sku=SKU, left=counted, command_id=command_id)
            assert await left() == counted


@pytest.mark.parametrize("known_as", [{}, {"command_id": "of-this-message"}], ids=["without-id", "with-id"])
@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_message_that_is_sent_again_is_one_and_one_after_another_is_new(
    house: HubHarness, gateway: str, known_as: dict[str, str]
) -> None:
    chat = (await house.post("/api/chats", {})).data
    async with client(house, gateway) as say:

        async def turn(text: str, **more: Any) -> str:
            answer = await say("chat.send", chat_id=chat["chat_id"], token=chat["token"], text=text, **more)
            assert answer["ok"], answer
            turn_id: str = answer["data"]["turn_id"]
            return turn_id

        first = await turn("sí")
        assert await turn("sí") == first
        await turn("mejor dos", **known_as)
        assert await turn("sí") != first
