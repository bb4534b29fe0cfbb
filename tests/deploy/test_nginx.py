"""deploy/nginx.conf by itself: two stand-ins for hubs say who they are and what reached them."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.support.front import Front, front
from tests.support.processes import free_port, wait_until

pytestmark = pytest.mark.deploy

HUBS = ("one", "two")


def stand_in(name: str, opened: dict[str, asyncio.Queue[str]]) -> web.Application:
    async def who(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"hub": name, "headers": dict(request.headers)})

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        lines = opened.setdefault(request.path, asyncio.Queue(8))
        while line := await lines.get():
            await response.write(line.encode())
        return response

    async def socket(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return await who(request)
        peer = web.WebSocketResponse()
        await peer.prepare(request)
        await peer.send_str(name)
        await peer.close()
        return peer

    app = web.Application()
    app.router.add_get("/api/rooms/{room}/events", stream)
    app.router.add_post("/api/chat/stream", stream)
    app.router.add_route("*", "/socket.io/", socket)
    app.router.add_get("/ws", socket)
    app.router.add_route("*", "/{path:.*}", who)
    return app


@pytest.fixture
async def opened() -> dict[str, asyncio.Queue[str]]:
    """Both stand-ins' open streams by path: what is put there is sent; an empty text ends the stream."""
    return {}


@pytest.fixture
async def nginx(tmp_path: Path, opened: dict[str, asyncio.Queue[str]]) -> AsyncIterator[Front]:
    runners = [web.AppRunner(stand_in(name, opened), shutdown_timeout=1) for name in HUBS]
    ports = [free_port() for _ in HUBS]
    for runner, port in zip(runners, ports, strict=True):
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
    with front(tmp_path / "nginx", ports) as up:
        yield up
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


async def hub_of(http: aiohttp.ClientSession, url: str) -> str:
    async with http.get(url) as response:
        name: str = (await response.json())["hub"]
        return name


async def test_plain_requests_go_to_both_hubs(nginx: Front, http: aiohttp.ClientSession) -> None:
    assert {await hub_of(http, f"{nginx.url}/api/menu") for _ in range(8)} == set(HUBS)


async def test_a_polling_session_and_its_upgrade_stay_with_one_hub(nginx: Front, http: aiohttp.ClientSession) -> None:
    url = f"{nginx.url}/socket.io/?EIO=4"
    seen = {await hub_of(http, f"{url}&transport=polling")}
    seen |= {await hub_of(http, f"{url}&transport=polling&sid=abc&t={number}") for number in range(8)}
    async with http.ws_connect(f"{url}&transport=websocket&sid=abc") as socket:
        seen.add(await socket.receive_str())
    assert len(seen) == 1


async def test_websockets_that_begin_as_such_go_to_any_hub(nginx: Front, http: aiohttp.ClientSession) -> None:
    seen = set()
    for _ in range(40):
        async with http.ws_connect(f"{nginx.url}/socket.io/?EIO=4&transport=websocket") as socket:
            seen.add(await socket.receive_str())
    assert seen == set(HUBS)


async def test_a_plain_websocket_passes(nginx: Front, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{nginx.url}/ws?token=x") as socket:
        assert await socket.receive_str() in HUBS


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/rooms/order:A1/events"), ("POST", "/api/chat/stream")])
async def test_a_stream_arrives_line_by_line_and_uncompressed(
    nginx: Front,
    http: aiohttp.ClientSession,
    opened: dict[str, asyncio.Queue[str]],
    method: str,
    path: str,
) -> None:
    headers = {"Accept-Encoding": "gzip", "Accept": "text/event-stream"}
    async with http.request(method, nginx.url + path, headers=headers) as response:
        assert "Content-Encoding" not in response.headers
        for number in range(3):
            await opened[path].put(f"data: {number}\n\n")
            # The next one is not sent before this one is here: nothing can be waiting in a buffer.
            assert await response.content.readuntil(b"\n\n") == f"data: {number}\n\n".encode()
        await opened[path].put("")


async def test_the_hub_learns_the_clients_address_from_nginx_alone(nginx: Front, http: aiohttp.ClientSession) -> None:
    claims = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil.example", "Forwarded": "for=6.6.6.6"}
    async with http.get(f"{nginx.url}/api/menu", headers=claims) as response:
        headers = (await response.json())["headers"]
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["X-Forwarded-Proto"] == "http"
    assert headers["Host"] == nginx.url.removeprefix("http://")
    assert "X-Forwarded-Host" not in headers
    assert "Forwarded" not in headers


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream"])
@pytest.mark.parametrize("path", ["/metrics", "/metrics?x=1", "//metrics", "/%6Detrics"])
async def test_metrics_stay_inside(nginx: Front, http: aiohttp.ClientSession, path: str, accept: str) -> None:
    url = URL(f"{nginx.url}{path}", encoded=True)
    async with http.get(url, headers={"Accept": accept}) as response:
        assert response.status == 404
        assert (await response.json())["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 400, "bad_request"),
        (b"GET /api/" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431, "too_large"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431, "too_large"),
    ],
)
async def test_what_nginx_cannot_read_is_refused_in_the_hubs_form(
    nginx: Front, request_: bytes, status: int, code: str
) -> None:
    host, port = nginx.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request_)
    async with asyncio.timeout(5):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert head.split(b" ")[1] == str(status).encode()
    assert json.loads(body)["error"]["code"] == code


