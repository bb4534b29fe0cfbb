"""A nearly full Redis: staff finish open orders, customers begin nothing new."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub.store import connect
from hub.store.redis.memory_use import MEGABYTE, MemoryLevel
from tests.support.hub_harness import HubHarness, an_order, running_hub, streaming
from tests.support.processes import Process, free_port, listening, program

if TYPE_CHECKING:
    from tests.gateways.conftest import Open

CEILING_MB = 40


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis to be filled; its URL."""
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    options += ["--maxmemory", f"{CEILING_MB}mb", "--maxmemory-policy", "noeviction"]
    with Process(program("redis-server"), *options, name="redis") as process:
        process.wait_for(lambda: listening(port), 10.0, "it listens")
        yield f"redis://127.0.0.1:{port}"


async def fill(url: str, percent: float) -> None:
    """Bring Redis's memory to about that part of its ceiling."""
    async with connect(url) as redis:
        await redis.delete("ballast")
        while int((await redis.info("memory"))["used_memory"]) < CEILING_MB * MEGABYTE * percent / 100:
            await redis.rpush("ballast", "x" * 100_000)


async def look(house: HubHarness) -> MemoryLevel:
    await house.hub.branch.services.memory.look()
    return house.hub.branch.services.memory.level


async def test_with_little_left_staff_work_on_and_strangers_begin_nothing_new(server: str, tmp_path: Path) -> None:
    async with running_hub(server, tmp_path) as house:
        await fill(server, 20)
        assert await look(house) is MemoryLevel.NORMAL
        order_id = (await house.placed())["order"]["id"]
        chat = {"command_id": "x" * 32}
        opened = (await house.post("/api/chats", chat)).data
        repeated = await house.post("/api/orders", {**an_order(), "command_id": "r" * 32})

        await fill(server, 92)
        assert await look(house) is MemoryLevel.NEARLY_FULL
        for path, body in (("/api/orders", an_order()), ("/api/chats", {}), ("/api/chats", {"command_id": "y" * 32})):
            refused = await house.post(path, body)
            assert (refused.status, refused.code) == (503, "unavailable")
            assert "memory" in refused.body["error"]["message"]
            assert refused.body["error"]["retry_after_s"] == 60
        words = {"messages": [{"role": "user", "content": "hola"}]}
        assert (await house.post("/api/chat/stream", words)).code == "unavailable"
        # What was begun goes on: an order of before, a chat of before, the answer to an order of before.
        await house.advance(order_id, "preparing")
        assert (await house.post(f"/api/orders/{order_id}/cancel", {"reason": "x"}, token=house.token())).status == 200
        assert (await house.post("/api/chats", chat)).data == opened
        again = await house.post("/api/orders", {**an_order(), "command_id": "r" * 32})
        assert again.data["order"]["id"] == repeated.data["order"]["id"]
        assert (await house.post("/api/orders", an_order(), token=house.token())).status == 201

        ready = await house.get("/readyz")
        assert (ready.status, ready.data["memory"]) == (200, "nearly_full")
        await fill(server, 20)
        assert await look(house) is MemoryLevel.NORMAL
        assert (await house.post("/api/orders", an_order())).status == 201


async def test_staff_see_how_full_it_is_and_so_does_prometheus(server: str, tmp_path: Path) -> None:
    async with running_hub(server, tmp_path) as house:
        await fill(server, 80)
        assert await look(house) is MemoryLevel.HIGH
        async with streaming(house, "/api/rooms/floor/events", token=house.token()) as stream:
            memory = (await stream.next()).event["data"]["snapshot"]["figures"]["memory"]
            assert (memory["level"], memory["ceiling_bytes"]) == ("high", CEILING_MB * MEGABYTE)
            assert 0.79 < memory["used_bytes"] / memory["ceiling_bytes"] < 0.81
            tick = await stream.next()
            assert tick.event["data"]["figures"]["memory"]["level"] == "high"
        metrics = (await house.get("/metrics", token=house.token())).raw.decode()
        [ceiling] = re.findall(r"^comanda_redis_memory_ceiling_bytes (\S+)", metrics, re.MULTILINE)
        assert float(ceiling) == CEILING_MB * MEGABYTE
        assert json.loads((await house.get("/readyz")).raw)["data"]["memory"] == "high"
        await fill(server, 20)


async def test_a_redis_that_does_not_say_is_not_held_to_be_full(open_hub: Open) -> None:
    async with open_hub() as house:
        assert (await house.get("/readyz")).data["memory"] == "normal"
        assert (await house.post("/api/orders", an_order())).status == 201
