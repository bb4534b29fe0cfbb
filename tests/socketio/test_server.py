"""The Socket.IO gateway as a stock client finds it, over a WebSocket and by polling."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
import socketio

from hub.relay.frames import Frame
from hub.socketio.close_reason import CloseReason
from tests.support.relay_harness import KITCHEN, RelayHarness, until
from tests.support.socketio_harness import Hub, closing, connected, poller, raw, serve

TRANSPORTS = pytest.mark.parametrize(
    "transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids=["websocket", "polling", "upgraded"]
)


@TRANSPORTS
async def test_a_client_is_welcomed_before_anything_else(transports: list[str]) -> None:
    async with serve(Hub()) as hub, connected(hub, transports) as client:
        assert await client.hears(1) == [("hub.welcome", {"branch": "centro"}, "abcd1234-7")]


@TRANSPORTS
async def test_commands_are_carried_out_and_answered_in_the_clients_order(transports: list[str]) -> None:
    async with serve(Hub()) as hub, connected(hub, transports) as client:
        answers: list[int] = []
        all_in = asyncio.Event()

        def answered(answer: Any) -> None:
            answers.append(answer["data"]["n"])
            if len(answers) == 20:
                all_in.set()

        for n in range(20):
            await client.sio.emit("wait" if n % 3 == 0 else "echo", {"n": n}, callback=answered)
        async with asyncio.timeout(10):
            await all_in.wait()
        assert answers == list(range(20))
        assert [payload["n"] for _, payload in hub.done] == list(range(20))


@TRANSPORTS
async def test_a_joins_answer_comes_before_the_rooms_events(house: RelayHarness, transports: list[str]) -> None:
    async with serve(Hub(house)) as hub, connected(hub, transports) as client:
        stop = asyncio.Event()

        async def keep_talking() -> None:
            while not stop.is_set():
                await house.say(KITCHEN)

        talking = asyncio.create_task(keep_talking())
        heard_before: list[int] = []

        def answered(answer: Any) -> None:
            heard_before.append(len(client.heard))
            client.heard.append(("answer", answer["cursor"]))
            client.changed.set()

        await client.hears(1)
        await client.sio.emit("join", {"room": "kitchen"}, callback=answered)
        heard = await client.hears(20)
        stop.set()
        await talking
        assert heard_before == [1]
        cursor = int(heard[1][1].partition("-")[2])
        offsets = [event["offset"] for name, event, *_ in heard[2:]]
        assert offsets == list(range(cursor + 1, cursor + 1 + len(offsets)))
        assert heard[2][2] == f"{house.log.highest.epoch}-{cursor + 1}"


async def test_connect_is_answered_with_a_sid_and_a_private_id() -> None:
    async with serve(Hub()) as hub, raw(hub, None) as ws:
        await ws.send_str('40{"token":"t"}')
        told = json.loads((await ws.receive_str())[2:])
        assert set(told) == {"sid", "pid"}
        assert told["sid"] != told["pid"]


@pytest.mark.parametrize(
    ("packet", "answer"),
    [
        ('40{"token":"wrong"}', "unauthorized"),
        ("40[1]", "bad_request"),
    ],
)
async def test_a_refused_connect_says_why(packet: str, answer: str) -> None:
    async with serve(Hub()) as hub, raw(hub, None) as ws:
        await ws.send_str(packet)
        told = await ws.receive_str()
        assert told.startswith("44")
        refusal = json.loads(told[told.index("{") :])
        assert refusal["data"]["code"] == answer
        assert set(refusal) == {"message", "data"}
        assert len(hub.left) == 1


async def test_a_fault_of_ours_at_connect_closes_the_connection_for_the_client_comes_back_after_that_alone() -> None:
    async with serve(Hub()) as hub, raw(hub, None) as ws:
        await ws.send_str('40{"token":"broken"}')
        assert await closing(ws) == 1011
        assert hub.server.engine.open.closed == {CloseReason.FAILED: 1}
        assert len(hub.left) == 1


async def test_a_stock_client_sees_the_refusal() -> None:
    async with serve(Hub()) as hub:
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with connected(hub, ["websocket"], {"token": "wrong"}):
                pass


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        ("42{}", CloseReason.MALFORMED),
        ('42["connect"]', CloseReason.MALFORMED),
        ("42[7]", CloseReason.MALFORMED),
        ("42[]", CloseReason.MALFORMED),
        ("42", CloseReason.MALFORMED),
        ("49", CloseReason.MALFORMED),
        ("4", CloseReason.MALFORMED),
        ("4abc", CloseReason.MALFORMED),
        ('42abc["echo",{}]', CloseReason.MALFORMED),
        ('42/admin,["echo",{}]', CloseReason.MALFORMED),
        ("40", CloseReason.MALFORMED),
        ('44{"message":"no"}', CloseReason.MALFORMED),
        ("42" + "[" * 30_000, CloseReason.MALFORMED),
        ("8", CloseReason.MALFORMED),
        ("", CloseReason.MALFORMED),
        ('451-["echo",{"_placeholder":true,"num":0}]', CloseReason.ATTACHMENT),
        ("461-1[]", CloseReason.ATTACHMENT),
        (b"binary", CloseReason.ATTACHMENT),
        ('42["echo","' + "x" * 70_000 + '"]', CloseReason.TOO_LARGE),
    ],
)
async def test_what_is_not_the_protocol_ends_the_connection(packet: str | bytes, reason: CloseReason) -> None:
    async with serve(Hub()) as hub, raw(hub) as ws:
        await (ws.send_bytes(packet) if isinstance(packet, bytes) else ws.send_str(packet))
        assert await closing(ws) in (1002, 1008, 1009)
        assert hub.server.engine.open.closed == {reason: 1}
        assert len(hub.left) == 1
        assert hub.done == []


async def test_an_event_before_connect_ends_the_connection() -> None:
    async with serve(Hub()) as hub, raw(hub, None) as ws:
        await ws.send_str('420["echo",{}]')
        assert await closing(ws) == 1002


async def test_a_connection_that_never_asks_to_be_let_in_may_answer_pings_and_is_closed() -> None:
    async with serve(Hub(connect_s=0.05)) as hub:
        async with raw(hub, None) as ws:
            for _ in range(3):
                await ws.send_str("3")
            assert await closing(ws) == 1008
        assert hub.server.engine.open.closed == {CloseReason.NO_CONNECT: 1}


async def test_a_connection_that_is_let_in_may_stay() -> None:
    async with serve(Hub(connect_s=0.05, ping_interval_s=0.1)) as hub, raw(hub) as ws:
        assert await ws.receive_str() == "2"
        await ws.send_str('420["echo",{}]')
        assert (await ws.receive_str()).startswith("430")


async def test_a_silent_connection_is_closed() -> None:
    async with serve(Hub(ping_interval_s=0.05, ping_timeout_s=0.05)) as hub:
        async with raw(hub) as ws:
            assert await closing(ws) == 1008
        assert hub.server.engine.open.closed == {CloseReason.NO_PONG: 1}


async def test_a_command_without_an_ack_id_is_carried_out_unanswered() -> None:
    async with serve(Hub()) as hub, raw(hub) as ws:
        await ws.send_str('42["echo",{"n":1}]')
        await ws.send_str('427["echo",{"n":2}]')
        assert await ws.receive_str() == '437[{"ok": true, "data": {"n": 2}}]'
        assert [payload for _, payload in hub.done] == [{"n": 1}, {"n": 2}]


async def test_a_fault_of_ours_is_told_without_its_details() -> None:
    async with serve(Hub()) as hub, raw(hub) as ws:
        await ws.send_str('421["fail",{}]')
        told = await ws.receive_str()
        assert json.loads(told[3:])[0]["error"]["code"] == "internal"
        assert "recipe" not in told


async def test_a_command_takes_one_object() -> None:
    async with serve(Hub()) as hub, raw(hub) as ws:
        await ws.send_str('421["echo",1,2]')
        assert json.loads((await ws.receive_str())[3:])[0]["error"]["code"] == "bad_request"


async def test_a_client_that_leaves_the_namespace_must_come_back_in_time() -> None:
    async with serve(Hub(connect_s=0.05)) as hub, raw(hub) as ws:
        await ws.send_str("41")
        assert await closing(ws) == 1008
        assert len(hub.left) == 1


@pytest.mark.parametrize(
    ("allowed", "origin", "status"),
    [
        ((), "http://evil.example", 403),
        ((), "null", 403),
        ((), None, 101),
        ((), "same", 101),
        (("https://tacos.example",), "https://tacos.example", 101),
        (("https://tacos.example",), "same", 403),
    ],
)
async def test_only_pages_of_known_origins_may_connect(
    allowed: tuple[str, ...], origin: str | None, status: int
) -> None:
    async with serve(Hub(origins=allowed)) as hub:
        given = hub.url if origin == "same" else origin
        headers = {"X-Forwarded-Host": "evil.example"} | ({"Origin": given} if given else {})
        if status == 101:
            async with raw(hub, headers=headers):
                return
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with raw(hub, headers=headers):
                pass
        assert refused.value.status == status


async def test_an_address_has_a_bounded_number_of_connections() -> None:
    async with serve(Hub(connections=2)) as hub, raw(hub), raw(hub) as second:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with raw(hub):
                pass
        assert refused.value.status == 429
        await second.close()
        async with raw(hub):
            pass


async def test_a_member_that_does_not_read_is_closed_and_others_are_not_delayed(house: RelayHarness) -> None:
    async with serve(Hub(house, unsent_bytes=65_536)) as hub, raw(hub) as deaf, raw(hub) as keen:
        for ws in (deaf, keen):
            await ws.send_str('420["join",{"room":"kitchen"}]')
            assert (await ws.receive_str()).startswith("430")
        connection = deaf._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.pause_reading()
        sent: list[int] = []
        async with asyncio.timeout(30):
            while not hub.left:
                sent.append(await house.say(KITCHEN, text="x" * 60_000))
                event = json.loads((await keen.receive_str())[2:])[1]
                assert event["offset"] == sent[-1]
        connection.transport.resume_reading()
        assert hub.server.engine.open.closed == {CloseReason.UNSENT: 1}
        assert house.relay.stats.members == 1


async def test_a_poller_that_does_not_poll_is_closed(house: RelayHarness) -> None:
    async with serve(Hub(house, unsent_bytes=65_536)) as hub, aiohttp.ClientSession() as http:
        url, frame = await poller(hub, http), Frame("kitchen", "chat.message", 1, 0, "e", b"{" + b"x" * 60_000 + b"}")
        async with http.post(url, data="40") as response:
            assert response.status == 200
        async with http.post(url, data='420["echo",{}]') as response:
            assert response.status == 200
        for _ in range(3):
            hub.sessions[0].deliver(frame)
        assert hub.server.engine.open.closed == {CloseReason.UNSENT: 1}
        async with http.get(url) as response:
            assert response.status == 400


async def test_an_answer_larger_than_what_may_wait_is_followed_by_events_and_a_second_one_is_not() -> None:
    board, event = "x" * 12_000_000, Frame("kitchen", "chat.message", 1, 0, "e", b"{" + b"x" * 10_000 + b"}")
    async with serve(Hub(unsent_bytes=65_536)) as hub, raw(hub, max_msg_size=0) as ws:
        (session,) = hub.server.sessions
        assert session.connection._websocket is not None
        link = session.connection._websocket.transport
        assert link is not None
        for is_last in (False, True):
            connection = ws._response.connection
            assert connection is not None
            assert connection.transport is not None
            connection.transport.pause_reading()
            session.answer(1, board)
            for _ in range(6):
                session.deliver(event)
                assert link.get_write_buffer_size() > 65_536
            assert not session.connection.closed
            if is_last:
                session.answer(2, board)
            connection.transport.resume_reading()
            if not is_last:
                async with asyncio.timeout(10):
                    assert await ws.receive_str() == f"431[{board}]"
                    assert [await ws.receive_str() for _ in range(6)] == [event.engineio] * 6
        assert hub.server.engine.open.closed == {CloseReason.UNSENT: 1}


async def test_events_behind_a_large_answer_are_bounded_too() -> None:
    event = Frame("kitchen", "chat.message", 1, 0, "e", b"{" + b"x" * 10_000 + b"}")
    async with serve(Hub(unsent_bytes=65_536)) as hub, raw(hub, max_msg_size=0) as ws:
        (session,) = hub.server.sessions
        connection = ws._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.pause_reading()
        session.answer(1, "x" * 12_000_000)
        while not session.connection.closed:
            session.deliver(event)
        connection.transport.resume_reading()
        assert hub.server.engine.open.closed == {CloseReason.UNSENT: 1}


@pytest.mark.parametrize("letter", ["x", "ñ"])
async def test_a_poller_gets_an_answer_larger_than_what_may_wait_and_the_events_behind_it(letter: str) -> None:
    board = letter * 100_000
    event = Frame("kitchen", "chat.message", 1, 0, "e", ("{" + letter * 25_000 + "}").encode())
    async with serve(Hub(unsent_bytes=65_536)) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        async with http.post(url, data="40") as response:
            assert response.status == 200
        (session,) = hub.server.sessions
        for _ in range(2):  # each poll takes all, and there is room again
            session.answer(1, board)
            session.deliver(event)
            async with http.get(url) as response:
                assert (await response.text()).endswith(f"431[{board}]\x1e{event.engineio}")
        session.answer(1, board)
        session.deliver(event)
        assert not session.connection.closed
        session.answer(2, board)
        assert hub.server.engine.open.closed == {CloseReason.UNSENT: 1}


async def test_what_waits_for_a_poll_is_counted_in_bytes() -> None:
    async with serve(Hub(unsent_bytes=65_536)) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        async with http.post(url, data="40") as response:
            assert response.status == 200
        (session,) = hub.server.sessions
        for _ in range(3):
            assert not session.connection.closed
            session.answer(1, "🌮" * 10_000)
        assert hub.server.engine.open.closed == {CloseReason.UNSENT: 1}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"4" + b"x" * 70_000, CloseReason.TOO_LARGE),
        (b"\x1e".join([b"6"] * 300), CloseReason.MALFORMED),
        (b"\xff\xfe", CloseReason.MALFORMED),
        (b"", CloseReason.MALFORMED),
        (b"bAAAA", CloseReason.ATTACHMENT),
    ],
)
async def test_a_post_that_is_not_the_protocol_ends_the_connection(body: bytes, reason: CloseReason) -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        async with http.post(url, data="40") as response:
            assert response.status == 200
        async with http.post(url, data=body) as response:
            assert response.status == 400
        assert hub.server.engine.open.closed == {reason: 1}
        assert len(hub.left) == 1


async def test_two_polls_at_once_end_the_connection() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        first, second = await asyncio.gather(http.get(url), http.get(url))
        assert sorted((first.status, second.status)) == [200, 400]


@pytest.mark.parametrize(
    ("query", "method"),
    [
        ("EIO=3&transport=polling", "GET"),
        ("EIO=4&transport=carrier-pigeon", "GET"),
        ("EIO=4", "GET"),
        ("EIO=4&transport=polling", "POST"),
        ("EIO=4&transport=polling&sid=nobody", "GET"),
        ("EIO=4&transport=websocket", "GET"),
    ],
)
async def test_a_bad_handshake_is_refused(query: str, method: str) -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        async with http.request(method, f"{hub.url}/socket.io/?{query}") as response:
            assert response.status == 400
        assert hub.server.engine.connections == {}


async def test_what_is_sent_during_an_upgrade_comes_over_the_websocket() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        for packet in ("40", '42["echo",{}]'):
            async with http.post(url, data=packet) as response:
                assert response.status == 200
        async with http.get(url) as response:
            assert "hub.welcome" in await response.text()
        poll = asyncio.create_task(http.get(url))
        async with http.ws_connect(url.replace("polling", "websocket")) as ws:
            await ws.send_str("2probe")
            assert await ws.receive_str() == "3probe"
            hub.sessions[0].emit("meanwhile", 1)
            assert await (await poll).text() == "6"
            await ws.send_str("5")
            assert await ws.receive_str() == '42["meanwhile",1]'
            async with http.get(url) as response:
                assert response.status == 400


async def test_what_was_posted_before_an_upgrade_is_carried_out_before_what_comes_after_it() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http, raw(hub) as other:
        url = await poller(hub, http)
        async with http.post(url, data="40") as response:
            assert response.status == 200
        posting = asyncio.create_task(http.post(url, data='42["late_echo",{}]'))
        async with asyncio.timeout(10):
            await hub.late.wait()
        async with http.ws_connect(url.replace("polling", "websocket")) as ws:
            await ws.send_str("2probe")
            assert await ws.receive_str() == "3probe"
            await ws.send_str("5")
            assert "hub.welcome" in (await ws.receive_str()) + (await ws.receive_str())
            await ws.send_str('421["echo",{}]')
            for _ in range(3):  # the server has turned round more than once
                await other.send_str('420["echo",{"other":true}]')
                await other.receive_str()
            hub.go_on.set()
            assert (await ws.receive_str()).startswith("431")
            (await posting).close()
        assert [name for name, payload in hub.done if not payload] == ["late_echo", "echo"]


async def test_an_upgrade_that_comes_to_nothing_leaves_the_poller_as_it_was() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        async with http.ws_connect(url.replace("polling", "websocket")) as ws:
            await ws.send_str("4nonsense")
            await closing(ws)
        async with http.post(url, data="40") as response:
            assert response.status == 200
        async with http.get(url) as response:
            assert "hub.welcome" in await response.text()


async def test_polling_alone_can_be_switched_off() -> None:
    async with serve(Hub(transports=("websocket",))) as hub, aiohttp.ClientSession() as http:
        async with http.get(f"{hub.url}/socket.io/?EIO=4&transport=polling") as response:
            assert response.status == 400
        async with raw(hub):
            pass


@TRANSPORTS
async def test_closing_all_sends_everyone_away_and_takes_nobody_new(transports: list[str]) -> None:
    async with serve(Hub()) as hub, connected(hub, transports) as client:
        await client.hears(1)
        await hub.server.close_all()
        async with asyncio.timeout(10):
            await client.gone.wait()
        assert len(hub.left) == 1
        assert hub.server.engine.connections == {}
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with connected(hub, ["websocket"]):
                pass


async def test_events_reach_rooms_through_the_log_alone() -> None:
    async with serve(Hub()) as hub, connected(hub, ["websocket"]) as client:
        await client.hears(1)
        with pytest.raises(RuntimeError):
            hub.server.emit("order.ready", {}, to="kitchen")
        with pytest.raises(RuntimeError):
            hub.server.emit("order.ready", {}, to="")
        hub.server.emit("hello", 1, to=client.sio.get_sid())
        assert (await client.hears(2))[1] == ("hello", 1)


async def test_a_client_gone_in_the_middle_of_a_command_is_in_no_room_after_it(house: RelayHarness) -> None:
    async with serve(Hub(house)) as hub:
        async with raw(hub) as ws:
            await ws.send_str('420["echo",{}]')
            await ws.receive_str()
            await ws.send_str('421["late_join",{"room":"kitchen"}]')
            async with asyncio.timeout(10):
                await hub.late.wait()
            hub.sessions[0].connection.close(CloseReason.SERVER)
            assert hub.left == []
            hub.go_on.set()
            await until(lambda: len(hub.left) == 1)
        assert house.relay.stats.members == 0
        assert len(hub.server.sessions) == 0
