"""An inbox: bounded, in order, and it knows what has been dealt with."""

from __future__ import annotations

import asyncio

import pytest

from hub.store import EventLog
from hub.store.inbox_stream import InboxBounds, InboxStream
from hub.store.outbound_stream import START


@pytest.fixture
def inbox(log: EventLog) -> InboxStream:
    return InboxStream(log.calls, log.keys, "whatsapp", InboxBounds(entries=3, size_bytes=100))


async def test_what_comes_stands_there_in_order_until_it_is_removed(inbox: InboxStream) -> None:
    assert [await inbox.add(body) for body in ("one", "zwei ñ", "three")] == [True] * 3
    first, *others = await inbox.read(START, 10)
    assert [first.body, *(entry.body for entry in others)] == ["one", "zwei ñ", "three"]
    await inbox.remove([first])
    assert await inbox.read(START, 10) == tuple(others)
    assert await inbox.read(others[0].cursor, 10) == (others[1],)
    assert await inbox.waiting() == 2


async def test_it_takes_no_more_entries_than_it_may_hold(inbox: InboxStream) -> None:
    assert [await inbox.add(str(number)) for number in range(5)] == [True, True, True, False, False]
    await inbox.remove((await inbox.read(START, 10))[:1])
    assert await inbox.add("again")


async def test_it_takes_no_more_bytes_than_it_may_hold(inbox: InboxStream) -> None:
    assert await inbox.add("ñ" * 30)
    assert not await inbox.add("ñ" * 21)
    assert await inbox.add("ñ" * 20)
    entries = await inbox.read(START, 10)
    await inbox.remove([entries[0], entries[0]])
    await inbox.remove([entries[0]])
    assert not await inbox.add("ñ" * 31)
    assert await inbox.add("ñ" * 30)
    await inbox.remove(await inbox.read(START, 10))
    assert await inbox.add("ñ" * 50)


async def test_a_read_that_waits_hears_what_comes_and_ends_in_time(inbox: InboxStream) -> None:
    reading = asyncio.create_task(inbox.read(START, 10, wait_s=30))
    await inbox.add("news")
    assert [entry.body for entry in await reading] == ["news"]
    assert await inbox.read((await inbox.read(START, 1))[0].cursor, 10, wait_s=0.05) == ()


async def test_what_was_dealt_with_is_known_for_its_time(inbox: InboxStream, log: EventLog) -> None:
    await inbox.mark("wamid.1", 8 * 86_400)
    assert await inbox.unseen(["wamid.1", "wamid.2"]) == {"wamid.2"}
    assert await inbox.unseen([]) == set()
    left_s = await log.calls.call("TTL", log.keys.inbox_seen("whatsapp", "wamid.1"))
    assert 8 * 86_400 - 60 < left_s <= 8 * 86_400
