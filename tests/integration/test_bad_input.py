"""Wrong things over the socket: each gets its ack, nothing is committed, and the hub stays as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.cluster import SKU, an_order

if TYPE_CHECKING:
    from tests.integration.cluster import Cluster, HubClient
    from tests.integration.conftest import AnyScreen


def line(**changes: Any) -> dict[str, Any]:
    return {"sku": SKU, "qty": 1, **changes}


DEEP: Any = "x"
for _ in range(200):
    DEEP = [DEEP]

# name, payload, code; {mine} is an order just placed, {other} another's
WRONG: list[tuple[str, Any, str]] = [
    ("order.burn", {}, "bad_request"),
    ("order.place", "a taco", "bad_request"),
    ("order.place", 7, "bad_request"),
    ("order.place", None, "bad_request"),
    ("order.place", [], "bad_request"),
    ("order.place", an_order(coupon="GRATIS"), "bad_request"),
    ("order.place", an_order(items=[]), "bad_request"),
    ("order.place", an_order(items=[line(qty=0)]), "bad_request"),
    ("order.place", an_order(items=[line(qty=10_000)]), "bad_request"),
    ("order.place", an_order(items=[line(qty="3")]), "bad_request"),
    ("order.place", an_order(items=[line(qty=1.5)]), "bad_request"),
    ("order.place", an_order(items=[line(qty=True)]), "bad_request"),
    ("order.place", an_order(items=[line(qty=2**80)]), "bad_request"),
    ("order.place", an_order(items=[line(sku="unicornio")]), "bad_request"),
    ("order.place", an_order(items=[line(notes="x" * 10_000)]), "bad_request"),
    ("order.place", an_order(items=[line(notes="a\x00b")]), "bad_request"),
    ("order.place", an_order(items=[line(notes="\ud800")]), "bad_request"),
    ("order.place", an_order(items=DEEP), "bad_request"),
    ("order.place", {**an_order(), "\ud800": 1}, "bad_request"),
    ("order.advance", {"order_id": "{mine}", "to": "delivered"}, "conflict"),
    ("order.advance", {"order_id": "{mine}", "to": "eaten"}, "bad_request"),
    ("order.advance", {"order_id": "{mine}", "to": "preparing", "version": 9}, "conflict"),
    ("order.advance", {"order_id": "PED999999", "to": "preparing"}, "not_found"),
    ("order.assign_courier", {"order_id": "{mine}", "courier_id": "nobody"}, "not_found"),
    ("order.mark_item", {"order_id": "{mine}", "item": 9, "done": True}, "not_found"),
    ("courier.report", {"order_id": "{mine}", "lat": 0, "lon": 0, "accuracy_m": 1}, "not_found"),
    ("courier.report", {"order_id": "{mine}", "lat": 91, "lon": 0, "accuracy_m": 1}, "bad_request"),
    ("promo.publish", {"title": "x"}, "bad_request"),
    ("stock.set", {"sku": SKU, "left": -1}, "bad_request"),
    ("stock.set", {"sku": "unicornio", "left": 1}, "bad_request"),
    ("room.join", {"room": "nowhere"}, "not_found"),
    ("room.join", {"room": "order:PED999999"}, "not_found"),
    ("room.join", {"room": "promos", "after": "yesterday"}, "bad_request"),
    ("room.join", {"room": "promos", "only": "promo.published"}, "bad_request"),
    ("room.join", {"room": "\ud800"}, "bad_request"),
    ("chat.send", {"chat_id": "nobody", "text": "hola"}, "not_found"),
    ("chat.open", {"order_token": "PED999999.aaaaaaaaaaaaaaaaaaaaaa"}, "unauthorized"),
    ("hub.welcome", {}, "bad_request"),
]
FORBIDDEN: list[tuple[str, Any, str]] = [
    ("order.advance", {"order_id": "{mine}", "to": "preparing"}, "forbidden"),
    ("order.cancel", {"order_id": "{other}", "reason": "x"}, "not_found"),
    ("room.join", {"room": "order:{other}"}, "not_found"),
    ("room.join", {"room": "kitchen"}, "forbidden"),
    ("room.join", {"room": "floor"}, "forbidden"),
    ("promo.publish", {"title": "x", "message": "y"}, "forbidden"),
    ("stock.set", {"sku": SKU, "left": 1}, "forbidden"),
    ("chat.take_over", {"chat_id": "x"}, "forbidden"),
]


def filled(payload: Any, **ids: str) -> Any:
    """The payload with its placeholders filled in."""
    text = json.dumps(payload)
    for name, id in ids.items():
        text = text.replace(f"{{{name}}}", id)
    return json.loads(text)


@pytest.mark.parametrize("who", ["manager", "customer"])
async def test_wrong_commands_get_the_right_codes_and_commit_nothing(
    cluster: Cluster, clients: tuple[HubClient, HubClient], screen: AnyScreen, who: str
) -> None:
    mine, other = await clients[0].place(), await clients[0].place()
    token = cluster.token if who == "manager" else mine["tracking"]["token"]
    await screen.connect(cluster.urls[0], token=token)
    position = await clients[0].position()
    for name, payload, code in WRONG if who == "manager" else FORBIDDEN:
        ack = await screen.call(name, filled(payload, mine=mine["order"]["id"], other=other["order"]["id"]))
        assert ack["ok"] is False, (name, payload)
        assert ack["error"]["code"] == code, (name, payload, ack)
        assert set(ack["error"]) >= {"code", "message", "retryable"}
    assert await clients[0].position() == position
    assert "disconnected" not in {heard.name for heard in screen.heard}
    assert (await screen.join("promos"))["room"] == "promos"


async def test_a_command_of_two_objects_is_refused(cluster: Cluster, screen: AnyScreen) -> None:
    await screen.connect(cluster.urls[0])
    assert (await screen.call("room.leave", {"room": "promos"}, {}))["error"]["code"] == "bad_request"
    assert (await screen.call("room.leave"))["error"]["code"] == "bad_request"


async def test_a_command_id_works_once_and_with_one_body(
    cluster: Cluster, clients: tuple[HubClient, HubClient], kind: str, new_screen: Callable[[str], AnyScreen]
) -> None:
    """On either hub, and together with HTTP's header."""
    a, b = new_screen(kind), new_screen(kind)
    for screen, url in zip((a, b), cluster.urls, strict=True):
        await screen.connect(url, token=cluster.token)
    command = an_order(command_id=f"once-{kind}", customer={"name": "Zoë"})
    first = await a.call("order.place", command)
    assert first["ok"] is True
    assert await b.call("order.place", command) == first
    position = await clients[0].position()
    other = await b.call("order.place", {**command, "customer": {"name": "Zoé"}})
    assert other["error"]["code"] == "idempotency_mismatch"
    assert await clients[0].position() == position


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        ({"token": "a.b.c"}, "unauthorized"),
        ({"token": "PED999999.aaaaaaaaaaaaaaaaaaaaaa"}, "unauthorized"),
        ({"branch": "norte"}, "not_found"),
        ({"coupon": "x"}, "bad_request"),
        ({"token": 7}, "bad_request"),
        ({"token": "x" * 3_000}, "bad_request"),
    ],
    ids=str,
)
async def test_who_may_not_come_in_is_told_why(
    cluster: Cluster, screen: AnyScreen, auth: dict[str, Any], code: str
) -> None:
    with pytest.raises(AssertionError) as refused:
        await screen.connect(cluster.urls[0], **auth)
    told = json.loads(str(refused.value).splitlines()[0])
    assert told["data"]["code"] == code
    assert told["message"] == told["data"]["message"]


async def test_a_note_of_a_megabyte_ends_the_connection_and_the_client_comes_back(
    cluster: Cluster, clients: tuple[HubClient, HubClient], screen: AnyScreen
) -> None:
    await screen.connect(cluster.urls[0], token=cluster.token)
    await screen.next("hub.welcome")
    position = await clients[0].position()
    await screen.emit("order.place", an_order(items=[line(notes="x" * 1_000_000)]))
    await screen.next("disconnected")
    await screen.next("hub.welcome")
    assert await clients[0].position() == position
    assert (await screen.join("promos"))["room"] == "promos"
