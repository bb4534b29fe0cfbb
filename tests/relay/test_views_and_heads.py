"""Views and heads that say more than was heard: what the sequencer does about them, and what it leaves alone."""

from __future__ import annotations

import pytest

from hub.core.cursor import Cursor
from hub.relay import backlog, read_plan, sequencer
from hub.relay.effects import Deliver, ReadMissed, ReadViews, RoomsRestarted
from tests.support.sequenced_rooms import NEW, E, Reader, Rooms, frame, reset


@pytest.fixture
def rooms() -> Rooms:
    return Rooms()


# Views


def test_a_view_of_a_newer_epoch_has_all_rooms_reset_at_once(rooms: Rooms) -> None:
    rooms.reader("a", "x")
    rooms.reader("b", "y")
    newcomer = rooms.begin_join(Reader("z"), "a")
    rooms.view("a", newcomer, 5, epoch=NEW)
    assert rooms.sequencer.has_work
    assert rooms.sequencer.rooms["a"].epoch == E  # until those who are in it have been reset
    assert rooms.next_read() == ReadViews(["a", "b"])


def test_a_view_of_a_newer_epoch_resets_nobody_where_nobody_has_seen_the_room(rooms: Rooms) -> None:
    rooms.leave(rooms.reader("a", "x"), "a")
    first, second = Reader("y"), Reader("z")
    joins = [rooms.begin_join(reader, "a") for reader in (first, second)]
    rooms.view("a", joins[0], 5, epoch=NEW)
    assert not rooms.sequencer.has_work
    rooms.hear(frame("a", 6, 5, epoch=NEW))
    assert first.got == ["a6"]


def test_events_heard_before_the_first_views_of_several_rooms_come_in_the_logs_order(rooms: Rooms) -> None:
    x = Reader("x")
    for room in "ab":
        rooms.begin_join(x, room)
    rooms.hear(frame("b", 5, 4), frame("a", 6, 4))
    early = rooms.sequencer.viewed(("a", "b"), Cursor(E, 4))
    assert [one.frame.offset for one in early] == [5, 6]


# Heads


def test_a_head_that_was_heard_is_no_news(rooms: Rooms) -> None:
    rooms.reader("a")
    rooms.hear(frame("a", 7))
    assert not rooms.sequencer.head_seen("a", E, 7)
    assert not rooms.sequencer.has_work
    assert rooms.sequencer.head_seen("a", E, 8)
    assert rooms.next_read() == ReadMissed({"a": 7}, E)


def test_a_head_of_another_epoch_is_news_however_small_it_is(rooms: Rooms) -> None:
    rooms.reader("a")
    rooms.hear(frame("a", 7))
    assert rooms.sequencer.head_seen("a", NEW, 1)
    assert rooms.sequencer.has_work
    assert rooms.next_read() == ReadViews(["a"])


def test_the_head_of_a_room_that_nobody_is_in_or_has_seen_is_left_alone(rooms: Rooms) -> None:
    rooms.leave(rooms.reader("a"), "a")
    rooms.begin_join(Reader("y"), "b")
    assert not any(rooms.sequencer.head_seen(room, E, 9) for room in ("a", "b", "nowhere"))
    assert not rooms.sequencer.has_work


# While rooms are reset


def test_events_between_the_resets_of_several_rooms_come_between_them(rooms: Rooms) -> None:
    x = rooms.reader("abc")
    for room in "ab":
        rooms.sequencer.head_seen(room, E, 9)
    rooms.next_read()
    rooms.fill(9, {"a": None, "b": None})
    assert rooms.next_read() == ReadViews(["a", "b"])
    rooms.hear(frame("c", 11))
    rooms.sequencer.reset([reset("a", 10), reset("b", 12)])
    assert rooms.next_read() == RoomsRestarted()
    assert x.got == ["reset a10", "c11", "reset b12"]


def test_an_event_of_the_former_epoch_does_not_follow_a_reset_to_the_next(rooms: Rooms) -> None:
    x = rooms.reader("ab")
    rooms.sequencer.head_seen("a", NEW, 9)
    rooms.next_read()
    rooms.hear(frame("b", 5))
    rooms.sequencer.reset([reset("a", 10, NEW)])
    assert rooms.next_read() == RoomsRestarted()
    assert rooms.next_read() is None
    assert x.got == ["reset a10"]


