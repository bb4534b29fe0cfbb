"""A hub that goes away: not ready at once, commands under way answered, and its clients sent off one by one."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from hub.domain.answers.branch_answers import PublishedPromo
from hub.socketio.drain import staggered
from tests.support.hub_harness import SOON_S, plain, streaming

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.gateways.conftest import Open
    from tests.support.hub_harness import HubHarness

RESTART = aiohttp.WSCloseCode.SERVICE_RESTART
PROMO = {"title": "2×1", "message": "hoy"}


class Slow:
    """A service that takes its time: `asked` counts its commands, `answer` lets it go on."""

    def __init__(self) -> None:
        self.answer = asyncio.Event()
        self._asked = asyncio.Semaphore(0)

    async def publish(self, *_: Any) -> PublishedPromo:
        self._asked.release()
        await self.answer.wait()
        return PublishedPromo(promo_id="p1", cursor="e-1")

    async def asked(self, times: int) -> None:
        async with asyncio.timeout(SOON_S):
            for _ in range(times):
                await self._asked.acquire()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    slow = Slow()

    async def publish(_service: Any, *command: Any) -> PublishedPromo:
        return await slow.publish(*command)

    monkeypatch.setattr("hub.services.promotions.PromotionService.publish", publish)
    return slow


@asynccontextmanager
async def socket_io(house: HubHarness) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A manager's Socket.IO connection, by hand."""
    async with house.http.ws_connect(f"{house.url}/socket.io/?EIO=4&transport=websocket") as ws:
        await ws.receive_str()
        await ws.send_str("40" + json.dumps({"token": house.token()}))
        for _ in ("CONNECT", "hub.welcome"):
            await ws.receive_str()
        yield ws


async def test_commands_under_way_are_answered_before_their_connections_close(open_hub: Open, slow: Slow) -> None:
    async with open_hub() as house, AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        io, idle = [await stack.enter_async_context(socket_io(house)) for _ in range(2)]
        ws = await stack.enter_async_context(await plain(house, token=house.token()))
        await io.send_str("427" + json.dumps(["promo.publish", PROMO]))
        await ws.ws.send_json({"id": 7, "command": "promo.publish", "data": PROMO})
        posted = tasks.create_task(house.post("/api/promos", PROMO, token=house.token()))
        await slow.asked(3)
        leaving = tasks.create_task(house.hub.drain())
        async with asyncio.timeout(SOON_S):
            assert (await idle.receive()).data == RESTART  # it waits for nobody else's answer
        ready = await house.get("/readyz")
        assert (ready.status, ready.body["data"]["checks"]["serving"]) == (503, False)
        assert not leaving.done()
        slow.answer.set()
        async with asyncio.timeout(SOON_S):
            assert (await io.receive_str()).startswith('437[{"ok":true')
            assert (await io.receive()).data == RESTART
            assert (await ws.ack(7))["ok"] is True
            assert await ws.closed() == RESTART
            assert (await posted).status == 201


async def test_a_command_that_takes_too_long_does_not_keep_the_hub(
    open_hub: Open, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.socketio.open_connections.ANSWER_TIMEOUT_S", 0.05)
    async with open_hub() as house, socket_io(house) as io, await plain(house, token=house.token()) as ws:
        await io.send_str("427" + json.dumps(["promo.publish", PROMO]))
        await ws.ws.send_json({"id": 7, "command": "promo.publish", "data": PROMO})
        await slow.asked(2)
        drained = asyncio.create_task(house.hub.drain())
        async with asyncio.timeout(SOON_S):
            assert (await io.receive()).data == RESTART
            assert await ws.closed() == RESTART
        slow.answer.set()
        async with asyncio.timeout(SOON_S):
            await drained


@pytest.mark.parametrize(("connections", "least_s", "most_s"), [(5, 0.0, 0.1), (100, 0.15, 0.25), (2_000, 0.25, 1.0)])
async def test_a_handful_goes_at_once_and_thousands_over_all_of_the_time(
    connections: int, least_s: float, most_s: float
) -> None:
    now_s = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds

    closings = staggered(range(connections), 0.3, monotonic=lambda: now_s, sleep=sleep)
    gone = [(number, now_s) async for number in closings]
    assert [number for number, _ in gone] == list(range(connections))
    assert gone[-1][1] >= least_s
    middle = gone[connections // 2][1]
    assert middle <= most_s
    assert middle >= least_s / 3


async def test_no_connections_take_no_time() -> None:
    assert [left async for left in staggered(tuple[object, ...](), 2.0)] == []


async def test_a_hub_that_retires_is_not_ready_and_serves_everybody_meanwhile(house: HubHarness) -> None:
    async with socket_io(house) as io, streaming(house, "/api/rooms/promos/events") as before:
        await before.next()
        house.hub.retire()
        assert (await house.get("/readyz")).status == 503
        menu = await house.get("/api/menu")
        assert (menu.status, menu.headers["Connection"]) == (200, "close")  # the next request goes elsewhere
        async with socket_io(house), await plain(house) as ws, streaming(house, "/api/rooms/promos/events") as stream:
            await stream.next()
            assert (await ws.command("room.join", room="promos"))["ok"] is True
            await house.promo()
            assert (await stream.next()).type == (await before.next()).type == "promo.published"
        await io.send_str("427" + json.dumps(["promo.publish", PROMO]))
        assert (await io.receive_str()).startswith('437[{"ok":true')
