"""What happened in many rooms while a reader was away: all of it as of one moment, or the truth that it is not all."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from hub.core.cursor import Cursor
from hub.store import EventLog, Missed, Retention, Write
from tests.support.writes import event, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from redis.asyncio import Redis

pytestmark = pytest.mark.contract


def offsets(missed: Missed) -> dict[str, list[int] | None]:
    """By room, the offsets of what was missed."""
    return {
        room: None if entries is None else [entry.offset for entry in entries] for room, entries in missed.rooms.items()
    }


async def fill(log: EventLog, room: str, count: int) -> None:
    for start in range(0, count, 8):
        await log.commit(Write(events=tuple(event("a", room, n=n) for n in range(start, min(start + 8, count)))))


async def test_each_room_gives_what_came_after_its_own_place(log: EventLog) -> None:
    for rooms in (("kitchen",), ("promos", "kitchen"), ("order:A",), ("kitchen",)):
        committed = await log.commit(told(*rooms))
    missed = await log.missed({"promos": 1, "kitchen": 1, "order:A": 3, "nobody-was-here": 2}, committed.epoch)
    assert missed.cursor == committed.cursor == log.highest
    assert offsets(missed) == {"promos": [2], "kitchen": [2, 4], "order:A": [], "nobody-was-here": []}
    kitchen = missed.rooms["kitchen"]
    assert kitchen == tuple(await log.read("kitchen", 1))


async def test_no_rooms_give_the_moment_alone(log: EventLog) -> None:
    committed = await log.commit(told("kitchen"))
    assert await log.missed({}, committed.epoch) == Missed(committed.cursor, {})


async def test_a_place_of_another_epoch_is_no_place(log: EventLog) -> None:
    committed = await log.commit(told("kitchen"))
    missed = await log.missed({"kitchen": 0, "promos": 0}, "another1")
    assert missed == Missed(committed.cursor, {"kitchen": None, "promos": None})


async def test_a_place_that_the_log_has_not_reached_is_no_place(log: EventLog) -> None:
    await fill(log, "kitchen", 3)
    epoch = (await log.position()).epoch
    assert offsets(await log.missed({"kitchen": 4, "promos": 4, "stock": 3}, epoch)) == {
        "kitchen": None,
        "promos": None,
        "stock": [],
    }


async def test_a_room_with_more_than_the_limit_gives_nothing_and_the_others_all(log: EventLog) -> None:
    await fill(log, "kitchen", 6)
    await fill(log, "promos", 5)
    epoch = (await log.position()).epoch
    assert offsets(await log.missed({"kitchen": 0, "promos": 0}, epoch, limit=5)) == {
        "kitchen": None,
        "promos": [7, 8, 9, 10, 11],
    }
    assert offsets(await log.missed({"kitchen": 1}, epoch, limit=5)) == {"kitchen": [2, 3, 4, 5, 6]}


@pytest.mark.parametrize("count", [8, 40, 96])
async def test_a_room_with_more_bytes_missed_than_fit_is_begun_anew(
    make_log: Callable[..., EventLog], count: int
) -> None:
    log, narrow = make_log(), make_log(missed_bytes=8 * 60)
    for _ in range(count):
        committed = await log.commit(told("kitchen"))
    assert offsets(await log.missed({"kitchen": 0}, committed.epoch)) == {"kitchen": [*range(1, count + 1)]}
    few = await narrow.missed({"kitchen": count - 2}, committed.epoch)
    assert offsets(few) == {"kitchen": [count - 1, count]}
    if count > 8:
        assert offsets(await narrow.missed({"kitchen": 0}, committed.epoch)) == {"kitchen": None}


async def test_a_room_is_whole_exactly_from_where_it_was_trimmed(make_log: Callable[..., EventLog]) -> None:
    log = make_log(retention=Retention(20))
    for _ in range(20):
        await fill(log, "kitchen", 16)
        await log.commit(told("promos"))
    kept = await log.read("kitchen", 0)
    first, epoch = kept[0], (await log.position()).epoch
    assert first.prev > 0
    for place in (first.prev, first.prev + 1, first.offset):
        missed = await log.missed({"kitchen": place}, epoch)
        assert missed.rooms["kitchen"] == tuple(entry for entry in kept if entry.offset > place)
    assert offsets(await log.missed({"kitchen": first.prev - 1, "promos": 0}, epoch))["kitchen"] is None


async def test_a_room_whose_stream_was_lost_is_not_whole(log: EventLog, redis: Redis) -> None:
    await fill(log, "kitchen", 3)
    epoch = (await log.position()).epoch
    await redis.delete(log.keys.room("kitchen"))
    assert offsets(await log.missed({"kitchen": 2}, epoch)) == {"kitchen": None}
    assert offsets(await log.missed({"kitchen": 3}, epoch)) == {"kitchen": []}
    await log.commit(told("kitchen"))
    assert offsets(await log.missed({"kitchen": 2}, epoch)) == {"kitchen": None}
    assert offsets(await log.missed({"kitchen": 3}, epoch)) == {"kitchen": [4]}


async def test_a_log_that_lost_its_tail_names_a_new_epoch_first(log: EventLog, redis: Redis) -> None:
    await fill(log, "kitchen", 5)
    before = await log.position()
    await redis.flushall()
    missed = await log.missed({"kitchen": 2}, before.epoch)
    assert missed.cursor.epoch not in ("", before.epoch)
    assert missed.cursor.offset == before.offset
    assert offsets(missed) == {"kitchen": None}


async def test_thousands_of_rooms_come_each_with_its_own(log: EventLog) -> None:
    for room in ("order:7", "order:199", "order:200", "order:2345"):
        await log.commit(told(room))
    cursor = await log.position()
    missed = await log.missed({f"order:{n}": 0 for n in range(2_500)}, cursor.epoch)
    assert missed.cursor == cursor
    assert list(missed.rooms) == [f"order:{n}" for n in range(2_500)]
    assert {room: found for room, found in offsets(missed).items() if found != []} == {
        "order:7": [1],
        "order:199": [2],
        "order:200": [3],
        "order:2345": [4],
    }


class Between(EventLog):
    """A log in which something happens between the calls of one question."""

    def happens(self, *steps: Any) -> None:
        """One step after each of the calls to come."""
        run, waiting = self.calls.run, iter(steps)

        async def run_then_step(*args: Any, **kwargs: Any) -> list[Any]:
            reply = await run(*args, **kwargs)
            for step in itertools.islice(waiting, 1):
                await step()
            return reply

        self.calls.run = run_then_step  # type: ignore[method-assign]


async def asked_while(
    redis: Redis, make_log: Callable[..., EventLog], after: Mapping[str, int], steps: Sequence[Any]
) -> tuple[Missed, str]:
    log = Between(redis, "centro")
    epoch = (await make_log().position()).epoch
    log.happens(*steps)
    try:
        return await log.missed(after, epoch), epoch
    finally:
        await log.aclose()


PLACES = {f"order:{n}": 0 for n in range(450)}


async def test_what_happens_between_the_calls_is_of_a_later_moment(
    make_log: Callable[..., EventLog], redis: Redis
) -> None:
    other = make_log()
    for room in ("order:0", "order:449"):
        await other.commit(told(room))

    async def commit() -> None:
        for room in ("order:0", "order:300", "order:449"):
            await other.commit(told(room))

    missed, epoch = await asked_while(redis, make_log, PLACES, [commit, commit])
    assert missed.cursor == Cursor(epoch, 2)
    assert {room: found for room, found in offsets(missed).items() if found != []} == {
        "order:0": [1],
        "order:449": [2],
    }


async def test_a_room_trimmed_between_the_calls_is_not_whole(make_log: Callable[..., EventLog], redis: Redis) -> None:
    other = make_log()
    await other.commit(told("order:449"))

    async def trim() -> None:
        await other.commit(told("order:449"))
        await redis.xtrim(other.keys.room("order:449"), maxlen=1, approximate=False)

    missed, _ = await asked_while(redis, make_log, PLACES, [trim])
    assert {room: found for room, found in offsets(missed).items() if found != []} == {"order:449": None}


@pytest.mark.parametrize("call", [0, 1])
async def test_an_epoch_that_changes_between_the_calls_leaves_no_room_whole(
    make_log: Callable[..., EventLog], redis: Redis, call: int
) -> None:
    other = make_log()
    await other.commit(told("order:0"))

    async def nothing() -> None:
        pass

    async def lose() -> None:
        await redis.flushall()
        await other.commit(told("order:1"))

    steps = [nothing, nothing]
    steps[call] = lose
    missed, epoch = await asked_while(redis, make_log, PLACES, steps)
    assert missed.cursor.epoch != epoch
    assert missed.cursor == await make_log().position()
    assert offsets(missed) == dict.fromkeys(PLACES)


async def test_many_rooms_are_of_one_moment_while_others_commit(make_log: Callable[..., EventLog]) -> None:
    writer, reader = make_log(), make_log()
    epoch = (await writer.position()).epoch
    done = asyncio.Event()

    async def write() -> None:
        for n in range(300):
            await writer.commit(told(f"order:{n % 7 * 70}", "kitchen"))
        done.set()

    async def read() -> int:
        asked = 0
        while not done.is_set():
            missed = await reader.missed({**PLACES, "kitchen": 0}, epoch)
            whole = [entries for entries in missed.rooms.values() if entries is not None]
            assert len(whole) == len(PLACES) + 1
            assert [entry.offset for entry in missed.rooms["kitchen"] or ()] == list(range(1, missed.cursor.offset + 1))
            assert sum(map(len, whole)) == 2 * missed.cursor.offset
            asked += 1
        return asked

    _, asked = await asyncio.gather(write(), read())
    assert asked > 1
