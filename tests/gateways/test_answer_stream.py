"""The stream of one answer when its room, or the answer itself, begins anew."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.core.cursor import Cursor
from hub.domain.answers.chat_answers import ChatSnapshot
from hub.gateways.responses.answer_stream import DONE, AnswerStream
from hub.relay.frames import Frame, Reset
from hub.services.room_views import RoomView
from hub.store.log import LogEntry

TURN = "t1"
ROOM = "chat:c1"
EPOCH = "e"


class ReadableFormat:
    """A format that a test can read."""

    done = DONE

    def begin(self, turn_id: str) -> bytes:
        return f"<{turn_id}>".encode()

    def text(self, text: str) -> bytes:
        return text.encode()

    def discard(self, attempt: int) -> bytes:
        return f"<discard {attempt}>".encode()

    def event(self, type_: str, _data: dict[str, Any]) -> bytes:
        return b"" if type_ == "chat.started" else f"<{type_}>".encode()

    def end(self, type_: str, _data: dict[str, Any]) -> bytes:
        return f"<{type_}>".encode()

    def refuse(self, code: str, _message: str) -> bytes:
        return f"<refused: {code}>".encode()


def entry(offset: int, type: str, **data: Any) -> LogEntry:
    body = json.dumps({"type": type, "at": "2026-11-20T21:30:00.000Z", "data": {"turn_id": TURN, **data}})
    return LogEntry(offset, offset - 1, ROOM, type, body)


def frame(type: str, **data: Any) -> Frame:
    return Frame.of_entry(entry(50, type, **data), EPOCH)


def snapshot(
    text: str | None = None, *, waiting: tuple[str, ...] = (), messages: tuple[dict[str, Any], ...] = ()
) -> dict[str, Any]:
    turn = {"turn_id": TURN, "text": text, "next_index": 0, "steps": []} if text is not None else None
    return {"chat": {"id": "c1", "mode": "agent"}, "turn": turn, "waiting": waiting, "messages": messages}


def view(shown: dict[str, Any], *events: LogEntry, offset: int = 40) -> RoomView:
    return RoomView(Cursor(EPOCH, offset), False, ChatSnapshot.model_validate(shown), events)


def reset(shown: dict[str, Any]) -> Frame:
    return Reset.of(ROOM, Cursor(EPOCH, 60), shown, datetime.now(UTC))


def streaming(sent: str = "") -> AnswerStream:
    """A stream whose reader has this text."""
    begun = AnswerStream(ReadableFormat())
    begun.begin(TURN, view(snapshot(waiting=(TURN,))))
    if sent:
        assert begun.encode(frame("chat.delta", index=0, text=sent)) == sent.encode()
    return begun


def heard(begun: AnswerStream, *frames: Frame) -> str:
    return b"".join(map(begun.encode, frames)).decode()


def ended(state: str = "completed", text: str = "hola a todos") -> dict[str, Any]:
    author = {"kind": "agent", "name": "Comanda"}
    at = "2026-11-20T21:30:00.000Z"
    return {"message_id": TURN, "author": author, "turn_id": TURN, "text": text, "at": at, "state": state}


@pytest.mark.parametrize(
    ("again", "hears"),
    [
        (("hola ", "a ", "todos"), "todos<chat.completed>"),
        (("hola a ",), "<chat.completed>"),
        (("ho", "la a todos"), "todos<chat.completed>"),
        (("hola ", "Ana"), "<discard 2>hola Ana<chat.completed>"),
        (("adiós",), "<discard 2>adiós<chat.completed>"),
        (("hola",), "<discard 2>hola<chat.completed>"),
        ((), "<discard 2><chat.completed>"),
    ],
    ids=["more", "the same", "in other pieces", "another end", "another beginning", "less", "nothing"],
)
def test_an_answer_that_begins_anew_is_sent_once(again: tuple[str, ...], hears: str) -> None:
    begun = streaming("hola a ")
    deltas = [frame("chat.delta", index=index, text=text) for index, text in enumerate(again)]
    last = frame("chat.completed", text="".join(again))
    assert heard(begun, frame("chat.started", attempt=2), *deltas, last) == hears + DONE.decode()


def test_an_answer_may_begin_anew_more_than_once() -> None:
    begun = streaming("hola a ")
    second = (frame("chat.started", attempt=2), frame("chat.delta", index=0, text="hola "))
    third = (frame("chat.started", attempt=3), frame("chat.delta", index=0, text="hola a todos"))
    assert heard(begun, *second, *third) == "todos"


def test_what_comes_before_the_first_word_anew_is_sent_at_once() -> None:
    begun = streaming("hola ")
    assert heard(begun, frame("chat.started", attempt=2), frame("chat.tool_called")) == "<chat.tool_called>"


@pytest.mark.parametrize(
    ("shown", "hears"),
    [
        (snapshot("hola a todos"), "todos"),
        (snapshot("hola "), ""),
        (snapshot("adiós"), "<discard 1>adiós"),
        (snapshot(waiting=("other", TURN)), ""),
        (snapshot(messages=(ended(),)), "todos<chat.completed>" + DONE.decode()),
        (snapshot(messages=(ended("stopped", "hola"),)), "<discard 1>hola<chat.stopped>" + DONE.decode()),
        (snapshot(), "<refused: not_found>" + DONE.decode()),
    ],
    ids=["further on", "not so far", "elsewhere", "not begun", "over", "over and shorter", "gone"],
)
def test_a_room_that_begins_anew_in_mid_answer_takes_its_reader_along(shown: dict[str, Any], hears: str) -> None:
    assert heard(streaming("hola a "), reset(shown)) == hears


def test_nothing_is_sent_after_the_end() -> None:
    begun = streaming("hola")
    heard(begun, frame("chat.completed", text="hola"))
    assert heard(begun, frame("chat.delta", index=1, text=" x"), reset(snapshot())) == ""


def test_the_beginning_that_the_history_no_longer_holds_comes_from_the_snapshot() -> None:
    events = (entry(39, "chat.delta", index=7, text="a "), entry(40, "chat.delta", index=8, text="todos"))
    sent = AnswerStream(ReadableFormat()).begin(TURN, view(snapshot("hola a todos"), *events))
    assert sent == b"<t1>hola a todos"


def test_a_history_that_differs_from_the_snapshot_is_not_believed() -> None:
    events = (entry(39, "chat.delta", index=7, text="adiós"), entry(40, "chat.tool_called", call_id="c"))
    sent = AnswerStream(ReadableFormat()).begin(TURN, view(snapshot("hola"), *events))
    assert sent == b"<t1>hola<chat.tool_called>"


def test_of_an_answer_that_began_anew_the_last_attempt_is_sent() -> None:
    events = (
        entry(30, "chat.started", attempt=1),
        entry(31, "chat.tool_called", call_id="c"),
        entry(32, "chat.delta", index=0, text="hola "),
        entry(33, "chat.started", attempt=2),
        entry(34, "chat.delta", index=0, text="adiós"),
    )
    begun = AnswerStream(ReadableFormat())
    assert begun.begin(TURN, view(snapshot("adiós"), *events)) == b"<t1>adi\xc3\xb3s"
    assert heard(begun, frame("chat.started", attempt=3), frame("chat.delta", index=0, text="x")) == "<discard 3>x"


def test_a_question_asked_past_the_view_has_all_of_its_answer_before_it() -> None:
    begun = AnswerStream(ReadableFormat())
    assert begun.begin(TURN, view(snapshot(), offset=40), question_offset=41) == b"<t1>"
    assert heard(begun, frame("chat.delta", index=0, text="hola")) == "hola"
