"""What a reader is given: all of it, in order, as of one moment, or the truth that something is missing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.core.cursor import Cursor
from hub.store import DocKey, Document, EventLog, IndexMove, Retention, ViewQuery, Write
from tests.support.writes import event, move, order, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

pytestmark = pytest.mark.contract

KEY = DocKey("order", "A")


async def fill(log: EventLog, room: str, count: int) -> None:
    for start in range(0, count, 8):
        events = tuple(event("a", room, n=n) for n in range(start, min(start + 8, count)))
        await log.commit(Write(events=events))


async def after(
    log: EventLog, room: str, offset: int | None, *, limit: int = 100, epoch: str | None = None
) -> ViewQuery:
    return ViewQuery(room, offset, epoch or (await log.position()).epoch, limit)


async def test_reading_gives_a_slice_of_the_room_oldest_first(log: EventLog) -> None:
    for _ in range(5):
        await log.commit(told("kitchen"))
        await log.commit(told("promos"))
    offsets = [entry.offset for entry in await log.read("kitchen", 3, limit=2)]
    assert offsets == [5, 7]
    assert [entry.offset for entry in await log.read("kitchen", 1, upto=7)] == [3, 5, 7]
    assert await log.read("kitchen", 9) == []
    assert await log.read("nobody-was-here", 0) == []


async def test_reading_back_gives_the_newest_before_an_offset_oldest_first(log: EventLog) -> None:
    await fill(log, "kitchen", 10)
    assert [entry.offset for entry in await log.read_back("kitchen", None, 3)] == [8, 9, 10]
    assert [entry.offset for entry in await log.read_back("kitchen", 8, 3)] == [5, 6, 7]
    assert await log.read_back("kitchen", 1, 3) == []
    assert await log.read_back("kitchen", 0, 3) == []


async def test_heads_are_those_of_the_rooms_asked_for(log: EventLog) -> None:
    await log.commit(told("kitchen"))
    await log.commit(told("promos", "kitchen"))
    await log.commit(told("order:A"))
    cursor, heads = await log.heads(["promos", "nobody-was-here", "kitchen"])
    assert (cursor.offset, heads) == (3, [2, 0, 2])
    assert (await log.heads([]))[0] == cursor


async def test_heads_of_thousands_of_rooms_come_in_order(log: EventLog) -> None:
    await log.commit(told("order:7"))
    await log.commit(told("order:2345"))
    _, heads = await log.heads([f"order:{n}" for n in range(2500)])
    assert {n: head for n, head in enumerate(heads) if head} == {7: 1, 2345: 2}


async def test_a_view_gives_everything_after_an_offset(log: EventLog) -> None:
    await fill(log, "kitchen", 10)
    view = await log.view(await after(log, "kitchen", 6))
    assert view.whole
    assert [entry.offset for entry in view.events] == [7, 8, 9, 10]
    assert view.cursor == log.highest


async def test_a_view_of_a_reader_that_missed_nothing_is_whole_and_empty(log: EventLog) -> None:
    await fill(log, "kitchen", 3)
    await log.commit(told("promos"))
    for offset in (3, 4):
        view = await log.view(await after(log, "kitchen", offset))
        assert (view.whole, view.events) == (True, ())
    assert (await log.view(await after(log, "nobody-was-here", 2))).whole


async def test_a_view_without_an_offset_gives_the_newest_events_and_is_not_whole(log: EventLog) -> None:
    await fill(log, "kitchen", 10)
    view = await log.view(await after(log, "kitchen", None, limit=3))
    assert not view.whole
    assert [entry.offset for entry in view.events] == [8, 9, 10]
    assert (await log.view(await after(log, "kitchen", None, limit=0))).events == ()


async def test_a_view_of_more_than_the_limit_is_not_whole(log: EventLog) -> None:
    await fill(log, "kitchen", 10)
    full = await log.view(await after(log, "kitchen", 5, limit=5))
    short = await log.view(await after(log, "kitchen", 4, limit=5))
    assert (full.whole, short.whole) == (True, False)
    assert [entry.offset for entry in short.events] == [6, 7, 8, 9, 10]


async def test_an_offset_of_another_epoch_or_of_the_future_is_not_honoured(log: EventLog) -> None:
    await fill(log, "kitchen", 3)
    assert not (await log.view(await after(log, "kitchen", 2, epoch="otherone"))).whole
    assert not (await log.view(await after(log, "kitchen", 4))).whole
    assert not (await log.view(ViewQuery("kitchen", 2, None, 10))).whole


async def test_whole_is_exact_where_a_room_was_trimmed(make_log: Callable[..., EventLog]) -> None:
    log = make_log(retention=Retention(20))
    for _ in range(20):
        await fill(log, "kitchen", 16)
        await log.commit(told("promos"))
    kept = await log.read("kitchen", 0)
    oldest = kept[0]
    assert oldest.prev > 0
    assert len(kept) < 320
    for offset in (oldest.prev, oldest.prev + 1, oldest.offset):
        view = await log.view(await after(log, "kitchen", offset, limit=1000))
        assert view.whole
        assert view.events == tuple(entry for entry in kept if entry.offset > offset)
    view = await log.view(await after(log, "kitchen", oldest.prev - 1, limit=1000))
    assert not view.whole
    assert view.events == tuple(kept)


async def test_a_room_that_is_kept_whole_is_never_trimmed(make_log: Callable[..., EventLog]) -> None:
    log = make_log(retention=Retention(5, whole=lambda room: room.startswith("order:")))
    await fill(log, "order:A", 240)
    assert len(await log.read("order:A", 0)) == 240


async def test_a_room_whose_stream_was_lost_is_not_whole(log: EventLog, redis: Redis) -> None:
    await fill(log, "kitchen", 3)
    await redis.delete(log.keys.room("kitchen"))
    view = await log.view(await after(log, "kitchen", 1))
    assert (view.whole, view.events) == (False, ())
    await log.commit(told("kitchen"))
    [entry] = await log.read("kitchen", 0)
    assert (entry.offset, entry.prev) == (4, 3)
    assert not (await log.view(await after(log, "kitchen", 1))).whole


async def test_a_view_gives_documents_index_and_stock(log: EventLog) -> None:
    for id in ("A", "B", "C"):
        await log.commit(replace(order(id, 1), index=(IndexMove("open", id, True),)))
    await log.commit(Write(index=(IndexMove("open", "never-written", True),)))
    await log.commit(Write(counters=(move("set", "pastor", 9), move("set", "agua", 0))))
    query = ViewQuery(
        "kitchen",
        None,
        None,
        1,
        documents=(KEY, DocKey("order", "X")),
        index="open",
        index_kind="order",
        index_limit=3,
        counters=True,
    )
    view = await log.view(query)
    assert view.documents == (Document(KEY, 1, '{"id": "A", "version": 1}'), None)
    assert [document.key.id for document in view.indexed] == ["C", "B"]
    assert view.total == 4
    assert view.counters == {"pastor": 9, "agua": 0}
    bare = await log.view(ViewQuery("kitchen", None, None, 1))
    assert (bare.documents, bare.indexed, bare.total, bare.counters) == ((), (), 0, {})


@pytest.mark.parametrize(
    ("limit", "oldest", "members"),
    [
        (2, False, "CB"),
        (2, True, "AB"),
        (9, False, "CBA"),
        (9, True, "ABC"),
        (1, False, "C"),
        (1, True, "A"),
        (0, True, ""),
    ],
)
async def test_a_view_gives_an_index_from_either_end_and_its_size(
    log: EventLog, limit: int, oldest: bool, members: str
) -> None:
    query = ViewQuery("kitchen", None, None, 0, index="open", index_kind="order", index_limit=limit, oldest=oldest)
    assert ((await log.view(query)).indexed, (await log.view(query)).total) == ((), 0)
    for id in ("A", "B", "C"):
        await log.commit(replace(order(id, 1), index=(IndexMove("open", id, True),)))
    view = await log.view(query)
    assert "".join(document.key.id for document in view.indexed) == members
    assert view.total == (3 if limit else 0)


def weighty(id: str, size: int) -> Write:
    """An order of so many bytes, not of so many characters."""
    body = json.dumps("ñ" * ((size - 2) // 2), ensure_ascii=False)
    return Write(documents=(Document(DocKey("order", id), 1, body),), index=(IndexMove("open", id, True),))


@pytest.mark.parametrize(
    ("room", "after_score", "members", "go_on"),
    [
        (0, None, "ABCDE", None),
        (1_000, None, "ABCDE", None),
        (999, None, "ABCD", 4),
        (500, None, "AB", 2),
        (500, 2, "CD", 4),
        (500, 4, "E", None),
        (500, 5, "", None),
        (10, None, "A", 1),
        (10, 1, "B", 2),
    ],
)
async def test_a_view_gives_as_much_of_an_index_as_fits_and_says_where_it_goes_on(
    log: EventLog, room: int, after_score: int | None, members: str, go_on: int | None
) -> None:
    for id in "ABCDE":
        await log.commit(replace(weighty(id, 200), events=(event("a", "kitchen"),)))
    query = ViewQuery(
        "kitchen", None, None, 0, index="open", index_kind="order", index_limit=9, oldest=True, index_bytes=room
    )
    view = await log.view(replace(query, index_after=after_score))
    assert "".join(document.key.id for document in view.indexed) == members
    assert (view.go_on, view.total) == (go_on, 5)
    newest = await log.view(replace(query, oldest=False))
    assert [document.key.id for document in newest.indexed] == list("EDCBA")[: room // 200 or (1 if room else 5)]


async def test_a_view_gives_the_members_that_come_first_three_quarters_of_the_room(log: EventLog) -> None:
    for id in "ABCDEFGHIJ":
        moves = (IndexMove("open", id, True),) + ((IndexMove("urgent", id, True),) if id in "DEFGHI" else ())
        await log.commit(replace(weighty(id, 100), events=(event("a", "kitchen"),), index=moves))
    await log.commit(Write(index=(IndexMove("urgent", "GONE", True),)))
    query = ViewQuery(
        "kitchen", None, None, 0, index="open", index_kind="order", index_limit=90, oldest=True, first="urgent"
    )
    for size, members, go_on in [
        (0, "IHGFEDABCJ", None),
        (1_000, "IHGFEDABCJ", None),
        (800, "IHGFEDAB", 2),
        (400, "IHGA", 1),
        (10, "I", 0),
    ]:
        view = await log.view(replace(query, index_bytes=size))
        assert ("".join(document.key.id for document in view.indexed), view.go_on) == (members, go_on)
        assert (view.total, view.first_total) == (10, 7)
    few = await log.view(replace(query, index_limit=4))
    assert ("".join(document.key.id for document in few.indexed), few.go_on) == ("IHGA", 1)


@pytest.mark.parametrize("count", [3, 31, 32, 33, 64, 100])
async def test_a_view_of_more_bytes_of_events_than_fit_is_not_whole(log: EventLog, count: int) -> None:
    await fill(log, "kitchen", count)
    entries = await log.read("kitchen", 0)
    query = replace(await after(log, "kitchen", 0), event_bytes=1_000_000)
    assert (await log.view(query)).events == tuple(entries)
    short = await log.view(replace(query, event_bytes=2 * 60))
    assert not short.whole
    assert short.events == tuple(entries[-len(short.events) :])
    assert 0 < len(short.events) < count
    first = await log.view(replace(query, event_bytes=2 * 60, partly=True))
    assert (first.whole, first.cut) == (True, True)
    assert first.events == tuple(entries[: len(first.events)])
    assert 0 < len(first.events) < count
    rest = await log.view(replace(query, after=first.events[-1].offset, partly=True))
    assert (first.events + rest.events, rest.cut) == (tuple(entries), False)


async def test_a_view_is_of_one_moment_while_others_commit(make_log: Callable[..., EventLog]) -> None:
    writer, reader = make_log(), make_log()
    done = asyncio.Event()
    query = ViewQuery(
        "order:A", 0, (await writer.position()).epoch, 500, (KEY,), index="open", index_kind="order", index_limit=5
    )

    async def write() -> None:
        for version in range(1, 121):
            await writer.commit(replace(order("A", version), index=(IndexMove("open", "A", True),)))
        done.set()

    async def read() -> int:
        views = 0
        while not done.is_set():
            view = await reader.view(query)
            [document] = view.documents
            versions = [json.loads(entry.body)["data"]["version"] for entry in view.events]
            assert view.whole
            assert versions == list(range(1, view.cursor.offset + 1))
            assert (document.version if document else 0) == len(versions)
            assert [found.version for found in view.indexed] == ([len(versions)] if versions else [])
            views += 1
        return views

    _, views, more = await asyncio.gather(write(), read(), read())
    assert views > 1
    assert more > 1


async def test_documents_come_in_the_order_asked_for(log: EventLog) -> None:
    for n in range(40):
        await log.commit(order(f"O{n}", 1))
    keys = [DocKey("order", f"O{n}") for n in (30, 99, 2, 17)]
    found = await log.documents(keys)
    assert [document and document.key.id for document in found] == ["O30", None, "O2", "O17"]


async def test_a_cursor_of_a_commit_can_be_resumed_from(log: EventLog) -> None:
    committed = await log.commit(told("kitchen"))
    cursor = Cursor.parse(str(committed.cursor))
    await log.commit(told("kitchen"))
    view = await log.view(ViewQuery("kitchen", cursor.offset, cursor.epoch, 10))
    assert view.whole
    assert [entry.offset for entry in view.events] == [2]
