"""A primary and all hubs die, and a lagging replica is promoted: every client is told, and no offset is used twice."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hub.domain.roles import Kind, Principal, Role
from hub.services.auth.tokens import Tokens
from hub.services.build import utc_now
from hub.store import connect
from hub.store.high_water_mark import HighWaterMark
from hub.store.witness import recall
from tests.integration.cluster import BRANCH, HubClient, ready
from tests.integration.screens import NodeScreen, PythonScreen
from tests.support.processes import COMANDA, Process, free_port, listening, program
from tests.support.proxy import Proxy

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

READY_S = 30.0
HUBS = ("hub-a", "hub-b")
PAGE = "/api/rooms/promos/events"


@dataclass
class Site:
    """A primary, a replica behind a line of its own, and two hubs on one of them."""

    stack: AsyncExitStack
    folder: Path
    primary_port: int
    replica_port: int
    primary: Process
    line: Proxy
    ports: tuple[int, int]
    secret: str
    hubs: tuple[Process, ...] = ()

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    async def start_hubs(self, redis_port: int) -> None:
        """Start both hubs over one of the two, on the ports and data folders they always have."""
        env = {
            "COMANDA_REDIS_URL": f"redis://127.0.0.1:{redis_port}",
            "COMANDA_SECRET": self.secret,
            "COMANDA_REDIS_DEADLINE_S": "1",
            "COMANDA_LIMIT_REQUESTS_S": "0",
            "COMANDA_LIMIT_READS_S": "0",
            "COMANDA_LIMIT_READ_BYTES_S": "0",
        }
        self.hubs = tuple(
            self.stack.enter_context(
                Process(
                    *(COMANDA, "serve", "--port", str(port), "--no-agent", "--no-notifier"),
                    env={**env, "COMANDA_DATA_DIR": str(self.folder / name)},
                    cwd=self.folder,
                    name=name,
                )
            )
            for name, port in zip(HUBS, self.ports, strict=True)
        )
        for hub, url in zip(self.hubs, self.urls, strict=True):
            await asyncio.to_thread(hub.wait_for, lambda url=url: ready(url), READY_S, "it is ready")

    def token(self) -> str:
        manager = Principal(Kind.SERVICE, "token:Ana", "Ana", frozenset({Role.MANAGER}))
        return Tokens(self.secret.encode(), BRANCH).issue(manager, utc_now(), timedelta(hours=1))

    async def in_step(self) -> None:
        """Wait until the replica has everything."""
        async with connect(f"redis://127.0.0.1:{self.primary_port}", deadline_s=READY_S) as redis:
            await redis.set("in-step", 1)
            assert await redis.wait(1, int(READY_S * 1_000)) == 1

    async def promote(self) -> None:
        async with connect(f"redis://127.0.0.1:{self.replica_port}") as redis:
            await redis.replicaof("NO", "ONE")

    async def recorded(self, cursor: str) -> None:
        """Wait until each hub's record names this place."""
        epoch, _, offset = cursor.partition("-")
        await until(
            lambda: all(
                recalled(self.folder / name / "witness" / "centro").get(epoch, 0) >= int(offset) for name in HUBS
            )
        )


def recalled(folder: Path) -> dict[str, int]:
    seen = HighWaterMark()
    recall(folder, seen)
    return dict(seen.offsets)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(READY_S):
        while not is_so():  # noqa: ASYNC110 - files, which tell nobody
            await asyncio.sleep(0.02)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    redis_server = program("redis-server")
    primary_port, replica_port = free_port(), free_port()
    async with AsyncExitStack() as stack:

        def redis(name: str, port: int, *options: str) -> Process:
            (tmp_path / name).mkdir()
            common = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path / name), "--save", ""]
            durable = ["--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"]
            process = stack.enter_context(Process(redis_server, *common, *durable, *options, name=name))
            process.wait_for(lambda: listening(port), READY_S, "it listens")
            return process

        primary = redis("primary", primary_port)
        line = await stack.enter_async_context(Proxy(f"redis://127.0.0.1:{primary_port}"))
        redis("replica", replica_port, "--replicaof", f"127.0.0.1 {line.port}")
        secret = uuid.uuid4().hex
        site = Site(stack, tmp_path, primary_port, replica_port, primary, line, (free_port(), free_port()), secret)
        await site.in_step()
        await site.start_hubs(primary_port)
        yield site


