"""nginx with deploy/listen-tls.conf and deploy/redirect.conf: TLS, HTTP/2, and the way there from plain HTTP."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.front import Front, front
from tests.support.hub_harness import running_hub
from tests.support.processes import free_port, program

pytestmark = pytest.mark.deploy


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for 127.0.0.1 that signs itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(folder / "privkey.pem")]
    name = ["-subj", "/CN=tacos.test", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [program("openssl"), "req", "-x509", *key, "-out", str(folder / "fullchain.pem"), "-days", "1", *name]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture
async def nginx(empty_redis_url: str, tmp_path: Path, certificate: Path) -> AsyncIterator[Front]:
    """nginx with TLS before one hub; the second one is away."""
    async with running_hub(empty_redis_url, tmp_path / "hub", trusted_proxies=("127.0.0.1",)) as house:
        port = int(house.url.rpartition(":")[2])
        with front(tmp_path / "nginx", [port, port], tls=certificate) as up:
            yield up


@pytest.fixture
async def http(certificate: Path) -> AsyncIterator[aiohttp.ClientSession]:
    trusted = ssl.create_default_context(cafile=str(certificate / "fullchain.pem"))
    connector = aiohttp.TCPConnector(ssl=trusted)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10), connector=connector) as session:
        yield session


async def test_pages_and_sockets_come_over_tls_and_browsers_are_told_to_stay_there(
    nginx: Front, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{nginx.url}/") as response:
        assert response.status == 200
        assert response.headers.getall("Strict-Transport-Security") == ["max-age=31536000"]
    async with http.ws_connect(f"{nginx.url}/socket.io/?EIO=4&transport=websocket") as socket:
        assert (await socket.receive_str()).startswith("0{")


async def test_plain_http_leads_to_https_and_keeps_the_path(nginx: Front, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{nginx.redirected}/t/PED1.s3cret?x=1", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (308, "https://127.0.0.1/t/PED1.s3cret?x=1")
    async with http.get(f"{nginx.redirected}/healthz") as response:
        assert response.status == 200
    assert "s3cret" not in nginx.nginx.output()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_browsers_may_speak_http_2(nginx: Front, version: ssl.TLSVersion, certificate: Path) -> None:
    context = ssl.create_default_context(cafile=str(certificate / "fullchain.pem"))
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    host, port = nginx.url.removeprefix("https://").split(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    writer.transport.abort()  # nginx has begun to speak HTTP/2, which nobody reads here


async def test_seven_event_streams_of_one_client_leave_room_for_a_request(nginx: Front, certificate: Path) -> None:
    """Over HTTP/1.1, a browser opens six connections to one host: a seventh request waits for ever."""
    streams = [f"{nginx.url}/api/rooms/promos/events?n={number}" for number in range(7)]
    trusted = ["--cacert", str(certificate / "fullchain.pem")]
    curl = await asyncio.create_subprocess_exec(
        program("curl"),
        *("--http2", "--silent", "--no-buffer", "--parallel", "--max-time", "30", *trusted),
        *("--header", "Accept: text/event-stream", *streams, f"{nginx.url}/healthz"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"HOME": str(certificate)},  # no settings of this user
    )
    assert curl.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(20):
            while said.count(b"event: room.reset") < len(streams) or b'"alive"' not in said:
                piece = await curl.stdout.read(65_536)
                assert piece, said
                said += piece
    finally:
        curl.kill()
        await curl.wait()


async def test_a_stream_whose_hub_is_away_ends_with_a_time_to_come_back(
    tmp_path: Path, certificate: Path, http: aiohttp.ClientSession
) -> None:
    with front(tmp_path / "nginx", [free_port(), free_port()], tls=certificate) as nginx:
        async with http.get(f"{nginx.url}/api/rooms/promos/events", headers={"Accept": "text/event-stream"}) as answer:
            assert (answer.status, (await answer.read())[:7]) == (200, b"retry: ")
