"""What reaches a member: everything after its cursor, once, in order, whatever happens on the way."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from hub.core.errors import NotFound, Unavailable
from hub.relay import backlog, broadcaster, sequencer, subscription
from hub.relay.frames import Frame
from hub.relay.subscription import SavedSubscription
from hub.store.redis.connect import connect
from hub.store.redis.pubsub_protocol import Listener
from tests.support.relay_harness import (
    DASHBOARD,
    KITCHEN,
    ORDER,
    Recorder,
    RelayHarness,
    RoomView,
    open_relay,
    own_redis,
    until,
)


@pytest.fixture
async def real_house(real_redis_url: str) -> AsyncIterator[RelayHarness]:
    redis = connect(real_redis_url)
    async with open_relay(redis, deadline_s=1.0, poll_s=600) as opened:
        yield opened
    await redis.aclose()


@asynccontextmanager
async def deaf(house: RelayHarness) -> AsyncIterator[None]:
    """The relay's connection is gone, and there is no other until the end."""
    pubsub, may = house.relay._listener._pubsub, asyncio.Event()
    connect_now = pubsub.connect

    async def connect_later(listener: Listener) -> None:
        await may.wait()
        await connect_now(listener)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pubsub, "connect", connect_later)
        await house.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        await until(lambda: not house.relay.live)
        yield
    may.set()


async def test_a_relay_that_is_ended_just_when_its_connection_breaks_ends(redis: Redis) -> None:
    async with open_relay(redis) as house:
        relay = house.relay

        async def broken(handler: object) -> None:
            async def breaks() -> None:
                running.cancel()
                raise ConnectionError("gone")

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(breaks())

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(relay._listener, "_session", broken)
            running = asyncio.create_task(relay.run())
            done, _ = await asyncio.wait([running], timeout=5)
            running.cancel()
        assert running in done


# Hearing


async def test_a_member_hears_what_happens_in_its_room(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, KITCHEN)
    offset = await house.say(KITCHEN)
    await ana.has(1)
    assert ana.offsets == [offset]


async def test_a_member_hears_nothing_of_rooms_it_is_not_in(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, ORDER)
    await house.say(KITCHEN)
    offset = await house.say(ORDER)
    await ana.has(1)
    assert ana.offsets == [offset]


async def test_an_event_in_two_rooms_reaches_a_member_of_both_in_each(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, ORDER)
    await house.enter(ana, KITCHEN)
    offset = await house.say(ORDER, KITCHEN)
    await ana.has(2)
    assert {(frame.room, frame.offset) for frame in ana.frames} == {("order:PED1", offset), ("kitchen", offset)}


async def test_a_member_may_want_some_types_only(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, KITCHEN, only=frozenset({"stock.out"}))
    await house.say(KITCHEN)
    offset = await house.say(KITCHEN, type="stock.out")
    await ana.has(1)
    assert ana.offsets == [offset]


async def test_a_volatile_event_passes_through_without_an_offset(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, KITCHEN)
    await house.whisper(KITCHEN)
    await ana.has(1)
    assert ana.frames[0].offset == 0
    assert ana.frames[0].cursor is None


async def test_a_member_that_has_left_hears_nothing_more(house: RelayHarness) -> None:
    ana, ben = Recorder("ana"), Recorder("ben")
    for member in (ana, ben):
        await house.enter(member, KITCHEN)
    house.relay.leave("ana", KITCHEN)
    await house.say(KITCHEN)
    await ben.has(1)
    assert ana.frames == []


async def test_a_member_that_raises_costs_the_others_nothing(house: RelayHarness) -> None:
    class Broken(Recorder):
        def deliver(self, frame: object) -> None:
            raise ZeroDivisionError

    members = [Recorder("ana"), Broken("broken"), Recorder("ben")]
    for member in members:
        await house.enter(member, KITCHEN)
    for _ in range(3):
        await house.say(KITCHEN)
    await members[2].has(3)
    assert members[0].offsets == members[2].offsets == await house.whole_chain(KITCHEN, 0)


# Missing


async def test_a_gap_is_filled_from_the_stream(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, KITCHEN)
    house.lose({2, 3})
    for _ in range(5):
        await house.say(KITCHEN)
    await ana.has(5)
    assert ana.offsets == [1, 2, 3, 4, 5]
    assert house.relay.stats.gaps_filled == 1


