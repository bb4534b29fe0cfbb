"""A browser's EventSource comes back: after a temporary error it never gets an answer that makes it give up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.hub_harness import STREAM, running_hub, streaming
from tests.support.processes import free_port

if TYPE_CHECKING:
    from tests.gateways.conftest import Open
    from tests.support.hub_harness import Heard, HubHarness

PROMOS = "/api/rooms/promos/events"
STATUS = {**STREAM, "X-Stream-Errors": "status"}


def retry_ms(answer: Heard) -> int:
    """Return the `retry:` of an answer, in milliseconds; fail if the answer is anything else."""
    assert answer.status == 200, answer.raw
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache, no-transform"
    retry = re.fullmatch(rb"retry: (\d+)\n", answer.raw)
    assert retry is not None, answer.raw
    return int(retry[1])


async def test_a_hub_that_is_going_away_sends_an_event_source_elsewhere(open_hub: Open) -> None:
    async with open_hub() as house:
        await house.hub.drain()
        assert 1_200 <= retry_ms(await house.get(PROMOS, headers=STREAM)) <= 3_000
        assert (await house.get(PROMOS, headers=STATUS)).status == 503


async def test_without_redis_an_event_source_is_told_to_come_back(tmp_path: Path) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}"
    async with running_hub(nowhere, tmp_path, ready=False, redis_deadline_s=0.1) as house:
        for path in (PROMOS, "/api/rooms/kitchen/events", f"{PROMOS}?after=abc-1"):
            retry_ms(await house.get(path, headers=STREAM, token=house.token()))
        page = await house.get(PROMOS)
        assert (page.status, page.code) == (503, "unavailable")


async def test_an_address_with_too_many_connections_may_wait_in_an_event_source(open_hub: Open) -> None:
    async with open_hub(connections=1) as house, streaming(house, PROMOS):
        assert retry_ms(await house.get(PROMOS, headers=STREAM)) >= 5_000
        assert (await house.get(PROMOS, headers=STATUS)).status == 429


async def test_an_event_source_that_asks_too_often_comes_back_when_it_may(open_hub: Open) -> None:
    async with open_hub(requests_s=0.1, requests_burst=1) as house:
        await house.get("/api/menu")
        assert retry_ms(await house.get(PROMOS, headers=STREAM)) >= 9_000
        assert (await house.get(PROMOS, headers=STATUS)).status == 429


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/rooms/kitchen/events", 403),
        ("/api/rooms/order:PED123456/events", 404),
        ("/api/nothing", 404),
    ],
)
async def test_what_stays_is_said_to_an_event_source(house: HubHarness, path: str, status: int) -> None:
    assert (await house.get(path, headers=STREAM)).status == status
    bad = await house.get(PROMOS, headers=STREAM, token="a.b.c")
    assert (bad.status, bad.code) == (401, "unauthorized")


async def test_the_agents_answers_keep_their_status(open_hub: Open) -> None:
    async with open_hub(requests_s=0.1, requests_burst=1) as house:
        await house.get("/api/menu")
        for method, path in (("GET", "/api/chat/abcdefghijklm/stream"), ("POST", "/api/chat/stream")):
            answer = await house.ask(method, path, headers=STREAM)
            assert (answer.status, answer.code) == (429, "rate_limited")


async def test_the_time_to_come_back_belongs_to_the_first_event(house: HubHarness) -> None:
    async with streaming(house, PROMOS) as stream:
        first = await stream.block()
        assert first["event"] == "room.reset"
        assert 500 <= int(stream.retry or 0) <= 1_500
        cursor = first["id"]
    async with streaming(house, PROMOS, **{"Last-Event-ID": cursor}) as stream:
        await house.promo()
        assert (await stream.block())["event"] == "promo.published"
        assert stream.retry is not None
