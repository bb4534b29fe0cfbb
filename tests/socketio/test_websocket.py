"""A WebSocket of ours, byte by byte: what arrives early, late, without end, or after the goodbye."""

from __future__ import annotations

import asyncio
import os
import socket
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from hub.socketio.close_reason import CloseReason
from tests.support.relay_harness import KITCHEN, Recorder, RelayHarness, until
from tests.support.socketio_harness import Hub, closing, poller, raw, serve
from tests.support.wire import CLOSE, PING, PONG, Wire, frame, let_in, websocket


def handshake(path: str = "/socket.io/?EIO=4&transport=websocket") -> bytes:
    key = b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ).encode()


@contextmanager
def blocking(url: str) -> Iterator[socket.socket]:
    """A connection whose sends are over when they return: what was sent is with the server's kernel."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port)) as link:
        yield link


@asynccontextmanager
async def reading(link: socket.socket) -> AsyncIterator[Wire]:
    link.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=link)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


async def test_what_a_hasty_client_sends_with_its_handshake_comes_before_what_it_sends_next() -> None:
    hub = Hub()
    command = frame(b'421["echo",{"n":1}]')
    async with serve(hub):
        with blocking(hub.url) as link:
            meanwhile = hub.server.engine._address

            def address(request: aiohttp.web.BaseRequest) -> str:
                link.sendall(command[7:])  # it is there before the connection has changed hands
                return meanwhile(request)

            hub.server.engine._address = address
            link.sendall(handshake() + frame(b"40") + command[:7])
            async with reading(link) as wire, asyncio.timeout(10):
                await wire.reader.readuntil(b"\r\n\r\n")
                for start in ("0{", "40{", '42["hub.welcome"', '431[{"ok": true'):
                    assert (await wire.text()).startswith(start)


async def test_a_second_websocket_for_one_that_never_polled_is_closed_and_the_first_goes_on() -> None:
    async with serve(Hub()) as hub, raw(hub) as first:
        (sid,) = hub.server.engine.connections
        async with aiohttp.ClientSession() as http:
            url = f"{hub.url}/socket.io/?EIO=4&transport=websocket&sid={sid}"
            async with http.ws_connect(url) as second:
                assert await closing(second) == 1002
        await first.send_str('420["echo",{}]')
        assert (await first.receive_str()).startswith("430")
        assert hub.server.engine.open.closed == {}


async def test_pings_of_a_client_that_reads_nothing_pile_up_nowhere() -> None:
    async with serve(Hub()) as hub, let_in(hub.url) as link:
        (session,) = hub.server.sessions
        assert session.connection._websocket is not None
        transport = session.connection._websocket.transport
        assert transport is not None
        link.writer.transport.pause_reading()  # type: ignore[attr-defined]
        pings = frame(b"x" * 125, PING) * 500
        most = 0
        for _ in range(400):  # 26 MB
            await link.send(pings)
            most = max(most, transport.get_write_buffer_size())
        assert most < 1_048_576
        assert not session.connection.closed


async def test_a_ping_is_answered_while_a_command_is_under_way() -> None:
    async with serve(Hub()) as hub, let_in(hub.url) as link:
        await link.send(frame(b'421["late_echo",{}]') + frame(b"still there?", PING))
        async with asyncio.timeout(10):
            assert await link.receive() == (PONG, b"still there?")
            hub.go_on.set()
            assert (await link.text()).startswith("431")


async def test_a_pong_after_the_goodbye_brings_nobody_back_to_be_pinged() -> None:
    async with serve(Hub()) as hub, let_in(hub.url) as link:
        (socket_,) = hub.server.engine.connections.values()
        socket_.close(CloseReason.SERVER)
        await link.send(frame(b"3") + frame(b"x", PING))
        async with asyncio.timeout(10):
            while await link.receive() != (PONG, b"x"):
                pass
        assert len(hub.server.engine.heartbeats) == 0


async def test_what_is_sent_in_tiny_pieces_without_end_waits_in_bounded_number() -> None:
    async with serve(Hub()) as hub, let_in(hub.url) as link:
        (socket_,) = hub.server.engine.connections.values()
        await link.send(frame(b'42["late_echo",{}]'))
        async with asyncio.timeout(10):
            await hub.late.wait()
        flood = asyncio.create_task(link.send(frame(b'42["e"]') * 200_000))
        websocket_ = socket_._websocket
        assert websocket_ is not None
        await until(lambda: websocket_._paused)
        assert len(socket_._inbox or ()) < 1_000
        assert len(websocket_._unparsed) < 1_000_000
        hub.go_on.set()
        async with asyncio.timeout(30):
            await flood
            await link.send(frame(b'421["echo",{"n":1}]'))
            assert (await link.text()).startswith("431")
        assert len(hub.done) == 200_002


async def test_pongs_without_end_leave_others_their_turn() -> None:
    """What one connection has sent at once is read in pieces: the loop turns round between them."""
    async with serve(Hub()) as hub, let_in(hub.url) as link:
        (socket_,) = hub.server.engine.connections.values()
        websocket_ = socket_._websocket
        assert websocket_ is not None
        turns, pongs, seen = 0, hub.server.engine.heartbeats.schedule, []

        def turn() -> None:
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(turn)

        def schedule(connection: Any) -> None:
            seen.append(turns)
            pongs(connection)

        hub.server.engine.heartbeats.schedule = schedule  # type: ignore[method-assign]
        turn()
        websocket_.data_received(frame(b"3") * 20_000)
        await until(lambda: len(seen) == 20_000)
        assert max(Counter(seen).values()) < 1_000
        await link.send(frame(b'420["echo",{}]'))
        assert (await link.text()).startswith("430")


async def test_a_client_that_sends_on_after_it_was_refused_still_reads_why() -> None:
    async with serve(Hub()) as hub, let_in(hub.url) as link:
        await link.send(frame(b"4" + b"x" * 5_000_000))
        assert await link.closing() == 1009
        await link.send(frame(b"", CLOSE))
        async with asyncio.timeout(10):
            while await link.reader.read(65_536):
                pass
        assert hub.server.engine.open.closed == {CloseReason.TOO_LARGE: 1}


async def test_nothing_is_sent_behind_a_goodbye_though_a_command_keeps_its_client_in_its_rooms(
    house: RelayHarness,
) -> None:
    async with serve(Hub(house)) as hub, let_in(hub.url) as link:
        await link.send(frame(b'420["join",{"room":"kitchen"}]') + frame(b'42["late_echo",{}]'))
        async with asyncio.timeout(10):
            assert (await link.text()).startswith("430")
            await hub.late.wait()
        (socket_,) = hub.server.engine.connections.values()
        socket_.close(CloseReason.SERVER)
        other = Recorder("other")
        await house.enter(other, KITCHEN)
        await house.say(KITCHEN)
        await other.has(1)
        assert house.relay.stats.members == 2  # it is still in the room
        assert await link.closing() == 1000
        await link.send(frame(b"", CLOSE))
        async with asyncio.timeout(10):
            assert await link.reader.read() == b""
        hub.go_on.set()
        await until(lambda: house.relay.stats.members == 1)


async def test_commands_sent_before_the_connection_breaks_are_carried_out() -> None:
    async with serve(Hub()) as hub, let_in(hub.url) as link:
        await link.send(frame(b'42["echo",{"n":1}]') + frame(b'42["echo",{"n":2}]'))
        link.writer.transport.close()
        await until(lambda: len(hub.done) == 2 and hub.server.engine.open.closed == {CloseReason.CLIENT: 1})


async def test_an_upgrade_that_ends_late_does_not_disturb_the_next_one() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        path = url.removeprefix(hub.url).replace("polling", "websocket")
        async with websocket(hub.url, path) as first:
            await first.send(frame(b"4nonsense"))
            assert await first.closing() == 1000  # its end of the connection stays open for a while
            async with websocket(hub.url, path) as second:
                await second.send(frame(b"2probe"))
                assert await second.text() == "3probe"
                (socket_,) = hub.server.engine.connections.values()
                first.writer.transport.abort()
                await until(lambda: len(hub.server.engine.open._transports) == 1)
                assert socket_.upgrading
                await second.send(frame(b"5") + frame(b"40"))
                assert (await second.text()).startswith("40")


async def test_nothing_of_the_polls_is_kept_once_the_websocket_has_taken_over() -> None:
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        url = await poller(hub, http)
        (socket_,) = hub.server.engine.connections.values()
        async with websocket(hub.url, url.removeprefix(hub.url).replace("polling", "websocket")) as link:
            await link.send(frame(b"2probe") + frame(b"5") + frame(b"40"))
            assert await link.text() == "3probe"
            assert (await link.text()).startswith("40")
            assert socket_.polling is None
            async with http.get(url) as response:
                assert response.status == 400


async def test_an_application_that_ends_without_a_word_leaves_no_connection_open(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub = Hub()
    app = aiohttp.web.Application()
    hub.server.attach(app)
    runner = aiohttp.web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with let_in(hub.url) as link:
        assert runner.server is not None
        server = runner.server
        assert server is not None
        await until(lambda: server.connections == [])  # aiohttp keeps nothing of it
        await runner.cleanup()
        assert await link.closing() == 1012
    assert hub.server.engine.connections == {}
    await until(lambda: not hub.server.engine.open._transports)
    assert [record for record in caplog.records if record.name.startswith("aiohttp")] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-WebSocket-Version": "12"},
        {"Sec-WebSocket-Key": "short"},
        {"Sec-WebSocket-Key": ""},
        {"Connection": "keep-alive"},
    ],
    ids=lambda headers: "-".join(f"{name} {value}" for name, value in headers.items()),
)
async def test_a_handshake_that_is_none_is_refused_and_counted_nowhere(headers: dict[str, str]) -> None:
    asked = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": b64encode(bytes(16)).decode(),
    } | headers
    async with serve(Hub()) as hub, aiohttp.ClientSession() as http:
        async with http.get(f"{hub.url}/socket.io/?EIO=4&transport=websocket", headers=asked) as response:
            assert response.status == 400
        assert hub.server.engine.connections == {}
        assert hub.server.engine.open._per_address.total == 0
