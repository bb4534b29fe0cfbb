"""A client comes back to any hub with its private id and the last event it was brought: it has all its rooms again."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from hub.core.cursor import Cursor
from hub.store.keys import Keys
from tests.integration.cluster import Cluster, HubClient
from tests.integration.conftest import AnyScreen
from tests.support.proxy import Proxy

SOON_S = 15.0


class Line:
    """One Socket.IO connection, packet by packet, as a stock client speaks."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._acks = 0
        self.answer: dict[str, Any] = {}
        self.cursor = ""

    @property
    def pid(self) -> str:
        pid: str = self.answer["pid"]
        return pid

    async def packet(self) -> str:
        async with asyncio.timeout(SOON_S):
            while True:
                packet = await self._ws.receive_str()
                if packet == "2":
                    await self._ws.send_str("3")
                else:
                    return packet

    async def event(self) -> list[Any]:
        """The next event: name, arguments; a last argument that is a string is where to come back to."""
        while True:
            packet = await self.packet()
            if packet.startswith("42"):
                event: list[Any] = json.loads(packet[2:])
                if isinstance(event[-1], str):
                    self.cursor = event[-1]
                return event

    async def events(self, count: int) -> list[dict[str, Any]]:
        return [(await self.event())[1] for _ in range(count)]

    async def call(self, name: str, payload: Any) -> dict[str, Any]:
        """A command's answer; what comes before it is not looked at."""
        self._acks += 1
        await self._ws.send_str(f"42{self._acks}{json.dumps([name, payload])}")
        while True:
            packet = await self.packet()
            if packet.startswith(f"43{self._acks}["):
                answer: dict[str, Any] = json.loads(packet[2 + len(str(self._acks)) :])[0]
                return answer

    async def join(self, room: str, **options: Any) -> dict[str, Any]:
        answer = await self.call("room.join", {"room": room, **options})
        assert answer["ok"], answer
        data: dict[str, Any] = answer["data"]
        return data

    async def leave(self) -> None:
        """Say goodbye, as `socket.disconnect()` does."""
        await self._ws.send_str("41")


@asynccontextmanager
async def line(http: aiohttp.ClientSession, url: str, **auth: Any) -> AsyncIterator[Line]:
    async with http.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket") as ws:
        opened = Line(ws)
        assert (await opened.packet()).startswith("0")
        await ws.send_str(f"40{json.dumps(auth)}")
        answer = await opened.packet()
        assert answer.startswith("40{"), answer
        opened.answer = json.loads(answer[2:])
        welcome = await opened.event()
        assert welcome[0] == "hub.welcome"
        yield opened


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def redis(cluster: Cluster) -> AsyncIterator[Redis]:
    client: Redis = Redis(port=cluster.redis_port, decode_responses=True)
    yield client
    await client.aclose()


def titles(events: list[dict[str, Any]]) -> list[str]:
    return [event["data"]["title"] for event in events]


@pytest.mark.parametrize("there", [0, 1])
async def test_all_rooms_come_back_with_what_was_missed_in_order_on_any_hub(
    cluster: Cluster, clients: tuple[HubClient, HubClient], http: aiohttp.ClientSession, there: int
) -> None:
    placed = await clients[0].place()
    order, capability = placed["order"]["id"], placed["tracking"]["token"]
    async with line(http, cluster.urls[0]) as before:
        await before.join("promos")
        await before.join(f"order:{order}", token=capability)
        await clients[0].promo()
        await before.event()
    missed = [await clients[1].promo()]
    await clients[1].advance(order, "preparing")
    missed.append(await clients[0].promo())
    async with line(http, cluster.urls[there], pid=before.pid, offset=before.cursor) as after:
        assert after.answer == before.answer  # the same sid and pid: to the client it is the same session
        assert after.cursor == before.cursor  # should it break here, nothing has been brought yet
        events = await after.events(3)
        assert [event["type"] for event in events] == ["promo.published", "order.preparing", "promo.published"]
        assert titles([events[0], events[2]]) == missed
        assert [event["offset"] for event in events] == sorted(event["offset"] for event in events)
        # And live events, and again and again.
        title = await clients[0].promo()
        assert titles(await after.events(1)) == [title]
    for _ in range(3):
        title = await clients[0].promo()
        async with line(http, cluster.urls[1 - there], pid=after.pid, offset=after.cursor) as again:
            assert again.pid == before.pid
            assert titles(await again.events(1)) == [title]
        after = again


