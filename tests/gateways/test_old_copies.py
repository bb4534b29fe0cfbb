"""A Redis that lacks events which clients have: every gateway resets its rooms, and none reports a recovery."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from structlog.testing import capture_logs

from hub.store import connect
from tests.gateways.conftest import Open
from tests.gateways.test_resuming import Socket, connected
from tests.support.hub_harness import HubHarness, plain, running_hub, streaming

PAGE = "/api/rooms/promos/events"

Copy = dict[bytes, tuple[bytes, int]]


@pytest.fixture
async def redis_url(empty_redis_url: str) -> str:
    return empty_redis_url


async def copy_of(url: str) -> Copy:
    """All of a Redis, as it stands."""
    async with connect(url, decode_responses=False) as redis:
        return {
            key: (await redis.dump(key) or b"", max(await redis.pttl(key), 0))
            for key in cast("list[bytes]", await redis.keys())
        }


async def put_back(url: str, copy: Copy) -> None:
    async with connect(url, decode_responses=False) as redis:
        await redis.flushall()
        for key, (value, ttl_ms) in copy.items():
            if value:
                await redis.restore(key, ttl_ms, value)


class Before:
    """A client that has seen two promotions of which the log will know nothing."""

    def __init__(self, socket: Socket, cursor: str) -> None:
        self.pid, self.cursor = socket.pid, cursor

    @property
    def place(self) -> tuple[str, int]:
        epoch, _, offset = self.cursor.partition("-")
        return epoch, int(offset)


@asynccontextmanager
async def restored(open_hub: Open, url: str, folder: Path) -> AsyncIterator[tuple[HubHarness, Before]]:
    """A hub on `folder`, over a copy of Redis that is older than what a client of the hub before it holds."""
    async with open_hub() as house, connected(house) as socket:
        await house.promo("Antes")
        assert (await socket.join(room="promos"))["ok"]
        copy = await copy_of(url)
        for title in ("Una", "Dos"):
            await house.promo(title)
            _, event, cursor = await socket.event()
            assert event["data"]["title"] == title
        before = Before(socket, cursor)
    await put_back(url, copy)
    async with running_hub(url, folder) as house:
        yield house, before


async def by_returning(house: HubHarness, before: Before) -> tuple[bool, str]:
    async with connected(house, pid=before.pid, offset=before.cursor) as socket:
        name, reset, *_ = await socket.event()
        assert name == "room.reset"
        assert [promo["title"] for promo in reset["data"]["snapshot"]["promos"]] == ["Antes"]
        return socket.pid == before.pid, reset["data"]["cursor"]


async def by_joining(house: HubHarness, before: Before) -> tuple[bool, str]:
    async with connected(house) as socket:
        joined = (await socket.join(room="promos", after=before.cursor))["data"]
        return joined["recovered"], joined["cursor"]


async def by_plain_websocket(house: HubHarness, before: Before) -> tuple[bool, str]:
    async with await plain(house) as client:
        joined = (await client.command("room.join", room="promos", after=before.cursor))["data"]
        return joined["recovered"], joined["cursor"]


async def by_stream(house: HubHarness, before: Before) -> tuple[bool, str]:
    async with streaming(house, PAGE, **{"Last-Event-ID": before.cursor}) as stream:
        first = await stream.next()
        return first.type != "room.reset", first.id or ""


async def by_page(house: HubHarness, before: Before) -> tuple[bool, str]:
    page = (await house.get(f"{PAGE}?after={before.cursor}")).data
    return page["recovered"], page["cursor"]


Gateway = Callable[[HubHarness, Before], Awaitable[tuple[bool, str]]]
GATEWAYS: list[Gateway] = [by_returning, by_joining, by_plain_websocket, by_stream, by_page]


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_after_an_old_copy_was_put_back_the_first_reader_of_any_gateway_finds_a_new_epoch(
    open_hub: Open, redis_url: str, tmp_path: Path, gateway: Gateway
) -> None:
    async with restored(open_hub, redis_url, tmp_path) as (house, before):
        epoch, offset = before.place
        recovered, cursor = await gateway(house, before)
        assert not recovered
        now, _, at = cursor.partition("-")
        assert now != epoch
        assert int(at) >= offset, "no offset is given a second time, not even in another epoch"
        published = await house.promo("Después")
        assert published["cursor"] == f"{now}-{int(at) + 1}"


async def test_the_new_epoch_begins_before_anybody_is_served(open_hub: Open, redis_url: str, tmp_path: Path) -> None:
    async with restored(open_hub, redis_url, tmp_path) as (house, before):
        assert (await house.position()).partition("-")[0] != before.place[0]


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_cursor_past_the_end_is_reset_alone_where_nobody_else_has_seen_so_much(
    open_hub: Open, redis_url: str, tmp_path: Path, gateway: Gateway
) -> None:
    async with restored(open_hub, redis_url, tmp_path / "another") as (house, before):
        epoch, offset = before.place
        async with connected(house) as bystander:
            assert (await bystander.join(room="promos"))["ok"]
            with capture_logs() as logs:
                recovered, cursor = await gateway(house, before)
            assert not recovered
            assert cursor == f"{epoch}-{offset - 2}"
            ahead = [line for line in logs if line["event"] == "log.cursor_ahead"]
            assert [(line["cursor"], line["log"]) for line in ahead] == [(before.cursor, cursor)]
            assert "comanda_cursors_ahead_total 1.0" in (await house.get("/metrics", token=house.token())).raw.decode()
            await house.promo("Después")
            name, event, _ = await bystander.event()
            assert (name, event["offset"]) == ("promo.published", offset - 1)


async def test_a_restart_over_the_same_redis_keeps_the_epoch_and_readers_go_on(open_hub: Open, redis_url: str) -> None:
    async with open_hub() as house:
        first = (await house.promo("Una"))["cursor"]
        last = (await house.promo("Dos"))["cursor"]
    async with open_hub() as house:
        page = (await house.get(f"{PAGE}?after={first}")).data
        assert (page["recovered"], page["cursor"]) == (True, last)
        assert [event["data"]["title"] for event in page["events"]] == ["Dos"]


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_redis_set_back_under_a_running_hub_is_found_by_the_first_reader_of_any_gateway(
    house: HubHarness, redis_url: str, gateway: Gateway
) -> None:
    await house.promo("Antes")
    async with connected(house) as socket:
        assert (await socket.join(room="promos"))["ok"]
        copy = await copy_of(redis_url)
        for _ in range(2):
            await house.promo("Una más")
            _, _, cursor = await socket.event()
    before = Before(socket, cursor)
    await put_back(redis_url, copy)
    recovered, cursor = await gateway(house, before)
    assert not recovered
    assert cursor.partition("-")[0] != before.place[0]