async def test_a_body_at_the_hubs_limit_passes_and_a_large_one_is_refused_in_the_hubs_words(
    nginx: Front, http: aiohttp.ClientSession
) -> None:
    async with http.post(f"{nginx.url}/api/orders", data=b"x" * 65_536) as response:
        assert response.status == 200
    async with http.post(f"{nginx.url}/api/orders", data=b"x" * 1_000_000) as response:
        assert response.status == 413
        assert (await response.json())["error"] == {
            "code": "too_large",
            "message": "the body is too large",
            "retryable": False,
        }


async def test_a_conversation_may_be_longer_than_any_other_body(nginx: Front, http: aiohttp.ClientSession) -> None:
    async with http.post(f"{nginx.url}/api/chat", data=io.BytesIO(b"x" * 1_048_576)) as response:
        assert response.status == 200
    async with http.post(f"{nginx.url}/api/chat", data=io.BytesIO(b"x" * 1_200_000)) as response:
        assert response.status == 413


async def test_no_token_reaches_the_log(nginx: Front, http: aiohttp.ClientSession) -> None:
    for path in (
        "/api/orders/A1?token=s3cret",
        "/t/s3cret",
        "/t/s3cret?x=1",
        "/socket.io/?EIO=4&token=s3cret",
        "/T/s3cret",
        "/%74/s3cret",
        "//t//s3cret",
        "/en/t/s3cret",
        "/s3cret",
        "/static/../t/s3cret",
        "/api/chat/s3cret/stream",
        "/api/chat/s3cret",
        "/api/chats/s3cret/messages",
        "/api/orders/s3cret",
        "/api/rooms/chat:s3cret/none",
        "/static/s3cret",
        "/static/PED7K3Q9X.s3cret-AbC",
        "/static/js/s3cret.AbC",
    ):
        async with http.get(nginx.url + path, headers={"Referer": f"{nginx.url}/t/s3cret"}):
            pass
    # Also the one in capitals, the two that nginx reads as one, and the one that leads out of a folder.
    wait_until(lambda: nginx.nginx.output().count("GET /t/-") == 6, 5, "the tracking pages are logged")
    wait_until(lambda: "GET /api/chat/-/stream" in nginx.nginx.output(), 5, "the chat's stream is logged")
    async with http.get(f"{nginx.url}/static/js/wire/hub.js"):
        pass
    wait_until(lambda: "GET /static/js/wire/hub.js" in nginx.nginx.output(), 5, "the script is logged")
    wait_until(lambda: "GET /api/rooms/-/none" in nginx.nginx.output(), 5, "the room is logged")
    wait_until(lambda: "GET /socket.io/" in nginx.nginx.output(), 5, "the socket is logged")
    assert "s3cret" not in nginx.nginx.output()


async def test_without_a_hub_the_answer_says_so_in_the_hubs_words(tmp_path: Path) -> None:
    with front(tmp_path / "nginx", [free_port(), free_port()]) as nginx:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{nginx.url}/api/menu?token=s3cret") as response,
        ):
            assert response.status == 503
            assert response.headers["Retry-After"] == "1"
            error = (await response.json())["error"]
        log = nginx.nginx.wait_for(lambda: nginx.nginx.output() if "/api/menu" in nginx.nginx.output() else "", 5)
    assert "s3cret" not in log
    assert (error["code"], error["retryable"]) == ("unavailable", True)
