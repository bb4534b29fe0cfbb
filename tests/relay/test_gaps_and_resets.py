"""Events that are missing, late or of several rooms: the order in which readers get them, and where they resume."""

from __future__ import annotations

import pytest

from hub.relay import backlog, read_plan, sequencer
from hub.relay.effects import ReadMissed, ReadViews, RoomsRestarted
from tests.support.sequenced_rooms import NEW, E, Reader, Rooms, frame, reset


@pytest.fixture
def rooms() -> Rooms:
    return Rooms()


# Gaps


def test_the_event_that_shows_a_gap_comes_once_and_after_those_that_were_missing(rooms: Rooms) -> None:
    x = rooms.reader("a")
    rooms.hear(frame("a", 1), frame("a", 3, 2), frame("a", 4, 3))
    assert rooms.next_read() == ReadMissed({"a": 1}, E)
    rooms.fill(3, {"a": [frame("a", 2, 1), frame("a", 3, 2)]})
    assert rooms.next_read() is None
    assert x.got == ["a1", "a2", "a3", "a4"]
    assert x.cursors == [f"{E}-{offset}" for offset in (1, 2, 3, 4)]


def test_an_event_of_another_room_waits_for_those_missing_before_it(rooms: Rooms) -> None:
    x = rooms.reader("ab")
    rooms.hear(frame("a", 2, 1), frame("b", 3))
    assert rooms.next_read() == ReadMissed({"a": 0}, E)
    rooms.fill(3, {"a": [frame("a", 1), frame("a", 2, 1)]})
    assert rooms.next_read() is None
    assert x.got == ["a1", "a2", "b3"]


def test_gaps_that_show_in_several_rooms_are_read_together(rooms: Rooms) -> None:
    x = rooms.reader("ab")
    rooms.hear(frame("a", 3, 1), frame("b", 4, 2))
    assert rooms.next_read() == ReadMissed({"a": 0}, E)
    rooms.fill(4, {"a": [frame("a", 1), frame("a", 3, 1)]})
    assert rooms.next_read() == ReadMissed({"a": 0, "b": 0}, E)
    assert x.got == []
    rooms.fill(4, {"a": [frame("a", 1), frame("a", 3, 1)], "b": [frame("b", 2), frame("b", 4, 2)]})
    assert rooms.next_read() is None
    assert x.got == ["a1", "b2", "a3", "b4"]


def test_a_room_whose_stream_lacks_what_was_announced_is_shown_anew(rooms: Rooms) -> None:
    x = rooms.reader("a")
    assert rooms.sequencer.head_seen("a", E, 5)
    assert rooms.next_read() == ReadMissed({"a": 0}, E)
    rooms.fill(5, {"a": [frame("a", 1), frame("a", 2, 1)]})
    assert rooms.next_read() == ReadViews(["a"])
    rooms.sequencer.reset([reset("a", 5)])
    assert rooms.next_read() == RoomsRestarted()
    assert x.got == ["reset a5"]


def test_a_volatile_event_waits_behind_what_is_missing_and_is_delivered_then(rooms: Rooms) -> None:
    x = rooms.reader("a")
    rooms.hear(frame("a", 2, 1))
    assert rooms.next_read() == ReadMissed({"a": 0}, E)
    rooms.hear(frame("a", 0))
    rooms.fill(2, {"a": [frame("a", 1), frame("a", 2, 1)]})
    assert rooms.next_read() is None
    assert x.got == ["a1", "a2", "a0"]
    assert rooms.sequencer.gaps_filled == 1
    assert rooms.sequencer.repeats_dropped == 0


# One event in several rooms


def test_a_reader_of_two_rooms_that_breaks_between_the_copies_of_an_event_gets_the_second(rooms: Rooms) -> None:
    x, y = rooms.reader("ab"), rooms.reader("a", "y")
    rooms.hear(frame("a", 5, later="b"), frame("b", 5))
    assert x.cursors == [f"{E}-4", f"{E}-5"]
    assert y.cursors == [f"{E}-5"]


def test_so_it_does_if_the_copies_were_missed_and_read_later(rooms: Rooms) -> None:
    x = rooms.reader("ab")
    rooms.hear(frame("a", 6, 5), frame("b", 6, 5))
    rooms.next_read()
    rooms.fill(6, {"a": [frame("a", 5), frame("a", 6, 5)]})
    rooms.next_read()
    rooms.fill(6, {room: [frame(room, 5), frame(room, 6, 5)] for room in "ab"})
    assert rooms.next_read() is None
    assert x.got == ["a5", "b5", "a6", "b6"]
    assert x.cursors == [f"{E}-4", f"{E}-5", f"{E}-5", f"{E}-6"]


def test_an_event_read_and_heard_counts_as_one_copy(rooms: Rooms) -> None:
    x = rooms.reader("a")
    rooms.hear(frame("a", 2, 1))
    rooms.next_read()
    rooms.hear(frame("a", 3, 2))
    rooms.fill(3, {"a": [frame("a", 1), frame("a", 2, 1), frame("a", 3, 2)]})
    assert rooms.next_read() is None
    assert x.cursors == [f"{E}-1", f"{E}-2", f"{E}-3"]


