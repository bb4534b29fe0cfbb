"""Readers that leave free their place at once, so that an address that reconnects often is never locked out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from hub.gateways.joins import Joins
from tests.support.hub_harness import SOON_S, STREAM, plain, streaming
from tests.support.wire import wire

if TYPE_CHECKING:
    from tests.gateways.conftest import Open
    from tests.support.hub_harness import HubHarness

PROMOS = "/api/rooms/promos/events"
QUESTION = {"messages": [{"role": "user", "content": "hola"}]}
TIMES = 300

Visit = Callable[["HubHarness"], Any]


async def read_room(house: HubHarness) -> None:
    async with house.http.get(house.url + PROMOS, headers=STREAM) as response:
        assert await response.content.readline() != b""
        response.close()


async def ask(house: HubHarness) -> None:
    async with house.http.post(house.url + "/api/chat/stream", json=QUESTION) as response:
        assert response.status == 200
        response.close()


async def open_socket(house: HubHarness) -> None:
    ws = await house.http.ws_connect(f"{house.url}/ws")
    assert ws._response.connection is not None
    assert ws._response.connection.transport is not None
    ws._response.connection.transport.abort()  # without a word


@pytest.mark.parametrize(("visit", "times"), [(read_room, TIMES), (ask, 20), (open_socket, TIMES)])
async def test_streams_opened_and_closed_one_after_another_close_no_gateway(
    open_hub: Open, visit: Visit, times: int
) -> None:
    """Fewer places than visits, and no heartbeat comes by to find the empty ones."""
    async with open_hub(connections=10) as house:
        for _ in range(times):
            await visit(house)
        await every_gateway_answers(house)


async def every_gateway_answers(house: HubHarness) -> None:
    async with AsyncExitStack() as stack:
        await (await stack.enter_async_context(streaming(house, PROMOS))).next()
        assert (await (await stack.enter_async_context(await plain(house))).command("room.join", room="promos"))["ok"]
        socket = house.http.ws_connect(f"{house.url}/socket.io/?EIO=4&transport=websocket")
        assert (await (await stack.enter_async_context(socket)).receive_str()).startswith("0{")
        polled = await house.get("/socket.io/?EIO=4&transport=polling")
        assert (polled.status, polled.raw[:2]) == (200, b"0{")
        answer = house.http.post(house.url + "/api/chat/stream", json=QUESTION)
        assert (await stack.enter_async_context(answer)).status == 200
        assert (await house.get("/api/menu")).status == 200


async def test_a_reader_that_left_before_its_answer_began_is_not_kept(
    open_hub: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_hub() as house:
        entered, go_on = asyncio.Event(), asyncio.Event()
        join = Joins.join

        async def slowly(joining: Joins, *asked: Any) -> Any:
            entered.set()
            await go_on.wait()
            return await join(joining, *asked)

        monkeypatch.setattr(Joins, "join", slowly)
        asking = asyncio.create_task(house.get(PROMOS, headers=STREAM))
        async with asyncio.timeout(SOON_S):
            await entered.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert len(house.hub.gateways.streams.open)
        go_on.set()
        async with asyncio.timeout(SOON_S):
            await gone(house)


async def test_a_reader_that_says_something_goes_on_reading(house: HubHarness) -> None:
    async with wire(house.url) as peer, asyncio.timeout(SOON_S):
        asked = f"GET {PROMOS} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n".encode()
        await peer.send(asked)
        await peer.reader.readuntil(b"event: room.reset")
        await peer.send(b"\x00" * 1_000 + asked)
        await house.promo()
        await peer.reader.readuntil(b"event: promo.published")
    async with asyncio.timeout(SOON_S):
        await gone(house)


async def gone(house: HubHarness) -> None:
    """Nothing says when a place is free: it is looked at."""
    while len(house.hub.gateways.streams.open):  # noqa: ASYNC110
        await asyncio.sleep(0)