def test_a_gap_that_shows_while_rooms_are_read_anew_is_filled_before_they_are_reset(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_plan, "MAX_RESETS", 1)
    x = rooms.reader("ab")
    for room in "ab":
        rooms.sequencer.head_seen(room, NEW, 9)
    rooms.next_read()
    rooms.sequencer.reset([reset("a", 10, NEW)])
    assert rooms.next_read() == ReadViews(["b"])
    rooms.hear(frame("a", 13, 12, epoch=NEW))
    rooms.sequencer.reset([reset("b", 20, NEW)])
    assert rooms.next_read() == ReadMissed({"a": 10}, NEW)
    rooms.fill(13, {"a": [frame("a", 12, 10, epoch=NEW), frame("a", 13, 12, epoch=NEW)]}, epoch=NEW)
    assert rooms.next_read() == ReadViews(["b"])
    rooms.sequencer.reset([reset("b", 20, NEW)])
    assert rooms.next_read() == RoomsRestarted()
    assert x.got == ["reset a10", "a12", "a13", "reset b20"]
    assert x.cursors[-1] == f"{NEW}-20"  # events came since the first reset: the two do not belong together


# While streams are read


def test_a_room_that_is_behind_in_another_epoch_keeps_nothing_from_being_delivered(rooms: Rooms) -> None:
    x = rooms.reader("a")
    rooms.view("b", rooms.begin_join(Reader("y"), "b"), 5, epoch=NEW)
    rooms.hear(frame("a", 2, 1))
    assert rooms.next_read() == ReadMissed({"a": 0}, E)
    rooms.sequencer.head_seen("b", NEW, 9)
    rooms.fill(2, {"a": [frame("a", 1), frame("a", 2, 1)]})
    assert rooms.next_read() == ReadMissed({"b": 5}, NEW)
    assert x.got == ["a1", "a2"]


def test_a_room_that_is_behind_and_has_been_left_keeps_nothing_from_being_delivered(rooms: Rooms) -> None:
    x, y = rooms.reader("a"), rooms.reader("b", "y")
    rooms.hear(frame("a", 2, 1))
    rooms.next_read()
    rooms.sequencer.head_seen("b", E, 9)
    rooms.leave(y, "b")
    rooms.fill(2, {"a": [frame("a", 1), frame("a", 2, 1)]})
    assert rooms.next_read() is None
    assert x.got == ["a1", "a2"]


def test_what_was_read_of_a_room_is_not_delivered_once_the_room_has_to_be_reset(rooms: Rooms) -> None:
    x = rooms.reader("a")
    rooms.hear(frame("a", 2, 1))
    rooms.next_read()
    rooms.fill(2, {"a": [frame("a", 1), frame("a", 2, 1)]})
    rooms.sequencer.head_seen("a", NEW, 9)
    assert rooms.next_read() == ReadViews(["a"])
    assert x.got == []


def test_what_was_read_of_a_room_that_was_left_waits_for_the_view_of_who_joins_next(rooms: Rooms) -> None:
    y, z = rooms.reader("ab", "y"), Reader("z")
    rooms.hear(frame("a", 2, 1), frame("b", 3))
    rooms.next_read()
    rooms.fill(3, {"a": [frame("a", 1), frame("a", 2, 1)]})
    rooms.leave(y, "b")
    rooms.sequencer.close("b")
    join = rooms.begin_join(z, "b")
    assert rooms.next_read() is None
    rooms.view("b", join, 2)
    assert z.got == ["b3"]


def test_what_waits_for_a_room_that_was_left_is_kept_for_the_view_of_who_joins_next(rooms: Rooms) -> None:
    rooms.reader("a")
    y, z = rooms.reader("b", "y"), Reader("z")
    rooms.hear(frame("a", 2, 1))
    rooms.next_read()
    rooms.hear(frame("b", 3))
    rooms.leave(y, "b")
    rooms.sequencer.close("b")
    join = rooms.begin_join(z, "b")
    rooms.fill(2, {"a": [frame("a", 1), frame("a", 2, 1)]})
    assert rooms.next_read() is None
    rooms.view("b", join, 2)
    assert z.got == ["b3"]


