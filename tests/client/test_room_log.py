"""How far a room has been read, and whether the next event continues it."""

from __future__ import annotations

import pytest

from comanda.room_log import RoomLog, Verdict, read_up_to
from comanda.shapes import Event


def event(**place: int) -> Event:
    happened = Event(room="kitchen", type="order.ready", at="", data={})
    if place:
        happened["offset"], happened["prev"] = place["offset"], place["prev"]
    return happened


READ = RoomLog("e-1", 7)


@pytest.mark.parametrize(
    ("log", "arrived", "cursor", "verdict"),
    [
        (READ, event(offset=9, prev=7), "e-1-9", "next"),
        (READ, event(offset=9, prev=5), "e-1-9", "next"),
        (READ, event(offset=9, prev=7), None, "next"),
        (READ, event(offset=7, prev=5), "e-1-7", "repeat"),
        (READ, event(offset=9, prev=8), "e-1-9", "gap"),
        (READ, event(offset=9, prev=7), "e-2-9", "gap"),
        (RoomLog(), event(offset=9, prev=7), "e-1-9", "gap"),
        (READ, event(), None, "volatile"),
    ],
)
def test_an_event_is_judged_by_the_one_before_it(
    log: RoomLog, arrived: Event, cursor: str | None, verdict: Verdict
) -> None:
    assert log.judge(arrived, cursor) == verdict


@pytest.mark.parametrize("cursor", ["e-1-7", "x-0"])
def test_a_cursor_comes_back_as_it_was(cursor: str) -> None:
    assert read_up_to(cursor).cursor == cursor


@pytest.mark.parametrize("text", [None, "", "7", "-7", "e-", "e-x", "e-²"])
def test_a_text_that_is_no_cursor_names_no_place(text: str | None) -> None:
    assert read_up_to(text) == RoomLog()


def test_an_event_moves_the_place_on() -> None:
    assert READ.after(event(offset=9, prev=7)).cursor == "e-1-9"
