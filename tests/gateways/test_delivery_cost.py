"""What a delivery costs through each gateway, in calls: no gateway costs more than Socket.IO's."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tests.relay.test_cost import CALLS_A_DELIVERY, CALLS_AN_EVENT, published
from tests.support.call_counter import CallCounter
from tests.support.hub_harness import plain, streaming

if TYPE_CHECKING:
    from tests.gateways.conftest import Open
    from tests.support.hub_harness import HubHarness

READERS = 30
ROOM = "promos"
GATEWAYS = ("socketio", "websocket", "sse")


async def enter(house: HubHarness, gateway: str, stack: AsyncExitStack) -> None:
    """Bring one reader into the room, through a gateway."""
    if gateway == "sse":
        stream = await stack.enter_async_context(streaming(house, f"/api/rooms/{ROOM}/events"))
        await stream.next()
    elif gateway == "websocket":
        client = await stack.enter_async_context(await plain(house))
        assert (await client.command("room.join", room=ROOM))["ok"]
    else:
        path = f"{house.url}/socket.io/?EIO=4&transport=websocket"
        ws = await stack.enter_async_context(house.http.ws_connect(path))
        await ws.send_str("40")
        await ws.send_str(f'420["room.join",{json.dumps({"room": ROOM})}]')
        while not (await ws.receive_str()).startswith("430"):
            pass


async def calls_of(house: HubHarness, gateway: str) -> int:
    """Count the calls of one event on its way to all readers."""
    async with AsyncExitStack() as stack:
        for _ in range(READERS):
            await enter(house, gateway, stack)
        relay, log = house.hub.branch.relay, house.hub.branch.log
        at = await log.position()
        channel = log.keys.channel(ROOM).encode()
        relay.on_message(channel, published(at, 1))
        before = relay.stats.deliveries
        with CallCounter() as one:
            relay.on_message(channel, published(at, 2))
        assert relay.stats.deliveries == before + READERS
        return one.total


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_delivery_takes_a_bounded_number_of_calls_through_each_gateway(open_hub: Open, gateway: str) -> None:
    async with open_hub(connections=0) as house:
        assert await calls_of(house, gateway) <= READERS * CALLS_A_DELIVERY + CALLS_AN_EVENT


async def test_a_delivery_through_any_gateway_takes_no_more_calls_than_by_socketio(open_hub: Open) -> None:
    calls: dict[str, int] = {}
    for gateway in GATEWAYS:
        async with open_hub(connections=0) as house:
            calls[gateway] = await calls_of(house, gateway)
    by_socketio = calls.pop("socketio")
    assert max(calls.values()) <= by_socketio + READERS // 3  # an event is encoded once, in a few calls more or less
