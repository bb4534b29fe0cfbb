"""A member's subscriptions: whatever is offered while it is held and released, it gets each event once, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.cursor import Cursor
from hub.relay import subscription as module
from hub.relay.direct_writer import DirectWriter
from hub.relay.frames import Batch, Frame, Reset
from hub.relay.subscription import MemberSubscriptions, SavedSubscription, Subscription
from tests.support.call_counter import CallCounter

ROOMS = ("a", "b")
EPOCH = "epoch001"


class Reader:
    """A member that keeps what it gets."""

    unsent_bytes = 0

    def __init__(self) -> None:
        self.id = "reader"
        self.frames: list[Frame] = []

    def deliver(self, frame: Frame) -> None:
        self.frames.append(frame)

    def deliver_all(self, batch: Batch) -> None:
        self.frames += batch.frames


def frame(room: str, offset: int, prev: int, type: str = "x") -> Frame:
    return Frame(room, type, offset, prev, EPOCH, b'{"type":"x"}')


@dataclass(frozen=True)
class Happen:
    """Some events of one room, offered one by one or in one piece."""

    room: str
    count: int
    in_one_piece: bool


@dataclass(frozen=True)
class Repeat:
    """The last event so many events ago is offered again."""

    back: int


@dataclass(frozen=True)
class Hold:
    """One more reason to hold the member."""


@dataclass(frozen=True)
class Release:
    """One reason less."""


@dataclass(frozen=True)
class Resume:
    """The member comes back on another connection, from the last event that it got."""


happenings = st.builds(Happen, st.sampled_from(ROOMS), st.integers(1, 4), st.booleans())
steps = st.lists(
    st.one_of(
        happenings, happenings, st.builds(Repeat, st.integers(1, 5)), *map(st.builds, (Hold, Release, Release, Resume))
    ),
    max_size=40,
)


class Story:
    """Two rooms, a member in both, and what it was to get."""

    def __init__(self) -> None:
        self.log: list[Frame] = []
        self.got: list[Frame] = []
        self.come_back(Cursor(EPOCH, 0), dict.fromkeys(ROOMS, SavedSubscription(0)))

    def come_back(self, cursor: Cursor, saved: dict[str, SavedSubscription]) -> None:
        self.reader = Reader()
        self.member = MemberSubscriptions(self.reader)
        for room in ROOMS:
            after = max(cursor.offset, saved[room].snapshot_offset)
            self.member.add(room, self.head).resume(saved[room], after, Cursor(EPOCH, self.head))
        self.member.hold()
        self.deliver_missed()
        self.release()

    @property
    def head(self) -> int:
        return self.log[-1].offset if self.log else 0

    def happen(self, step: Happen) -> None:
        new: list[Frame] = []
        for _ in range(step.count):
            prev = max((one.offset for one in (*self.log, *new) if one.room == step.room), default=0)
            new.append(frame(step.room, self.head + len(new) + 1, prev))
        self.log += new
        subscription = self.member.by_room[step.room]
        if step.in_one_piece:
            subscription.offer_all(Batch(new))
        else:
            for one in new:
                subscription.offer(one)

    def repeat(self, step: Repeat) -> None:
        if len(self.log) >= step.back:
            again = self.log[-step.back]
            self.member.by_room[again.room].offer(again)

    def release(self) -> None:
        """End one hold; catch up if that is required."""
        while self.member.release():
            self.member.begin_catch_up()
            self.deliver_missed()

    def deliver_missed(self) -> None:
        for one in self.log:
            self.member.by_room[one.room].deliver_if_new(one)

    def resume(self) -> None:
        self.check(complete=False)
        saved = {room: subscription.save() for room, subscription in self.member.by_room.items()}
        self.got += self.reader.frames
        for room in ROOMS:
            self.member.remove(room)
        self.come_back(Cursor(EPOCH, self.got[-1].offset if self.got else 0), saved)

    def check(self, *, complete: bool) -> None:
        got = [one.offset for one in (*self.got, *self.reader.frames)]
        assert got == [one.offset for one in self.log][: len(got)]
        assert len(got) == len(self.log) or not complete


@given(steps, st.sampled_from([1, 3, 1_000]))
def test_a_member_gets_each_event_of_its_rooms_once_and_in_order(
    script: Sequence[Happen | Repeat | Hold | Release | Resume], max_held: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_HELD_FRAMES", max_held)
        story = Story()
        for step in script:
            match step:
                case Happen():
                    story.happen(step)
                case Repeat():
                    story.repeat(step)
                case Hold():
                    story.member.hold()
                case Release():
                    if story.member.holds:
                        story.release()
                case Resume():
                    story.resume()
            story.check(complete=not story.member.holds)
        while story.member.holds:
            story.release()
        story.check(complete=True)


def test_an_event_that_is_offered_while_one_joins_waits_for_all_its_rooms() -> None:
    reader = Reader()
    member = MemberSubscriptions(reader)
    first, second = (member.add(room, 0) for room in ROOMS)
    first.start(Cursor(EPOCH, 0), None)
    second.join_started()
    first.offer(frame("a", 1, 0))
    assert reader.frames == []
    second.start(Cursor(EPOCH, 0), None)
    member.release()
    assert [one.offset for one in reader.frames] == [1]


def test_a_view_older_than_what_was_offered_requires_catching_up() -> None:
    member = MemberSubscriptions(Reader())
    subscription = member.add("a", 7)
    subscription.join_started()
    subscription.start(Cursor(EPOCH, 5), None)
    assert member.release()
    assert member.holds == 1


def test_a_reset_passes_every_filter_and_only_once() -> None:
    reader = Reader()
    subscription = MemberSubscriptions(reader).add("a", 0)
    subscription.start(Cursor(EPOCH, 5), frozenset({"y"}))
    reset = Reset("a", 9, EPOCH, b"{}", 9)
    assert subscription.offer(reset)
    assert not subscription.offer(reset)
    assert not subscription.offer(frame("a", 8, 5, "y"))
    assert not subscription.offer(frame("a", 10, 9))
    assert subscription.offer(frame("a", 11, 10, "y"))
    assert subscription.save() == SavedSubscription(9, 9, frozenset({"y"}))


def test_a_closed_subscription_delivers_nothing_of_what_was_held() -> None:
    reader = Reader()
    member = MemberSubscriptions(reader)
    first, second = (member.add(room, 0) for room in ROOMS)
    for subscription in (first, second):
        subscription.start(Cursor(EPOCH, 0), None)
    member.hold()
    first.offer(frame("a", 1, 0))
    second.offer(frame("b", 2, 0))
    member.remove("a")
    member.release()
    assert [one.offset for one in reader.frames] == [2]


def test_what_is_written_directly_leaves_in_one_write() -> None:
    written: list[bytes] = []

    class Direct(Reader):
        direct_writer = DirectWriter(lambda one: b"%d;" % one.offset)

    Direct.direct_writer.write = written.append
    subscription = MemberSubscriptions(Direct()).add("a", 0)
    subscription.start(Cursor(EPOCH, 0), None)
    corked: list[DirectWriter] = []
    for offset in (1, 2, 3):
        subscription.offer_to_each(iter([subscription]), frame("a", offset, offset - 1), corked)
    assert written == []
    for writer in corked:
        writer.flush()
    assert written == [b"1;2;3;"]


def encoded(frame: Frame) -> bytes:
    return b"%d " % frame.offset


class DirectReader(Reader):
    """A member with a direct way to its transport."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.direct_writer = DirectWriter(encoded)
        self.direct_writer.write = self.written.append


