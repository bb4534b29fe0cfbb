"""Alive, ready, and what has been done; and a hub whose Redis comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub.domain.rooms import DASHBOARD
from hub.services.chats.chat_documents import require_chat
from hub.store.log import Write
from hub.store.outbound_stream import ReaderLease
from tests.support.hub_harness import MENU, SKU, an_order, plain, running_hub, streaming
from tests.support.processes import Process, free_port, listening, program

if TYPE_CHECKING:
    from tests.gateways.conftest import Open
    from tests.support.hub_harness import HubHarness

BACK_S = 20.0


class Server:
    """A Redis that can be stopped, killed and started again on the same port and data."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        folder.mkdir()
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        durable = ["--appendonly", "yes", "--appendfsync", "always"]
        self.process = Process(program("redis-server"), *options, *durable)

    def start(self) -> None:
        self.process.start()
        self.process.wait_for(lambda: listening(self.port), 10, "it listens")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "redis")
    yield server
    server.process.__exit__(None, None, None)


async def status(house: HubHarness, path: str) -> int:
    return (await house.get(path)).status


async def until(look: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Another process is waited for: there is nothing here to wait on but its word."""
    async with asyncio.timeout(BACK_S):
        while await look() != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def until_status(house: HubHarness, path: str, wanted: int) -> None:
    await until(lambda: status(house, path), wanted)


async def test_a_hub_that_hears_redis_is_ready(house: HubHarness) -> None:
    alive, ready = await house.get("/healthz"), await house.get("/readyz")
    assert (alive.status, alive.data) == (200, {"status": "alive"})
    assert (ready.status, ready.data["status"]) == (200, "ready")
    assert set(ready.data["checks"].values()) == {True}


async def test_it_says_whether_a_notifier_works_and_is_ready_without_one(house: HubHarness) -> None:
    log = house.hub.branch.log
    assert (await house.get("/readyz")).data["notifier"] is False
    lease = ReaderLease(log.calls, log.keys, "notifier", "one")
    await lease.take()

    async def said() -> object:
        return (await house.get("/readyz")).data["notifier"]

    await until(said, True)
    await lease.end()
    await until(said, False)


async def test_a_hub_that_is_going_away_is_not_ready(house: HubHarness) -> None:
    await house.hub.drain()
    answer = await house.get("/readyz")
    assert (answer.status, answer.body["ok"]) == (503, False)
    assert answer.body["data"]["checks"] == {"redis": True, "relay": True, "serving": False}


async def test_without_redis_commands_are_unavailable_and_with_it_they_work_again(
    server: Server, tmp_path: Path
) -> None:
    server.start()
    async with running_hub(server.url, tmp_path / "data", redis_deadline_s=0.5) as house, AsyncExitStack() as stack:
        path = "/api/rooms/kitchen/events"
        stream = await stack.enter_async_context(streaming(house, path, token=house.token()))
        async with await plain(house) as client:
            await stream.next()
            before = await house.placed()
            await stream.next()
            server.process.kill()
            await until_status(house, "/readyz", 503)
            assert await status(house, "/healthz") == 200
            for answer in (
                await house.post("/api/orders", an_order(), headers={"Idempotency-Key": "k"}),
                await house.get(f"/api/orders/{before['order']['id']}", token=house.token()),
                await house.get("/api/rooms/promos/events"),
                await house.post("/api/login", {"name": "Ana", "pin": "1234"}),
            ):
                assert (answer.status, answer.code) == (503, "unavailable")
                assert answer.body["error"]["retryable"] is True
            assert (await client.command("order.place", **an_order()))["error"]["code"] == "unavailable"
            assert (await client.command("room.join", room="promos"))["error"]["code"] == "unavailable"
            server.start()
            await until_status(house, "/readyz", 200)
            after = await house.post("/api/orders", an_order(), headers={"Idempotency-Key": "k"})
            assert after.status == 201
            event = await stream.next()  # the stream goes on where it was
            assert (event.type, event.id) == ("order.received", after.data["cursor"])
            assert (await client.command("room.join", room="promos"))["ok"] is True


async def test_a_hub_that_was_there_before_its_redis_counts_the_stock_when_it_comes(
    server: Server, tmp_path: Path
) -> None:
    async with running_hub(server.url, tmp_path / "data", ready=False) as house:

        async def left() -> int | None:
            return (await house.hub.branch.log.counters()).get(SKU)

        assert await status(house, "/healthz") == 200
        assert await status(house, "/readyz") == 503
        server.start()
        await until_status(house, "/readyz", 200)
        await until(left, MENU.by_sku[SKU].stock)
        await house.placed()
        counted = MENU.by_sku[SKU].stock
        assert counted is not None
        assert await left() == counted - 1


async def test_figures_that_cannot_be_read_cost_the_floor_one_tick_and_the_hub_nothing(
    open_hub: Open, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_hub(tick_s=0.01) as house:
        read = house.hub.branch.services.figures.read
        calls: list[int] = []

        async def read_at_the_second_try() -> object:
            calls.append(1)
            if len(calls) == 1:
                raise ZeroDivisionError
            return await read()

        monkeypatch.setattr(house.hub.branch.services.figures, "read", read_at_the_second_try, raising=False)
        path = f"/api/rooms/{DASHBOARD}/events"
        async with streaming(house, path, token=house.token()) as stream:
            await stream.until("floor.tick")
        assert len(calls) > 1
        assert await house.healthy()
    assert "ZeroDivisionError" in "".join(capsys.readouterr())


async def test_metrics_count_what_was_done_and_name_no_one(house: HubHarness) -> None:
    placed = await house.placed(customer={"name": "Xóchitl"})
    await house.get(f"/t/{placed['tracking']['token']}")
    async with streaming(house, "/api/rooms/promos/events") as stream, await plain(house) as client:
        await stream.next()
        await client.command("room.join", room="stock")
        await client.command("order.place")
        text = (await house.get("/metrics", token=house.token())).raw.decode()
    for line in (
        'comanda_http_requests_total{method="POST",route="/api/orders",status="201"} 1.0',
        'comanda_commands_total{command="room.join",outcome="ok"} 1.0',
        'comanda_commands_total{command="order.place",outcome="bad_request"} 1.0',
        'comanda_connections{transport="sse"} 1.0',
        'comanda_connections{transport="websocket"} 1.0',
        'comanda_connections{transport="socketio"} 0.0',
        "comanda_rooms 2.0",
        "comanda_relay_live 1.0",
        "comanda_slow_connections_closed_total 0.0",
    ):
        assert line in text, text
    for private in (placed["tracking"]["token"], placed["order"]["id"], "Xóchitl"):
        assert private not in text


async def test_metrics_tell_the_days_turns_and_tokens_and_whether_its_ceiling_is_reached(open_hub: Open) -> None:
    async with open_hub(trusted_proxies=("127.0.0.1",), tokens_branch_day=1_000) as house:
        opened = (await house.post("/api/chats", {})).data
        path = f"/api/chats/{opened['chat_id']}/messages"
        await house.post(path, {"text": "hola", "token": opened["token"]})
        token = house.token()

        async def told() -> dict[str, float]:
            lines = (await house.get("/metrics", token=token)).raw.decode().splitlines()
            names = ("comanda_turns_today", "comanda_turn_tokens_", "comanda_turn_ceiling_")
            return {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith(names)}

        before = await told()
        chat = (await require_chat(house.hub.branch.log, opened["chat_id"])).chat
        quotas = house.hub.branch.services.usage_limits.spent(chat.opened_by, chat, 1_000)
        await house.hub.branch.log.commit(Write(quotas=quotas))
        after = await told()
    today = {"comanda_turns_today": 1, "comanda_turn_tokens_ceiling": 1_000}
    assert before == {**today, "comanda_turn_tokens_today": 0, "comanda_turn_ceiling_reached": 0}
    assert after == {**today, "comanda_turn_tokens_today": 1_000, "comanda_turn_ceiling_reached": 1}


async def test_metrics_are_for_staff_even_where_somebody_on_this_machine_asks(house: HubHarness) -> None:
    """A proxy on it that says nothing of its callers makes everybody come from here."""
    refused = await house.get("/metrics")
    assert (refused.status, refused.code) == (403, "forbidden")
    assert (await house.get("/metrics", token=house.token("kitchen"))).status == 200


async def test_metrics_are_for_this_machine_too_where_the_operator_says_so(open_hub: Open) -> None:
    async with open_hub(trusted_proxies=("127.0.0.1",), metrics_on_loopback=True) as house:
        far = {"X-Forwarded-For": "198.51.100.7"}
        assert (await house.get("/metrics")).status == 200
        refused = await house.get("/metrics", headers=far)
        assert (refused.status, refused.code) == (403, "forbidden")
        assert (await house.get("/metrics", headers=far, token=house.token("kitchen"))).status == 200
        for lie in ("127.0.0.1, 198.51.100.7", "nonsense", "unix, 198.51.100.7"):
            assert (await house.get("/metrics", headers={"X-Forwarded-For": lie})).status == 403


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_who_comes_through_a_proxy_on_this_machine_is_not_taken_for_the_machine(
    open_hub: Open, name: str
) -> None:
    forwarded = {name: "127.0.0.1"}
    async with open_hub(metrics_on_loopback=True) as house:
        refused = await house.get("/metrics", headers=forwarded)
        assert (refused.status, refused.code) == (403, "forbidden")
        assert (await house.get("/metrics", headers=forwarded, token=house.token("kitchen"))).status == 200
