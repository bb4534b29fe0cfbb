"""What members that come back together share: never more, and never less, than the log says after each one's place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest
from redis.asyncio import Redis

from hub.relay.frames import MissedFrames
from hub.relay.replay_cache import ReplayCache
from hub.store.log import EventLog, NewEvent, Write
from hub.store.types import Missed
from tests.support.relay_harness import KITCHEN, PROMOS, until

LIMIT = 1_000


class Asked(EventLog):
    """Remembers what it is asked for, and holds answers back while it is told to."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis, "centro")
        self.asked: list[dict[str, int]] = []
        self.answers: list[asyncio.Future[None]] | None = None

    async def missed(self, after: Mapping[str, int], epoch: str, *, limit: int = 1_000) -> Missed:
        self.asked.append(dict(after))
        missed = await super().missed(after, epoch, limit=limit)
        if self.answers is not None:
            self.answers.append(asyncio.get_running_loop().create_future())
            await self.answers[-1]
        return missed

    async def say(self, count: int = 1, *rooms: str) -> str:
        """So many events, in the kitchen unless otherwise said; the life of the log they are in."""
        for _ in range(count):
            event = NewEvent("a", '{"type":"a","at":"","data":{}}', rooms or ("kitchen",))
            committed = await self.commit(Write(events=(event,)))
        return committed.epoch


@pytest.fixture
async def log(redis: Redis) -> AsyncIterator[Asked]:
    opened = Asked(redis)
    yield opened
    await opened.aclose()


def offsets(missed: MissedFrames, room: str = "kitchen") -> list[int] | None:
    frames = missed.rooms[room]
    return None if frames is None else [frame.offset for frame in frames]


async def test_what_one_has_read_is_not_read_again_and_its_frames_are_shared(log: Asked) -> None:
    epoch, cache = await log.say(5), ReplayCache(log)
    first = await cache.missed({"kitchen": 0}, epoch, limit=LIMIT)
    second = await cache.missed({"kitchen": 2}, epoch, limit=LIMIT)
    assert (offsets(first), offsets(second)) == ([1, 2, 3, 4, 5], [3, 4, 5])
    assert log.asked == [{"kitchen": 0}, {"kitchen": 5}]
    shared = first.rooms["kitchen"], second.rooms["kitchen"]
    assert [list(map(id, frames or ())) for frames in shared] == [ids := list(map(id, shared[0] or ())), ids[2:]]


async def test_what_has_happened_since_is_added(log: Asked) -> None:
    epoch, cache = await log.say(2), ReplayCache(log)
    await cache.missed({"kitchen": 0}, epoch, limit=LIMIT)
    await log.say(2)
    missed = await cache.missed({"kitchen": 1}, epoch, limit=LIMIT)
    assert offsets(missed) == [2, 3, 4]
    assert missed.cursor.offset == 4


async def test_one_from_further_back_gets_all_of_it(log: Asked) -> None:
    epoch, cache = await log.say(5), ReplayCache(log)
    assert offsets(await cache.missed({"kitchen": 3}, epoch, limit=LIMIT)) == [4, 5]
    assert offsets(await cache.missed({"kitchen": 1}, epoch, limit=LIMIT)) == [2, 3, 4, 5]
    assert offsets(await cache.missed({"kitchen": 3}, epoch, limit=LIMIT)) == [4, 5]
    assert log.asked == [{"kitchen": 3}, {"kitchen": 1}, {"kitchen": 5}]


async def test_what_was_never_read_is_no_part_of_what_is_known(log: Asked) -> None:
    epoch, cache = await log.say(2), ReplayCache(log)
    await cache.missed({"kitchen": 0}, epoch, limit=LIMIT)
    await log.say(4)
    # From its place on: what lies between that and what is known, nobody has read.
    assert offsets(await cache.missed({"kitchen": 4}, epoch, limit=LIMIT)) == [5, 6]
    assert offsets(await cache.missed({"kitchen": 1}, epoch, limit=LIMIT)) == [2, 3, 4, 5, 6]


async def test_one_from_past_the_end_adds_to_what_is_known_if_nothing_lies_between(log: Asked) -> None:
    epoch, cache = await log.say(2), ReplayCache(log)
    await cache.missed({"kitchen": 0}, epoch, limit=LIMIT)
    await log.say(3, "promos")
    await log.say(1)
    assert offsets(await cache.missed({"kitchen": 4}, epoch, limit=LIMIT)) == [6]
    assert offsets(await cache.missed({"kitchen": 0}, epoch, limit=LIMIT)) == [1, 2, 6]
    assert log.asked[-1] == {"kitchen": 6}


