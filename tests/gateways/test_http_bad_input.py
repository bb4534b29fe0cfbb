"""Bad input over HTTP: each gets the error of docs/protocol.md, commits nothing, and leaves the hub as it was."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from hub.config.limit_settings import ConnectionLimits
from hub.gateways import request_body
from tests.support.hub_harness import SECRET, SKU, SOON_S, an_order

if TYPE_CHECKING:
    from tests.support.hub_harness import HubHarness

DEEP = b"[" * 20_000 + b"]" * 20_000


def line(**changes: Any) -> dict[str, Any]:
    return {"sku": SKU, "qty": 1, **changes}


BAD_ORDERS: dict[str, dict[str, Any]] = {
    "an unknown field": {"coupon": "GRATIS"},
    "an unknown field of a line": {"items": [line(price=1)]},
    "an unknown field of the customer": {"customer": {"name": "Ana", "vip": True}},
    "another's order id": {"order_id": "PED222222"},
    "an empty cart": {"items": []},
    "no cart": {"items": None},
    "a cart that is an object": {"items": line()},
    "a cart of numbers": {"items": [1, 2]},
    "forty-one lines": {"items": [line()] * 41},
    "a quantity of 0": {"items": [line(qty=0)]},
    "a quantity below 0": {"items": [line(qty=-3)]},
    "a quantity of 10,000": {"items": [line(qty=10_000)]},
    "a quantity past any machine's integers": {"items": [line(qty=10**300)]},
    "a quantity in quotes": {"items": [line(qty="3")]},
    "one and a half": {"items": [line(qty=1.5)]},
    "a quantity that is true": {"items": [line(qty=True)]},
    "a quantity that is no number": {"items": [line(qty=float("nan"))]},
    "a quantity of null": {"items": [line(qty=None)]},
    "a dish that there is not": {"items": [line(sku="unicornio")]},
    "a dish that is no sku": {"items": [line(sku="../../etc/passwd")]},
    "a dish that is a list": {"items": [line(sku=["agua"])]},
    "a note past its limit": {"items": [line(notes="ñ" * 201)]},
    "a note with a NUL": {"items": [line(notes="sin\x00cebolla")]},
    "a note with an escape": {"items": [line(notes="\x1b[2J")]},
    "half a character": {"items": [line(notes="\ud800")]},
    "a name that is half a character": {"customer": {"name": "\udfff"}},
    "a name of spaces": {"customer": {"name": "   "}},
    "a name that is a number": {"customer": {"name": 7}},
    "a name past its limit": {"customer": {"name": "a" * 81}},
    "no customer": {"customer": None},
    "a customer that is a list": {"customer": ["Ana"]},
    "a phone that is none": {"customer": {"name": "Ana", "phone": "llámame"}},
    "a delivery to nowhere": {"delivery": {"kind": "delivery"}},
    "a delivery to a blank address": {"delivery": {"kind": "delivery", "address": "  "}},
    "a kind of delivery that there is not": {"delivery": {"kind": "drone", "address": "aquí"}},
    "a place off the globe": {"delivery": {"kind": "delivery", "address": "aquí", "lat": 91, "lon": 0}},
    "a place at infinity": {"delivery": {"kind": "delivery", "address": "aquí", "lat": float("inf"), "lon": 0}},
    "a place that is no number": {"delivery": {"kind": "delivery", "address": "aquí", "lat": float("nan"), "lon": 0}},
    "a command id with a space": {"command_id": "a b"},
    "a command id of no characters": {"command_id": ""},
    "a command id past its limit": {"command_id": "a" * 129},
    "a command id that is a number": {"command_id": 7},
}

BAD_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"customer=Ana",
    "half of it": b'{"customer": {"name": "An',
    "a list": b"[]",
    "a text": b'"hola"',
    "null": b"null",
    "not UTF-8": '{"customer": {"name": "José"}}'.encode("latin-1"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16 of nothing": b"\xff\xfe",
    "zeros": b"\x00" * 100,
    "a very deep list": DEEP,
    "a very deep object": b'{"customer":' * 4_000 + b"1" + b"}" * 4_000,
    "a deep list in a field": b'{"customer": ' + DEEP + b"}",
    "a number of 5,000 digits": b'{"items": ' + b"9" * 5_000 + b"}",
    "a field that is half a character": b'{"\\ud800": 1}',
    "a field of a customer that is half a character": b'{"customer": {"name": "a", "\\ud800": 1}}',
}


async def refused(house: HubHarness, path: str, code: str, status: int, **options: Any) -> None:
    """A request is refused just so, and nothing came of it."""
    position = await house.position()
    answer = await house.ask(options.pop("method", "POST"), path, **options)
    assert (answer.status, answer.code) == (status, code), answer.raw
    assert await house.position() == position
    assert await house.healthy()


@pytest.mark.parametrize("changes", BAD_ORDERS.values(), ids=BAD_ORDERS)
async def test_an_order_that_makes_no_sense_is_refused(house: HubHarness, changes: dict[str, Any]) -> None:
    await refused(house, "/api/orders", "bad_request", 400, body=an_order(**changes))


@pytest.mark.parametrize("raw", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_a_body_that_is_no_object_is_refused(house: HubHarness, raw: bytes) -> None:
    await refused(house, "/api/orders", "bad_request", 400, raw=raw)


async def test_a_refusal_names_the_field(house: HubHarness) -> None:
    answer = await house.post("/api/orders", an_order(items=[line(), line(qty=0)]))
    assert answer.body["error"]["message"].startswith("items.1.qty: ")
    assert answer.body["error"]["values"]["field"] == "items.1.qty"


async def test_a_note_of_a_megabyte_is_too_large(house: HubHarness) -> None:
    note = an_order(items=[line(notes="x" * 1_000_000)])
    await refused(house, "/api/orders", "too_large", 413, body=note)


async def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not(house: HubHarness) -> None:
    body = json.dumps(an_order()).encode()
    limit = ConnectionLimits(_env_file=None).message_bytes
    assert (await house.ask("POST", "/api/orders", raw=body.ljust(limit))).status == 201
    await refused(house, "/api/orders", "too_large", 413, raw=body.ljust(limit + 1))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP", "br", "identity, gzip"])
@pytest.mark.parametrize("raw", [gzip.compress(b" " * 5_000_000), b"not gzip at all"], ids=["bomb", "garbage"])
async def test_a_packed_body_is_refused_and_never_unpacked(house: HubHarness, raw: bytes, encoding: str) -> None:
    headers = {"Content-Encoding": encoding}
    await refused(house, "/api/orders", "bad_request", 400, raw=raw, headers=headers)


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/orders"), ("GET", "/api/menu"), ("POST", "/nowhere")])
async def test_a_body_that_does_not_unpack_is_no_fault_of_ours(
    house: HubHarness, caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    host, port = house.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\n"
    last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    writer.write(f"{head}garbage{last}".encode())
    async with asyncio.timeout(SOON_S):
        assert b'"alive"' in await reader.read()  # the connection goes on behind it
    writer.close()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_body_that_says_it_is_not_packed_is_read(house: HubHarness) -> None:
    answer = await house.post("/api/orders", an_order(), headers={"Content-Encoding": "Identity"})
    assert answer.status == 201


async def test_a_body_that_does_not_come_in_time_is_refused_and_its_connection_closed(
    house: HubHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_body, "BODY_S", 0.05)
    position = await house.position()
    body = json.dumps(an_order()).encode()
    host, port = house.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:-1])
    async with asyncio.timeout(SOON_S):
        head, _, told = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert b" 400 " in head.splitlines()[0]
    assert json.loads(told)["error"]["message"] == "the body did not arrive in time"
    assert await house.position() == position


async def test_a_body_that_breaks_off_commits_nothing(house: HubHarness) -> None:
    position = await house.position()
    body = json.dumps(an_order()).encode()
    host, port = house.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (len(body) + 1) + body)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(SOON_S):
        while "/api/orders" not in (await house.get("/metrics", token=house.token())).raw.decode():
            pass
    assert '"/api/orders",status="500"' not in (await house.get("/metrics", token=house.token())).raw.decode()
    assert await house.position() == position


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 129, "\udcff"], ids=ascii)
async def test_a_key_that_is_none_is_refused(house: HubHarness, key: str) -> None:
    host, port = house.url.removeprefix("http://").split(":")
    position = await house.position()
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps(an_order()).encode()
    head = f"POST /api/orders HTTP/1.0\r\nHost: x\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode(errors="surrogateescape") + body)
    async with asyncio.timeout(SOON_S):
        answer = await reader.read()
    writer.close()
    assert b" 400 " in answer.splitlines()[0]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "bad_request"
    assert await house.position() == position


@pytest.mark.parametrize("id", ["other", None])
async def test_two_keys_for_one_command_are_refused(house: HubHarness, id: str | None) -> None:
    body = an_order(command_id=id)
    await refused(house, "/api/orders", "bad_request", 400, body=body, headers={"Idempotency-Key": "one"})


async def test_an_order_in_the_body_that_is_not_the_one_in_the_address_is_refused(house: HubHarness) -> None:
    ids = [(await house.placed())["order"]["id"] for _ in range(2)]
    body = {"to": "preparing", "order_id": ids[1]}
    await refused(house, f"/api/orders/{ids[0]}/advance", "bad_request", 400, body=body, token=house.token())


@pytest.mark.parametrize(
    ("action", "body", "code", "status"),
    [
        ("advance", {}, "bad_request", 400),
        ("advance", {"to": "eaten"}, "bad_request", 400),
        ("advance", {"to": ["ready"]}, "bad_request", 400),
        ("advance", {"to": "preparing", "version": 0}, "bad_request", 400),
        ("advance", {"to": "preparing", "version": "one"}, "bad_request", 400),
        ("advance", {"to": "preparing", "why": "hungry"}, "bad_request", 400),
        ("advance", {"to": "ready"}, "conflict", 409),
        ("advance", {"to": "delivered"}, "conflict", 409),
        ("advance", {"to": "received"}, "conflict", 409),
        ("advance", {"to": "cancelled"}, "conflict", 409),
        ("advance", {"to": "preparing", "version": 2}, "conflict", 409),
        ("advance", {"to": "preparing", "version": 10**30}, "conflict", 409),
        ("cancel", {}, "bad_request", 400),
        ("cancel", {"reason": ""}, "bad_request", 400),
        ("cancel", {"reason": "x" * 201}, "bad_request", 400),
        ("recall", {"reason": "no"}, "conflict", 409),
        ("delay", {"reason": "lluvia"}, "bad_request", 400),
        ("delay", {"reason": "lluvia", "minutes": 0}, "bad_request", 400),
        ("delay", {"reason": "lluvia", "minutes": 181}, "bad_request", 400),
        ("items", {"item": 0, "done": True}, "bad_request", 400),
        ("items", {"item": 9, "done": True}, "not_found", 404),
        ("items", {"item": 1}, "bad_request", 400),
        ("items", {"item": 1, "done": "perhaps"}, "bad_request", 400),
        ("courier", {"courier_id": "nobody"}, "not_found", 404),
        ("courier", {"courier_id": "a/b"}, "bad_request", 400),
        ("acknowledge", {"by": "me"}, "bad_request", 400),
        ("eat", {}, "not_found", 404),
    ],
    ids=str,
)
async def test_what_cannot_be_done_to_an_order_is_refused(
    house: HubHarness, action: str, body: dict[str, Any], code: str, status: int
) -> None:
    id = (await house.placed())["order"]["id"]
    await refused(house, f"/api/orders/{id}/{action}", code, status, body=body, token=house.token())


async def test_a_message_past_the_limit_is_too_large(house: HubHarness) -> None:
    chat = (await house.post("/api/chats", {})).data
    path = f"/api/chats/{chat['chat_id']}/messages"
    await refused(house, path, "too_large", 413, body={"text": "x" * 2001}, token=chat["token"])


async def test_a_version_that_somebody_else_was_quicker_than_is_a_conflict(house: HubHarness) -> None:
    id = (await house.placed())["order"]["id"]
    await house.advance(id, "preparing")
    body = {"to": "ready", "version": 1}
    answer = await house.post(f"/api/orders/{id}/advance", body, token=house.token())
    assert (answer.status, answer.code) == (409, "conflict")
    assert answer.body["error"]["values"]["version"] == 2


@pytest.mark.parametrize("id", ["PED999999", "%00", "%ff", "%ED%A0%80", "x" * 300, "..%2f..", "a:b", "{centro}", "%20"])
async def test_an_order_that_there_is_not_is_not_found(house: HubHarness, id: str) -> None:
    await refused(house, f"/api/orders/{id}", "not_found", 404, method="GET", token=house.token())
    answer = await house.get(f"/api/rooms/order:{id}/events", token=house.token())
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/promos", {"title": "x"}),
        ("/api/promos", {"title": "", "message": "x"}),
        ("/api/promos", {"title": "x", "message": ""}),
        ("/api/promos", {"title": "x\ny\x00", "message": "x"}),
        ("/api/promos", {"title": "x", "message": "x", "expires_at": "tomorrow"}),
        ("/api/promos", {"title": "x", "message": "x", "expires_at": "2020-01-01T00:00:00Z"}),
        ("/api/promos", {"title": "x", "message": "x", "expires_at": "2999-01-01T00:00:00"}),
        ("/api/promos", {"title": "x", "message": "x", "expires_at": "9999-12-31T23:59:59-23:59"}),
        ("/api/stock", {"sku": SKU}),
        ("/api/stock", {"sku": SKU, "left": -1}),
        ("/api/stock", {"sku": SKU, "left": "3"}),
        ("/api/stock", {"sku": SKU, "left": 10**9}),
        ("/api/stock", {"sku": "unicornio", "left": 1}),
        ("/api/login", {}),
        ("/api/login", {"name": "Carmen", "pin": 1234}),
        ("/api/login", {"name": "\x00", "pin": "1234"}),
        ("/api/login", {"name": "Carmen", "pin": "1" * 65}),
        ("/api/chats", {"chat_id": "x"}),
        ("/api/chats/x/messages", {"text": ""}),
        ("/api/chats/x/messages", {"text": "\ud800"}),
        ("/api/chats/x/stop", {}),
    ],
    ids=str,
)
async def test_any_other_body_that_makes_no_sense_is_refused(house: HubHarness, path: str, body: Any) -> None:
    await refused(house, path, "bad_request", 400, body=body, token=house.token())


@pytest.mark.parametrize(
    "query",
    ["limit=-1", "limit=x", "limit=1.5", "limit=%D9%A3", "limit=" + "9" * 17, "before=-1", "before=x", "status=eaten"],
)
async def test_a_question_that_makes_no_sense_is_refused(house: HubHarness, query: str) -> None:
    await refused(house, f"/api/orders?{query}", "bad_request", 400, method="GET", token=house.token())


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/login", "POST"),
        ("DELETE", "/api/orders", "GET,HEAD,POST"),
        ("PUT", "/api/orders/PED222222", "GET,HEAD"),
        ("GET", "/api/orders/PED222222/advance", "POST"),
        ("POST", "/api/menu", "GET,HEAD"),
        ("POST", "/", "GET,HEAD"),
        ("GET", "/api/chat/stream", "POST"),
        ("HEAD", "/api/rooms/promos/events", "GET"),
        ("HEAD", "/api/chat/a-chat-of-mine/stream", "DELETE,GET"),
        ("GET", "/api/chat", "POST"),
        ("PATCH", "/readyz", "GET,HEAD"),
    ],
)
async def test_another_method_is_not_allowed_and_hears_which_are(
    house: HubHarness, method: str, path: str, allowed: str
) -> None:
    answer = await house.ask(method, path)
    assert answer.status == 405
    assert ",".join(part.strip() for part in answer.headers["Allow"].split(",")) == allowed
    assert method == "HEAD" or answer.code == "bad_request"


@pytest.mark.parametrize("path", ["/nowhere", "/api", "/api/", "/api/orders/", "/ws/", "/api/rooms/promos", "/%00"])
async def test_an_address_that_there_is_not_is_not_found(house: HubHarness, path: str) -> None:
    await refused(house, path, "not_found", 404, method="GET")


async def test_what_goes_wrong_inside_is_told_without_its_details(
    house: HubHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise ZeroDivisionError(f"the secret is {SECRET!r}")

    monkeypatch.setattr(house.hub.branch.services.menu, "shown", broken, raising=False)
    answer = await house.get("/api/menu")
    assert (answer.status, answer.code) == (500, "internal")
    assert b"secret" not in answer.raw
    assert b"ZeroDivision" not in answer.raw
