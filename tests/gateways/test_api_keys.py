"""API keys: partners that place orders, read their own and nothing else, through every door."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import socketio

from hub.core.times import format_time
from hub.services.build import utc_now
from hub.services.document_names import api_key_key
from hub.store import Document, Write
from tests.support.hub_harness import SOON_S, STREAM, an_order, plain

if TYPE_CHECKING:
    from tests.gateways.conftest import Open
    from tests.support.hub_harness import Heard, HubHarness

ALL = ("orders:write", "orders:read", "chat")


async def make(house: HubHarness, *scopes: str, **fields: Any) -> dict[str, Any]:
    body = {"title": "Reparto", "scopes": scopes or ALL, **fields}
    answer = await house.post("/api/keys", body, token=house.token())
    assert answer.status == 201, answer.raw
    data: dict[str, Any] = answer.data
    return data


async def order_by(house: HubHarness, key: str, **changes: Any) -> Heard:
    return await house.post("/api/orders", an_order(**changes), token=key)


async def test_a_key_is_shown_once_and_kept_as_a_digest(house: HubHarness) -> None:
    made = await make(house)
    assert made["key"].startswith("ck_")
    document = await house.hub.branch.log.document(api_key_key(made["key_id"]))
    assert document is not None
    secret = made["key"].partition(f"{made['key_id']}_")[2]
    assert len(secret) > 40
    assert secret not in document.body
    listed = (await house.get("/api/keys", token=house.token())).data["keys"]
    del made["key"]
    assert listed == [made]


@pytest.mark.parametrize("role", ["kitchen", "courier", "support"])
async def test_only_managers_make_list_and_revoke_keys(house: HubHarness, role: str) -> None:
    made = await make(house)
    body = {"title": "x", "scopes": ["chat"]}
    for answer in (
        await house.post("/api/keys", body, token=house.token(role)),
        await house.get("/api/keys", token=house.token(role)),
        await house.ask("DELETE", f"/api/keys/{made['key_id']}", token=house.token(role)),
        await house.post("/api/keys", body, token=made["key"]),
        await house.post("/api/keys", body),
    ):
        assert (answer.status, answer.code) == (403, "forbidden")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": "x"},
        {"title": "x", "scopes": []},
        {"title": "x", "scopes": ["everything"]},
        {"title": "", "scopes": ["chat"]},
        {"title": "x", "scopes": ["chat"], "expires_at": "2020-01-01T00:00:00Z"},
        {"title": "x", "scopes": ["chat"], "command_id": "c-1"},
    ],
    ids=ascii,
)
async def test_a_key_that_makes_no_sense_is_not_made(house: HubHarness, body: dict[str, Any]) -> None:
    answer = await house.post("/api/keys", body, token=house.token())
    assert (answer.status, answer.code) == (400, "bad_request")
    assert (await house.get("/api/keys", token=house.token())).data["keys"] == []


async def test_a_partner_places_orders_and_reads_its_own_only(house: HubHarness) -> None:
    mine, other = (await make(house))["key"], (await make(house))["key"]
    strangers = (await house.placed())["order"]["id"]
    placed = await order_by(house, mine)
    assert placed.status == 201
    order_id = placed.data["order"]["id"]
    assert (await house.get(f"/api/orders/{order_id}", token=mine)).data["order"]["id"] == order_id
    assert [order["id"] for order in (await house.get("/api/orders", token=mine)).data["orders"]] == [order_id]
    assert (await house.get("/api/orders", token=other)).data["orders"] == []
    for path, key in ((f"/api/orders/{strangers}", mine), (f"/api/orders/{order_id}", other)):
        answer = await house.get(path, token=key)
        assert (answer.status, answer.code) == (404, "not_found")


async def test_staff_see_which_partner_placed_an_order(house: HubHarness) -> None:
    made = await make(house)
    order_id = (await order_by(house, made["key"])).data["order"]["id"]
    shown = (await house.get(f"/api/orders/{order_id}", token=house.token())).data["order"]["customer"]
    assert (shown["partner"], shown["key_id"]) == ("Reparto", made["key_id"])
    own = (await house.get(f"/api/orders/{order_id}", token=made["key"])).data["order"]["customer"]
    assert own.keys() == {"name"}


async def test_a_partner_cancels_its_own_order_and_nobody_elses(house: HubHarness) -> None:
    mine, other = (await make(house))["key"], (await make(house))["key"]
    order_id = (await order_by(house, mine)).data["order"]["id"]
    path, body = f"/api/orders/{order_id}/cancel", {"reason": "se arrepintió"}
    refused = await house.post(path, body, token=other)
    assert (refused.status, refused.code) == (404, "not_found")
    assert (await house.post(path, body, token=mine)).data["order"]["status"] == "cancelled"


WITHOUT = [
    ("orders:write", "POST", "/api/orders", an_order()),
    ("orders:write", "POST", "/api/orders/{order}/cancel", {"reason": "no"}),
    ("orders:read", "GET", "/api/orders", None),
    ("orders:read", "GET", "/api/orders/{order}", None),
    ("orders:read", "GET", "/api/rooms/order:{order}/events", None),
    ("chat", "POST", "/api/chats", {}),
    ("chat", "POST", "/api/chat/stream", {"messages": [{"role": "user", "content": "hola"}]}),
]


@pytest.mark.parametrize(("scope", "method", "path", "body"), WITHOUT)
async def test_a_key_without_the_scope_is_forbidden_and_told_which_one(
    house: HubHarness, scope: str, method: str, path: str, body: Any
) -> None:
    whole = await make(house)
    order_id = (await order_by(house, whole["key"])).data["order"]["id"]
    # The same key, as if its maker had left this scope out.
    key = api_key_key(whole["key_id"])
    document = await house.hub.branch.log.document(key)
    assert document is not None
    lesser = document.body.replace(f'"{scope}",', "").replace(f',"{scope}"', "")
    assert lesser != document.body
    await set_document(house, whole["key_id"], document.version + 1, lesser)
    answer = await house.ask(method, path.format(order=order_id), body=body, token=whole["key"])
    assert (answer.status, answer.code) == (403, "forbidden")
    assert answer.body["error"]["values"] == {"scope": scope}
    assert scope in answer.body["error"]["message"]


async def set_document(house: HubHarness, key_id: str, version: int, body: str) -> None:
    await house.hub.branch.log.commit(Write(documents=(Document(api_key_key(key_id), version, body),)))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/stock", {"sku": "agua", "left": 1}),
        ("POST", "/api/promos", {"title": "x", "message": "y"}),
        ("GET", "/api/staff", None),
        ("GET", "/metrics", None),
        ("GET", "/api/orders?open=true", None),
        ("GET", "/api/rooms/kitchen/events", None),
        ("POST", "/api/orders/{order}/advance", {"to": "preparing"}),
    ],
)
async def test_what_needs_a_role_is_forbidden_to_every_key(
    house: HubHarness, method: str, path: str, body: Any
) -> None:
    key = (await make(house))["key"]
    order_id = (await order_by(house, key)).data["order"]["id"]
    answer = await house.ask(method, path.format(order=order_id), body=body, token=key)
    assert (answer.status, answer.code) == (403, "forbidden")


async def test_a_revoked_key_is_refused_at_once_by_every_hub(open_hub: Open) -> None:
    async with open_hub() as one, open_hub() as two:
        made = await make(one)
        assert (await order_by(two, made["key"])).status == 201
        assert (await one.ask("DELETE", f"/api/keys/{made['key_id']}", token=one.token())).status == 200
        for house in (one, two):
            answer = await house.get("/api/menu", token=made["key"])
            assert (answer.status, answer.code) == (401, "unauthorized")
        again = await one.ask("DELETE", f"/api/keys/{made['key_id']}", token=one.token())
        assert (again.status, again.code) == (404, "not_found")


async def test_an_open_connection_of_a_revoked_key_gives_no_commands_and_is_closed(house: HubHarness) -> None:
    made = await make(house)
    headers = {"Authorization": f"Bearer {made['key']}"}
    async with await plain(house, headers=headers) as client:
        assert (await client.command("order.place", **an_order()))["ok"] is True
        await house.ask("DELETE", f"/api/keys/{made['key_id']}", token=house.token())
        refused = await client.command("order.place", **an_order(customer={"name": "Beto"}))
        assert refused["error"]["code"] == "unauthorized"
        await house.hub.housekeeping.former_staff.disconnect()
        assert await client.closed() == 1012


async def test_a_key_ends_when_it_says(house: HubHarness) -> None:
    soon = format_time(utc_now() + timedelta(hours=1))
    made = await make(house, expires_at=soon)
    assert (await house.get("/api/menu", token=made["key"])).status == 200
    house.hub.branch.services.keys._clock = lambda: utc_now() + timedelta(hours=2)
    answer = await house.get("/api/menu", token=made["key"])
    assert (answer.status, answer.code) == (401, "unauthorized")
    listed = await house.get("/api/keys", token=house.token())
    assert listed.data["keys"] == []


@pytest.mark.parametrize("changed", ["{}x", "{}.x", "ck_", "ck_x_y", "ck_ñ_y", "{}_"])
async def test_a_key_that_is_not_quite_right_is_refused(house: HubHarness, changed: str) -> None:
    key = (await make(house))["key"]
    answer = await house.get("/api/menu", token=changed.format(key))
    assert (answer.status, answer.code) == (401, "unauthorized")


async def test_a_key_in_the_address_of_a_websocket_is_refused(house: HubHarness) -> None:
    key = (await make(house))["key"]
    answer = await house.get(f"/ws?token={key}")
    assert (answer.status, answer.code) == (401, "unauthorized")


async def test_limits_count_by_the_key_and_not_by_the_address(open_hub: Open) -> None:
    async with open_hub(orders_minute=2) as house:
        first, second = (await make(house))["key"], (await make(house))["key"]
        for number in range(2):
            assert (await order_by(house, first, command_id=f"order-{number}")).status == 201
        refused = await order_by(house, first, command_id="order-3")
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert (await order_by(house, second)).status == 201
        assert (await house.post("/api/orders", an_order())).status == 201


async def test_the_rate_of_requests_counts_by_the_key(open_hub: Open) -> None:
    async with open_hub(requests_s=0.001, requests_burst=3) as house:
        key = (await make(house))["key"]
        statuses = [(await house.get("/api/menu", token=key)).status for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        assert [(await house.get("/api/menu")).status for _ in range(4)] == [200, 200, 200, 429]


async def test_a_partner_follows_its_order_over_every_door(house: HubHarness) -> None:
    key = (await make(house))["key"]
    headers = {"Authorization": f"Bearer {key}"}
    order_id = (await order_by(house, key)).data["order"]["id"]
    room = f"order:{order_id}"
    async with await plain(house, headers=headers) as client:
        assert (await client.command("room.join", room=room))["data"]["snapshot"]["order"]["id"] == order_id
        refused = await client.command("room.join", room="kitchen")
        assert refused["error"]["code"] == "forbidden"
    async with house.http.get(f"{house.url}/api/rooms/{room}/events", headers={**STREAM, **headers}) as response:
        assert response.status == 200
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(house.url, auth={"token": key})
    try:
        async with asyncio.timeout(SOON_S):
            joined = await client.call("room.join", {"room": room})
        assert joined["data"]["snapshot"]["order"]["id"] == order_id
    finally:
        await client.disconnect()


async def test_a_partner_reads_its_order_after_its_links_have_expired(house: HubHarness) -> None:
    key = (await make(house))["key"]
    order_id = (await order_by(house, key)).data["order"]["id"]
    await house.post(f"/api/orders/{order_id}/cancel", {"reason": "no"}, token=key)
    house.hub.branch.services.orders._queries._clock = lambda: utc_now() + timedelta(days=2)
    assert (await house.get(f"/api/orders/{order_id}", token=key)).status == 200


async def test_a_chat_belongs_to_the_key_that_opened_it(house: HubHarness) -> None:
    mine, other = (await make(house))["key"], (await make(house))["key"]
    chat_id = (await house.post("/api/chats", {}, token=mine)).data["chat_id"]
    path, body = f"/api/chats/{chat_id}/messages", {"text": "hola"}
    assert (await house.post(path, body, token=mine)).status == 202
    refused = await house.post(path, body, token=other)
    assert (refused.status, refused.code) == (404, "not_found")
