"""Revoked and expired tokens, used at every gateway."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import socketio

from hub.domain.roles import Role
from hub.services import ttl_cache as fresh
from tests.support.hub_harness import SOON_S, STREAM, Plain, plain

if TYPE_CHECKING:
    from tests.abuse.target import Target

PIN = "73915826"


async def hired(hub: Target, role: Role = Role.MANAGER) -> str:
    """A manager of the name Lupita, and the token of her login."""
    await hub.house.hub.branch.services.staff.add("Lupita", [role], PIN)
    token: str = (await hub.post("/api/login", {"name": "Lupita", "pin": PIN})).data["token"]
    return token


async def refused(hub: Target, token: str) -> None:
    """A token opens nothing, at any gateway."""
    for method, path in (("GET", "/api/orders"), ("GET", "/api/rooms/kitchen/events"), ("POST", "/api/promos")):
        answer = await hub.ask(method, path, token=token, body={} if method == "POST" else None)
        assert (answer.status, answer.code) == (401, "unauthorized"), path
    ways: tuple[dict[str, Any], ...] = ({"headers": {"Authorization": f"Bearer {token}"}}, {"params": {"token": token}})
    for way in ways:
        async with hub.house.http.get(f"{hub.url}/ws", **way) as response:
            assert response.status == 401
    client = socketio.AsyncClient(reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(hub.url, auth={"token": token}, transports=["websocket"])


async def test_a_signed_out_token_opens_no_gateway_any_more(hub: Target) -> None:
    token = await hired(hub)
    out = await hub.post("/api/logout", token=token)
    assert (out.status, out.data) == (200, {})
    await refused(hub, token)
    again = await hub.post("/api/logout", token=token)
    assert (again.status, again.code) == (401, "unauthorized")


async def test_nobody_signs_out_who_is_not_signed_in(hub: Target) -> None:
    link = (await hub.house.placed())["tracking"]["token"]
    for token in ("", link):
        answer = await hub.post("/api/logout", {}, token=token)
        assert (answer.status, answer.code) == (401, "unauthorized")
    foreign = await hub.post("/api/logout", {}, token=await hired(hub), headers={"Origin": "https://evil.example"})
    assert (foreign.status, foreign.code) == (403, "forbidden")


@pytest.mark.parametrize("gateway", ["socketio", "ws"])
async def test_a_sign_out_over_a_connection_ends_all_connections_of_its_token(hub: Target, gateway: str) -> None:
    token = await hired(hub)
    headers = {**STREAM, "Authorization": f"Bearer {token}"}
    async with (
        await plain(hub.house, token=token) as other,
        hub.house.http.get(f"{hub.url}/api/rooms/kitchen/events", headers=headers) as stream,
    ):
        assert (await other.command("room.join", room="kitchen"))["ok"]
        await sign_out(hub, token, gateway)
        await hub.house.hub.housekeeping.former_staff.disconnect()  # as the hub does every five seconds
        assert await other.closed() == 1012
        async with asyncio.timeout(SOON_S):
            await stream.read()  # to its end
    await refused(hub, token)


async def sign_out(hub: Target, token: str, gateway: str) -> None:
    if gateway == "ws":
        async with await plain(hub.house, token=token) as page:
            assert (await page.command("auth.logout"))["ok"]
        return
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(hub.url, auth={"token": token}, transports=["websocket"])
    answer: Any = await client.call("auth.logout", {}, timeout=SOON_S)
    assert answer == {"ok": True, "data": {}}
    await client.disconnect()


async def test_a_connection_that_signed_out_gives_no_more_commands(hub: Target) -> None:
    async with await plain(hub.house, token=await hired(hub)) as page:
        assert (await page.command("auth.logout"))["ok"]
        said = await page.command("stock.set", sku="agua", left=3)
        assert said["error"]["code"] == "unauthorized"


async def test_the_token_of_a_removed_manager_is_nothing_to_the_courier_of_the_same_name(
    hub: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "FRESH_S", -1.0)
    old = await hired(hub)
    await hub.house.hub.branch.services.staff.remove("Lupita")
    new = await hired(hub, Role.COURIER)
    await refused(hub, old)
    assert (await hub.get("/api/orders", token=new)).status == 200
    assert (await hub.post("/api/promos", {"title": "x", "message": "y"}, token=new)).code == "forbidden"


async def test_a_demoted_manager_is_a_courier_with_the_token_of_before(
    hub: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "FRESH_S", -1.0)
    token = await hired(hub)
    ws = await hub.house.http.ws_connect(f"{hub.url}/ws", params={"token": token})
    async with Plain(ws) as page:
        await hub.house.hub.branch.services.staff.set_roles("Lupita", [Role.COURIER])
        assert (await hub.post("/api/promos", {"title": "x", "message": "y"}, token=token)).code == "forbidden"
        assert (await page.command("promo.publish", title="x", message="y"))["error"]["code"] == "forbidden"
        assert (await page.command("room.join", room="floor"))["error"]["code"] == "forbidden"
