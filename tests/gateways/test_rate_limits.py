"""Rates, numbers of connections and addresses: the limits of docs/protocol.md at the gateways."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from hub.core.errors import RateLimited
from hub.gateways import rate_limits as limits
from hub.gateways.peer import Proxies
from hub.gateways.rate_limits import Bucket, Buckets
from tests.support.hub_harness import SOON_S, STREAM, plain, streaming

if TYPE_CHECKING:
    from tests.gateways.conftest import Open

PROMOS = "/api/rooms/promos/events"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def taken(bucket: Bucket, times: int) -> int:
    """How many of so many tries are let through."""
    through = 0
    for _ in range(times):
        try:
            bucket.take()
            through += 1
        except RateLimited:
            pass
    return through


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    clock = Clock()
    bucket = Bucket(2, 5, clock)
    assert taken(bucket, 20) == 5
    clock.now += 1.0
    assert taken(bucket, 20) == 2
    clock.now += 3_600.0
    assert taken(bucket, 20) == 5


def test_a_bucket_says_when_the_next_one_is_welcome_and_keeps_its_word() -> None:
    clock = Clock()
    bucket = Bucket(0.25, 1, clock)
    bucket.take()
    clock.now += 1.0
    with pytest.raises(RateLimited) as told:
        bucket.take()
    assert told.value.retry_after_s == pytest.approx(3.0)
    clock.now += 3.0
    bucket.take()


def test_being_refused_costs_nothing() -> None:
    clock = Clock()
    bucket = Bucket(1, 1, clock)
    bucket.take()
    assert taken(bucket, 1_000) == 0
    clock.now += 1.0
    assert taken(bucket, 1) == 1


def test_a_rate_of_nothing_is_no_limit() -> None:
    assert taken(Bucket(0, 0, Clock()), 1_000) == 1_000


def test_each_key_has_a_bucket_of_its_own_and_the_longest_unused_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "_MAX_ADDRESSES", 2)
    buckets = Buckets(1, 1, Clock())
    assert taken(buckets.of("a"), 2) == 1
    assert taken(buckets.of("b"), 2) == 1
    assert taken(buckets.of("a"), 1) == 0
    assert taken(buckets.of("c"), 1) == 1  # and "b" is forgotten
    assert taken(buckets.of("a"), 1) == 0
    assert taken(buckets.of("b"), 1) == 1


def test_addresses_that_stay_away_are_forgotten_once_their_bucket_is_full_again() -> None:
    clock = Clock()
    buckets = Buckets(rate=1, burst=3, monotonic=clock)
    for number in range(100):
        buckets.of(f"guest {number}").take()
    spender = buckets.of("spender")
    taken(spender, 3)
    clock.now += 2.0
    for number in range(60):
        buckets.of(f"newcomer {number}").take()
    assert len(buckets) == 61
    assert buckets.of("spender") is spender
    assert taken(spender, 3) == 2


async def ask_often(house: Any, times: int, **options: Any) -> list[Any]:
    return [await house.get("/api/menu", **options) for _ in range(times)]


async def test_an_address_that_asks_too_often_is_told_when_to_come_back(open_hub: Open) -> None:
    async with open_hub(requests_s=0.4, requests_burst=3) as house:
        answers = await ask_often(house, 5)
        assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
        last = answers[-1]
        assert last.code == "rate_limited"
        assert last.body["error"]["retryable"] is True
        wait_s = last.body["error"]["retry_after_s"]
        assert 0 < wait_s <= 2.5
        assert wait_s <= int(last.headers["Retry-After"]) < wait_s + 1
        assert (await house.get("/readyz")).status == 200  # a load balancer's is not counted
        # Its refused requests committed nothing, and cost staff nothing.
        assert (await house.get("/api/menu", token=house.token())).status == 200


async def test_staff_have_a_wider_rate_of_their_own(open_hub: Open) -> None:
    async with open_hub(requests_s=0.001, requests_burst=2, staff_requests_s=0.001, staff_requests_burst=5) as house:
        answers = await ask_often(house, 7, token=house.token("kitchen", name="Luz"))
        assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
        other = await house.get("/api/menu", token=house.token("kitchen", name="Beto"))
        assert other.status == 200
        assert [answer.status for answer in await ask_often(house, 3)] == [200, 200, 429]


async def test_guessing_tokens_is_counted(open_hub: Open) -> None:
    async with open_hub(requests_s=0.001, requests_burst=3) as house:
        answers = await ask_often(house, 5, token="a.b.c")
        assert [answer.status for answer in answers] == [401, 401, 401, 429, 429]
        customers = await house.get("/api/menu", headers={"Authorization": ""})
        assert customers.status == 429


async def test_connections_are_counted_over_all_gateways_and_given_back(open_hub: Open) -> None:
    async with open_hub(connections=3) as house, AsyncExitStack() as stack:
        stream = await stack.enter_async_context(streaming(house, PROMOS))
        client = await stack.enter_async_context(await plain(house))
        socketio = f"{house.url}/socket.io/?EIO=4&transport=websocket"
        socket = await stack.enter_async_context(house.http.ws_connect(socketio))
        refused = [
            await house.get(PROMOS, headers={**STREAM, "X-Stream-Errors": "status"}),
            await house.get("/ws"),
            await house.get("/socket.io/?EIO=4&transport=polling"),
            await house.post("/api/chat/stream", {"messages": [{"role": "user", "content": "hola"}]}),
        ]
        assert [answer.status for answer in refused] == [429] * 4
        assert {answer.code for answer in refused} == {"rate_limited"}
        assert house.hub.branch.relay.stats.members == 1
        assert (await house.get(PROMOS)).status == 200  # a page is no connection
        await socket.close()
        await client.ws.close()
        stream.response.close()
        async with asyncio.timeout(SOON_S):
            while len(house.hub.gateways.streams.open) or house.hub.gateways.socketio.server.engine.connections:
                await house.promo()
        for _ in range(3):
            await stack.enter_async_context(await plain(house))


async def test_who_comes_through_a_proxy_of_ours_is_told_apart_and_nobody_else_is(open_hub: Open) -> None:
    limited = {"requests_s": 0.001, "requests_burst": 1}
    names = [{"X-Forwarded-For": name} for name in ("198.51.100.1", "198.51.100.2", "198.51.100.1")]
    async with open_hub(**limited, trusted_proxies=("127.0.0.0/8",)) as house:
        statuses = [(await house.get("/api/menu", headers=name)).status for name in names]
        assert statuses == [200, 200, 429]
    async with open_hub(**limited) as house:
        statuses = [(await house.get("/api/menu", headers=name)).status for name in names]
        assert statuses == [200, 429, 429]


class Request:
    """As much of a request as an address is read from."""

    def __init__(self, peer: Any, *forwarded: str) -> None:
        from multidict import CIMultiDict

        self.transport = self
        self.headers = CIMultiDict([("X-Forwarded-For", value) for value in forwarded])
        self._peer = peer

    def get_extra_info(self, _name: str) -> Any:
        return self._peer


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "address"),
    [
        ((), ("203.0.113.9", 1), ["198.51.100.1"], "203.0.113.9"),
        (("10.0.0.0/8",), ("10.1.2.3", 1), ["198.51.100.1"], "198.51.100.1"),
        (("10.0.0.0/8",), ("203.0.113.9", 1), ["198.51.100.1"], "203.0.113.9"),
        (("10.0.0.0/8",), ("10.1.2.3", 1), [], "10.1.2.3"),
        # What the client wrote stands to the left of what our proxy added.
        (("10.0.0.0/8",), ("10.1.2.3", 1), ["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
        (("10.0.0.0/8",), ("10.1.2.3", 1), ["127.0.0.1", "198.51.100.1"], "198.51.100.1"),
        (("10.0.0.0/8",), ("10.1.2.3", 1), ["198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        # Who is named by no address counts with the proxy that named them so.
        (("10.0.0.0/8",), ("10.1.2.3", 1), ["garbage"], "10.1.2.3"),
        (("10.0.0.0/8",), ("10.1.2.3", 1), ["198.51.100.1, unknown"], "10.1.2.3"),
        (("10.0.0.0/8", "unix"), ("10.1.2.3", 1), ["198.51.100.1, unix"], "10.1.2.3"),
        # Some proxies write the port, brackets, or the zone as well.
        (("10.0.0.0/8",), ("10.1.2.3", 1), ["198.51.100.1:51234"], "198.51.100.1"),
        (("10.0.0.0/8",), ("10.1.2.3", 1), ["198.51.100.1, 10.9.9.9:443"], "198.51.100.1"),
        (("10.0.0.0/8",), ("10.1.2.3", 1), ["[2001:db9::7]:443"], "2001:db9::/64"),
        (("10.0.0.0/8",), ("10.1.2.3", 1), ["[2001:db9::7]"], "2001:db9::/64"),
        (("10.0.0.0/8",), ("10.1.2.3", 1), ["fe80::7%eth0"], "fe80::/64"),
        (("10.0.0.0/8",), ("10.1.2.3", 1), ["::ffff:198.51.100.1"], "198.51.100.1"),
        (("10.0.0.0/8",), ("::ffff:10.1.2.3", 1, 0, 0), ["198.51.100.1"], "198.51.100.1"),
        (("10.0.0.0/8",), ("10.1.2.3", 1), [" , ,"], "10.1.2.3"),
        (("unix",), "", ["198.51.100.1"], "198.51.100.1"),
        ((), "", ["198.51.100.1"], "unix"),
        (("2001:db8::/32",), ("2001:db8::1", 1, 0, 0), ["2001:db9::7"], "2001:db9::/64"),
        # One household has a /64 at least, and may write from any address in it.
        ((), ("2001:db8:1:2:aaaa::1", 1, 0, 0), [], "2001:db8:1:2::/64"),
        ((), ("2001:db8:1:2:bbbb::9", 1, 0, 0), [], "2001:db8:1:2::/64"),
        ((), ("2001:db8:1:3::9", 1, 0, 0), [], "2001:db8:1:3::/64"),
        ((), ("::1", 1, 0, 0), [], "::1"),
        (("10.1.2.3",), ("10.1.2.4", 1), ["198.51.100.1"], "10.1.2.4"),
    ],
)
def test_an_address_is_the_nearest_that_is_no_proxy_of_ours(
    trusted: tuple[str, ...], peer: Any, forwarded: list[str], address: str
) -> None:
    assert Proxies(trusted).address(Request(peer, *forwarded)) == address  # type: ignore[arg-type]


async def test_a_client_that_never_asks_to_be_let_in_is_closed(open_hub: Open) -> None:
    async with open_hub(connect_s=0.05) as house:
        async with house.http.ws_connect(f"{house.url}/socket.io/?EIO=4&transport=websocket") as ws:
            async with asyncio.timeout(SOON_S):
                assert (await ws.receive()).type is aiohttp.WSMsgType.TEXT
                assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
        assert not house.hub.gateways.socketio.server.engine.connections
