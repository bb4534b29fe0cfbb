"""The scoreboard is a hub without a taquería; stock clients lose nothing on it."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio
from aiohttp import web

from examples import scoreboard
from tests.integration.screens import NodeScreen, PythonScreen
from tests.support.proxy import Proxy

SOON_S = 15.0
ALLOWED = ("hub.core.", "hub.store", "hub.relay.", "hub.socketio.")


@asynccontextmanager
async def served(redis_url: str) -> AsyncIterator[str]:
    runner = web.AppRunner(scoreboard.create_app(redis_url), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def hubs(real_redis_url: str) -> AsyncIterator[tuple[str, str]]:
    """Two processes' worth of scoreboards on one Redis."""
    async with served(real_redis_url) as one, served(real_redis_url) as other:
        yield one, other


@asynccontextmanager
async def referee(url: str) -> AsyncIterator[socketio.AsyncClient]:
    """A stock python-socketio client that reports goals."""
    async with aiohttp.ClientSession() as http:
        client = socketio.AsyncClient(reconnection=False, http_session=http)
        await client.connect(url, transports=["websocket"])
        try:
            yield client
        finally:
            await client.disconnect()


async def score(client: socketio.AsyncClient, goal_id: str, team: str) -> dict[str, int]:
    answer = await client.call("goal", {"id": goal_id, "match": "final", "team": team}, timeout=SOON_S)
    scored: dict[str, int] = answer["score"]
    return scored


def test_it_is_built_on_the_lower_layers_alone() -> None:
    tree = ast.parse(Path(scoreboard.__file__).read_text(encoding="utf-8"))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    of_the_hub = {name for name in imported if name.partition(".")[0] in ("hub", "agents")}
    assert {name for name in of_the_hub if not name.startswith(ALLOWED)} == set()
    assert len(of_the_hub) > 5


class PythonFan(PythonScreen):
    """python-socketio's client, which leaves it to its user to keep the private id and the cursor."""

    def hear(self, name: str, *args: Any) -> None:
        if name == "hub.welcome":
            self.auth["pid"] = args[0]["pid"]
        if name in ("hub.welcome", "goal"):
            self.auth["offset"] = args[-1]
        super().hear(name, *args)


@pytest.mark.parametrize("fan", [PythonFan, NodeScreen], ids=["python", "node"])
async def test_a_stock_client_that_lost_its_connection_gets_the_goals_it_missed(
    hubs: tuple[str, str], fan: type[PythonFan] | type[NodeScreen]
) -> None:
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy(hubs[0]))
        screen = fan()
        stack.push_async_callback(screen.close)
        screen.other = hubs[1]  # it comes back to another process
        whistle = await stack.enter_async_context(referee(hubs[1]))
        await screen.connect(f"http://127.0.0.1:{proxy.port}")
        assert (await screen.call("watch", {"match": "final"}))["score"] == {}
        await score(whistle, "g1", "home")
        await screen.until(lambda: goals(screen))
        proxy.reset()
        for number in range(2, 6):
            await score(whistle, f"g{number}", "away" if number % 2 else "home")
        await screen.until(lambda: len(goals(screen)) == 5)
        assert goals(screen)[-1] == {"home": 3, "away": 2}
        assert [sum(each.values()) for each in goals(screen)] == [1, 2, 3, 4, 5]
        connected = [heard.args for heard in screen.heard if heard.name == "connected"]
        assert len(connected) > 1
        if isinstance(screen, NodeScreen):
            assert connected[-1][0]["recovered"] is True


async def test_a_goal_that_is_reported_twice_counts_once(hubs: tuple[str, str]) -> None:
    async with referee(hubs[0]) as one, referee(hubs[1]) as other:
        reports = await asyncio.gather(*(score(client, "g1", "home") for client in (one, other)))
        assert reports == [{"home": 1}, {"home": 1}]
        assert await score(one, "g2", "away") == {"home": 1, "away": 1}


def goals(screen: PythonScreen | NodeScreen) -> list[Any]:
    return [heard.event["data"]["score"] for heard in screen.heard if heard.name == "goal"]
