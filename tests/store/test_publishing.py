"""What goes out to the rooms' channels, and what does not."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from hub.core.errors import Conflict
from hub.store import DocKey, EventLog, IdempotencyKey, Write
from tests.support.writes import event, move, order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.support.redis import Backend

pytestmark = pytest.mark.contract


@asynccontextmanager
async def listening(backend: Backend, *channels: str) -> AsyncIterator[Callable[[], Awaitable[tuple[str, str]]]]:
    """The next message of some channels: channel and text."""
    async with backend.client().pubsub() as pubsub:
        await pubsub.subscribe(*channels)
        for _ in channels:  # only then does Redis know of them
            assert (await pubsub.get_message(timeout=5) or {})["type"] == "subscribe"

        async def message() -> tuple[str, str]:
            async with asyncio.timeout(5):
                while True:
                    found = await pubsub.get_message(timeout=5)
                    if found and found["type"] == "message":
                        return found["channel"], found["data"]

        yield message


def header(message: tuple[str, str]) -> str:
    """A message's header without the epoch."""
    return message[1].partition("\n")[0].partition(" ")[2]


async def test_an_event_is_published_to_each_of_its_rooms_with_its_header(log: EventLog, backend: Backend) -> None:
    keys = log.keys
    async with listening(backend, keys.channel("kitchen"), keys.channel("order:A")) as message:
        await log.commit(Write(events=(event("a", "kitchen"),)))
        write = order("A", 1)
        committed = await log.commit(write)
        epoch, body = committed.epoch, write.events[0].body
        assert (await message())[1].startswith(f"{epoch} 1 0 a -\n")
        assert dict([await message(), await message()]) == {
            keys.channel("order:A"): f"{epoch} 2 0 order.preparing kitchen\n{body}",
            keys.channel("kitchen"): f"{epoch} 2 1 order.preparing -\n{body}",
        }
    assert keys.room_of(keys.channel("order:A")) == "order:A"


async def test_the_events_of_a_write_are_published_in_order(log: EventLog, backend: Backend) -> None:
    async with listening(backend, log.keys.channel("kitchen")) as message:
        events = tuple(event(name, "kitchen") for name in "abc")
        await log.commit(Write(events=events, counters=(move("set", "pastor", 0),)))
        headers = [header(await message()) for _ in range(4)]
    assert headers == ["1 0 a -", "2 1 b -", "3 2 c -", "4 3 stock.out stock"]


async def test_each_copy_of_an_event_names_the_rooms_still_to_come_in_the_order_they_were_given(
    log: EventLog, backend: Backend
) -> None:
    rooms = ("promos", "chat:1", "kitchen", "order:A")
    async with listening(backend, *map(log.keys.channel, rooms)) as message:
        await log.commit(Write(events=(event("a", *rooms), event("b", "order:A", "promos"))))
        heard = [await message() for _ in range(6)]
    assert [(log.keys.room_of(channel), header((channel, text))) for channel, text in heard] == [
        ("promos", "1 0 a chat:1,kitchen,order:A"),
        ("chat:1", "1 0 a kitchen,order:A"),
        ("kitchen", "1 0 a order:A"),
        ("order:A", "1 0 a -"),
        ("order:A", "2 1 b promos"),
        ("promos", "2 1 b -"),
    ]


async def test_a_room_named_twice_is_not_still_to_come_when_it_has_come(log: EventLog, backend: Backend) -> None:
    async with listening(backend, *map(log.keys.channel, ("kitchen", "promos"))) as message:
        await log.commit(Write(events=(event("a", "kitchen", "promos", "kitchen"),)))
        assert [header(await message()) for _ in range(2)] == ["1 0 a promos", "1 0 a -"]


async def test_the_kitchen_hears_of_the_stock_before_everybody_else(log: EventLog, backend: Backend) -> None:
    rooms = ("stock", "kitchen")
    async with listening(backend, *map(log.keys.channel, rooms)) as message:
        await log.commit(Write(events=(event("a", "stock", "kitchen"),), counters=(move("set", "pastor", 0),)))
        heard = [await message() for _ in range(4)]
    assert [(log.keys.room_of(channel), header((channel, text))) for channel, text in heard[2:]] == [
        ("kitchen", "2 1 stock.out stock"),
        ("stock", "2 1 stock.out -"),
    ]


async def test_nothing_is_published_of_a_write_that_was_refused(log: EventLog, backend: Backend) -> None:
    async with listening(backend, log.keys.channel("kitchen")) as message:
        with pytest.raises(Conflict):
            await log.commit(Write(events=(event("a", "kitchen"),), expects=((DocKey("order", "A"), 1),)))
        await log.commit(Write(events=(event("b", "kitchen"),)))
        assert " 1 0 b -\n" in (await message())[1]


async def test_a_repeated_command_is_not_published_again(log: EventLog, backend: Backend) -> None:
    async with listening(backend, log.keys.channel("kitchen")) as message:
        for _ in range(2):
            await log.commit(Write(events=(event("a", "kitchen"),), idempotency=IdempotencyKey("c:1")))
        await log.commit(Write(events=(event("b", "kitchen"),)))
        assert " 1 0 a -\n" in (await message())[1]
        assert " 2 1 b -\n" in (await message())[1]


async def test_a_volatile_event_is_published_without_an_offset_and_not_kept(log: EventLog, backend: Backend) -> None:
    epoch = (await log.position()).epoch
    body = '{"type":"courier.moved","at":"…","data":{}}'
    async with listening(backend, log.keys.channel("order:A")) as message:
        await log.publish("order:A", "courier.moved", body)
        assert await message() == (log.keys.channel("order:A"), f"{epoch} 0 0 courier.moved -\n{body}")
        await log.publish("order:A", "courier.moved", body, "A")
        assert await message() == (log.keys.channel("order:A"), f"{epoch} 0 0 courier.moved A\n{body}")
    assert await log.read("order:A", 0) == []
    assert (await log.heads(["order:A"]))[1] == [0]
    assert (await log.position()).offset == 0