async def test_a_later_answer_that_comes_first_gives_nobody_what_came_after_its_moment(log: Asked) -> None:
    epoch, cache = await log.say(3), ReplayCache(log)
    log.answers = []
    early = asyncio.create_task(cache.missed({"kitchen": 1}, epoch, limit=LIMIT))
    await until(lambda: len(log.answers or ()) == 1)
    await log.say(2)
    late = asyncio.create_task(cache.missed({"kitchen": 0}, epoch, limit=LIMIT))
    await until(lambda: len(log.answers or ()) == 2)
    log.answers[1].set_result(None)
    assert offsets(await late) == [1, 2, 3, 4, 5]
    log.answers[0].set_result(None)
    missed = await early
    assert offsets(missed) == [2, 3]
    assert missed.cursor.offset == 3


async def test_two_that_ask_at_once_are_given_each_event_once(log: Asked) -> None:
    epoch, cache = await log.say(3), ReplayCache(log)
    both = [cache.missed({"kitchen": place}, epoch, limit=LIMIT) for place in (0, 1, 0)]
    assert list(map(offsets, await asyncio.gather(*both))) == [[1, 2, 3], [2, 3], [1, 2, 3]]
    assert log.asked == [{"kitchen": 0}, {"kitchen": 1}, {"kitchen": 0}]


async def test_what_is_forgotten_while_the_log_is_asked_is_still_given(log: Asked) -> None:
    epoch, cache = await log.say(3), ReplayCache(log)
    await cache.missed({"kitchen": 0}, epoch, limit=LIMIT)
    await log.say(2)
    log.answers = []
    asking = asyncio.create_task(cache.missed({"kitchen": 1}, epoch, limit=LIMIT))
    await until(lambda: len(log.answers or ()) == 1)
    cache.clear()
    log.answers[0].set_result(None)
    assert offsets(await asking) == [2, 3, 4, 5]
    log.answers = None
    assert offsets(await cache.missed({"kitchen": 1}, epoch, limit=LIMIT)) == [2, 3, 4, 5]


async def test_another_life_of_the_log_has_nothing_in_common(log: Asked) -> None:
    epoch, cache = await log.say(3), ReplayCache(log)
    await cache.missed({"kitchen": 0}, epoch, limit=LIMIT)
    await log.calls.call("FLUSHALL")
    another = await log.say(2)
    assert another != epoch  # its offsets go on from those of the former
    assert offsets(await cache.missed({"kitchen": 0}, epoch, limit=LIMIT)) is None
    assert offsets(await cache.missed({"kitchen": 0}, another, limit=LIMIT)) == [4, 5]


async def test_what_is_trimmed_away_is_a_reset_for_those_whose_past_is_not_known(log: Asked) -> None:
    epoch, cache = await log.say(6), ReplayCache(log)
    await cache.missed({"kitchen": 3}, epoch, limit=LIMIT)
    await log.calls.call("XTRIM", log.keys.room("kitchen"), "MAXLEN", 1)
    assert offsets(await cache.missed({"kitchen": 2}, epoch, limit=LIMIT)) is None
    assert offsets(await cache.missed({"kitchen": 3}, epoch, limit=LIMIT)) == [4, 5, 6]


async def test_more_than_the_limit_is_a_reset_whether_it_is_known_or_not(log: Asked) -> None:
    epoch, cache = await log.say(4), ReplayCache(log)
    assert offsets(await cache.missed({"kitchen": 0}, epoch, limit=4)) == [1, 2, 3, 4]
    await log.say(1)
    assert offsets(await cache.missed({"kitchen": 0}, epoch, limit=4)) is None
    assert offsets(await cache.missed({"kitchen": 1}, epoch, limit=4)) == [2, 3, 4, 5]


async def test_each_of_several_rooms_has_its_own_place(log: Asked) -> None:
    cache = ReplayCache(log)
    for rooms in (("kitchen",), ("promos",), ("kitchen", "promos"), ("kitchen",)):
        epoch = await log.say(1, *rooms)
    kitchen, promos = KITCHEN, PROMOS
    await cache.missed({kitchen: 1}, epoch, limit=LIMIT)
    both = await cache.missed({kitchen: 1, promos: 2}, epoch, limit=LIMIT)
    assert (offsets(both, kitchen), offsets(both, promos)) == ([3, 4], [3])
    assert log.asked[-1] == {kitchen: 4, promos: 2}


async def test_what_is_kept_is_bounded_in_bytes_and_in_time(log: Asked) -> None:
    epoch = await log.say(3)
    little = ReplayCache(log, max_bytes=1_000)
    assert offsets(await little.missed({"kitchen": 0}, epoch, limit=LIMIT)) == [1, 2, 3]
    await little.missed({"kitchen": 0}, epoch, limit=LIMIT)
    assert log.asked == [{"kitchen": 0}, {"kitchen": 0}]
    brief = ReplayCache(log, max_age_s=0.01)
    await brief.missed({"kitchen": 0}, epoch, limit=LIMIT)
    await until(lambda: not brief._pieces)
    assert offsets(await brief.missed({"kitchen": 1}, epoch, limit=LIMIT)) == [2, 3]
    assert log.asked[-1] == {"kitchen": 1}