async def test_what_was_shown_by_a_join_is_not_given_again(
    cluster: Cluster, clients: tuple[HubClient, HubClient], http: aiohttp.ClientSession
) -> None:
    async with line(http, cluster.urls[0]) as before:
        await clients[0].promo()  # after the welcome's cursor, and in the answer to the join
        await before.join("promos")
    title = await clients[0].promo()
    async with line(http, cluster.urls[1], pid=before.pid, offset=before.cursor) as after:
        assert after.pid == before.pid
        assert titles(await after.events(1)) == [title]


async def test_a_filter_comes_back_with_its_room(
    cluster: Cluster, clients: tuple[HubClient, HubClient], http: aiohttp.ClientSession
) -> None:
    placed = await clients[0].place()
    order, capability = placed["order"]["id"], placed["tracking"]["token"]
    async with line(http, cluster.urls[0], token=capability) as before:
        await before.join(f"order:{order}", only=["order.ready", "order.delivered"])
    for step in ("preparing", "ready"):
        await clients[0].advance(order, step)
    async with line(http, cluster.urls[1], token=capability, pid=before.pid, offset=before.cursor) as after:
        for step in ("en_route", "delivered"):
            await clients[0].advance(order, step)
        assert [event["type"] for event in await after.events(2)] == ["order.ready", "order.delivered"]


async def test_of_an_event_in_two_rooms_a_connection_cut_between_the_copies_loses_none(
    cluster: Cluster, clients: tuple[HubClient, HubClient], http: aiohttp.ClientSession
) -> None:
    async with line(http, cluster.urls[0], token=cluster.token) as before:
        placed = await clients[0].place()
        order = f"order:{placed['order']['id']}"
        await before.join("kitchen")
        await before.join(order)
        await clients[0].advance(placed["order"]["id"], "preparing")
        first = await before.event()
        assert first[1]["room"] == order
        cut = before.cursor
        second = await before.event()
        assert (second[1]["room"], second[1]["offset"]) == ("kitchen", first[1]["offset"])
    async with line(http, cluster.urls[1], token=cluster.token, pid=before.pid, offset=cut) as after:
        copies = await after.events(2)  # the first one again, as it cannot be told from none
        assert {copy["room"] for copy in copies} == {order, "kitchen"}
        assert {copy["offset"] for copy in copies} == {first[1]["offset"]}
    async with line(http, cluster.urls[1], token=cluster.token, pid=before.pid, offset=before.cursor) as after:
        await clients[0].advance(placed["order"]["id"], "ready")
        assert [copy["type"] for copy in await after.events(2)] == ["order.ready"] * 2


async def test_a_connection_thought_alive_is_replaced_by_its_client_that_came_back(
    cluster: Cluster, clients: tuple[HubClient, HubClient], http: aiohttp.ClientSession
) -> None:
    async with line(http, cluster.urls[0]) as before:
        await before.join("promos")
        async with line(http, cluster.urls[0], pid=before.pid, offset=before.cursor) as after:
            assert after.answer == before.answer
            with pytest.raises(TypeError):  # a close frame
                await before.packet()
            title = await clients[1].promo()
            assert titles(await after.events(1)) == [title]