async def test_a_repeat_is_dropped(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, KITCHEN)
    heard: list[tuple[bytes, bytes]] = []
    house.relay.hears = lambda channel, payload: heard.append((channel, payload))
    await house.say(KITCHEN)
    await ana.has(1)
    house.relay.on_message(*heard[0])
    await house.say(KITCHEN)
    await ana.has(2)
    assert ana.offsets == [1, 2]
    assert house.relay.stats.repeats_dropped == 1


async def test_a_lost_last_message_is_found(redis: Redis) -> None:
    async with open_relay(redis, poll_s=0.02) as house:
        ana = Recorder("ana")
        await house.enter(ana, KITCHEN)
        house.lose({2})
        await house.say(KITCHEN)
        await house.say(KITCHEN)
        await ana.has(2)
        assert ana.offsets == [1, 2]
        assert house.relay.stats.found_by_poll == 1


async def slow_reads(house: RelayHarness, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """What is read of the streams is not there before the event is set."""
    missed, go_on = house.log.missed, asyncio.Event()

    async def slowly(*args: object, **options: object) -> object:
        await go_on.wait()
        return await missed(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(house.log, "missed", slowly)
    return go_on


async def test_nothing_overtakes_what_is_missing_not_even_from_another_room(
    house: RelayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = Recorder("ana")
    await house.enter(ana, KITCHEN)
    await house.enter(ana, ORDER)
    go_on = await slow_reads(house, monkeypatch)
    house.lose({1})
    heard: list[bytes] = []
    house.relay.hears = lambda channel, payload: heard.append(payload)
    for room in (KITCHEN, KITCHEN, ORDER, KITCHEN, ORDER):
        await house.say(room)
    await until(lambda: len(heard) == 4)
    assert ana.frames == []
    go_on.set()
    await ana.has(5)
    assert ana.offsets == [1, 2, 3, 4, 5]
    assert [frame.cursor for frame in ana.frames] == [f"{frame.epoch}-{frame.offset}" for frame in ana.frames]


async def test_what_waits_behind_a_fill_is_bounded(house: RelayHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MAX_QUEUED", 5)
    ana = Recorder("ana")
    await house.enter(ana, KITCHEN)
    go_on = await slow_reads(house, monkeypatch)
    house.lose({1})
    heard: list[bytes] = []
    house.relay.hears = lambda channel, payload: heard.append(payload)
    for _ in range(38):
        await house.say(KITCHEN)
    await until(lambda: len(heard) == 37)
    go_on.set()
    await ana.has(38)
    await house.say(KITCHEN)
    await ana.has(39)
    assert ana.offsets == list(range(1, 40))


# Outages


async def test_a_killed_connection_costs_no_event(real_house: RelayHarness) -> None:
    ana, ben, eve = Recorder("ana"), Recorder("ben"), Recorder("eve")
    await real_house.enter(ana, KITCHEN)
    await real_house.enter(ben, ORDER)
    await real_house.enter(eve, KITCHEN)
    for n in range(300):
        if n % 60 == 30:
            await real_house.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        await real_house.say(*((KITCHEN, ORDER) if n % 3 else (KITCHEN,)))
    await real_house.relay.wait_live()
    await ana.has(300)
    await eve.has(300)
    await ben.has(200)
    assert ana.offsets == eve.offsets == await real_house.whole_chain(KITCHEN, 0)
    assert ben.offsets == await real_house.whole_chain(ORDER, 0)
    assert real_house.relay.stats.resubscriptions >= 1
    assert real_house.relay.stats.resets == 0


async def test_a_connection_gone_deaf_is_noticed(tmp_path: Path) -> None:
    async with own_redis(tmp_path) as (redis, process), open_relay(redis, deadline_s=0.2) as house:
        ana = Recorder("ana")
        await house.enter(ana, KITCHEN)
        await house.say(KITCHEN)
        await ana.has(1)
        os.kill(process.pid, signal.SIGSTOP)
        await until(lambda: not house.relay.live)
        with pytest.raises(Unavailable):
            await house.enter(ana, ORDER)
        os.kill(process.pid, signal.SIGCONT)
        await house.relay.wait_live()
        await house.say(KITCHEN)
        await ana.has(2)
        assert ana.offsets == [1, 2]


async def test_nothing_published_while_deaf_is_missed(real_house: RelayHarness) -> None:
    ana = Recorder("ana")
    await real_house.enter(ana, KITCHEN)
    async with deaf(real_house):
        said = [await real_house.say(KITCHEN) for _ in range(700)]
    await ana.has(700)
    assert ana.offsets == said


async def test_what_follows_a_view_that_was_read_while_deaf_is_not_missed(real_house: RelayHarness) -> None:
    ana = Recorder("ana")
    views: list[RoomView] = []

    async def read() -> RoomView:
        views.append(await real_house.view(KITCHEN))
        if len(views) == 1:
            async with deaf(real_house):
                await real_house.say(KITCHEN)
            await real_house.relay.wait_live()
        return views[-1]

    joined = await real_house.relay.join(ana, KITCHEN, read=read)
    joined.release()
    assert joined.view.cursor.offset == 1
    assert len(views) == 2


async def test_a_redis_that_comes_back_empty_resets_the_rooms(tmp_path: Path) -> None:
    async with own_redis(tmp_path) as (redis, _), open_relay(redis, poll_s=0.02) as house:
        ana = Recorder("ana")
        view = await house.enter(ana, KITCHEN)
        await house.say(KITCHEN)
        await ana.has(1)
        await redis.flushall()
        await ana.until(lambda ana: bool(ana.resets))
        assert ana.resets[0].epoch != view.cursor.epoch
        offset = await house.say(KITCHEN)
        await ana.until(lambda ana: ana.frames[-1].offset == offset)
        assert ana.frames[-1].epoch == ana.resets[-1].epoch


# Beginning anew


async def test_a_new_epoch_resets_the_room_and_goes_on(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, KITCHEN)
    await house.say(KITCHEN)
    await ana.has(1)
    await house.redis.flushall()
    first = await house.say(KITCHEN)
    await ana.until(lambda ana: bool(ana.resets))
    second = await house.say(KITCHEN)
    await ana.until(lambda ana: second in ana.offsets)
    reset = ana.resets[0]
    assert reset.cursor == f"{reset.epoch}-{first}"
    assert '"snapshot":{"events":1}' in reset.event
    assert [frame.offset for frame in ana.frames] == [1, first, second]
    assert ana.frames[-1].epoch == reset.epoch != ana.frames[0].epoch


async def test_a_stream_trimmed_past_us_resets_the_room(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, KITCHEN)
    house.lose({2, 3})
    for _ in range(3):
        await house.say(KITCHEN)
    await house.redis.xtrim(house.log.keys.room("kitchen"), maxlen=1, approximate=False)
    await house.say(KITCHEN)
    await ana.until(lambda ana: bool(ana.resets))
    after = await house.say(KITCHEN)
    await ana.until(lambda ana: after in ana.offsets)
    assert [frame.offset for frame in ana.frames] == [1, 4, 5]


async def test_a_reset_ignores_the_filter(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, KITCHEN, only=frozenset({"stock.out"}))
    await house.redis.flushall()
    await house.say(KITCHEN)
    await ana.until(lambda ana: bool(ana.resets))


async def test_a_room_whose_subject_is_gone_is_reset_to_nothing(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, KITCHEN)
    house.gone = True
    await house.redis.flushall()
    await house.say(KITCHEN)
    await ana.until(lambda ana: bool(ana.resets))
    assert '"snapshot":{}' in ana.resets[0].event


# Joining


async def test_what_comes_during_a_join_is_held_until_its_answer(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.say(KITCHEN)
    joined = await house.join(ana, KITCHEN)
    ben = Recorder("ben")
    await house.enter(ben, KITCHEN)
    await house.whisper(KITCHEN)
    said = [await house.say(KITCHEN) for _ in range(3)]
    await ben.has(4)
    assert ana.frames == []
    joined.release()
    assert ana.offsets == said
    assert joined.view.cursor.offset == 1


async def test_more_than_can_be_held_is_read_from_the_stream(
    house: RelayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "MAX_HELD_FRAMES", 4)
    ana, ben = Recorder("ana"), Recorder("ben")
    await house.enter(ben, KITCHEN)
    joined = await house.join(ana, KITCHEN)
    for _ in range(20):
        await house.say(KITCHEN)
    await ben.has(20)
    joined.release()
    await house.say(KITCHEN)
    await ana.has(21)
    assert ana.offsets == list(range(1, 22))


async def test_more_than_can_be_held_and_trimmed_away_is_a_reset(
    house: RelayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "MAX_HELD_FRAMES", 4)
    ana, ben = Recorder("ana"), Recorder("ben")
    await house.enter(ben, KITCHEN)
    joined = await house.join(ana, KITCHEN)
    for _ in range(20):
        await house.say(KITCHEN)
    await ben.has(20)
    await house.redis.xtrim(house.log.keys.room("kitchen"), maxlen=2, approximate=False)
    joined.release()
    await ana.until(lambda ana: bool(ana.resets))
    await house.say(KITCHEN)
    await ana.has(2)
    assert [frame.offset for frame in ana.frames] == [20, 21]


async def test_to_join_again_replaces_the_filter_and_the_cursor(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, KITCHEN, only=frozenset({"stock.out"}))
    await house.say(KITCHEN)
    view = await house.enter(ana, KITCHEN)
    offset = await house.say(KITCHEN)
    await ana.has(1)
    assert view.cursor.offset == 1
    assert ana.offsets == [offset]
    assert house.relay.stats.members == 1


async def test_a_failed_second_join_leaves_the_member_as_it_was(house: RelayHarness) -> None:
    ana, ben = Recorder("ana"), Recorder("ben")
    await house.enter(ana, KITCHEN, only=frozenset({"stock.out"}))
    await house.enter(ben, KITCHEN)
    said: list[int] = []

    async def refused() -> RoomView:
        await house.say(KITCHEN)
        said.append(await house.say(KITCHEN, type="stock.out"))
        await ben.has(2)
        raise NotFound("no")

    with pytest.raises(NotFound):
        await house.relay.join(ana, KITCHEN, read=refused)
    said.append(await house.say(KITCHEN, type="stock.out"))
    await ana.has(2)
    assert ana.offsets == said


async def test_a_failed_join_leaves_nobody_behind(house: RelayHarness) -> None:
    async def refused() -> RoomView:
        raise NotFound("no")

    with pytest.raises(NotFound):
        await house.relay.join(Recorder("ana"), KITCHEN, read=refused)
    assert house.relay.stats.members == house.relay.stats.rooms == 0


async def test_a_member_that_leaves_in_the_middle_of_its_join_is_not_in_the_room(house: RelayHarness) -> None:
    ana, ben = Recorder("ana"), Recorder("ben")
    await house.enter(ben, KITCHEN)

    async def leave_meanwhile() -> RoomView:
        view = await house.view(KITCHEN)
        house.relay.leave_all("ana")
        return view

    joined = await house.relay.join(ana, KITCHEN, read=leave_meanwhile)
    joined.release()
    await house.say(KITCHEN)
    await ben.has(1)
    assert ana.frames == []
    assert list(house.relay.rooms_of("ana")) == []


async def test_an_older_view_that_arrives_late_still_misses_nothing(house: RelayHarness) -> None:
    """Two members enter a room that nobody watched: the second one's view is older, and comes later."""
    ana, ben = Recorder("ana"), Recorder("ben")
    seen, go_on = asyncio.Event(), asyncio.Event()

    async def late() -> RoomView:
        view = await house.view(KITCHEN)
        seen.set()
        await go_on.wait()
        return view

    joining = asyncio.create_task(house.relay.join(ben, KITCHEN, read=late))
    await seen.wait()
    said = [await house.say(KITCHEN) for _ in range(3)]
    await house.enter(ana, KITCHEN)
    go_on.set()
    (await joining).release()
    said.append(await house.say(KITCHEN))
    await ben.has(4)
    await ana.has(1)
    assert ben.offsets == said
    assert ana.offsets == said[3:]


async def test_without_redis_a_join_is_refused_in_time(tmp_path: Path) -> None:
    redis = connect(f"unix://{tmp_path}/nowhere.sock")
    house = RelayHarness(redis, deadline_s=0.05)
    running = asyncio.create_task(house.relay.run())
    with pytest.raises(Unavailable):
        await house.enter(Recorder("ana"), KITCHEN)
    assert not house.relay.live
    running.cancel()
    await asyncio.wait([running])
    await house.log.aclose()
    await redis.aclose()


async def test_a_room_is_heard_no_longer_than_it_has_members(redis: Redis) -> None:
    async with open_relay(redis, poll_s=0.02, linger_s=0.02) as house:
        channel = house.log.keys.channel("kitchen")
        ana = Recorder("ana")
        await house.enter(ana, KITCHEN)
        assert await house.redis.pubsub_numsub(channel) == [(channel, 1)]
        house.relay.leave("ana", KITCHEN)
        async with asyncio.timeout(10):
            while await house.redis.pubsub_numsub(channel) != [(channel, 0)]:
                await house.whisper(ORDER)
        await house.enter(ana, KITCHEN)
        offset = await house.say(KITCHEN)
        await ana.has(1)
        assert ana.offsets == [offset]


@pytest.mark.parametrize("seed", range(6))
async def test_whoever_comes_and_goes_each_gets_the_chain_after_its_cursor(
    redis: Redis, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members join, join again and leave while events go on, some of which are lost on the way."""
    monkeypatch.setattr(subscription, "MAX_HELD_FRAMES", 6)
    monkeypatch.setattr(backlog, "MAX_QUEUED", 8)
    monkeypatch.setattr(sequencer, "MAX_DIRECT", 3)
    monkeypatch.setattr(broadcaster, "MAX_SLICE", 3)
    chance, rooms = random.Random(seed), (KITCHEN, ORDER, "order:PED2")
    async with open_relay(redis, poll_s=0.05, linger_s=0.0) as house:
        house.relay.loses = lambda payload: chance.random() < 0.05
        over = asyncio.Event()

        async def talk() -> None:
            while not over.is_set():
                await house.say(*chance.sample(rooms, chance.choice((1, 1, 2))))

        async def come_and_go(name: str) -> None:
            for n in range(12):
                room, member = chance.choice(rooms), Recorder(f"{name}-{n}")
                for _ in range(chance.choice((1, 1, 2))):
                    joined = await house.join(member, room)
                    for _ in range(chance.randrange(12)):
                        await house.log.ping()
                    before = len(member.frames)
                    joined.release()
                count = before + chance.randrange(12)
                await member.until(lambda member, count=count: len(member.frames) >= count)  # type: ignore[misc]
                house.relay.leave_all(member.id)
                got = member.offsets[before:]
                whole = await house.whole_chain(room, joined.view.cursor.offset)
                assert got == whole[: len(got)]
                assert member.resets == []

        async with asyncio.TaskGroup() as tasks:
            talking = tasks.create_task(talk())
            async with asyncio.TaskGroup() as members:
                for name in range(8):
                    members.create_task(come_and_go(str(name)))
            over.set()
            await talking
        assert house.relay.stats.members == 0


# Many


async def test_a_big_room_is_served_in_slices_and_in_order(house: RelayHarness) -> None:
    crowd = [Recorder(f"m{n}") for n in range(600)]
    for member in crowd:
        await house.enter(member, KITCHEN)
    seen: set[int] = set()

    def look() -> None:
        seen.add(sum(bool(member.frames) for member in crowd))
        if 600 not in seen:
            asyncio.get_running_loop().call_soon(look)

    look()
    for _ in range(10):
        await house.say(KITCHEN)
    await crowd[-1].has(10)
    whole = await house.whole_chain(KITCHEN, 0)
    assert all(member.offsets == whole for member in crowd)
    assert {256, 512} <= seen


async def test_one_who_leaves_while_a_big_room_is_served_hears_no_more(house: RelayHarness) -> None:
    class Usher(Recorder):
        def deliver(self, frame: Frame) -> None:
            super().deliver(frame)
            house.relay.leave("m299", KITCHEN)

    usher, crowd = Usher("usher"), [Recorder(f"m{n}") for n in range(300)]
    for member in (usher, *crowd):
        await house.enter(member, KITCHEN)
    await house.say(KITCHEN)
    await crowd[298].has(1)
    assert crowd[299].frames == []


async def test_what_is_told_here_reaches_the_members_here_and_is_kept_nowhere(house: RelayHarness) -> None:
    screen = Recorder("screen")
    await house.enter(screen, DASHBOARD)
    house.relay.publish_locally(DASHBOARD, "floor.tick", '{"type":"floor.tick","at":"x","data":{"figures":{}}}')
    assert [(frame.type, frame.offset) for frame in screen.frames] == [("floor.tick", 0)]
    assert await house.log.read("floor", 0) == []


# Coming back


async def test_a_member_that_comes_back_gets_what_it_missed_of_all_its_rooms_in_order(house: RelayHarness) -> None:
    began = await house.log.position()
    said = [await house.say(*rooms) for rooms in ((KITCHEN,), (ORDER,), (ORDER, KITCHEN), (DASHBOARD,), (KITCHEN,))]
    ana = Recorder("ana")
    resumed = await house.relay.resume(
        ana, dict.fromkeys((KITCHEN, ORDER), SavedSubscription(0)), began, epoch=began.epoch
    )
    late = await house.say(KITCHEN)
    resumed.begin()
    await ana.has(6)
    assert resumed.recovered
    assert ana.offsets == [said[0], said[1], said[2], said[2], said[4], late]
    # Between the two copies of one event there is nowhere to go on from but before both.
    assert [frame.cursor.rpartition("-")[2] for frame in ana.frames if frame.cursor] == [
        *map(str, (said[0], said[1], said[2] - 1, said[2], said[4], late))
    ]


async def test_a_member_in_two_rooms_of_an_event_may_be_cut_off_between_its_copies(house: RelayHarness) -> None:
    ana, ben = Recorder("ana"), Recorder("ben")
    for room in (KITCHEN, ORDER):
        await house.enter(ana, room)
    await house.enter(ben, ORDER)
    offset = await house.say(ORDER, KITCHEN)
    await ana.has(2)
    epoch = ana.frames[0].epoch
    assert [(frame.room, frame.cursor) for frame in ana.frames] == [
        ("order:PED1", f"{epoch}-{offset - 1}"),
        ("kitchen", f"{epoch}-{offset}"),
    ]
    assert [frame.cursor for frame in ben.frames] == [f"{epoch}-{offset}"]


async def test_a_room_that_begins_while_a_big_one_is_served_falls_behind_nothing_of_it(house: RelayHarness) -> None:
    """Whoever is in both is never given a place to go on from that is past an event of the other room."""
    served = asyncio.Event()

    class First(Recorder):
        def deliver(self, frame: Frame) -> None:
            super().deliver(frame)
            served.set()

    crowd, ana = [First("first"), *(Recorder(f"m{n}") for n in range(300))], Recorder("ana")
    for member in (*crowd, ana):
        await house.enter(member, KITCHEN)

    async def read() -> RoomView:
        view = await house.view(ORDER)
        for room in (ORDER, KITCHEN, KITCHEN):
            await house.say(room)
        await served.wait()
        return view

    joined = await house.relay.join(ana, ORDER, read=read)
    assert len(crowd[-1].frames) < 2  # it is still being served
    joined.release()
    await ana.has(3)
    assert ana.offsets == sorted(ana.offsets)
    assert {frame.room for frame in ana.frames} == {"kitchen", ORDER}


async def test_rooms_that_begin_anew_together_are_gone_on_from_after_the_last_of_them(house: RelayHarness) -> None:
    ana = Recorder("ana")
    for room in (KITCHEN, ORDER):
        await house.enter(ana, room)
    await house.say(KITCHEN)
    await ana.has(1)
    before = ana.frames[0].cursor
    await house.redis.flushall()
    await house.say(KITCHEN)
    await ana.until(lambda ana: len(ana.resets) == 2)
    first, last = ana.resets
    assert first.cursor == before
    assert last.cursor == f"{last.epoch}-{last.min_resume_offset}"
    assert last.min_resume_offset <= min(reset.offset for reset in ana.resets)


async def test_what_was_missed_is_given_at_the_pace_at_which_it_is_read(house: RelayHarness) -> None:
    class Slow(Recorder):
        """Reads nothing of what it is given, until it is told to."""

        def deliver(self, frame: Frame) -> None:
            super().deliver(frame)
            self.unsent_bytes += len(frame.body)

        def read(self) -> None:
            self.unsent_bytes = 0

    began = await house.log.position()
    for _ in range(200):
        await house.say(KITCHEN, text="x" * 10_000)
    ana = Slow("ana")
    resumed = await house.relay.resume(ana, {KITCHEN: SavedSubscription(0)}, began, epoch=began.epoch)
    resumed.begin()
    await house.say(KITCHEN)
    most = 0
    while len(ana.frames) < 201:
        most = max(most, ana.unsent_bytes)
        count = len(ana.frames)
        ana.read()
        await ana.until(lambda ana, count=count: len(ana.frames) > count)  # type: ignore[misc]
    assert most < 450_000
    assert ana.offsets == await house.whole_chain(KITCHEN, 0)


async def test_who_leaves_while_it_is_given_what_it_missed_gets_no_more(house: RelayHarness) -> None:
    class Leaving(Recorder):
        def deliver(self, frame: Frame) -> None:
            super().deliver(frame)
            house.relay.leave("ana", KITCHEN)

    began = await house.log.position()
    for _ in range(30):
        await house.say(KITCHEN, text="x" * 10_000)
    ana = Leaving("ana")
    (await house.relay.resume(ana, {KITCHEN: SavedSubscription(0)}, began, epoch=began.epoch)).begin()
    await house.say(KITCHEN)
    assert len(ana.frames) == 1
    assert house.relay.stats.members == 0
