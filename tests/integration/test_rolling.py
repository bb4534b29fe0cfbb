"""Two hubs restarted one after the other under load, as a deployment does it: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from socketio.exceptions import SocketIOError

if TYPE_CHECKING:
    from tests.integration.cluster import Cluster, HubClient
    from tests.integration.conftest import AnyScreen

pytestmark = pytest.mark.timeout(120)
ENDS_S = 10.0
WRITERS = 3
_TRIES = 400


class Watcher:
    """A stock client in the promotions' room, that goes to the other hub when its own goes away."""

    def __init__(self, screen: AnyScreen) -> None:
        self.screen = screen

    async def enter(self, here: str, other: str, transports: tuple[str, ...]) -> None:
        self.screen.other = other
        await self.screen.connect(here, transports)
        await self.screen.join("promos")

    async def keep_on(self) -> None:
        """Come back into the room from where it was, each time, unless the hub has seen to that; until cancelled."""
        moves = 1  # heard of, the first connection included
        while True:
            wanted = moves + 1
            while len(connections := [one for one in self.screen.heard if one.name == "connected"]) < wanted:
                await self.screen.changed()
            moves = len(connections)
            recovered = bool(connections[-1].args and connections[-1].args[0]["recovered"])
            if not recovered:
                await self._rejoin()

    async def _rejoin(self) -> None:
        while True:
            try:
                ack = await self.screen.call("room.join", {"room": "promos", "after": self.cursor})
            except SocketIOError:  # it has lost its connection again
                return
            if ack["ok"]:
                assert ack["data"]["recovered"] is True, ack
                return
            assert ack["error"]["retryable"], ack

    @property
    def cursor(self) -> str:
        return max((c for c in self._cursors()), key=lambda cursor: int(cursor.rpartition("-")[2]))

    def _cursors(self) -> list[str]:
        found = []
        for heard in self.screen.heard:
            if heard.durable:
                found.append(str(heard.args[1]))
            elif heard.name == "ack" and heard.args[1]["ok"]:
                found.append(str(heard.args[1]["data"]["cursor"]))
        return found

    def events(self) -> list[dict[str, Any]]:
        """The room's events as they came: with the answers to joins, and by themselves."""
        found: list[dict[str, Any]] = []
        for heard in self.screen.heard:
            if heard.name == "ack" and heard.args[0] == "room.join" and heard.args[1]["ok"]:
                found += heard.args[1]["data"]["events"]
            elif heard.durable and heard.event["room"] == "promos":
                found.append(heard.event)
        return found

    async def until_seen(self, title: str) -> None:
        await self.screen.until(lambda: any(event["data"]["title"] == title for event in self.events()))


async def publish(http: aiohttp.ClientSession, cluster: Cluster, title: str, first: int) -> int:
    """Until one of the hubs has taken it, under one id; its offset."""
    headers = {"Authorization": f"Bearer {cluster.token}", "Idempotency-Key": uuid.uuid4().hex}
    body = {"title": title, "message": "2×1"}
    for attempt in range(_TRIES):
        url = cluster.urls[(first + attempt) % 2]
        try:
            async with http.post(f"{url}/api/promos", json=body, headers=headers) as response:
                answer = await response.json()
        except aiohttp.ClientError:
            await asyncio.sleep(0.02)  # it is gone, or going: to the other one
            continue
        if answer["ok"]:
            return int(answer["data"]["cursor"].rpartition("-")[2])
        assert answer["error"]["retryable"], answer
        await asyncio.sleep(0.02)
    raise AssertionError("no hub took it")


async def test_a_rolling_restart_under_load_loses_nothing_and_repeats_nothing(
    cluster: Cluster,
    clients: tuple[HubClient, HubClient],
    http: aiohttp.ClientSession,
    new_screen: Callable[[str], AnyScreen],
) -> None:
    a, b = cluster.urls
    watchers = [Watcher(new_screen(kind)) for kind in ("python", "node") * 2]
    transports: dict[int, tuple[str, ...]] = {3: ("polling", "websocket")}
    for number, watcher in enumerate(watchers):
        here, other = (a, b) if number < 2 else (b, a)
        await watcher.enter(here, other, transports.get(number, ("websocket",)))
    start = int((await clients[0].position()).rpartition("-")[2])
    published: dict[int, str] = {}
    writing = True

    async def write(writer: int) -> None:
        number = 0
        while writing:
            title = f"{writer}-{number}"
            published[await publish(http, cluster, title, writer + number)] = title
            number += 1

    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        staying = [tasks.create_task(watcher.keep_on()) for watcher in watchers]
        writers = [tasks.create_task(write(writer)) for writer in range(WRITERS)]
        for index in (0, 1):
            before = len(published)
            ended = await loop.run_in_executor(None, cluster.hubs[index].stop, ENDS_S)
            assert ended == 0, cluster.hubs[index].output()
            await loop.run_in_executor(None, cluster.start_hub, index)
            assert len(published) > before + 5  # the other one took over
        writing = False
        await asyncio.wait(writers)
        last = await clients[0].promo()
        for watcher in watchers:
            await watcher.until_seen(last)
        for task in staying:
            task.cancel()
    in_order = [title for _, title in sorted(published.items())]
    assert len(published) == len(set(in_order))
    for watcher in watchers:
        events = [event for event in watcher.events() if event["offset"] > start]
        assert [event["data"]["title"] for event in events] == [*in_order, last]
        after = events[0]["prev"]
        for event in events:
            assert event["prev"] == after
            after = event["offset"]
        assert "room.reset" not in {heard.name for heard in watcher.screen.heard}
        assert [heard.name for heard in watcher.screen.heard].count("disconnected") >= 1
