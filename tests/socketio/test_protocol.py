"""What the Engine.IO and Socket.IO protocols ask of a server where no stock client would notice, or only an odd one."""

from __future__ import annotations

import asyncio
import json
import logging

import aiohttp
import pytest

from hub.socketio.close_reason import CloseReason
from hub.socketio.connection import Connection
from hub.socketio.polling import Polling
from tests.support.relay_harness import until
from tests.support.socketio_harness import Hub, closing, poller, raw, serve


def polling_of(connection: Connection) -> Polling:
    """Return the long-polling transport of a connection that has one."""
    assert connection.polling is not None
    return connection.polling


async def posted(http: aiohttp.ClientSession, url: str, body: bytes | str) -> int:
    async with http.post(url, data=body) as response:
        return response.status


async def polled(http: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with http.get(url) as response:
        return response.status, await response.text()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "PATCH"])
async def test_a_method_that_the_protocol_does_not_have_is_refused_and_changes_nothing(method: str) -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        for address in (url, url.partition("&sid")[0]):
            async with http.request(method, address) as response:
                assert response.status == 400
        assert await posted(http, url, "40") == 200
        assert len(hub.server.engine.connections) == 1


async def test_an_unknown_namespace_is_refused_in_the_protocols_words() -> None:
    async with serve(Hub()) as hub, raw(hub) as ws:
        await ws.send_str("40/admin,")
        assert await ws.receive_str() == '44/admin,{"message":"Invalid namespace"}'
        await ws.send_str('420["echo",{}]')
        assert (await ws.receive_str()).startswith("430")


async def test_a_poll_ends_with_a_noop_when_its_client_closes() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        poll = asyncio.create_task(polled(http, url))
        await until(
            lambda: any(polling_of(socket).queue.is_awaited for socket in hub.server.engine.connections.values())
        )
        assert await posted(http, url, "1") == 200
        assert await poll == (200, "6")
        assert (await polled(http, url))[0] == 400


@pytest.mark.parametrize(
    ("reason", "told"),
    [(CloseReason.MALFORMED, "1"), (CloseReason.SHUTDOWN, "6"), (CloseReason.SERVER, "6"), (CloseReason.NO_PONG, "6")],
)
async def test_only_a_client_at_fault_is_told_by_a_poll_that_it_is_over(reason: CloseReason, told: str) -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        (socket,) = hub.server.engine.connections.values()
        poll = asyncio.create_task(polled(http, url))
        await until(lambda: polling_of(socket).queue.is_awaited)
        socket.close(reason)
        assert await poll == (200, told)
        assert (await polled(http, url))[0] == 400


@pytest.mark.parametrize("moved", [False, True], ids=["during the upgrade", "after it"])
async def test_a_second_websocket_is_closed_and_the_first_goes_on(moved: bool) -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = (await poller(hub, http)).replace("polling", "websocket")
        async with http.ws_connect(url) as first:
            await first.send_str("2probe")
            assert await first.receive_str() == "3probe"
            if moved:
                await first.send_str("5")
            async with http.ws_connect(url) as second:
                assert await closing(second) == 1002
            if not moved:
                await first.send_str("5")
            await first.send_str("40")
            assert (await first.receive_str()).startswith("40")
        assert set(hub.server.engine.open.closed) <= {CloseReason.CLIENT}


async def test_polls_go_on_until_the_websocket_has_carried_a_probe() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        async with http.ws_connect(url.replace("polling", "websocket")) as ws:
            assert await posted(http, url, "40") == 200
            assert "hub.welcome" in (await polled(http, url))[1]
            await ws.send_str("2probe")
            assert await ws.receive_str() == "3probe"
            assert (await polled(http, url))[1] == "6"


async def test_an_upgrade_broken_off_leaves_the_poller_as_it_was() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        async with http.ws_connect(url.replace("polling", "websocket")) as ws:
            await ws.send_str("2probe")
            await ws.receive_str()
            _transport(ws).abort()
            await until(lambda: hub.server.engine.open.is_idle)
        assert await posted(http, url, "40") == 200
        assert "hub.welcome" in (await polled(http, url))[1]


async def test_going_away_waits_for_no_upgrade_that_is_never_finished() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = (await poller(hub, http)).replace("polling", "websocket")
        async with http.ws_connect(url) as ws:
            leaving = asyncio.create_task(hub.server.close_all())
            assert await closing(ws) == 1012
            async with asyncio.timeout(5):
                await leaving