# Events heard before a room's first view


def test_an_event_heard_before_its_room_was_read_comes_before_later_ones_of_other_rooms(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, _ = rooms.reader("a"), rooms.reader("a", "y")
    joining = rooms.begin_join(x, "b")
    rooms.hear(frame("b", 5))
    monkeypatch.setattr(sequencer, "MAX_DIRECT", 1)
    rooms.hear(frame("a", 6))  # a room so big that its events wait
    rooms.view("b", joining, 4)
    assert rooms.next_read() is None
    assert x.got == ["b5", "a6"]


def test_an_event_heard_before_one_of_its_rooms_was_read_comes_in_the_order_of_its_rooms(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, _ = rooms.reader("a"), rooms.reader("a", "y")
    joining = rooms.begin_join(x, "b")
    rooms.hear(frame("b", 5, later="a"))
    monkeypatch.setattr(sequencer, "MAX_DIRECT", 1)
    rooms.hear(frame("a", 5))
    rooms.view("b", joining, 4)
    assert rooms.next_read() is None
    assert x.got == ["b5", "a5"]
    assert x.cursors == [f"{E}-4", f"{E}-5"]


def test_so_it_does_if_its_other_copy_is_held_already(rooms: Rooms) -> None:
    x = rooms.reader("a")
    joining = rooms.begin_join(x, "b")
    rooms.hear(frame("b", 5, later="a"), frame("a", 5))
    rooms.view("b", joining, 4)
    assert x.got == ["b5", "a5"]
    assert x.cursors == [f"{E}-4", f"{E}-5"]


# Resets


def test_a_reader_of_a_room_that_waits_for_its_reset_resumes_from_before_what_follows_elsewhere(rooms: Rooms) -> None:
    x, y = rooms.reader("ab"), rooms.reader("a", "y")
    rooms.hear(frame("a", 7), frame("b", 9, 8))
    rooms.next_read()
    rooms.hear(frame("a", 10, 7))
    rooms.fill(10, {"b": None})
    assert rooms.next_read() == ReadViews(["b"])
    assert x.got == y.got == ["a7", "a10"]
    assert x.cursors == [f"{E}-7", f"{E}-7"]
    assert y.cursors == [f"{E}-7", f"{E}-10"]


def test_what_is_lost_later_moves_that_place_no_further(rooms: Rooms) -> None:
    x = rooms.reader("abc")
    rooms.hear(frame("a", 7), frame("b", 9, 8))
    rooms.next_read()
    rooms.hear(frame("a", 10, 7))
    rooms.fill(10, {"b": None})
    rooms.next_read()
    rooms.sequencer.head_seen("c", NEW, 11)
    rooms.sequencer.reset([reset("b", 12)])
    assert rooms.next_read() == ReadViews(["c"])
    assert x.cursors == [f"{E}-7"] * 3


def test_rooms_reset_one_after_the_other_are_shown_again_from_the_first(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_plan, "MAX_RESETS", 1)
    x = rooms.reader("ab")
    rooms.hear(frame("a", 7))
    for room in "ab":
        rooms.sequencer.head_seen(room, NEW, 9)
    assert rooms.next_read() == ReadViews(["a"])
    rooms.sequencer.reset([reset("a", 10, NEW)])
    assert rooms.next_read() == ReadViews(["b"])
    rooms.sequencer.reset([reset("b", 20, NEW)])
    assert rooms.next_read() == RoomsRestarted()
    assert x.got == ["a7", "reset a10", "reset b20"]
    assert rooms.sequencer.resets == 2
    assert x.cursors == [f"{E}-7", f"{E}-7", f"{NEW}-10"]
    assert {one.save().min_resume_offset for one in rooms.memberships.of_member("x").values()} == {10}


@pytest.mark.parametrize("is_broken", [False, True])
def test_rooms_that_are_reset_another_time_are_shown_again_from_that_time(rooms: Rooms, is_broken: bool) -> None:
    x = rooms.reader("ab")
    rooms.sequencer.head_seen("a", NEW, 9)
    rooms.next_read()
    rooms.sequencer.reset([reset("a", 10, NEW)])
    if is_broken:
        rooms.sequencer.disconnected()
        rooms.sequencer.head_seen("b", NEW, 20)
        rooms.sequencer.reconnected()
    else:
        assert rooms.next_read() == RoomsRestarted()
        rooms.sequencer.head_seen("b", NEW, 20)
    assert rooms.next_read() == ReadViews(["b"])
    rooms.sequencer.reset([reset("b", 20, NEW)])
    rooms.next_read()
    assert x.cursors[-1] == f"{NEW}-20"


def test_events_heard_before_a_room_is_read_anew_do_not_come_after_its_reset(rooms: Rooms) -> None:
    x = rooms.reader("a")
    rooms.sequencer.head_seen("a", NEW, 1)
    rooms.hear(frame("a", 2, 1, epoch=NEW))
    rooms.next_read()
    rooms.hear(frame("a", 3, 2, epoch=NEW), frame("a", 4, 3, epoch=NEW))
    rooms.sequencer.reset([reset("a", 3, NEW)])
    assert rooms.next_read() == RoomsRestarted()
    assert rooms.next_read() is None
    assert x.got == ["reset a3", "a4"]


# A backlog that was too long


def test_what_a_full_backlog_dropped_of_another_room_is_read_before_anything_is_delivered(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MAX_QUEUED", 2)
    x = rooms.reader("ab")
    rooms.hear(frame("a", 2, 1))
    rooms.next_read()
    rooms.hear(frame("b", 3), frame("b", 4, 3), frame("b", 5, 4))
    missing = [frame("a", 1), frame("a", 2, 1)]
    rooms.fill(2, {"a": missing})
    assert rooms.next_read() == ReadMissed({"a": 0, "b": 0}, E)
    assert x.got == []
    rooms.fill(5, {"a": missing, "b": [frame("b", 3), frame("b", 4, 3), frame("b", 5, 4)]})
    assert rooms.next_read() is None
    assert x.got == ["a1", "a2", "b3", "b4", "b5"]


def test_what_it_dropped_while_the_stream_was_read_is_read_as_well(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MAX_QUEUED", 2)
    x = rooms.reader("a")
    rooms.hear(frame("a", 2, 1))
    rooms.next_read()
    rooms.hear(frame("a", 3, 2), frame("a", 4, 3))
    rooms.fill(3, {"a": [frame("a", 1), frame("a", 2, 1), frame("a", 3, 2)]})
    assert rooms.next_read() == ReadMissed({"a": 3}, E)
    assert x.got == ["a1", "a2", "a3"]


def test_what_it_dropped_while_the_room_was_read_anew_is_read_after_the_reset(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MAX_QUEUED", 1)
    x = rooms.reader("a")
    rooms.sequencer.head_seen("a", NEW, 1)
    rooms.next_read()
    rooms.hear(frame("a", 3, 2, epoch=NEW), frame("a", 4, 3, epoch=NEW))
    rooms.sequencer.reset([reset("a", 3, NEW)])
    assert rooms.next_read() == ReadMissed({"a": 3}, NEW)
    assert x.got == ["reset a3"]


def test_what_it_dropped_of_a_former_epoch_is_not_looked_for_after_the_reset(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MAX_QUEUED", 1)
    rooms.reader("a")
    rooms.hear(frame("a", 8, 7))
    rooms.next_read()
    rooms.fill(8, {"a": None})
    assert rooms.next_read() == ReadViews(["a"])
    rooms.hear(frame("a", 9, 8), frame("a", 10, 9))
    rooms.sequencer.reset([reset("a", 3, NEW)])
    assert rooms.next_read() == RoomsRestarted()


def test_a_full_backlog_that_drops_an_event_of_one_room_reads_the_rooms_of_all_others_in_it(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MAX_QUEUED", 2)
    x = rooms.reader("ab")
    rooms.hear(frame("a", 2, 1))
    rooms.next_read()
    rooms.hear(frame("b", 3), frame("a", 4, 2))
    missing = [frame("a", 1), frame("a", 2, 1), frame("a", 4, 2)]
    rooms.fill(4, {"a": missing})
    assert rooms.next_read() == ReadMissed({"a": 0, "b": 0}, E)
    rooms.fill(4, {"a": missing, "b": [frame("b", 3)]})
    assert rooms.next_read() is None
    assert x.got == ["a1", "a2", "b3", "a4"]


def test_a_backlog_that_was_full_has_room_for_what_is_heard_next(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MAX_QUEUED", 1)
    x = rooms.reader("a")
    rooms.hear(frame("a", 2, 1))
    rooms.next_read()
    rooms.hear(frame("a", 3, 2), frame("a", 4, 3))  # the first of them does not fit
    rooms.fill(3, {"a": [frame("a", 1), frame("a", 2, 1), frame("a", 3, 2)]})
    assert rooms.next_read() is None
    assert x.got == ["a1", "a2", "a3", "a4"]


def test_the_event_that_showed_a_gap_keeps_its_place_before_those_that_follow_it(rooms: Rooms) -> None:
    x, z = rooms.reader("a"), Reader("z")
    rooms.hear(frame("a", 3, 2), frame("a", 4, 3))
    assert rooms.next_read() == ReadMissed({"a": 0}, E)
    rooms.sequencer.unreadable()
    rooms.leave(x, "a")
    assert rooms.next_read() == RoomsRestarted()
    rooms.view("a", rooms.begin_join(z, "a"), 2)
    assert rooms.next_read() is None  # with the later one first, there would be a gap again
    assert z.got == ["a3", "a4"]
