"""What the model remembers: both sides, staff too, the newest, and never the questions that come later."""

from __future__ import annotations

from datetime import UTC, datetime

from agents.memory import recalled
from hub.domain.chat import Asker, Message, Transcript, Turn
from hub.domain.roles import Kind

AT = datetime(2026, 11, 20, tzinfo=UTC)


def transcript(*said: tuple[str, str, str]) -> Transcript:
    made = Transcript()
    for number, (kind, name, text) in enumerate(said):
        state = "completed" if kind == "agent" else None
        made.messages.append(Message(f"m{number}", kind, name, text, "", state=state))  # type: ignore[arg-type]
    return made


def turn(message_id: str) -> Turn:
    return Turn(
        id="t1",
        chat_id="c1",
        message_id=message_id,
        text="?",
        asked_by=Asker(kind=Kind.ANONYMOUS),
        created_at=AT,
        updated_at=AT,
    )


def test_the_conversation_is_remembered_from_both_sides() -> None:
    said = transcript(("customer", "", "hola"), ("agent", "", "¡Hola!"), ("staff", "Sole", "ya"), ("customer", "", "?"))
    told = [(str(m.role.value), m.content) for m in recalled(said, turn("m3"))]
    assert told == [("user", "hola"), ("assistant", "¡Hola!"), ("assistant", "[Sole] ya")]


def test_questions_that_came_later_have_turns_of_their_own() -> None:
    said = transcript(("customer", "", "uno"), ("customer", "", "dos"), ("agent", "", "1"), ("customer", "", "tres"))
    assert [m.content for m in recalled(said, turn("m1"))] == ["uno", "1"]


def test_what_is_too_long_ago_is_forgotten() -> None:
    said = transcript(*[("customer", "", f"{n:04}") for n in range(100)])
    kept = [m.content for m in recalled(said, turn("m99"), max_chars=40)]
    assert kept == [f"{n:04}" for n in range(89, 99)]
