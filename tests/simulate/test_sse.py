"""Reading Server-Sent Events from bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.simulate.sse import EventParser, StreamEvent, TooLong

STREAM = (
    "retry: 2000\n\n: still here\n\n"
    'id: e-1\nevent: order.received\ndata: {"name": "Ángel 🌮"}\n\n'
    "id: e-2\r\ndata: one\r\ndata:two\r\n\r\n"
    "event: never\n\ndata: last\n\n"
).encode()
EVENTS = [
    StreamEvent("order.received", '{"name": "Ángel 🌮"}', "e-1"),
    StreamEvent("message", "one\ntwo", "e-2"),
    StreamEvent("message", "last", "e-2"),
]


def test_fields_comments_and_line_ends_are_read_as_the_standard_says() -> None:
    assert EventParser().feed(STREAM) == EVENTS


@settings(deadline=None)
@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=8))
def test_it_does_not_matter_how_the_bytes_are_cut(cuts: list[int]) -> None:
    parser, edges = EventParser(), [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(edges)]
    assert [event for chunk in chunks for event in parser.feed(chunk)] == EVENTS


def test_an_event_without_an_end_is_given_up() -> None:
    line = b"data: " + b"x" * 94 + b"\n"
    with pytest.raises(TooLong):
        EventParser(max_bytes=1000).feed(line * 20)
    with pytest.raises(TooLong):
        EventParser(max_bytes=1000).feed(b"x" * 1001)
