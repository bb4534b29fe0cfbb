"""docker-compose.yml's topology as plain processes: Redis, two hubs, an agent worker, and nginx in front.

nginx runs deploy/nginx.conf itself; only addresses differ. Everything listens on loopback.
"""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio

from hub.simulate import simulate
from tests.support.front import front
from tests.support.processes import COMANDA, Process, free_port, listening, program, wait_until

pytestmark = [pytest.mark.deploy, pytest.mark.slow, pytest.mark.timeout(240)]

READY_S = 60
ARRIVES_S = 10.0
# LlamaIndex takes seconds to import, and this may be a small machine.
ANSWERS_S = 60.0


@dataclass(frozen=True, slots=True)
class Topology:
    """What runs, and where."""

    front: str
    hubs: tuple[str, ...]
    processes: dict[str, Process]
    token: str
    courier: str


def answers(url: str) -> bool:
    """Whether a GET gives 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError:
        return False


@pytest.fixture(scope="module")
def topology(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    program("nginx")
    redis_server = program("redis-server")
    folder = tmp_path_factory.mktemp("topology")
    ports = {name: free_port() for name in ("redis", "hub-1", "hub-2")}
    settings = {
        "COMANDA_REDIS_URL": f"redis://127.0.0.1:{ports['redis']}/0",
        "COMANDA_SECRET": uuid.uuid4().hex + uuid.uuid4().hex,
        "COMANDA_TRUSTED_PROXIES": "127.0.0.1",
        "COMANDA_LLM": "offline",
        # All customers here have one address, and order without a pause.
        "COMANDA_LIMIT_ORDERS_MINUTE": "0",
        "COMANDA_LIMIT_OPEN_ORDERS_ADDRESS": "0",
        "COMANDA_LIMIT_ACCEPT_PORTIONS_HOUR": "0",
        "COMANDA_LIMIT_ACCEPT_TOTAL_HOUR": "0",
    }
    processes: dict[str, Process] = {}

    with ExitStack() as stack:

        def start(name: str, *command: str) -> Process:
            here = folder / name
            here.mkdir()
            env = {**settings, "COMANDA_DATA_DIR": str(here / "data")}
            processes[name] = stack.enter_context(Process(*command, env=env, cwd=here, name=name))
            return processes[name]

        redis_options = ["--port", str(ports["redis"]), "--bind", "127.0.0.1", "--save", ""]
        redis = start("redis", redis_server, *redis_options, "--appendonly", "yes", "--appendfsync", "always")
        redis.wait_for(lambda: listening(ports["redis"]), READY_S, "it listens")
        for name in ("hub-1", "hub-2"):
            start(
                name, COMANDA, "serve", "--host", "127.0.0.1", "--port", str(ports[name]), "--no-agent", "--no-notifier"
            )
        start("agent", COMANDA, "agent")
        hubs = tuple(f"http://127.0.0.1:{ports[name]}" for name in ("hub-1", "hub-2"))
        for name, url in zip(("hub-1", "hub-2"), hubs, strict=True):
            processes[name].wait_for(lambda url=url: answers(f"{url}/readyz"), READY_S, "it is ready")  # type: ignore[misc]
        nginx = stack.enter_context(front(folder / "nginx", [ports["hub-1"], ports["hub-2"]]))
        processes["nginx"] = nginx.nginx
        token = comanda(settings, folder, "token", "--role", "manager", "--name", "Test")
        comanda(settings, folder, "staff", "add", "Beto", "--role", "courier")
        staff = dict(row.split("\t")[::2] for row in comanda(settings, folder, "staff", "list").splitlines())
        yield Topology(nginx.url, hubs, processes, token, staff["Beto"])


def comanda(settings: dict[str, str], folder: Path, *arguments: str) -> str:
    """What a command of `comanda` prints."""
    with Process(COMANDA, *arguments, env=settings, cwd=folder) as process:
        wait_until(lambda: not process.running, READY_S, f"comanda {arguments[0]}")
        assert process.stop() == 0, process.output()
        return process.output().strip()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWERS_S)) as session:
        yield session


class BoardReader:
    """A kitchen's screen: what it saw, and waiting for more."""

    def __init__(self, socket: socketio.AsyncClient) -> None:
        self.socket = socket
        self.seen: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        socket.on("order.received", self._saw)

    async def _saw(self, event: dict[str, Any], _cursor: str) -> None:
        await self.seen.put(event)

    async def sees(self, *order_ids: str) -> None:
        missing = set(order_ids)
        async with asyncio.timeout(ARRIVES_S):
            while missing:
                missing.discard((await self.seen.get())["data"]["order"]["id"])


