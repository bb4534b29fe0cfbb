"""Whatever is written, in whatever order: what every reader relies on still holds."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.core.errors import Conflict, IdempotencyMismatch
from hub.store import Committed, CounterTooLow, DocKey, Document, EventLog, IdempotencyKey, ViewQuery, Write
from tests.support.redis import Backend
from tests.support.writes import event, move

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.contract

ROOMS = ("kitchen", "promos", "stock", "order:A", "order:B", "chat:1")
_branches = itertools.count()

rooms = st.lists(st.sampled_from(ROOMS), min_size=1, max_size=3, unique=True).map(tuple)
events = st.lists(rooms.map(lambda named: event("a", *named)), max_size=4).map(tuple)
keys = st.sampled_from([DocKey("order", "A"), DocKey("order", "B")])
documents = st.lists(keys, max_size=2, unique=True)
moves = st.lists(
    st.builds(
        move,
        st.sampled_from(["take", "take", "give", "set"]),
        st.sampled_from(["pastor", "agua"]),
        st.integers(0, 5),
        low=st.just(2),
    ),
    max_size=3,
).map(tuple)


idempotency = st.none() | st.builds(IdempotencyKey, st.sampled_from(["c:1", "c:2", "c:3"]), st.sampled_from(["f", "g"]))


@st.composite
def writes(draw: st.DrawFn) -> Write:
    """Any write; versions and command ids come from so few values that they often clash."""
    expects = tuple((key, draw(st.integers(0, 2))) for key in draw(documents))
    return Write(
        events=draw(events),
        expects=expects,
        documents=tuple(Document(key, version + 1, "{}") for key, version in expects),
        counters=draw(moves),
        idempotency=draw(idempotency),
        result=draw(st.sampled_from(["r", "s"])),
    )


async def commit(log: EventLog, write: Write) -> Committed | None:
    try:
        return await log.commit(write)
    except (Conflict, CounterTooLow, IdempotencyMismatch):
        return None


async def check(log: EventLog, script: Sequence[Sequence[Write]]) -> None:
    """Commit the groups of writes one after another, the writes of a group at once."""
    first_time: dict[str, Committed] = {}
    given_out: list[int] = []
    for group in script:
        before = await log.position()
        done = await asyncio.gather(*(commit(log, write) for write in group))
        fresh = [committed for committed in done if committed and not committed.repeated]
        given_out += sorted(offset for committed in fresh for offset in committed.offsets)
        for write, committed in zip(group, done, strict=True):
            if committed and not committed.repeated and write.idempotency:
                assert write.idempotency.command_id not in first_time
                first_time[write.idempotency.command_id] = committed
        for write, committed in zip(group, done, strict=True):
            if committed and committed.repeated:
                assert write.idempotency is not None
                first = first_time[write.idempotency.command_id]
                assert (committed.offsets, committed.head, committed.result) == (
                    first.offsets,
                    first.head,
                    first.result,
                )
        if not fresh:
            assert await log.position() == before
    await check_log(log, given_out)


async def check_log(log: EventLog, given_out: list[int]) -> None:
    # Offsets: unique, increasing, without a hole, and all of them in the rooms.
    assert given_out == list(range(1, len(given_out) + 1))
    position = await log.position()
    assert position.offset == len(given_out)
    in_rooms: dict[int, set[str]] = defaultdict(set)
    for room in ROOMS:
        # The chain of each room: every event names the one before it.
        entries = await log.read(room, 0)
        assert [entry.prev for entry in entries] == [0, *(entry.offset for entry in entries)][: len(entries)]
        for entry in entries:
            in_rooms[entry.offset].add(entry.body)
        _, [head] = await log.heads([room])
        assert head == (entries[-1].offset if entries else 0)
        for offset in range(0, position.offset + 1, 3):
            view = await log.view(ViewQuery(room, offset, position.epoch, 1000))
            assert view.whole
            assert view.events == tuple(entry for entry in entries if entry.offset > offset)
    assert set(in_rooms) == set(given_out)
    assert all(len(bodies) == 1 for bodies in in_rooms.values())
    assert all(left >= 0 for left in (await log.counters()).values())


async def run(name: str, url: str, script: Sequence[Sequence[Write]]) -> None:
    async with AsyncExitStack() as stack:
        backend = Backend(name, url)
        stack.push_async_callback(backend.aclose)
        log = EventLog(backend.client(), f"branch{next(_branches)}")
        stack.push_async_callback(log.aclose)
        await check(log, script)


@given(script=st.lists(st.lists(writes(), min_size=1, max_size=4), max_size=6))
@settings(deadline=None, max_examples=50)
def test_any_writes_keep_the_log_in_order_on_fakeredis(script: list[list[Write]]) -> None:
    asyncio.run(run("fakeredis", "", script))


@given(script=st.lists(st.lists(writes(), min_size=1, max_size=6), max_size=8))
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_writes_keep_the_log_in_order_on_a_real_redis(real_redis_url: str, script: list[list[Write]]) -> None:
    asyncio.run(run("real", real_redis_url, script))
