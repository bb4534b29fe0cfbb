"""The HTTP client for targets that a stranger named, against servers on loopback that misbehave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from hub.core.target_policy import TargetPolicy, TargetRefused
from hub.outbound.safe_http import (
    ANSWER_BYTES,
    AnswerBroken,
    SafeHttpClient,
    TargetTimedOut,
    TargetUnreachable,
    safe_http_client,
)
from tests.support.raw_server import RawServer, answering, raw_server, silent

ALLOWED = TargetPolicy(("http://127.0.0.1", "http://till.example"))
HEADERS = {"Content-Type": "application/json"}


class Names:
    """A name server of a test: answers the n-th lookup of any name with the n-th list of addresses, then the last."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


async def post(client: SafeHttpClient, server: RawServer, host: str = "127.0.0.1") -> tuple[int, bytes]:
    answer = await client.post(f"http://{host}:{server.port}/orders?of=today", b'{"a":1}', HEADERS)
    return answer.status, answer.body


async def test_a_target_gets_the_body_and_the_headers_and_its_answer_comes_back() -> None:
    async with raw_server(answering(202, b"thanks")) as server, safe_http_client(ALLOWED) as client:
        assert await post(client, server) == (202, b"thanks")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /orders?of=today HTTP/1.1")
    assert b"Content-Type: application/json" in head
    assert b"Accept-Encoding: identity" in head
    assert body == b'{"a":1}'


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with raw_server(answering(200)) as other:
        location = f"Location: http://127.0.0.1:{other.port}/\r\n"
        async with raw_server(answering(302, headers=location)) as server, safe_http_client(ALLOWED) as client:
            assert await post(client, server) == (302, b"")
    assert other.requests == []


async def test_only_the_beginning_of_a_long_answer_is_read_and_its_connection_is_closed() -> None:
    async def endless(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
        for _ in range(1_000):
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with raw_server(endless) as server, safe_http_client(ALLOWED) as client:
        status, body = await post(client, server)
        assert (status, len(body)) == (200, ANSWER_BYTES)
        await server.all_closed.wait()


async def test_a_silent_target_is_left_at_the_deadline() -> None:
    async with raw_server(silent) as server, safe_http_client(ALLOWED, deadline_s=0.1) as client:
        with pytest.raises(TargetTimedOut):
            await post(client, server)
        await server.all_closed.wait()


async def test_a_target_that_answers_byte_by_byte_is_left_at_the_deadline() -> None:
    async def slow(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with raw_server(slow) as server, safe_http_client(ALLOWED, deadline_s=0.1) as client:
        with pytest.raises(TargetTimedOut):
            await post(client, server)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", b"no http at all\r\n\r\n"]
)
async def test_a_target_that_closes_in_mid_answer_has_given_none(answer: bytes) -> None:
    async def close(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with raw_server(close) as server, safe_http_client(ALLOWED) as client:
        with pytest.raises(AnswerBroken):
            await post(client, server)


async def test_a_closed_port_is_unreachable() -> None:
    async with raw_server(answering(200)) as server:
        pass
    async with safe_http_client(ALLOWED) as client:
        with pytest.raises(TargetUnreachable):
            await post(client, server)


async def test_a_name_without_an_address_is_unreachable() -> None:
    def unknown(_host: str) -> Sequence[str]:
        raise OSError("no such name")

    for lookup in (unknown, Names(())):
        async with safe_http_client(TargetPolicy(), lookup=lookup) as client:
            with pytest.raises(TargetUnreachable):
                await client.post("https://nowhere.example/", b"", HEADERS)


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["fe80::1%1"], ["64:ff9b::1"]]
)
async def test_a_name_with_an_address_that_is_not_public_is_refused(addresses: Sequence[str]) -> None:
    async with safe_http_client(TargetPolicy(), lookup=Names(addresses)) as client:
        with pytest.raises(TargetRefused):
            await client.post("https://inside.example/", b"", HEADERS)


async def test_an_address_in_the_url_is_refused_without_a_connection() -> None:
    async with raw_server(answering(200)) as server, safe_http_client(TargetPolicy()) as client:
        for url in ("http://127.0.0.1", "https://127.0.0.1", "https://[::1]", "https://127.1", "https://0x7f000001"):
            with pytest.raises(TargetRefused):
                await client.post(f"{url}:{server.port}/", b"", HEADERS)
    assert server.most_open == 0


async def test_the_address_that_was_checked_is_the_address_connected_to() -> None:
    """A name that changes its address after the check gains nothing: it is looked up once a connection."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    answer = answering(200, headers="Connection: close\r\n")
    async with raw_server(answer) as server, safe_http_client(ALLOWED, lookup=names) as client:
        assert await post(client, server, "till.example") == (200, b"")
        assert names.asked == ["till.example"]
        with pytest.raises(TargetUnreachable):  # nobody listens at the second address
            await post(client, server, "till.example")
    assert len(server.requests) == 1


async def test_an_allowed_name_allows_its_addresses_to_no_other_name() -> None:
    policy = TargetPolicy(("till.example",))
    async with safe_http_client(policy, lookup=Names(["127.0.0.1"])) as client:
        with pytest.raises(TargetRefused):
            await client.post("https://other.example/", b"", HEADERS)


async def test_a_target_gets_so_many_connections_and_no_more() -> None:
    go = asyncio.Event()

    async def wait(request: bytes, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        await answering(200)(request, writer)

    async with raw_server(wait) as server, safe_http_client(ALLOWED, per_target=2) as client:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(6):
                tasks.create_task(post(client, server))
            await server.received(2)
            go.set()
        assert (len(server.requests), server.most_open) == (6, 2)


async def test_a_name_whose_server_is_silent_keeps_one_thread_and_the_deadline() -> None:
    answer, asked = threading.Event(), list[str]()

    def hang(host: str) -> Sequence[str]:
        asked.append(host)
        answer.wait(30)
        return []

    try:
        async with safe_http_client(TargetPolicy(), lookup=hang, deadline_s=0.05) as client:
            for _ in range(3):
                with pytest.raises(TargetTimedOut):
                    await client.post("https://silent.example/", b"", HEADERS)
            assert asked == ["silent.example"]
    finally:
        answer.set()
