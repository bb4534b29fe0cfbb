"""What a connection may, long after it was opened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import socketio

from hub.domain.commands import Login
from hub.domain.roles import Role
from hub.domain.rooms import DASHBOARD
from hub.services import ttl_cache as fresh
from tests.support.hub_harness import SOON_S, STREAM, HubHarness, Plain, an_order, plain

Open = Callable[..., AbstractAsyncContextManager[HubHarness]]
PROMO = {"title": "2×1", "message": "en pastor"}


@asynccontextmanager
async def socket(house: HubHarness, token: str = "") -> AsyncIterator[socketio.AsyncClient]:
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(house.url, auth={"token": token} if token else {}, transports=["websocket"])
    try:
        yield client
    finally:
        await client.disconnect()


async def hired(house: HubHarness) -> str:
    """A manager with an account; their token."""
    await house.hub.branch.services.staff.add("Eva", [Role.MANAGER], "24681357")
    answer = await house.hub.branch.services.logins.login(Login(name="Eva", pin="24681357"), "127.0.0.1")
    return answer.token


async def counted(house: HubHarness) -> None:
    """Wait until every dish is counted; nothing tells, so it is asked."""
    async with asyncio.timeout(SOON_S):
        while "flan" not in await house.hub.branch.log.counters():
            pass


async def test_who_is_removed_gives_no_more_commands_over_the_socket_they_have(
    house: HubHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "FRESH_S", -1.0)
    async with socket(house, await hired(house)) as eva:
        assert (await eva.call("promo.publish", PROMO, timeout=SOON_S))["ok"]
        before = await house.position()
        await house.hub.branch.services.staff.remove("Eva")
        refused: Any = await eva.call("promo.publish", PROMO, timeout=SOON_S)
        assert refused["error"]["code"] == "unauthorized"
        assert await house.position() == before


async def test_a_token_that_ends_ends_the_commands_of_its_connection(house: HubHarness) -> None:
    token = house.token(ttl=timedelta(hours=1))
    async with socket(house, token) as client:
        assert (await client.call("stock.set", {"sku": "flan", "left": 3}, timeout=SOON_S))["ok"]
        [session] = house.hub.gateways.socketio.server.sessions
        later = session.state.principal.until + 1
        object.__setattr__(session.state.principal, "until", later - 7200)
        refused: Any = await client.call("stock.set", {"sku": "flan", "left": 4}, timeout=SOON_S)
    assert refused["error"]["code"] == "unauthorized"


async def test_who_is_removed_sees_no_more_of_the_kitchen(open_hub: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "FRESH_S", -1.0)
    async with open_hub(housekeeping_s=0.01) as house:
        token = await hired(house)
        gone = asyncio.Event()
        async with (
            socket(house, token) as board,
            house.http.get(
                f"{house.url}/api/rooms/kitchen/events", headers={**STREAM, "Authorization": f"Bearer {token}"}
            ) as stream,
        ):
            board.on("disconnect", lambda *_: gone.set())
            assert (await board.call("room.join", {"room": "kitchen"}, timeout=SOON_S))["ok"]
            await house.hub.branch.services.staff.remove("Eva")
            async with asyncio.timeout(SOON_S):
                await gone.wait()
                await stream.read()  # to its end
        assert (await house.get("/readyz")).status == 200


async def test_who_is_removed_hears_no_more_on_a_plain_websocket_whose_token_was_in_the_address(
    open_hub: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "FRESH_S", -1.0)
    async with open_hub(housekeeping_s=0.01) as house:
        ws = await house.http.ws_connect(f"{house.url}/ws?token={await hired(house)}")
        async with Plain(ws) as board:
            assert (await board.command("room.join", room="kitchen"))["ok"]
            await house.hub.branch.services.staff.remove("Eva")
            assert await board.closed() == 1012


async def test_other_roles_count_for_the_next_command_of_a_connection_that_stands(
    house: HubHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "FRESH_S", -1.0)
    async with await plain(house, token=await hired(house)) as eva:
        assert (await eva.command("promo.publish", **PROMO))["ok"]
        await house.hub.branch.services.staff.set_roles("Eva", [Role.COURIER])
        assert (await eva.command("promo.publish", **PROMO))["error"]["code"] == "forbidden"
        assert (await eva.command("room.join", room="floor"))["error"]["code"] == "forbidden"
        assert (await eva.command("room.join", room="kitchen"))["ok"]


async def test_who_has_other_roles_now_comes_back_into_the_rooms_of_these_alone(
    open_hub: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "FRESH_S", -1.0)
    async with open_hub(housekeeping_s=0.01) as house:
        async with await plain(house, token=await hired(house)) as eva:
            assert (await eva.command("room.join", room="floor"))["ok"]
            await house.hub.branch.services.staff.set_roles("Eva", [Role.COURIER])
            assert await eva.closed() == 1012
        assert not house.hub.branch.relay.has_members(str(DASHBOARD))


async def test_a_new_connection_is_no_new_allowance_for_an_address(open_hub: Open) -> None:
    async with open_hub(requests_s=0.001, requests_burst=5) as house:
        codes = []
        for _ in range(4):
            async with socket(house) as client:
                for _ in range(2):
                    answer: Any = await client.call("order.place", an_order(), timeout=SOON_S)
                    codes.append(answer.get("error", {}).get("code", "ok"))
    assert codes == ["ok"] * 5 + ["rate_limited"] * 3


async def test_joining_rooms_does_not_count_against_an_address(open_hub: Open) -> None:
    async with open_hub(requests_s=0.001, requests_burst=1) as house:
        for _ in range(5):
            async with socket(house) as client:
                assert (await client.call("room.join", {"room": "promos"}, timeout=SOON_S))["ok"]


async def test_the_same_key_is_the_same_order_whatever_else_the_customer_holds(house: HubHarness) -> None:
    key = {"Idempotency-Key": "a-key-that-nobody-guesses"}
    first = await house.post("/api/orders", an_order(), headers=key)
    again = await house.post("/api/orders", an_order(), headers=key, token=first.data["tracking"]["token"])
    assert again.data == first.data


async def test_looking_writes_nothing(house: HubHarness) -> None:
    placed = await house.placed()
    before = await house.hub.redis.info("commandstats")
    for _ in range(5):
        path = f"/api/orders/{placed['order']['id']}?token={placed['tracking']['token']}"
        assert (await house.get(path)).status == 200
        async with socket(house):
            pass
    after = await house.hub.redis.info("commandstats")
    assert after["cmdstat_hset"] == before["cmdstat_hset"]


async def test_a_log_that_begins_anew_counts_its_stock_again(open_hub: Open) -> None:
    async with open_hub(housekeeping_s=0.01) as house:
        await counted(house)
        await house.hub.redis.flushall()
        await house.placed()  # the first to notice
        await counted(house)
