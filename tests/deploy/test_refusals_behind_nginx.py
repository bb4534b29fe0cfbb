"""What deploy/nginx.conf refuses by itself: people in browsers see a page of the site's look, programs get JSON."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from scripts.write_front_pages import front_pages
from tests.support.front import Front, front
from tests.support.processes import ROOT, free_port

pytestmark = pytest.mark.deploy

PERSON = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROGRAM = {"Accept": "application/json"}
LARGE = b"x" * 1_000_000


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Front]:
    """nginx before hubs of which none is there."""
    with front(tmp_path / "nginx", [free_port(), free_port()]) as nginx:
        yield nginx


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


def test_the_pages_are_those_of_the_hub() -> None:
    folder = ROOT / "deploy" / "pages"
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert written == front_pages(), "run scripts/write_front_pages.py deploy/pages"


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ({}, "es"),
        ({"Accept-Language": "en-GB,en;q=0.9,es;q=0.8"}, "en"),
        ({"Accept-Language": "es-MX, en;q=0.9"}, "es"),
        ({"Accept-Language": "de-DE, en;q=0.9, es;q=0.8"}, "en"),
        ({"Accept-Language": "ca-ES, es, en"}, "es"),
        ({"Accept-Language": "de"}, "es"),
        ({"Accept-Language": "en", "Cookie": "lang=es"}, "es"),
        ({"Accept-Language": "es", "Cookie": "a=b; lang=en"}, "en"),
    ],
)
async def test_without_a_hub_a_person_sees_a_page_in_their_language_that_tries_again(
    alone: Front, http: aiohttp.ClientSession, asked: dict[str, str], language: str
) -> None:
    async with http.get(f"{alone.url}/t/PED1.s3cret?x=1", headers=PERSON | asked) as seen:
        page = await seen.text()
    assert (seen.status, seen.content_type, seen.charset) == (503, "text/html", "utf-8")
    assert f'<html lang="{language}">' in page
    assert 'data-status="503" data-retry-s="5"' in page
    assert seen.headers["Retry-After"] == "1"
    assert seen.headers["Cache-Control"] == "no-store"
    assert seen.headers["Referrer-Policy"] == "no-referrer"
    assert "Comanda-Version" not in seen.headers


async def test_the_page_has_its_look_without_a_hub_and_runs_nobody_elses_code(
    alone: Front, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{alone.url}/kitchen", headers=PERSON) as seen:
        page, policy = await seen.text(), seen.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    named = re.findall(r'(?:src|href)="(/\.front/[^"]+)"', page)
    kinds = set()
    for path in [*named, "/.front/img/papel-picado.svg"]:
        async with http.get(alone.url + path) as file:
            assert (file.status, await file.read()) == (
                200,
                (ROOT / "static" / path.removeprefix("/.front/")).read_bytes(),
            )
            kinds.add(file.content_type)
    assert kinds == {"image/svg+xml", "text/css", "text/javascript"}


@pytest.mark.parametrize(
    "path", ["/.front/index.html", "/.front/sw.js", "/.refused/503.es.html", "/.front/../pages.conf"]
)
async def test_nothing_else_of_nginxs_folders_can_be_had(alone: Front, http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(alone.url + path, headers=PROGRAM) as answer:
        assert answer.status in (404, 503)  # 503: it was a hub's to answer


@pytest.mark.parametrize("heads", [PROGRAM, {"Accept": "*/*"}, PERSON | {"Sec-Fetch-Mode": "cors"}])
async def test_a_program_still_gets_a_code(alone: Front, http: aiohttp.ClientSession, heads: dict[str, str]) -> None:
    for method, path, data, status, code in (
        ("GET", "/api/menu", None, 503, "unavailable"),
        ("POST", "/api/orders", LARGE, 413, "too_large"),
        ("GET", "/metrics", None, 404, "not_found"),
    ):
        async with http.request(method, alone.url + path, data=data, headers=heads) as answer:
            assert (answer.status, answer.content_type) == (status, "application/json")
            assert (await answer.json())["error"]["code"] == code


@pytest.mark.parametrize(
    ("method", "path", "data", "status"), [("POST", "/login", LARGE, 413), ("GET", "/metrics", None, 404)]
)
async def test_a_person_who_sends_too_much_or_is_lost_sees_a_page(
    alone: Front, http: aiohttp.ClientSession, method: str, path: str, data: bytes | None, status: int
) -> None:
    heads = PERSON | {"Sec-Fetch-Mode": "navigate", "Accept-Language": "en"}
    async with http.request(method, alone.url + path, data=data, headers=heads) as seen:
        page = await seen.text()
    assert (seen.status, seen.content_type) == (status, "text/html")
    assert '<html lang="en">' in page
    assert f'data-status="{status}"' in page
    assert "Retry-After" not in seen.headers


@pytest.mark.parametrize(
    ("request_", "page"),
    [
        ("GET /t/{long} HTTP/1.1\r\nHost: a\r\n\r\n", 'lang="es"'),
        ("GET /api/orders/{long} HTTP/1.1\r\nHost: a\r\n\r\n", ""),
        ("POST /t/{long} HTTP/1.1\r\nHost: a\r\n\r\n", ""),
        (
            "GET /kitchen HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nAccept-Language: en\r\nCookie: a={long}\r\n\r\n",
            'lang="en"',
        ),
        ("GET /kitchen HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nCookie: a={long}\r\n\r\n", ""),
    ],
)
async def test_a_request_that_is_too_long_is_refused_in_the_form_that_its_sender_reads(
    alone: Front, request_: str, page: str
) -> None:
    head, body = await spoken(alone, request_.replace("{long}", "x" * 40_000))
    assert head.split(" ")[1] == "431"
    if page:
        assert page in body
        assert 'data-status="431"' in body
    else:
        assert json.loads(body)["error"]["code"] == "too_large"


async def spoken(nginx: Front, request: str) -> tuple[str, str]:
    host, port = nginx.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request.encode())
    async with asyncio.timeout(5):
        head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head, body


async def test_the_hubs_own_refusals_pass_as_they_are(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(text="<p>the hub's own", status=429, content_type="text/html", headers={"Retry-After": "7"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    with front(tmp_path / "nginx", [port, port]) as nginx:
        async with http.get(f"{nginx.url}/", headers=PERSON) as seen:
            assert (seen.status, seen.headers["Retry-After"], await seen.text()) == (429, "7", "<p>the hub's own")
    await runner.cleanup()
