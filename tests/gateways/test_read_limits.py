"""Limits on the rooms that one address reads: through every gateway, and over all its connections together."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import WSMsgType

from hub.config import Limits
from hub.core.errors import RateLimited
from hub.domain.roles import Kind, Principal, Role
from hub.gateways.read_limits import ReadLimits
from tests.gateways.conftest import Open
from tests.gateways.test_resuming import connected
from tests.support.hub_harness import SOON_S, STREAM, plain

PROMOS = "/api/rooms/promos/events"
FEW = {"reads_s": 0.001, "reads_burst": 2}
PEOPLE = Principal(address="203.0.113.7")
KB = 1_000


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def refused(answer: dict[str, Any]) -> bool:
    return not answer["ok"] and answer["error"]["code"] == "rate_limited" and answer["error"]["retry_after_s"] > 0


async def test_joins_over_several_connections_count_for_their_address(open_hub: Open) -> None:
    async with open_hub(**FEW) as house, await plain(house) as first, await plain(house) as second:
        assert (await first.command("room.join", room="promos"))["ok"]
        async with connected(house) as third:
            assert (await third.join(room="promos"))["ok"]
            assert refused(await third.join(room="stock"))
        assert refused(await second.command("room.join", room="promos"))


async def test_streams_and_pages_count_with_the_joins(open_hub: Open) -> None:
    async with open_hub(**FEW) as house, await plain(house) as client:
        async with house.http.get(house.url + PROMOS, headers=STREAM) as stream:
            assert stream.status == 200
            assert (await house.get(PROMOS)).status == 200
            page = await house.get(PROMOS)
            assert (page.status, page.code) == (429, "rate_limited")
            assert refused(await client.command("room.join", room="promos"))
        stopped = await house.get(PROMOS, headers={**STREAM, "X-Stream-Errors": "status"})
        assert (stopped.status, stopped.code) == (429, "rate_limited")


async def test_joins_that_are_refused_count_as_well(open_hub: Open) -> None:
    async with open_hub(**FEW) as house, await plain(house) as client:
        for _ in range(2):
            assert (await client.command("room.join", room="order:PED0"))["error"]["code"] != "rate_limited"
        assert refused(await client.command("room.join", room="promos"))


async def test_an_address_waits_once_it_has_read_many_bytes_however_few_joins_that_took(open_hub: Open) -> None:
    async with open_hub(read_bytes_s=1, read_bytes_burst=50 * KB) as house:
        for number in range(40):
            await house.promo(message=f"{number}" + "🌮" * 190)
        async with await plain(house) as client, asyncio.timeout(SOON_S):
            joins = 0
            while (answer := await client.command("room.join", room="promos"))["ok"]:
                joins += 1
            assert refused(answer)
            assert 1 <= joins <= 3  # twenty promotions and their events: at least 30 kB, a quarter as many characters
        assert (await house.get(PROMOS)).status == 429


async def test_staff_read_as_much_as_they_like(open_hub: Open) -> None:
    limits = {**FEW, "read_bytes_s": 1, "read_bytes_burst": 1}
    async with open_hub(**limits) as house, await plain(house, token=house.token()) as client:
        await house.promo()
        for _ in range(5):
            assert (await client.command("room.join", room="kitchen"))["ok"]
            assert (await client.command("room.join", room="promos"))["ok"]


async def test_what_people_read_is_nothing_to_staff_behind_the_same_address(open_hub: Open) -> None:
    async with open_hub(**FEW) as house, await plain(house) as customer:
        while (await customer.command("room.join", room="promos"))["ok"]:
            pass
        async with await plain(house, token=house.token()) as staff:
            assert (await staff.command("room.join", room="promos"))["ok"]


async def test_a_limit_of_zero_limits_nothing(open_hub: Open) -> None:
    async with open_hub(reads_s=0, reads_burst=1, read_bytes_s=0, read_bytes_burst=1) as house:
        await house.promo()
        async with await plain(house) as client:
            for _ in range(5):
                assert (await client.command("room.join", room="promos"))["ok"]


async def test_a_return_past_the_limit_is_closed_to_be_tried_again_and_gets_all_it_missed(
    open_hub: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_hub() as house:
        clock = Clock()
        reads = ReadLimits(Limits(reads_s=1, reads_burst=1), clock)
        monkeypatch.setattr(
            house.hub.gateways.socketio, "_context", replace(house.hub.gateways.socketio._context, reads=reads)
        )
        async with connected(house) as socket:
            assert (await socket.join(room="promos"))["ok"]
        await house.promo("missed")
        reads.admit(Principal(address="127.0.0.1"))
        async with house.http.ws_connect(f"{house.url}/socket.io/?EIO=4&transport=websocket") as ws:
            await ws.receive_str()
            await ws.send_str(f"40{json.dumps({'pid': socket.pid, 'offset': socket.offset})}")
            closed = await ws.receive()
            assert (closed.type, closed.data) == (WSMsgType.CLOSE, 1013)
        assert not house.hub.branch.relay.stats.members
        clock.now += 1
        async with connected(house, pid=socket.pid, offset=socket.offset) as back:
            assert (back.sid, back.pid) == (socket.sid, socket.pid)
            assert (await back.event())[1]["data"]["title"] == "missed"


async def test_what_a_return_brings_counts(open_hub: Open) -> None:
    async with open_hub(read_bytes_s=1, read_bytes_burst=100) as house:
        async with connected(house) as socket:
            assert (await socket.join(room="promos"))["ok"]
        await house.promo(message="m" * 200)
        async with connected(house, pid=socket.pid, offset=socket.offset) as back:
            assert (back.sid, (await back.event())[0]) == (socket.sid, "promo.published")
            assert refused(await back.join(room="promos"))


def test_two_hundred_pages_behind_one_address_come_back_at_once() -> None:
    reads = ReadLimits(Limits(), Clock())
    for _ in range(200):
        reads.admit(PEOPLE, rooms=4)
        reads.count(PEOPLE, 60 * KB)


def test_a_debt_of_bytes_is_paid_back_before_the_next_read() -> None:
    clock = Clock()
    reads = ReadLimits(Limits(read_bytes_s=KB, read_bytes_burst=10 * KB), clock)
    reads.admit(PEOPLE)
    reads.count(PEOPLE, 15 * KB)
    with pytest.raises(RateLimited) as too_much:
        reads.admit(PEOPLE)
    assert too_much.value.retry_after_s == pytest.approx(5, abs=0.01)
    clock.now += 4.9
    with pytest.raises(RateLimited):
        reads.admit(PEOPLE)
    clock.now += 0.2
    reads.admit(PEOPLE)


@pytest.mark.parametrize(
    "who",
    [Principal(), Principal(Kind.STAFF, address=PEOPLE.address, roles=frozenset({Role.KITCHEN}))],
    ids=["the hub itself", "staff"],
)
def test_nobody_but_customers_is_counted(who: Principal) -> None:
    reads = ReadLimits(Limits(reads_s=0.001, reads_burst=1, read_bytes_s=1, read_bytes_burst=1), Clock())
    for _ in range(5):
        reads.admit(who, rooms=64)
        reads.count(who, 10_000 * KB)
