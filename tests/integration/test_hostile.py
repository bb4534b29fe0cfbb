"""What no client library would send: each ends in an error or a close, costs no memory, and nobody else notices."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.integration.cluster import Cluster, HubClient
from tests.integration.screens import check_chain
from tests.support.wire import BINARY, CONTINUATION, Proxy, frame, let_in, websocket, wire

if TYPE_CHECKING:
    from tests.integration.conftest import AnyScreen

pytestmark = pytest.mark.timeout(120)

TIMES = 20
GROWTH_KIB = 8_192  # of a hub that has met each of these twenty times: room for its own caches, and no more
MALFORMED, TOO_LARGE, POLICY = 1002, 1009, 1008

CLOSED = {
    "a million attachments": (frame(b'451000000-["x"]'), POLICY),
    "attachments that never come": (frame(b'452-["x",{"_placeholder":true,"num":0}]'), POLICY),
    "an attachment nobody announced": (frame(b"\x00" * 1_000, BINARY), POLICY),
    "a message of 1.1 MB": (frame(b'42["order.place","' + b"x" * 1_100_000 + b'"]'), TOO_LARGE),
    "a length of 2^62": (b"\x81\xff" + (2**62).to_bytes(8, "big") + bytes(4), TOO_LARGE),
    "a message in pieces without end": (
        frame(b"4", fin=False) + frame(b"x" * 60_000, CONTINUATION, fin=False) * 4,
        TOO_LARGE,
    ),
    "a compressed frame, though nothing was agreed": (frame(b"\x00\x00\x00\xff\xff", rsv=4), MALFORMED),
    "a text that is no text": (frame(b"42\xff\xfe"), 1007),
    "brackets without end": (frame(b"42" + b"[" * 60_000), MALFORMED),
    "a packet of no kind": (frame(b"9"), MALFORMED),
    "a packet of no kind within": (frame(b"49"), MALFORMED),
    "no JSON": (frame(b"42{"), MALFORMED),
    "an event without a name": (frame(b"42[]"), MALFORMED),
    "a name of the protocol's own": (frame(b'42["disconnect"]'), MALFORMED),
    "a hundred CONNECTs": (frame(b"40") * 100, MALFORMED),
    "a second WebSocket upgrade": (frame(b"2probe") + frame(b"5"), MALFORMED),
}


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


@pytest.fixture
async def witness(
    cluster: Cluster, clients: tuple[HubClient, HubClient], new_screen: Callable[[str], AnyScreen]
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """A client that has nothing to do with it: to call it is to see that it still hears everything, soon."""
    screen = new_screen("python")
    await screen.connect(cluster.urls[0])
    events = (await screen.join("promos"))["events"]
    after = events[-1]["offset"] if events else 0

    async def look() -> None:
        count = len(screen.of("promos"))
        async with asyncio.timeout(5):
            await clients[0].promo()
            await screen.until(lambda: len(screen.of("promos")) > count)

    yield look
    check_chain(screen.of("promos"), after)
    assert "disconnected" not in {heard.name for heard in screen.heard}


@pytest.mark.parametrize(("sent", "code"), CLOSED.values(), ids=CLOSED)
async def test_what_is_not_the_protocol_ends_its_own_connection_and_nothing_else(
    cluster: Cluster, witness: Callable[[], Awaitable[None]], sent: bytes, code: int
) -> None:
    async def attack() -> None:
        async with let_in(cluster.urls[0]) as link:
            await link.send(sent)
            assert await link.closing() == code

    pid = cluster.hubs[0].pid
    await attack()
    await witness()
    before = resident_kib(pid)
    await asyncio.gather(*(attack() for _ in range(TIMES)))
    await witness()
    assert resident_kib(pid) - before < GROWTH_KIB


async def test_malformed_packets_with_pings_answered_are_no_way_to_stay(cluster: Cluster) -> None:
    async with let_in(cluster.urls[0]) as link:
        await link.send(frame(b"3") + frame(b"42nonsense") + frame(b"3") * 10)
        assert await link.closing() == MALFORMED


async def test_joins_without_end_are_refused_and_remembered_nowhere(
    cluster: Cluster, witness: Callable[[], Awaitable[None]]
) -> None:
    """Rates are off on these hubs: what bounds them is what a connection may be in."""
    pid, rooms = cluster.hubs[0].pid, 100_000

    async def ask(first: int, count: int) -> None:
        async with let_in(cluster.urls[0]) as link:
            for start in range(first, first + count, 500):
                packets = (f'42["room.join",{{"room":"order:PED{n}"}}]'.encode() for n in range(start, start + 500))
                await link.send(b"".join(map(frame, packets)))
            await link.send(frame(b'420["room.join",{"room":"stock"}]'))
            async with asyncio.timeout(60):
                while not (await link.text()).startswith("430["):
                    pass

    await ask(0, 500)
    await witness()
    before = resident_kib(pid)
    await ask(500, rooms)
    await witness()
    assert resident_kib(pid) - before < GROWTH_KIB


async def test_a_body_that_unpacks_to_more_than_it_weighs_is_refused_as_it_is(cluster: Cluster) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    before = resident_kib(cluster.hubs[0].pid)
    url = f"{cluster.urls[0]}/api/orders"
    async with aiohttp.ClientSession() as http, http.post(url, data=bomb, headers=headers) as response:
        assert response.status in (400, 413, 415)
        assert (await response.json())["ok"] is False
    assert resident_kib(cluster.hubs[0].pid) - before < GROWTH_KIB


async def test_a_header_without_end_is_refused(cluster: Cluster) -> None:
    async with wire(cluster.urls[0]) as link:
        await link.send(b"GET /healthz HTTP/1.1\r\nHost: hub\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n")
        assert await link.status() in (0, 400, 431)


@pytest.mark.parametrize("path", ["/socket.io/?EIO=4&transport=websocket", "/ws"])
async def test_a_half_open_connection_takes_nothing_of_the_hub_with_it(
    cluster: Cluster, witness: Callable[[], Awaitable[None]], path: str
) -> None:
    """Its packets vanish on the way; that the hub drops it in the end is seen where its pings are short."""
    async with Proxy(cluster.urls[0]) as proxy, websocket(proxy.url, path):
        proxy.swallow()
        for _ in range(3):
            await witness()