async def test_a_poller_sent_away_reads_that_it_was() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        assert await posted(http, url, "40") == 200
        (session,) = hub.server.sessions
        hub.server.disconnect(session.id)
        assert (await polled(http, url))[1].endswith("\x1e41")
        assert hub.left == [session.id]
        assert await posted(http, url, "1") == 200


async def test_a_client_sent_away_that_stays_is_closed() -> None:
    async with serve(Hub(connect_s=0.05)) as hub, raw(hub) as ws:
        (session,) = hub.server.sessions
        hub.server.disconnect(session.id)
        assert await ws.receive_str() == "41"
        assert await closing(ws) == 1008
        assert hub.server.engine.open.closed == {CloseReason.NO_CONNECT: 1}


async def test_a_connection_asks_to_be_let_in_a_bounded_number_of_times() -> None:
    async with serve(Hub()) as hub, raw(hub) as ws:
        for _ in range(100):
            await ws.send_str("41")
            await ws.send_str("40")
        assert await closing(ws) == 1002
        assert len(hub.left) == 16


async def test_a_message_may_have_as_many_bytes_as_the_handshake_says() -> None:
    async with serve(Hub(message_bytes=1_000)) as hub, raw(hub) as ws:
        packet = '42["echo",{"a":"%s"}]'
        filling = 1_000 - len(packet % "")
        await ws.send_str(packet % ("x" * filling))
        await ws.send_str(packet % ("x" * (filling + 1)))
        assert await closing(ws) == 1009
        assert len(hub.done) == 1


async def test_a_post_takes_all_that_a_client_has_queued() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        packets = ["40", *(f'42["echo",{{"n":{n}}}]' for n in range(1_000))]
        assert await posted(http, url, "\x1e".join(packets)) == 200
        assert [payload["n"] for _, payload in hub.done] == list(range(1_000))


async def test_others_have_their_turn_while_one_client_sends_without_pause() -> None:
    async with serve(Hub()) as hub, raw(hub) as other, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        many = asyncio.create_task(posted(http, url, "\x1e".join(["40", *['42["echo",{}]'] * 4_000])))
        await until(lambda: len(hub.done) > 0)
        await other.send_str('420["echo",{"other":true}]')
        assert (await other.receive_str()).startswith("430")
        assert await many == 200
        assert hub.done.index(("echo", {"other": True})) < 4_000


async def test_a_body_that_cannot_be_read_is_refused() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        async with http.post(url, data=b"not gzip", headers={"Content-Encoding": "gzip"}) as response:
            assert response.status == 400
        assert hub.server.engine.open.closed == {CloseReason.MALFORMED: 1}


async def test_a_body_broken_off_ends_the_connection() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        (socket,) = hub.server.engine.connections.values()
        _, writer = await asyncio.open_connection(*hub.url.removeprefix("http://").split(":"))
        path = url.removeprefix(hub.url)
        writer.write(f"POST {path} HTTP/1.1\r\nHost: hub\r\nContent-Length: 100\r\n\r\n42".encode())
        await until(polling_of(socket).posting.locked)
        writer.transport.abort()
        await until(lambda: socket.closed)
        assert hub.server.engine.open.closed == {CloseReason.CLIENT: 1}


async def test_a_client_gone_before_its_ping_is_answered_is_no_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async with serve(Hub()) as hub:
        async with raw(hub) as ws:
            await ws.send_str('42["late_echo",{}]')
            await ws.ping()
            async with asyncio.timeout(10):
                await hub.late.wait()
            (socket,) = hub.server.engine.connections.values()
            assert socket._websocket is not None
            server = socket._websocket.transport
            _transport(ws).abort()
            assert server is not None
            await until(server.is_closing)
            hub.go_on.set()
            await until(lambda: hub.server.engine.open.is_idle)
        assert hub.server.engine.open.closed == {CloseReason.CLIENT: 1}
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_nothing_is_answered_after_a_client_was_sent_away() -> None:
    async with serve(Hub()) as hub, raw(hub) as ws:
        (session,) = hub.server.sessions
        await ws.send_str('421["late_echo",{}]')
        async with asyncio.timeout(10):
            await hub.late.wait()
        hub.server.disconnect(session.id)
        assert await ws.receive_str() == "41"
        hub.go_on.set()
        await ws.send_str("40")
        assert set(json.loads((await ws.receive_str())[2:])) == {"sid", "pid"}


def _transport(ws: aiohttp.ClientWebSocketResponse) -> asyncio.Transport:
    connection = ws._response.connection
    assert connection is not None
    assert connection.transport is not None
    return connection.transport
