"""The plain WebSocket: commands with acks, events with cursors, and everything that is neither."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from hub.gateways import plain_websocket
from hub.gateways.joins import Joins
from hub.gateways.plain_connection import PlainConnection
from hub.socketio.close_reason import CloseReason
from hub.store.log import NewEvent, Write
from tests.support.hub_harness import SOON_S, an_order, plain
from tests.support.wire import PING, PONG, Wire, frame, websocket, wire

if TYPE_CHECKING:
    from tests.gateways.conftest import Open
    from tests.support.hub_harness import HubHarness


async def test_an_order_is_placed_followed_and_served_over_it(house: HubHarness) -> None:
    async with await plain(house) as customer, await plain(house, token=house.token("kitchen")) as cook:
        placed = await customer.command("order.place", **an_order())
        assert placed["ok"] is True
        assert set(placed["data"]) == {"order", "tracking", "cursor"}
        id, token = placed["data"]["order"]["id"], placed["data"]["tracking"]["token"]
        joined = await customer.command("room.join", room=f"order:{id}", token=token)
        assert set(joined["data"]) == {"room", "cursor", "recovered", "snapshot", "events"}
        assert joined["data"]["snapshot"]["order"]["id"] == id
        last = joined["data"]["events"][-1]
        for step in ("preparing", "ready", "en_route", "delivered"):
            answer = await cook.command("order.advance", order_id=id, to=step)
            assert answer["data"]["order"]["status"] == step
            message = await customer.event()
            assert set(message) == {"cursor", "event"}
            assert message["cursor"] == answer["data"]["cursor"]
            assert (message["event"]["type"], message["event"]["prev"]) == (f"order.{step}", last["offset"])
            last = message["event"]


async def test_an_order_that_costs_something_else_than_its_customer_saw_is_refused(house: HubHarness) -> None:
    async with await plain(house) as customer:
        refused = await customer.command("order.place", **an_order(total=1))
        assert refused["error"]["code"] == "price_changed"
        right = refused["error"]["values"]["total"]
        placed = await customer.command("order.place", **an_order(total=right))
        assert placed["data"]["order"]["total"] == right


async def test_a_cursor_resumes_a_room_and_only_picks_its_events(house: HubHarness) -> None:
    cursor = (await house.promo("1"))["cursor"]
    await house.promo("2")
    async with await plain(house) as client:
        joined = (await client.command("room.join", room="promos", after=cursor))["data"]
        assert (joined["recovered"], [e["data"]["title"] for e in joined["events"]]) == (True, ["2"])
        picky = (await client.command("room.join", room="stock", only=["stock.out"]))["data"]
        assert picky["events"] == []
        for left in (3, 0):
            await house.post("/api/stock", {"sku": "agua", "left": left}, token=house.token())
        assert (await client.event())["event"]["type"] == "stock.out"
        assert (await client.command("room.leave", room="promos"))["data"] == {}
        await house.promo("3")
        await house.post("/api/stock", {"sku": "agua", "left": 0}, token=house.token())
        assert (await client.event())["event"]["type"] == "stock.out"


async def test_a_link_in_the_address_is_enough(house: HubHarness) -> None:
    placed = await house.placed()
    async with await plain(house, token=placed["tracking"]["token"]) as client:
        joined = await client.command("room.join", room=f"order:{placed['order']['id']}")
        assert joined["data"]["snapshot"]["order"] == placed["order"]


BAD_MESSAGES = {
    "no JSON": "hola",
    "nothing": "",
    "a list": "[]",
    "null": "null",
    "an unknown field": '{"id": 1, "command": "room.join", "data": {"room": "promos"}, "token": "x"}',
    "an unknown command": '{"id": 1, "command": "room.burn", "data": {}}',
    "no command": '{"id": 1, "data": {}}',
    "a command that is a list": '{"id": 1, "command": ["room.join"], "data": {}}',
    "a command that is half a character": '{"id": 1, "command": "\\ud800", "data": {}}',
    "data that is a list": '{"id": 1, "command": "room.join", "data": []}',
    "data that is null": '{"id": 1, "command": "room.join", "data": null}',
    "an unknown field of the data": '{"id": 1, "command": "room.join", "data": {"room": "promos", "x": 1}}',
    "half a character": '{"id": 1, "command": "room.join", "data": {"room": "\\ud800", "x\\ud800": 1}}',
    "an id that is half a character": '{"id": "\\ud800", "command": "room.join", "data": {}}',
    "an id that is an object": '{"id": {}, "command": "room.leave", "data": {"room": "promos"}}',
    "an id that is true": '{"id": true, "command": "room.leave", "data": {"room": "promos"}}',
    "a deep id": '{"id": ' + "[" * 900 + "]" * 900 + ', "command": "x", "data": {}}',
    "a deep message": "[" * 20_000 + "]" * 20_000,
    "deep data": '{"id": 1, "command": "room.join", "data": {"room": ' + "[" * 800 + "]" * 800 + "}}",
    "a number of 5,000 digits": '{"id": ' + "9" * 5_000 + "}",
    "a room that is a number": '{"id": 1, "command": "room.join", "data": {"room": 5}}',
}


@pytest.mark.parametrize("text", BAD_MESSAGES.values(), ids=BAD_MESSAGES)
async def test_a_message_that_makes_no_sense_is_refused_and_the_next_one_is_heard(house: HubHarness, text: str) -> None:
    position = await house.position()
    async with await plain(house) as client:
        assert (await client.command("hub.ping"))["ok"] is True
        await client.ws.send_str(text)
        async with asyncio.timeout(SOON_S):
            ack = await client.ws.receive_json()
        assert (ack["ok"], ack["error"]["code"]) == (False, "bad_request")
        assert ack["ack"] in (None, 1, "\ud800")
        assert not isinstance(ack["ack"], bool)
        assert (await client.command("room.join", room="promos"))["ok"] is True
    assert await house.position() == position


async def test_an_id_comes_back_as_it_was(house: HubHarness) -> None:
    async with await plain(house) as client:
        for id in (0, -1, 10**40, "ñ🌮", "", "\ud800", None):
            await client.ws.send_str(json.dumps({"id": id, "command": "room.leave", "data": {"room": "promos"}}))
            assert (await client.ack(id))["ok"] is True


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("room.join", {"room": "kitchen"}, "forbidden"),
        ("room.join", {"room": "order:PED999999"}, "not_found"),
        ("room.join", {"room": "nowhere"}, "not_found"),
        ("room.join", {"room": "promos", "after": "x"}, "bad_request"),
        ("order.advance", {"order_id": "PED999999", "to": "ready"}, "forbidden"),
        ("order.cancel", {"order_id": "PED999999", "reason": "x"}, "not_found"),
        ("order.place", {**an_order(), "items": []}, "bad_request"),
        ("promo.publish", {"title": "x", "message": "y"}, "forbidden"),
        ("courier.report", {"order_id": "x", "lat": 0, "lon": 0, "accuracy_m": 1}, "forbidden"),
        ("chat.send", {"chat_id": "x", "text": "hola"}, "not_found"),
        ("chat.reply", {"chat_id": "x", "text": "hola"}, "forbidden"),
    ],
    ids=str,
)
async def test_a_command_that_may_not_be_is_refused(
    house: HubHarness, name: str, data: dict[str, Any], code: str
) -> None:
    position = await house.position()
    async with await plain(house) as client:
        assert (await client.command(name, **data))["error"]["code"] == code
    assert await house.position() == position


async def test_binary_messages_are_not_taken(house: HubHarness) -> None:
    async with await plain(house) as client:
        await client.ws.send_bytes(b"{}")
        assert await client.closed() == aiohttp.WSCloseCode.UNSUPPORTED_DATA


async def test_a_message_past_the_limit_closes_it(house: HubHarness) -> None:
    async with await plain(house) as client:
        await client.ws.send_str(json.dumps({"id": 1, "command": "x", "data": {"x": "x" * 70_000}}))
        assert await client.closed() == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    assert await house.healthy()


async def test_a_message_may_have_as_many_bytes_as_the_limit_says(house: HubHarness) -> None:
    text = json.dumps({"id": 1, "command": "room.leave", "data": {"room": "promos"}})
    async with await plain(house) as client:
        await client.ws.send_str(text.ljust(65_536))
        assert (await client.ack(1))["ok"] is True
        await client.ws.send_str(text.ljust(65_537))
        assert await client.closed() == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_nothing_is_compressed(house: HubHarness) -> None:
    client = await plain(house, compress=15)
    assert client.ws.compress == 0
    await client.ws.close()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://["])
async def test_a_page_from_elsewhere_does_not_get_in(house: HubHarness, origin: str) -> None:
    for headers in ({"Origin": origin}, {"Origin": origin, "X-Forwarded-Host": "evil.example"}):
        answer = await house.get("/ws", headers=headers)
        assert (answer.status, answer.code) == (403, "forbidden")


async def test_a_page_of_its_own_gets_in(house: HubHarness) -> None:
    async with await plain(house, origin=house.url) as client:
        assert (await client.command("room.join", room="promos"))["ok"] is True


async def test_a_request_that_is_no_websocket_is_refused(house: HubHarness) -> None:
    assert (await house.get("/ws")).status == 400
    assert len(house.hub.gateways.streams.open) == 0


async def test_commands_come_at_a_bounded_rate(open_hub: Open) -> None:
    async with open_hub(commands_s=5, commands_burst=3) as house, await plain(house) as client:
        acks = [await client.command("room.leave", room="promos") for _ in range(5)]
        assert [ack["ok"] for ack in acks[:3]] == [True] * 3
        error = acks[-1]["error"]
        assert (error["code"], error["retryable"]) == ("rate_limited", True)
        assert 0 < error["retry_after_s"] <= 0.2
        async with await plain(house) as other:
            assert (await other.command("room.leave", room="promos"))["ok"] is True


@pytest.mark.parametrize("text", ["{hola}", '{"id": {}}', '{"id": 1, "x": 1}'])
async def test_messages_that_are_no_commands_count_like_commands(open_hub: Open, text: str) -> None:
    async with open_hub(commands_s=0.01, commands_burst=3) as house, await plain(house) as client:
        codes = []
        for _ in range(5):
            await client.ws.send_str(text)
            async with asyncio.timeout(SOON_S):
                codes.append((await client.ws.receive_json())["error"]["code"])
        assert codes == ["bad_request"] * 3 + ["rate_limited"] * 2
        assert (await client.command("room.leave", room="promos"))["error"]["code"] == "rate_limited"


async def test_a_connection_is_in_so_many_rooms_at_once(open_hub: Open) -> None:
    async with open_hub(rooms=2) as house, await plain(house, token=house.token()) as client:
        for room in ("promos", "stock", "promos"):
            assert (await client.command("room.join", room=room))["ok"] is True
        assert (await client.command("room.join", room="kitchen"))["error"]["code"] == "rate_limited"
        await client.command("room.leave", room="stock")
        assert (await client.command("room.join", room="kitchen"))["ok"] is True


async def test_a_reader_that_takes_nothing_is_cut_off(open_hub: Open) -> None:
    async with open_hub(unsent_bytes=50_000) as house:
        client = await plain(house)
        await client.command("room.join", room="promos")
        transport = client.ws._response.connection.transport  # type: ignore[union-attr]
        transport.pause_reading()  # type: ignore[union-attr]
        async with asyncio.timeout(30):
            while house.hub.branch.relay.stats.members:
                body = json.dumps({"type": "promo.published", "at": "", "data": {"x": "m" * 60_000}})
                await house.hub.branch.log.commit(Write(events=(NewEvent("promo.published", body, ("promos",)),)))
        assert house.hub.gateways.streams.overflowed == 1
        transport.abort()  # type: ignore[union-attr]


async def test_the_end_of_a_hub_is_told(open_hub: Open) -> None:
    async with open_hub() as house, await plain(house) as client:
        await client.command("room.join", room="promos")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(house.hub.drain())
            assert await client.closed() == aiohttp.WSCloseCode.SERVICE_RESTART


async def until_message(link: Wire) -> tuple[int, bytes]:
    """Answer every ping until a message comes; return the number of pings, and the message."""
    pings = 0
    while True:
        opcode, payload = await link.receive()
        if opcode != PING:
            return pings, payload
        pings += 1
        await link.send(frame(payload, PONG))


async def test_a_client_that_answers_no_ping_is_closed_and_one_that_does_stays(
    open_hub: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_websocket, "PING_INTERVAL_S", 0.1)
    monkeypatch.setattr(plain_websocket, "PING_TIMEOUT_S", 1.0)
    async with open_hub() as house, websocket(house.url, "/ws") as silent, websocket(house.url, "/ws") as alive:
        answering = asyncio.create_task(until_message(alive))  # from the start: its own time is running too
        assert await silent.closing() == 1008
        await alive.send(frame(b'{"id":1,"command":"hub.ping"}'))
        pings, message = await answering
        assert pings >= 3
        assert json.loads(message)["ack"] == 1


async def test_what_a_hasty_client_sends_with_its_handshake_is_carried_out(house: HubHarness) -> None:
    key = b"AAAAAAAAAAAAAAAAAAAAAA=="
    handshake = (
        b"GET /ws HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % key
    )
    async with wire(house.url) as client, asyncio.timeout(SOON_S):
        await client.send(handshake + frame(b'{"id":1,"command":"hub.ping"}'))
        await client.reader.readuntil(b"\r\n\r\n")
        assert json.loads(await client.text())["ack"] == 1


async def test_a_client_gone_in_the_middle_of_a_join_is_in_no_room_after_it(
    house: HubHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()
    join = Joins.join

    async def slowly(joins: Joins, *asked: Any) -> Any:
        entered.set()
        await go_on.wait()
        return await join(joins, *asked)

    monkeypatch.setattr(Joins, "join", slowly)
    async with websocket(house.url, "/ws") as client, asyncio.timeout(SOON_S):
        await client.send(frame(b'{"id":1,"command":"room.join","data":{"room":"promos"}}'))
        await entered.wait()
        [connection] = house.hub.gateways.streams.open
        connection.close(CloseReason.SERVER)
        assert await client.closing() == 1012
        assert len(house.hub.gateways.streams.open) == 0
        go_on.set()
        while not house.hub.gateways.streams.open.is_idle:
            await house.position()
    assert house.hub.branch.relay.stats.members == 0


async def test_large_answers_hold_back_the_next_command_until_they_are_read(open_hub: Open) -> None:
    joins = 2_000  # what the kernels' buffers hold is not unsent
    async with open_hub(unsent_bytes=65_536) as house, websocket(house.url, "/ws") as client:
        for _ in range(20):
            await house.promo("m" * 60, "m" * 190)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        command = b'{"id":%d,"command":"room.join","data":{"room":"promos"}}'
        await client.send(b"".join(frame(command % id) for id in range(joins)))
        [connection] = house.hub.gateways.streams.open
        assert isinstance(connection, PlainConnection)
        async with asyncio.timeout(30):
            while not connection.buffer.is_full:
                await house.position()
            for _ in range(50):  # commands that were not held back would be carried out meanwhile
                await house.position()
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            for id in range(joins):
                assert json.loads(await client.text())["ack"] == id
        assert house.hub.gateways.streams.overflowed == 0