@pytest.mark.parametrize("kind", ["python", "node"])
async def test_a_lagging_replica_that_is_promoted_begins_a_new_epoch_for_everybody(site: Site, kind: str) -> None:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)))
        clients = [HubClient(http, url, site.token()) for url in site.urls]
        screens = []
        for url, other in (site.urls, site.urls[::-1]):
            screen = PythonScreen() if kind == "python" else NodeScreen()
            stack.push_async_callback(screen.close)
            screen.other = other
            await screen.connect(url)
            await screen.join("promos")
            screens.append(screen)
        await clients[0].promo()
        await site.in_step()
        # From here on the replica hears nothing, and the clients see three events that it never gets.
        site.line.black_hole()
        for _ in range(3):
            await clients[1].promo()
        held = ""
        for screen in screens:
            await screen.until(lambda screen=screen: len(screen.of("promos")) == 4)  # type: ignore[misc]
            held = screen.of("promos")[-1].args[1]
        await site.recorded(held)
        for process in (*site.hubs, site.primary):
            process.kill()
        site.line.reset()
        await site.promote()
        for screen in screens:
            await screen.next("disconnected")
        await site.start_hubs(site.replica_port)

        await _page_says_so(http, site.urls[1], held)
        await _stream_says_so(http, site.urls[0], held)
        for screen in screens:
            await _is_told(screen, held)
        published = await clients[0].promo()
        for screen in screens:
            await screen.until(lambda screen=screen: _titles(screen)[-1:] == [published])  # type: ignore[misc]
            epoch, _, offset = screen.of("promos")[-1].args[1].partition("-")
            assert epoch != held.partition("-")[0]
            assert int(offset) > int(held.partition("-")[2]), "no offset names two events"


def _titles(screen: PythonScreen | NodeScreen) -> list[str]:
    return [heard.event["data"]["title"] for heard in screen.of("promos")]


async def _page_says_so(http: aiohttp.ClientSession, url: str, held: str) -> None:
    async with http.get(f"{url}{PAGE}?after={held}") as response:
        page = (await response.json())["data"]
    assert page["recovered"] is False
    _is_of_another_life(page["cursor"], held)


async def _stream_says_so(http: aiohttp.ClientSession, url: str, held: str) -> None:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": held}
    async with http.get(f"{url}{PAGE}", headers=headers) as response:
        lines = [(await response.content.readline()).decode().strip() for _ in range(5)]
    fields = dict(line.split(": ", 1) for line in lines if line)
    assert fields["event"] == "room.reset"
    _is_of_another_life(fields["id"], held)
    _lacks_the_last_three(json.loads(fields["data"])["data"])


async def _is_told(screen: PythonScreen | NodeScreen, held: str) -> None:
    await screen.next("hub.welcome")
    if isinstance(screen, NodeScreen):  # it recovers by itself, and is told that it could not
        reset = await screen.next("room.reset")
        (*_, back) = (heard for heard in screen.heard if heard.name == "connected")
        assert back.args[0]["recovered"] is False
        _is_of_another_life(reset.event["data"]["cursor"], held)
        _lacks_the_last_three(reset.event["data"])
    else:
        joined = await screen.join("promos", after=held)
        assert joined["recovered"] is False
        _is_of_another_life(joined["cursor"], held)
        _lacks_the_last_three(joined)


def _is_of_another_life(cursor: str, held: str) -> None:
    assert cursor.partition("-")[0] != held.partition("-")[0]


def _lacks_the_last_three(told: dict[str, Any]) -> None:
    assert len(told["snapshot"]["promos"]) == 1
