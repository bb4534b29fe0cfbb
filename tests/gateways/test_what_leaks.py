"""Headers, errors, logs and answers to unreadable requests reveal nothing that helps a stranger."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.gateways.conftest import Open
from tests.support.hub_harness import SOON_S, HubHarness, an_order, plain

SECRET = "s3cret-capability"


async def raw(house: HubHarness, request: bytes) -> tuple[str, str]:
    """The head and the body of the answer to these bytes."""
    host, port = house.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    async with asyncio.timeout(SOON_S):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line.split(":")[1]) for line in head.lower().split("\r\n") if line.startswith("content-len"))
        body = (await reader.readexactly(length)).decode()
    writer.close()
    await writer.wait_closed()
    return head, body


UNREADABLE = {
    "an address that is too long": (f"GET /t/{SECRET}{'x' * 9_000} HTTP/1.1\r\nHost: a\r\n\r\n", 431, "too_large"),
    "a header that is too long": (f"GET / HTTP/1.1\r\nHost: a\r\nX: {SECRET}{'x' * 9_000}\r\n\r\n", 431, "too_large"),
    "no HTTP at all": (f"{SECRET} nonsense\r\n\r\n", 400, "bad_request"),
    "a header with a control character": (f"GET / HTTP/1.1\r\nHost: a\r\nX: {SECRET}\x01\r\n\r\n", 400, "bad_request"),
    "something expected that there is not": (
        f"POST /api/orders HTTP/1.1\r\nHost: a\r\nExpect: {SECRET}\r\nContent-Length: 0\r\n\r\n",
        417,
        "bad_request",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_request_that_cannot_be_read_is_refused_in_the_hubs_words_and_quoted_nowhere(
    house: HubHarness, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    request, status, code = UNREADABLE[name]
    head, body = await raw(house, request.encode())
    assert head.split(" ")[1] == str(status)
    assert json.loads(body)["error"]["code"] == code
    said = head + body + "".join(capsys.readouterr())
    assert SECRET not in said
    assert "aiohttp" not in said
    assert "Python" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("path", ["/", "/api/menu", "/static/favicon.svg", "/nothing", "/healthz", "/socket.io/?EIO=4"])
async def test_no_answer_tells_what_the_hub_is_made_of(house: HubHarness, path: str) -> None:
    assert (await house.get(path)).headers["Server"] == "comanda"


@pytest.mark.parametrize("path", ["/", "/api/menu", "/nothing", "/static/favicon.svg"])
async def test_every_answer_says_what_a_page_may_do(house: HubHarness, path: str) -> None:
    headers = (await house.get(path)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["form-action"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert "ws:" not in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "usb=()" in headers["Permissions-Policy"]


async def test_who_came_by_https_is_to_come_by_https_again(house: HubHarness) -> None:
    assert "Strict-Transport-Security" not in (await house.get("/")).headers
    by_https = await house.get("/", headers={"X-Forwarded-Proto": "https"})
    assert by_https.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_private_answers_are_kept_by_no_cache(house: HubHarness) -> None:
    placed = await house.placed()
    order, tracking = placed["order"]["id"], placed["tracking"]["token"]
    for path in (f"/api/orders/{order}?token={tracking}", f"/api/rooms/order:{order}/events?token={tracking}"):
        answer = await house.get(path, headers={"Accept": "application/json"})
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
    refused = await house.get("/api/orders/unknown", token=house.token())
    assert refused.headers["Cache-Control"] == "no-store"


INVISIBLE = ["\u200b\u200b", "\u3164", "\u115f \u1160", "\u2800", "\ufeff", "\u2060\u00ad", "\U000e0041"]


@pytest.mark.parametrize("name", INVISIBLE)
async def test_a_name_that_nobody_can_see_is_no_name(house: HubHarness, name: str) -> None:
    refused = await house.post("/api/orders", an_order(customer={"name": name}))
    assert (refused.status, refused.code) == (400, "bad_request")


async def test_a_name_keeps_its_letters_and_loses_what_turns_the_text_around(house: HubHarness) -> None:
    placed = await house.placed(customer={"name": "\u202eana\u202c \u2068אנה\u2069 🌮"})
    assert placed["order"]["customer"]["name"] == "ana אנה 🌮"


async def test_a_plain_websocket_with_a_token_that_is_none_is_refused(house: HubHarness) -> None:
    for token in ("garbage", "PED7K3Q9X.nonsense", "a.b.c"):
        refused = await house.get(f"/ws?token={token}")
        assert (refused.status, refused.code) == (401, "unauthorized")


async def test_a_member_of_staff_may_show_their_token_in_the_address_of_a_plain_websocket(open_hub: Open) -> None:
    async with open_hub() as house:
        ws = await house.http.ws_connect(f"{house.url}/ws?token={house.token('kitchen')}")
        await ws.send_json({"id": 1, "command": "room.join", "data": {"room": "kitchen"}})
        async with asyncio.timeout(SOON_S):
            assert (await ws.receive_json())["ok"] is True
        await ws.close()


async def unmasked(house: HubHarness, path: str, text: str) -> bytes:
    """Send a frame without a mask; return the bytes that the hub sends from then on."""
    host, port = house.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    async with asyncio.timeout(SOON_S):
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(bytes((0x81, len(text))) + text.encode())
        heard = await reader.read()
    writer.close()
    await writer.wait_closed()
    return heard


PROTOCOL_ERROR = (1002).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/ws", '{"id": 1, "command": "room.join", "data": {"room": "promos"}}'),
        ("/socket.io/?EIO=4&transport=websocket", "40"),
    ],
)
async def test_a_frame_without_a_mask_ends_the_connection_and_is_not_carried_out(
    house: HubHarness, path: str, text: str
) -> None:
    heard = await unmasked(house, path, text)
    assert PROTOCOL_ERROR in heard
    assert b'"sid":' not in heard.split(b"pingInterval")[-1]
    assert b'"ok"' not in heard


@pytest.mark.parametrize("packet", ['42٣["room.join",{"room":"promos"}]', '4٢["room.join",{}]', '42²["x"]'])
async def test_digits_of_another_script_are_no_digits_of_a_packet(house: HubHarness, packet: str) -> None:
    async with house.http.ws_connect(f"{house.url}/socket.io/?EIO=4&transport=websocket") as ws:
        await ws.receive()
        await ws.send_str("40")
        async with asyncio.timeout(SOON_S):
            while not (await ws.receive_str()).startswith("42"):
                pass
            await ws.send_str(packet)
            while (message := await ws.receive()).type.name == "TEXT":
                assert "43" not in message.data[:2]
        assert ws.closed


async def test_the_plain_websocket_still_takes_masked_frames(house: HubHarness) -> None:
    async with await plain(house) as client:
        assert (await client.command("room.join", room="promos"))["ok"]


async def test_a_plain_websocket_asked_for_in_the_wrong_way_is_refused_in_the_hubs_form(house: HubHarness) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    for headers in ({}, upgrade, upgrade | {"Sec-WebSocket-Version": "1"}):
        refused = await house.get("/ws", headers=headers)
        assert (refused.status, refused.code) == (400, "bad_request")


async def test_an_id_that_is_a_book_does_not_come_back(house: HubHarness) -> None:
    async with await plain(house) as client:
        await client.ws.send_json({"id": "x" * 257, "command": "room.join", "data": {"room": "promos"}})
        refused = await client.ack(None)
        assert refused["error"]["code"] == "bad_request"
