"""Members that come back, many at once, from anywhere: each sees what the log says after its place, once, in order."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any

import pytest
from fakeredis import FakeAsyncRedis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.core.cursor import Cursor
from hub.relay.frames import Frame, Reset
from hub.relay.relay import Relay
from hub.relay.subscription import SavedSubscription
from hub.store.log import NewEvent, Write
from tests.support.relay_harness import KITCHEN, ORDER, Recorder, RelayHarness, open_relay, until

ROOMS = (KITCHEN, ORDER, "order:PED2")
FILTER = frozenset({"b"})
LIMIT = 5  # events of a room that a member may have missed


@dataclass(frozen=True)
class Say:
    rooms: Sequence[str]
    type: str


@dataclass(frozen=True)
class Trim:
    room: str
    keep: int


@dataclass(frozen=True)
class Flush:
    """Redis loses everything: another life of the log begins."""


@dataclass(frozen=True)
class Return:
    """Somebody comes back.

    Attributes:
        place: From which of all the places that there have been.
        shown: By room, the place as of which it was shown the room, and whether it is sure to have got that view.
        breaks: After so many events its connection breaks, and it comes back from there.
    """

    place: int
    shown: Mapping[str, tuple[int, bool]]
    only: frozenset[str] | None
    breaks: Sequence[int]


@dataclass(frozen=True)
class Together:
    """Some come back at once, and things go on."""

    returns: Sequence[Return]
    meanwhile: Sequence[Say | Trim]


a_place = st.integers(0, 30)
says = st.builds(Say, st.lists(st.sampled_from(ROOMS), min_size=1, max_size=2, unique=True), st.sampled_from("ab"))
trims = st.builds(Trim, st.sampled_from(ROOMS), st.integers(0, 3))
returns = st.builds(
    Return,
    a_place,
    st.dictionaries(st.sampled_from(ROOMS), st.tuples(a_place, st.booleans()), min_size=1),
    st.sampled_from([None, None, FILTER]),
    st.lists(st.integers(0, 5), max_size=2),
)
together = st.builds(
    Together, st.lists(returns, min_size=1, max_size=6), st.lists(says | says | says | trims, max_size=4)
)
scripts = st.lists(
    st.sampled_from([says] * 4 + [together] * 6 + [trims, st.builds(Flush)]).flatmap(lambda step: step),
    min_size=2,
    max_size=20,
)


class Client(Recorder):
    """Its connection breaks after so many events, whatever else is on its way."""

    def __init__(self, name: str, relay: Relay, breaks: int | None) -> None:
        super().__init__(name)
        self._relay = relay
        self._breaks = breaks
        self.broken = breaks == 0

    def deliver(self, frame: Frame) -> None:
        if not self.broken:
            super().deliver(frame)
            self.broken = len(self.frames) == self._breaks
        if self.broken:
            self._relay.leave_all(self.id)


@dataclass(frozen=True)
class Stay:
    """What one connection was to bring, and what it brought."""

    client: Client
    cursor: Cursor
    epoch: str
    places: Mapping[str, SavedSubscription]
    recovered: bool
    missed: int  # in the room where the most was missed, when it came back

    @property
    def after(self) -> Mapping[str, int]:
        return {room: max(self.cursor.offset, place.snapshot_offset) for room, place in self.places.items()}

    def has_all(self, end: Cursor) -> bool:
        """Whether nothing more is to come up to a place, of which every room had an event."""
        shown = {frame.room for frame in self.client.frames if frame.offset >= end.offset}
        return all(room in shown or (self.recovered and after >= end.offset) for room, after in self.after.items())


@dataclass
class Story:
    """What really happened.

    Attributes:
        events: By life of the log.
        trimmed: By life and room: up to where nothing is left.
        places: All there have been.
    """

    house: RelayHarness
    events: dict[str, list[tuple[int, Say]]] = field(default_factory=lambda: defaultdict(list))
    trimmed: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    places: list[Cursor] = field(default_factory=list)
    names: count[int] = field(default_factory=count)

    async def tell(self, step: Say | Trim | Flush | Together) -> None:
        match step:
            case Say():
                await self.say(step)
            case Trim():
                await self.trim(step)
            case Flush():
                await self.house.redis.flushall()
                self.places.append(await self.house.log.position())
            case Together():
                await self.come_back(step)

    async def say(self, say: Say) -> Cursor:
        event = NewEvent(say.type, '{"type":"a","at":"","data":{}}', tuple(say.rooms))
        committed = await self.house.log.commit(Write(events=(event,)))
        self.events[committed.epoch].append((committed.offsets[0], say))
        self.places.append(committed.cursor)
        return committed.cursor

    async def trim(self, trim: Trim) -> None:
        room, log = trim.room, self.house.log
        gone = (await log.read(room, 0))[: -trim.keep or None]
        if gone:
            await self.house.redis.xtrim(log.keys.room(room), minid=f"{gone[-1].offset + 1}-0", approximate=False)
            self.trimmed[self.places[-1].epoch, room] = gone[-1].offset

    async def come_back(self, step: Together) -> None:
        over: asyncio.Future[Cursor] = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as tasks:
            visits = [tasks.create_task(self.visit(one, over)) for one in step.returns]
            for happens in step.meanwhile:
                await self.tell(happens)
            over.set_result(await self.say(Say(ROOMS, "b")))
        for visit in visits:
            for stay in visit.result():
                self.check(stay, over.result())

    async def visit(self, asked: Return, over: asyncio.Future[Cursor]) -> list[Stay]:
        """One client, on one connection after the other; the last one stays until all is over."""
        cursor = self.places[asked.place % len(self.places)]
        epoch, places, stays = cursor.epoch, dict[str, SavedSubscription](), list[Stay]()
        for room, (shown, has_view) in asked.shown.items():
            since = self.places[shown % len(self.places)]
            offset = since.offset if since.epoch == epoch else 0
            places[room] = SavedSubscription(offset, offset if has_view else 0, asked.only)
        relay = self.house.relay
        for breaks in (*asked.breaks, None):
            client = Client(f"client-{next(self.names)}", relay, breaks)
            after = {room: max(cursor.offset, place.snapshot_offset) for room, place in places.items()}
            missed = max(len(self.followed(epoch, room, offset)) for room, offset in after.items())
            resumed = await relay.resume(client, places, cursor, epoch=epoch)
            stay = Stay(client, cursor, epoch, places, resumed.recovered, missed)
            stays.append(stay)
            subscriptions = {room: relay.rooms_of(client.id)[room] for room in places}
            places = {room: subscription.save() for room, subscription in subscriptions.items()}
            epoch = resumed.cursor.epoch
            resumed.begin()
            await until(lambda stay=stay: stay.client.broken or (over.done() and stay.has_all(over.result())))  # type: ignore[misc]
            relay.leave_all(client.id)
            cursor = Cursor.parse(client.frames[-1].cursor or "") if client.frames else cursor
        return stays

    def followed(self, epoch: str, room: str, after: int, only: frozenset[str] | None = None) -> list[int]:
        """What happened in a room after a place."""
        events = self.events[epoch]
        return [at for at, say in events if room in say.rooms and at > after and (not only or say.type in only)]

    def check(self, stay: Stay, end: Cursor) -> None:
        """Either all of what was missed, and what followed; or all rooms anew, and what followed that."""
        assert stay.recovered or not self.is_there(stay, end)
        if stay.recovered:
            assert stay.cursor.epoch == stay.epoch == end.epoch
            assert all(stay.cursor.offset >= place.min_resume_offset for place in stay.places.values())
            assert stay.missed <= LIMIT
        offsets = [frame.offset for frame in stay.client.frames if not isinstance(frame, Reset)]
        assert offsets == sorted(offsets)
        reached = (offsets[-1] - 1 if offsets else 0) if stay.client.broken else end.offset
        for room in stay.places:
            self.check_room(stay, end, room, reached)

    def check_room(self, stay: Stay, end: Cursor, room: str, reached: int) -> None:
        at, only = stay.after[room], stay.places[room].only
        frames = [frame for frame in stay.client.frames if frame.room == room]
        assert stay.recovered or stay.client.broken or isinstance(frames[0], Reset)
        for index, frame in enumerate(frames):
            assert frame.epoch == end.epoch
            if isinstance(frame, Reset):
                # Later than at first: what could not be held for it was trimmed away, or was too much; or the room is
                # still known from another life.
                lost = self.trimmed[end.epoch, room] > at or len(self.followed(end.epoch, room, at)) > LIMIT
                assert lost or len({place.epoch for place in self.places}) > 1 or (index == 0 and not stay.recovered)
            else:
                assert frame.offset == self.followed(end.epoch, room, at, only)[0]
            at = frame.offset
        if frames or stay.recovered:
            assert not [offset for offset in self.followed(end.epoch, room, at, only) if offset <= reached]

    def is_there(self, stay: Stay, end: Cursor) -> bool:
        """Whether there was no reason to begin anew."""
        return (
            stay.cursor.epoch == stay.epoch == end.epoch
            and all(stay.cursor.offset >= place.min_resume_offset for place in stay.places.values())
            and all(self.trimmed[end.epoch, room] <= after for room, after in stay.after.items())
            and all(len(self.followed(end.epoch, room, after)) <= LIMIT for room, after in stay.after.items())
        )


async def told(script: Sequence[Say | Trim | Flush | Together], turns: Sequence[int], kept_bytes: int) -> None:
    redis = FakeAsyncRedis(decode_responses=True, socket_timeout=None)
    async with open_relay(redis) as house:
        pauses, missed = cycle(turns), house.log.missed

        async def slowly(*args: Any, **options: Any) -> Any:
            """The answers come in another order than they were asked for."""
            answer = await missed(*args, **options)
            for _ in range(next(pauses)):
                await asyncio.sleep(0)
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(house.log, "missed", slowly)
            patch.setattr(house.relay._replay, "_limit", LIMIT)
            patch.setattr(house.relay._cache, "_max_bytes", kept_bytes)
            story = Story(house)
            await story.say(Say(ROOMS, "a"))
            for step in script:
                await story.tell(step)
        assert house.relay.stats.members == 0
    await redis.aclose()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scripts, st.lists(st.integers(0, 12), min_size=1, max_size=5), st.sampled_from([0, 4_000, 1_000_000]))
def test_whoever_comes_back_gets_what_the_log_says_or_begins_anew(
    script: Sequence[Say | Trim | Flush | Together], turns: Sequence[int], kept_bytes: int
) -> None:
    asyncio.run(told(script, turns, kept_bytes))
