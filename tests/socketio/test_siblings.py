"""Processes of one port, here in one: what one of them has for another gets there whole, or not at all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from hub.socketio.siblings import Siblings
from tests.support.wire import wire

SOON_S = 5.0
LIMIT = 100_000

Handler = Callable[[web.Request], "asyncio.Future[web.StreamResponse]"]


@pytest.mark.parametrize(
    ("sid", "owner"),
    [
        ("1.abc", None),  # its own
        ("2.abc", 2),
        ("3.abc.2", 3),
        ("4.abc", None),
        ("0.abc", None),
        ("02.abc", 2),
        ("2", None),
        ("", None),
        (".", None),
        ("²2.x", None),
        ("-2.x", None),
        ("2222.x", None),
    ],
)
def test_a_session_id_says_which_process_has_it(tmp_path: Path, sid: str, owner: int | None) -> None:
    assert Siblings(tmp_path, 1, 3).owner(sid) == owner


class Stage:
    """Process 1 hands everything over to process 2, which answers with what reached it.

    Attributes:
        url: Where process 1 is.
        served: How many requests each has seen, by number.
    """

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self.served = {1: 0, 2: 0}
        self.first, self.second = Siblings(folder, 1, 2), Siblings(folder, 2, 2)

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        self.served[1] += 1
        handed = await self.first.hand_over(request, await request.read(), 2)
        return handed if handed is not None else web.Response(status=400, text="nobody")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.served[2] += 1
        if request.headers.get("Upgrade") == "websocket":
            ws = web.WebSocketResponse()
            await ws.prepare(request)
            await ws.send_str(f"heard {await ws.receive_str()}")
            await ws.close()
            return ws
        peer = request.transport.get_extra_info("peername") if request.transport else None
        told = {"method": request.method, "path": request.raw_path, "body": len(await request.read()), "peer": peer}
        return web.json_response({**told, "headers": dict(request.headers)})


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[web.AppRunner]:
    app = web.Application(client_max_size=LIMIT)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        yield runner
    finally:
        await runner.cleanup()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    async with serving(stage.pass_on) as first, serving(stage.answer) as second:  # type: ignore[arg-type]
        site = web.TCPSite(first, "127.0.0.1", 0)
        await site.start()
        stage.url = f"http://127.0.0.1:{first.addresses[0][1]}"
        assert second.server is not None
        async with stage.second.listening(second.server, lambda: b"two"):
            yield stage


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SOON_S)) as session:
        yield session


async def test_a_request_arrives_as_it_came_from_whom_it_came(stage: Stage, http: aiohttp.ClientSession) -> None:
    url = URL(f"{stage.url}/a%20b?c=%2F&d", encoded=True)
    async with http.get(url, headers={"X-Name": "Ángela"}) as response:
        told = await response.json()
    assert (told["method"], told["path"]) == ("GET", "/a%20b?c=%2F&d")
    assert told["headers"]["X-Name"] == "Ángela"
    assert told["headers"]["Host"] == stage.url.removeprefix("http://")
    assert told["peer"][0] == "127.0.0.1"


async def test_a_connection_stays_where_it_was_handed_to(stage: Stage, http: aiohttp.ClientSession) -> None:
    for _ in range(5):
        async with http.get(stage.url) as response:
            await response.read()
    assert stage.served == {1: 1, 2: 5}


@pytest.mark.parametrize("size", [1, 70_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_arrives_whole_however_it_came(
    stage: Stage, http: aiohttp.ClientSession, size: int, chunked: bool
) -> None:
    async with http.post(stage.url, data=b"x" * size, chunked=chunked or None, expect100=chunked) as response:
        told = await response.json()
    assert told["body"] == size
    assert told["headers"]["Content-Length"] == str(size)
    assert not {"Transfer-Encoding", "Expect"} & set(told["headers"])


async def test_an_upgrade_arrives_with_what_a_hasty_client_sent_behind_it(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(stage.url) as ws:
        await ws.send_str("hola")
        assert await ws.receive_str() == "heard hola"
    async with wire(stage.url) as peer:
        await peer.send(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            b"\x81\x84\0\0\0\0hola"
        )
        async with asyncio.timeout(SOON_S):
            await peer.reader.readuntil(b"\r\n\r\n")
            assert await peer.text() == "heard hola"


async def test_what_cannot_be_handed_over_is_still_ones_own(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    stage = Stage(tmp_path)
    async with serving(stage.pass_on) as runner:  # type: ignore[arg-type]
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        for stale in (False, True):
            if stale:  # a process that was killed leaves its socket's name
                with socket.socket(socket.AF_UNIX) as gone:
                    gone.bind(str(tmp_path / "2.sock"))
            async with http.get(f"http://127.0.0.1:{runner.addresses[0][1]}") as response:
                assert (response.status, await response.text()) == (400, "nobody")


@pytest.mark.parametrize("said", [b"C", b"C\0\0\1\0GET / HTTP/1.1\r\n", b"X", b"C\0"])
async def test_a_connection_that_arrives_in_part_ends(stage: Stage, said: bytes) -> None:
    """The other process has died over it: its client comes back."""
    client, connection = socket.socketpair()
    with client, socket.socket(socket.AF_UNIX) as way:
        with connection:
            way.connect(str(stage.second._path(2)))
            socket.send_fds(way, [said], [connection.fileno()])
        way.shutdown(socket.SHUT_WR)
        client.setblocking(False)
        async with asyncio.timeout(SOON_S):
            assert await asyncio.get_running_loop().sock_recv(client, 1) == b""
    assert stage.served[2] == 0


async def test_figures_come_from_those_who_are_there(stage: Stage) -> None:
    three = Siblings(stage.first.folder, 1, 3)
    assert await three.figures() == [b"two"]
    assert await Siblings(stage.first.folder, 2, 2).figures() == []


async def test_a_process_that_says_nothing_is_waited_for_no_longer_than_the_deadline(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.socketio.siblings._DEADLINE_S", 0.05)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(stage.first._path(1)))
        silent.listen()
        async with asyncio.timeout(SOON_S):
            assert await stage.second.figures() == []