def joined(reader: Reader, only: frozenset[str] | None = None) -> Subscription:
    subscription = MemberSubscriptions(reader).add("a", 0)
    subscription.start(Cursor(EPOCH, 0), only)
    return subscription


PIECE = Batch([frame("a", 1, 0), frame("a", 2, 1), frame("a", 3, 2)])


def test_a_piece_reaches_each_member_in_one_write_and_few_calls() -> None:
    readers = [DirectReader() for _ in range(50)]
    subscriptions = [joined(reader) for reader in readers]
    with CallCounter() as counted:
        assert Subscription.offer_batch_to_each(iter(subscriptions), PIECE) == 3 * len(readers)
    assert all(reader.written == [b"1 2 3 "] for reader in readers)
    assert counted.names["encoded"] == 1 + len(PIECE.frames)  # once, for all of them
    assert counted.total < 3 * len(readers)  # measured: two a member


def test_a_piece_is_looked_at_more_closely_where_it_may_not_be_delivered_as_it_is() -> None:
    held, filtered, gone, ahead = (DirectReader() for _ in range(4))
    subscriptions = [joined(held), joined(filtered, frozenset({"y"})), joined(gone), joined(ahead)]
    subscriptions[0].owner.hold()
    subscriptions[2].close()
    subscriptions[3].offer(PIECE.frames[0])
    assert Subscription.offer_batch_to_each(iter(subscriptions), PIECE) == 2
    assert [each.offset for each in ahead.frames] == [1, 2, 3]
    assert not any(reader.frames for reader in (held, filtered, gone))
    assert not any(reader.written for reader in (held, filtered, gone, ahead))


def test_a_closed_subscription_gets_nothing_even_if_it_is_started_later() -> None:
    reader = DirectReader()
    subscription = joined(reader)
    subscription.close()
    subscription.start(Cursor(EPOCH, 0), None)
    assert Subscription.offer_to_each(iter([subscription]), PIECE.frames[0], None) == 0
    assert reader.written == []
    assert reader.frames == []