async def open_board(
    stack: AsyncExitStack, http: aiohttp.ClientSession, topology: Topology, transports: list[str]
) -> BoardReader:
    socket = socketio.AsyncClient(reconnection=False, http_session=http)
    board = BoardReader(socket)
    await socket.connect(topology.front, auth={"token": topology.token}, transports=transports, wait_timeout=ARRIVES_S)
    stack.push_async_callback(socket.shutdown)
    joined = await socket.call("room.join", {"room": "kitchen"}, timeout=ARRIVES_S)
    assert joined["ok"], joined
    return board


async def place(http: aiohttp.ClientSession, url: str) -> str:
    """Order one dish at that address; gives the order's id."""
    async with http.get(f"{url}/api/menu") as response:
        menu = (await response.json())["data"]["items"]
    order = {
        "customer": {"name": "Ángela Núñez"},
        "items": [{"sku": next(dish["sku"] for dish in menu if dish["available"]), "qty": 1}],
        "delivery": {"kind": "pickup"},
    }
    key = {"Idempotency-Key": uuid.uuid4().hex}
    async with http.post(f"{url}/api/orders", json=order, headers=key) as response:
        body = await response.json()
        assert response.status == 201, body
        order_id: str = body["data"]["order"]["id"]
        return order_id


async def test_the_front_answers_for_both_hubs(topology: Topology, http: aiohttp.ClientSession) -> None:
    for path in ("/healthz", "/readyz", "/api/menu", "/"):
        async with http.get(topology.front + path) as response:
            assert response.status == 200, path
    async with http.get(f"{topology.front}/metrics") as response:
        assert response.status == 404


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="-".join)
async def test_a_screen_behind_nginx_sees_orders_placed_at_either_hub(
    topology: Topology, http: aiohttp.ClientSession, transports: list[str]
) -> None:
    async with AsyncExitStack() as stack:
        board = await open_board(stack, http, topology, transports)
        placed = [await place(http, url) for url in (*topology.hubs, topology.front)]
        await board.sees(*placed)
        assert board.socket.transport() == transports[-1]


async def test_screens_on_both_hubs_see_the_same_order(topology: Topology, http: aiohttp.ClientSession) -> None:
    async with AsyncExitStack() as stack:
        # WebSockets go to either hub: among ten, both are had (all on one: once in five hundred times).
        boards = [await open_board(stack, http, topology, ["websocket"]) for _ in range(10)]
        placed = await place(http, topology.front)
        for board in boards:
            await board.sees(placed)


async def test_a_stream_of_events_is_not_held_back_by_nginx(topology: Topology, http: aiohttp.ClientSession) -> None:
    headers = {"Authorization": f"Bearer {topology.token}", "Accept": "text/event-stream"}
    async with http.get(f"{topology.front}/api/rooms/kitchen/events", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        async with asyncio.timeout(ARRIVES_S):
            await event_of(response, "room.reset")
        for url in topology.hubs:
            placed = await place(http, url)
            # Each is here before the next one happens: a buffer would keep it.
            async with asyncio.timeout(ARRIVES_S):
                event = await event_of(response, "order.received")
            assert event["data"]["order"]["id"] == placed


async def event_of(response: aiohttp.ClientResponse, kind: str) -> dict[str, Any]:
    """The next event of a type on a stream."""
    while True:
        frame = (await response.content.readuntil(b"\n\n")).decode()
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if ": " in line)
        if fields.get("event") == kind:
            event: dict[str, Any] = json.loads(fields["data"])
            return event


