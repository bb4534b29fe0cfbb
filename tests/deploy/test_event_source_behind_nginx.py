"""A browser's EventSource behind deploy/nginx.conf never gets an answer after which it would give up."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.support.front import Front, front
from tests.support.processes import free_port

pytestmark = pytest.mark.deploy

EVENT_SOURCE = {"Accept": "text/event-stream"}
ROOM = "/api/rooms/promos/events"
STREAM = b"data: here\n\n"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Stage = Callable[..., Awaitable[Front]]


def refusing(status: int, headers: Mapping[str, str] | None = None) -> Handler:
    async def refuse(request: web.Request) -> web.Response:
        assert request.headers["X-Stream-Errors"] == "status"
        return web.json_response({"status": status}, status=status, headers=headers)

    return refuse


async def serving(_request: web.Request) -> web.Response:
    return web.Response(body=STREAM, content_type="text/event-stream")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Opens nginx before hubs that answer everything like this; None for a hub that is not there."""
    async with AsyncExitStack() as stack:

        async def open_stage(*handlers: Handler | None) -> Front:
            ports = []
            for handler in handlers:
                ports.append(free_port())
                if handler is not None:
                    app = web.Application()
                    app.router.add_route("*", "/{path:.*}", handler)
                    runner = web.AppRunner(app, shutdown_timeout=1)
                    await runner.setup()
                    stack.push_async_callback(runner.cleanup)
                    await web.TCPSite(runner, "127.0.0.1", ports[-1]).start()
            return stack.enter_context(front(tmp_path / "nginx", ports))

        yield open_stage


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


async def told_to_come_back(http: aiohttp.ClientSession, nginx: Front) -> int:
    """Ask as an EventSource does; return the `retry:` of the answer, in milliseconds."""
    async with http.get(nginx.url + ROOM, headers=EVENT_SOURCE) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        told = await response.read()
    # No empty line: some readers would make an event of it.
    retry = re.fullmatch(rb"retry: (\d+)\n", told)
    assert retry is not None, told
    return int(retry[1])


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_what_passes_is_no_error_for_an_event_source(
    stage: Stage, http: aiohttp.ClientSession, status: int
) -> None:
    nginx = await stage(refusing(status), refusing(status))
    assert 1_000 <= await told_to_come_back(http, nginx) < 2_000


async def test_an_event_source_comes_back_when_the_hub_says(stage: Stage, http: aiohttp.ClientSession) -> None:
    nginx = await stage(refusing(429, {"Retry-After": "5"}), refusing(429, {"Retry-After": "5"}))
    assert 5_000 <= await told_to_come_back(http, nginx) < 6_000


async def test_without_a_hub_an_event_source_comes_back(stage: Stage, http: aiohttp.ClientSession) -> None:
    nginx = await stage(None, None)
    assert 1_000 <= await told_to_come_back(http, nginx) < 2_000


@pytest.mark.parametrize("other", [refusing(503), None], ids=["unavailable", "away"])
async def test_a_hub_that_serves_is_found_beside_one_that_does_not(
    stage: Stage, http: aiohttp.ClientSession, other: Handler | None
) -> None:
    nginx = await stage(other, serving)
    for _ in range(8):
        async with http.get(nginx.url + ROOM, headers=EVENT_SOURCE) as response:
            assert await response.read() == STREAM


class FailingHub:
    """A hub that takes a request, and dies before it answers; it notes the ids that it was given."""

    def __init__(self) -> None:
        self.keys: list[str | None] = []

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.keys.append(request.headers.get("Idempotency-Key"))
        assert request.transport is not None
        request.transport.abort()
        return web.Response()


@pytest.mark.parametrize("accept", ["text/event-stream", "*/*"])
@pytest.mark.parametrize("own", [None, "an-id-of-the-clients-own"])
async def test_the_hub_that_is_asked_after_one_that_died_is_given_the_same_id(
    stage: Stage, http: aiohttp.ClientSession, accept: str, own: str | None
) -> None:
    one, other = FailingHub(), FailingHub()
    nginx = await stage(one.take, other.take)
    headers = {"Accept": accept, **({"Idempotency-Key": own} if own else {})}
    for _ in range(2):
        async with http.get(f"{nginx.url}/stream?prompt=hola", headers=headers) as response:
            await response.read()
    assert sorted(map(str, one.keys)) == sorted(map(str, other.keys))
    assert len(one.keys) == 2
    assert (set(one.keys) == {own}) if own else (len(set(one.keys)) == 2 and None not in one.keys)


@pytest.mark.parametrize(("method", "path"), [("GET", ROOM), ("POST", "/api/orders"), ("POST", "/api/chat/stream")])
async def test_nginx_makes_up_an_id_nowhere_else(
    stage: Stage, http: aiohttp.ClientSession, method: str, path: str
) -> None:
    hub = FailingHub()
    nginx = await stage(hub.take, hub.take)
    for own in (None, "an-id-of-the-clients-own"):
        hub.keys.clear()
        async with http.request(method, nginx.url + path, headers={"Idempotency-Key": own} if own else {}) as response:
            await response.read()
        assert set(hub.keys) == {own}


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_what_does_not_pass_is_said_to_an_event_source(
    stage: Stage, http: aiohttp.ClientSession, status: int
) -> None:
    nginx = await stage(refusing(status), refusing(status))
    async with http.get(nginx.url + ROOM, headers=EVENT_SOURCE) as response:
        assert (response.status, await response.json()) == (status, {"status": status})


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [
        ("GET", ROOM, "application/json"),
        ("GET", "/api/menu", "*/*"),
        ("GET", "/api/chat/abc/stream", "text/event-stream"),
        ("POST", "/api/chat/stream", "text/event-stream"),
    ],
)
async def test_programs_are_told_the_status_and_the_hubs_own_words(
    stage: Stage, http: aiohttp.ClientSession, method: str, path: str, accept: str, status: int
) -> None:
    nginx = await stage(refusing(status), refusing(status))
    async with http.request(method, nginx.url + path, headers={"Accept": accept}) as response:
        assert (response.status, await response.json()) == (status, {"status": status})