@pytest.mark.parametrize("goodbye", [True, False])
async def test_who_said_goodbye_or_was_in_no_room_begins_anew(
    cluster: Cluster, http: aiohttp.ClientSession, redis: Redis, goodbye: bool
) -> None:
    async with line(http, cluster.urls[0]) as before:
        if goodbye:
            await before.join("promos")
            key = Keys("centro").session(before.pid)
            assert await redis.exists(key)
            await before.leave()
            async with asyncio.timeout(SOON_S):
                while await redis.exists(key):
                    await redis.ping()
    async with line(http, cluster.urls[1], pid=before.pid, offset=before.cursor) as after:
        assert after.pid != before.pid
        assert after.answer["sid"] != before.answer["sid"]


FORGED = {
    "a pid that was never given": {"pid": secrets.token_urlsafe(18)},
    "no pid at all": {"pid": ""},
    "a very long pid": {"pid": "x" * 100},
    "a cursor of the wrong shape": {"offset": "yesterday"},
    "no cursor": {"offset": None},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
async def test_what_is_forged_is_a_new_session_in_no_room(
    cluster: Cluster, clients: tuple[HubClient, HubClient], http: aiohttp.ClientSession, forged: dict[str, Any]
) -> None:
    async with line(http, cluster.urls[0]) as before:
        await before.join("promos")
    auth = {"pid": before.pid, "offset": before.cursor, **forged}
    async with line(http, cluster.urls[0], **auth) as after:
        assert after.pid != before.pid
        await clients[0].promo()
        await after.join("promos")
        title = await clients[0].promo()
        assert titles(await after.events(1)) == [title]


async def test_somebody_elses_pid_opens_nothing(
    cluster: Cluster, clients: tuple[HubClient, HubClient], http: aiohttp.ClientSession
) -> None:
    async with line(http, cluster.urls[0], token=cluster.token) as before:
        await before.join("kitchen")
    async with line(http, cluster.urls[0], pid=before.pid, offset=before.cursor) as after:
        assert after.pid != before.pid
        await clients[0].place()
        await clients[0].promo()
        await after.join("promos")
        title = await clients[0].promo()
        assert titles(await after.events(1)) == [title]


CANNOT_GO_ON = {
    "from the future": lambda cursor: Cursor(cursor.epoch, cursor.offset + 1_000_000),
    "from another branch": lambda cursor: Cursor("zzzzzzzz", cursor.offset),
}


@pytest.mark.parametrize("place", CANNOT_GO_ON.values(), ids=CANNOT_GO_ON)
async def test_from_a_place_that_is_none_every_room_begins_anew(
    cluster: Cluster, clients: tuple[HubClient, HubClient], http: aiohttp.ClientSession, place: Any
) -> None:
    async with line(http, cluster.urls[0]) as before:
        await before.join("promos")
        await before.join("stock")
    cursor = str(place(Cursor.parse(before.cursor)))
    async with line(http, cluster.urls[1], pid=before.pid, offset=cursor) as after:
        assert after.pid != before.pid
        resets = [await after.event() for _ in range(2)]
        assert {reset[1]["room"] for reset in resets} == {"promos", "stock"}
        assert all(reset[0] == "room.reset" and reset[1]["data"]["snapshot"] for reset in resets)
        # Cut before the last of them, it would have to be given both again.
        assert resets[0][2] == cursor
        title = await clients[0].promo()
        assert titles(await after.events(1)) == [title]
    title = await clients[0].promo()
    async with line(http, cluster.urls[0], pid=after.pid, offset=after.cursor) as again:
        assert again.pid == after.pid
        assert titles(await again.events(1)) == [title]


async def test_who_was_cut_off_among_its_resets_is_given_all_of_them_again(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    async with line(http, cluster.urls[0]) as before:
        await before.join("promos")
        await before.join("stock")
    async with line(http, cluster.urls[1], pid=before.pid, offset="zzzzzzzz-1") as cut:
        await cut.event()
    async with line(http, cluster.urls[0], pid=cut.pid, offset=cut.cursor) as after:
        assert after.pid != cut.pid
        assert {(await after.event())[1]["room"] for _ in range(2)} == {"promos", "stock"}


async def test_history_that_was_trimmed_is_no_recovery(
    cluster: Cluster, clients: tuple[HubClient, HubClient], http: aiohttp.ClientSession, redis: Redis
) -> None:
    async with line(http, cluster.urls[0]) as before:
        await before.join("promos")
    for _ in range(3):
        await clients[0].promo()
    await redis.xtrim(Keys("centro").room("promos"), maxlen=1, approximate=False)
    async with line(http, cluster.urls[1], pid=before.pid, offset=before.cursor) as after:
        assert after.pid != before.pid
        reset = await after.event()
        assert (reset[0], reset[1]["room"]) == ("room.reset", "promos")
        assert len(reset[1]["data"]["snapshot"]["promos"]) >= 3


async def test_a_right_that_was_lost_is_not_given_back(
    cluster: Cluster, clients: tuple[HubClient, HubClient], http: aiohttp.ClientSession, redis: Redis
) -> None:
    """The order is forgotten meanwhile: its room is nobody's any more."""
    placed = await clients[0].place()
    order = placed["order"]["id"]
    async with line(http, cluster.urls[0]) as before:
        await before.join(f"order:{order}", token=placed["tracking"]["token"])
    key = Keys("centro").doc("order", order)
    document = await redis.dump(key)
    await redis.delete(key)
    try:
        async with line(http, cluster.urls[1], pid=before.pid, offset=before.cursor) as after:
            assert after.pid != before.pid
    finally:
        await redis.restore(key, 0, document or b"")


async def test_a_connection_half_dead_on_one_hub_does_not_touch_the_session_that_went_to_another(
    cluster: Cluster, clients: tuple[HubClient, HubClient], http: aiohttp.ClientSession
) -> None:
    async with line(http, cluster.urls[0]) as dead:
        await dead.join("promos")
        async with line(http, cluster.urls[1], pid=dead.pid, offset=dead.cursor) as alive:
            await alive.join("stock")
            await dead.leave()  # said before it went, and arrives late
            with pytest.raises(TypeError):  # a close frame: it is in no more
                await dead.join("stock")
        title = await clients[0].promo()
        async with line(http, cluster.urls[0], pid=dead.pid, offset=alive.cursor) as back:
            assert back.answer == dead.answer
            assert titles(await back.events(1)) == [title]


async def test_a_connection_half_dead_on_one_hub_does_not_revive_a_session_that_ended_on_another(
    cluster: Cluster, http: aiohttp.ClientSession, redis: Redis
) -> None:
    key = Keys("centro").session
    async with line(http, cluster.urls[0]) as dead:
        await dead.join("promos")
        async with line(http, cluster.urls[1], pid=dead.pid, offset=dead.cursor) as alive:
            await alive.leave()
            async with asyncio.timeout(SOON_S):
                while not json.loads(await redis.get(key(dead.pid)) or b"{}")["ended"]:
                    await redis.ping()
        with pytest.raises(TypeError):  # a close frame in place of the answer
            await dead.join("stock")
        async with line(http, cluster.urls[0], pid=dead.pid, offset=dead.cursor) as back:
            assert back.pid != dead.pid


async def test_a_stock_client_whose_stored_session_is_of_another_version_comes_back_and_begins_anew(
    cluster: Cluster, clients: tuple[HubClient, HubClient], redis: Redis, screen: AnyScreen
) -> None:
    def connections() -> list[Any]:
        return [heard.args for heard in screen.heard if heard.name == "connected"]

    async with Proxy(cluster.urls[0]) as proxy:
        await screen.connect(f"http://127.0.0.1:{proxy.port}")
        await screen.join("promos")
        async for key in redis.scan_iter(f"{Keys('centro').prefix}session:*"):
            await redis.set(key, '{"sid":"of another version"}', keepttl=True)
        before = len(connections())
        proxy.reset()
        await screen.until(lambda: len(connections()) > before)
        assert not [heard for heard in screen.heard if heard.name == "refused"]
        await screen.join("promos")
        title = await clients[0].promo()
        await screen.until(lambda: any(heard.args and title in str(heard.args) for heard in screen.heard))