def test_an_early_event_for_which_the_backlog_has_no_room_is_read(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MAX_QUEUED", 1)
    rooms.reader("a")
    z = Reader("z")
    join = rooms.begin_join(z, "b")
    rooms.hear(frame("b", 5), frame("a", 6, 3))
    rooms.next_read()
    rooms.view("b", join, 4)
    missing = [frame("a", 3), frame("a", 6, 3)]
    rooms.fill(6, {"a": missing})
    assert rooms.next_read() == ReadMissed({"a": 0, "b": 4}, E)
    rooms.fill(6, {"a": missing, "b": [frame("b", 5)]})
    assert rooms.next_read() is None
    assert z.got == ["b5"]


# In the order of the log


@pytest.mark.parametrize("way", ["at once", "after others", "in one piece", "read"])
def test_an_early_event_from_before_what_was_delivered_last_waits_for_nothing(
    rooms: Rooms, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms.reader("a")
    z = Reader("z")
    join = rooms.begin_join(z, "b")
    rooms.hear(frame("b", 3))
    if way in ("after others", "in one piece"):
        monkeypatch.setattr(sequencer, "MAX_DIRECT", 0)
    if way == "in one piece":
        rooms.hear(frame("a", 4))
    rooms.hear(frame("a", 5, 4 if way in ("in one piece", "read") else 0))
    if way == "read":
        assert rooms.next_read() == ReadMissed({"a": 0}, E)
        rooms.fill(5, {"a": [frame("a", 4), frame("a", 5, 4)]})
    assert rooms.next_read() is None
    rooms.hear(frame("a", 9, 8))
    assert rooms.next_read() == ReadMissed({"a": 5}, E)  # others wait for this
    rooms.view("b", join, 2)
    assert z.got == ["b3"]


def test_what_was_delivered_in_one_piece_is_not_missed(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "MAX_DIRECT", 0)
    x = rooms.reader("a")
    rooms.hear(frame("a", 1), frame("a", 2, 1))
    assert rooms.next_read() is None
    rooms.hear(frame("a", 3, 2))
    assert rooms.next_read() is None
    assert x.got == ["a1", "a2", "a3"]


def test_an_event_that_comes_again_is_dropped_and_counted(rooms: Rooms) -> None:
    x = rooms.reader("a")
    rooms.hear(frame("a", 5), frame("a", 5))
    assert rooms.next_read() is None
    assert x.got == ["a5"]
    assert rooms.sequencer.repeats_dropped == 1


def test_an_event_of_another_epoch_has_all_rooms_reset(rooms: Rooms) -> None:
    rooms.reader("ab")
    rooms.hear(frame("a", 5, epoch=NEW))
    assert rooms.next_read() == ReadViews(["a", "b"])


# Without a connection


def test_what_is_heard_before_the_rooms_are_compared_waits(rooms: Rooms) -> None:
    x = rooms.reader("a")
    rooms.sequencer.disconnected()
    assert rooms.next_read() is None
    rooms.hear(frame("a", 2))
    assert x.got == []
    rooms.sequencer.reconnected()
    assert rooms.sequencer.has_work
    assert rooms.next_read() is None
    assert x.got == ["a2"]


def test_what_was_read_before_the_connection_was_lost_is_delivered_when_it_is_back(rooms: Rooms) -> None:
    x = rooms.reader("a")
    rooms.hear(frame("a", 2, 1))
    rooms.next_read()
    rooms.fill(2, {"a": [frame("a", 1), frame("a", 2, 1)]})
    rooms.sequencer.disconnected()
    rooms.sequencer.reconnected()
    assert rooms.sequencer.has_work
    assert rooms.next_read() is None
    assert x.got == ["a1", "a2"]


def test_what_is_heard_on_a_new_connection_waits_for_a_delivery_that_is_under_way(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "MAX_DIRECT", 1)
    rooms.reader("a", "x")
    rooms.reader("a", "y")
    z = rooms.reader("b", "z")
    rooms.hear(frame("a", 1))
    assert isinstance(rooms.sequencer.next_effect(), Deliver)  # to x and y, in slices
    rooms.sequencer.disconnected()
    rooms.sequencer.reconnected()
    rooms.hear(frame("b", 2))
    assert z.got == []
    assert rooms.next_read() is None
    assert z.got == ["b2"]
