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
