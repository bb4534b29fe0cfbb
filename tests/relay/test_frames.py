"""One event, encoded for every gateway, its body untouched."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from hub.core.cursor import Cursor
from hub.relay.frames import Frame, Reset, text_frame
from hub.store.types import LogEntry

BODY = '{"type":"order.preparing","at":"2026-11-20T21:30:00.123Z","data":{"by":"Añá \\u2028"}}'
EVENT = {
    "offset": 1042,
    "prev": 1037,
    "room": "order:PED7K3Q9X",
    "type": "order.preparing",
    "at": "2026-11-20T21:30:00.123Z",
    "data": {"by": "Añá \u2028"},
}
DURABLE = Frame.parse("order:PED7K3Q9X", f"k3x9q2ab 1042 1037 order.preparing -\n{BODY}".encode())
VOLATILE = Frame.parse("kitchen", b'k3x9q2ab 0 0 courier.moved PED1\n{"type":"courier.moved","at":"","data":{}}')
RESET = Reset.of("kitchen", Cursor("k3x9q2ab", 7), {"orders": []}, datetime(2026, 11, 20, tzinfo=UTC))


def test_a_published_message_is_read_without_its_body() -> None:
    assert (DURABLE.epoch, DURABLE.offset, DURABLE.prev, DURABLE.type) == ("k3x9q2ab", 1042, 1037, "order.preparing")
    assert DURABLE.body == BODY


@pytest.mark.parametrize("message", [b"", b"one two\n{}", b"e x 1 t -\n{}", b"\xff\n{}"])
def test_what_is_no_published_message_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"unpack|invalid literal|decode"):
        Frame.parse("kitchen", message)


def test_a_frame_from_the_log_equals_the_one_that_was_published() -> None:
    entry = LogEntry(1042, 1037, "order:PED7K3Q9X", "order.preparing", BODY)
    assert Frame.of_entry(entry, "k3x9q2ab") == DURABLE


def test_the_event_is_as_the_contract_has_it() -> None:
    assert json.loads(DURABLE.event) == EVENT
    assert json.loads(VOLATILE.event) == {"room": "kitchen", "type": "courier.moved", "at": "", "data": {}}


def test_a_socketio_packet_ends_in_the_cursor() -> None:
    assert DURABLE.socketio[0] == "2"
    assert json.loads(DURABLE.socketio[1:]) == ["order.preparing", EVENT, "k3x9q2ab-1042"]
    assert json.loads(VOLATILE.socketio[1:])[1:] == [json.loads(VOLATILE.event)]
    assert DURABLE.engineio_frame == text_frame("4" + DURABLE.socketio)


def test_a_plain_websocket_message_carries_the_cursor_beside_the_event() -> None:
    assert json.loads(DURABLE.websocket) == {"cursor": "k3x9q2ab-1042", "event": EVENT}
    assert json.loads(VOLATILE.websocket) == {"event": json.loads(VOLATILE.event)}


def test_a_server_sent_event_has_an_id_only_if_one_can_resume_from_it() -> None:
    assert DURABLE.sse.decode() == f"id: k3x9q2ab-1042\nevent: order.preparing\ndata: {DURABLE.event}\n\n"
    assert VOLATILE.sse.decode() == f"event: courier.moved\ndata: {VOLATILE.event}\n\n"


def test_a_reset_has_a_cursor_but_no_place_in_the_log() -> None:
    assert json.loads(RESET.event) == {
        "room": "kitchen",
        "type": "room.reset",
        "at": "2026-11-20T00:00:00.000Z",
        "data": {"snapshot": {"orders": []}, "cursor": "k3x9q2ab-7"},
    }
    assert json.loads(RESET.socketio[1:])[2] == "k3x9q2ab-7"
    assert RESET.sse.startswith(b"id: k3x9q2ab-7\nevent: room.reset\n")


def test_each_encoding_is_made_once() -> None:
    assert DURABLE.engineio_frame is DURABLE.engineio_frame
    assert DURABLE.sse is DURABLE.sse


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_websocket_frame_says_its_length(size: int, header: bytes) -> None:
    assert text_frame("x" * size) == header + b"x" * size