async def test_the_agent_worker_answers_through_the_front(topology: Topology, http: aiohttp.ClientSession) -> None:
    agent = topology.processes["agent"]
    assert agent.running, agent.output()
    question = {"messages": [{"role": "user", "content": "¿Qué tacos hay?"}]}
    tokens: list[str] = []
    async with http.post(f"{topology.front}/api/chat/stream", json=question) as response:
        assert response.status == 200
        async for line in response.content:
            data = line.decode().removeprefix("data: ").strip()
            if data == "[DONE]":
                break
            if line.startswith(b"data: "):
                tokens.append(json.loads(data).get("token", ""))
    assert "taco" in "".join(tokens).lower()
    assert len(tokens) > 1


async def test_simulated_orders_are_delivered_and_their_couriers_seen_on_the_way(
    topology: Topology, http: aiohttp.ClientSession
) -> None:
    async with AsyncExitStack() as stack:
        board = await open_board(stack, http, topology, ["websocket"])
        moves: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        board.socket.on("courier.moved", lambda event, *_cursor: moves.put_nowait(event))
        report = await simulate(
            topology.front,
            orders=6,
            speed=100,
            token=topology.token,
            courier_ids=[topology.courier],
            on_event=lambda _line: None,
        )
    assert (report.orders, report.delivered, report.failed) == (6, 6, 0), report
    assert report.seen.count > 0
    rides = [order for order in await delivered(http, topology) if order["delivery"]["kind"] == "delivery"]
    assert {move["data"]["order_id"] for move in drained(moves)} == {order["id"] for order in rides}
    assert all(order["courier"]["id"] == topology.courier for order in rides)


async def delivered(http: aiohttp.ClientSession, topology: Topology) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {topology.token}"}
    async with http.get(f"{topology.front}/api/orders?status=delivered", headers=headers) as response:
        orders: list[dict[str, Any]] = (await response.json())["data"]["orders"]
        return orders


def drained(queue: asyncio.Queue[dict[str, Any]]) -> list[dict[str, Any]]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


async def test_the_hubs_know_the_visitors_address_and_no_log_of_nginx_has_a_token(
    topology: Topology, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{topology.front}/api/rooms/promos/events?token=s3cret-capability"):
        pass
    async with http.get(f"{topology.front}/t/s3cret-capability"):
        pass
    log = topology.processes["nginx"]
    log.wait_for(lambda: "GET /t/-" in log.output(), ARRIVES_S, "the tracking page is logged")
    assert "s3cret" not in log.output()
    assert topology.token not in log.output()


# Last: it leaves a hub restarted.
async def test_a_hub_that_is_killed_is_not_missed_by_new_visitors(
    topology: Topology, http: aiohttp.ClientSession
) -> None:
    hub = topology.processes["hub-1"]
    hub.kill()
    try:
        async with AsyncExitStack() as stack:
            for transports in (["websocket"], ["polling"]):
                board = await open_board(stack, http, topology, transports)
                await board.sees(await place(http, topology.front))
        for _ in range(20):
            async with http.get(f"{topology.front}/api/menu") as response:
                assert response.status == 200
    finally:
        hub.start()
        hub.wait_for(lambda: answers(f"{topology.hubs[0]}/readyz"), READY_S, "it is ready again")


def test_hubs_and_agent_end_cleanly_when_they_are_told_to(topology: Topology) -> None:
    for name in ("agent", "hub-2", "hub-1"):
        process = topology.processes[name]
        assert process.stop(deadline_s=15) == 0, f"{name}:\n{process.output()[-2000:]}"
