"""Turns of a chat, one after the other; what was said, and what an answer in the making has said so far."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import RateLimited
from hub.domain import events as ev
from hub.domain.chat import Chat, Turn, admit, release, snapshot
from hub.domain.conversation import MAX_CONVERSATION_BYTES, Conversation
from hub.domain.open_turn import OpenTurn
from hub.domain.proposal import Proposal
from hub.domain.requested_by import RequestedBy
from hub.domain.roles import Kind, Principal, Role

AT = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
CHAT = Chat(id="c1", opened_by=RequestedBy(kind=Kind.ANONYMOUS), created_at=AT, updated_at=AT)
ERROR = ev.TurnError(code="model_timeout", message="…", retryable=True)
USAGE = ev.Usage(ttft_ms=1, duration_ms=2, deltas=2, llm_calls=1, tool_calls=0)


def asked(text: str, message_id: str = "m1") -> ev.ChatMessage:
    return ev.ChatMessage(message_id=message_id, author=ev.Author(kind="customer", name="Ana"), text=text)


def delta(index: int, text: str, turn_id: str = "t1") -> ev.ChatDelta:
    return ev.ChatDelta(turn_id=turn_id, index=index, text=text)


def started(attempt: int = 1) -> ev.ChatStarted:
    return ev.ChatStarted(turn_id="t1", attempt=attempt, model="m")


def step(name: str, state: str) -> ev.ChatStep:
    return ev.ChatStep(turn_id="t1", step=name, state=state, text=name)  # type: ignore[arg-type]


def folded(*events: ev.AnyEvent) -> dict[str, Any]:
    said = Conversation()
    for number, event in enumerate(events):
        said = said.after(event, at=f"at-{number}")
    over = any(isinstance(event, ev.ChatCompleted | ev.ChatStopped | ev.ChatFailed) for event in events)
    return snapshot(CHAT, said, None if over else OpenTurn.of("t1", events)).as_json()


def test_an_answer_in_the_making_is_shown_with_its_text_and_steps() -> None:
    shown = folded(
        asked("hola"),
        started(),
        step("a", "started"),
        step("a", "done"),
        step("b", "started"),
        delta(0, "¡Ho"),
        delta(1, "la"),
    )
    assert shown == {
        "chat": {"id": "c1", "mode": "agent"},
        "messages": [{"message_id": "m1", "author": {"kind": "customer", "name": "Ana"}, "text": "hola", "at": "at-0"}],
        "turn": {
            "turn_id": "t1",
            "text": "¡Hola",
            "next_index": 2,
            "steps": [
                {"step": "a", "state": "done", "text": "a"},
                {"step": "b", "state": "started", "text": "b"},
            ],
        },
        "waiting": [],
    }


def test_another_attempt_starts_from_nothing() -> None:
    shown = folded(started(), step("a", "started"), delta(0, "viejo"), started(2), delta(0, "nuevo"))
    assert shown["turn"] == {"turn_id": "t1", "text": "nuevo", "next_index": 1, "steps": []}


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        (ev.ChatCompleted(turn_id="t1", text="¡Hola!", usage=USAGE), "completed"),
        (ev.ChatStopped(turn_id="t1", text="¡Hola!", by="Ana"), "stopped"),
        (ev.ChatFailed(turn_id="t1", text="¡Hola!", error=ERROR), "failed"),
    ],
)
def test_an_ended_answer_is_a_message_of_the_agent(ending: ev.AnyEvent, state: str) -> None:
    shown = folded(started(), delta(0, "¡Ho"), ending)
    assert shown["turn"] is None
    (message,) = shown["messages"]
    assert (message["turn_id"], message["state"], message["text"]) == ("t1", state, "¡Hola!")
    assert message["author"] == {"kind": "agent", "name": "Asistente"}
    assert ("error" in message) == (state == "failed")


def test_an_answer_whose_beginning_was_trimmed_goes_on() -> None:
    shown = folded(delta(7, "…y más"))
    assert shown["turn"] == {"turn_id": "t1", "text": "…y más", "next_index": 8, "steps": []}


def test_an_answer_whose_beginning_was_trimmed_is_whole_with_its_checkpoint() -> None:
    early: list[ev.AnyEvent] = [started(2), step("a", "started"), step("a", "done"), delta(0, "uno "), delta(1, "dos ")]
    late: list[ev.AnyEvent] = [delta(1, "dos "), delta(2, "tres")]
    known = OpenTurn.of("t1", early)
    whole = OpenTurn.of("t1", late, known)
    assert whole == OpenTurn.of("t1", [*early, late[1]])
    assert known == OpenTurn.of("t1", early), "what was known has changed"
    # One of another turn, or of an attempt before, says nothing about this one.
    assert OpenTurn.of("t2", [delta(7, "x", "t2")], known) == OpenTurn("t2", answer="x", next_index=8)
    assert OpenTurn.of("t1", [started(3), delta(0, "nuevo")], known) == OpenTurn("t1", 3, "nuevo", 1)
    assert OpenTurn.of("t1", [], known) == known
    assert OpenTurn.of("t1", [delta(0, "x", "t2")]) is None


@pytest.mark.parametrize("text", ["hola " * 100, "\x01" * 500, "🌮" * 300])
def test_a_conversation_keeps_the_newest_and_fits_into_its_document(text: str) -> None:
    said = Conversation()
    for number in range(300):
        said = said.after(asked(text, f"m{number}"), at="at")
    assert len(said.model_dump_json().encode()) < MAX_CONVERSATION_BYTES + 1_000
    assert [message.message_id for message in said.messages] == [f"m{n}" for n in range(300)][-len(said.messages) :]
    assert len(said.messages) > 10


def test_the_longest_answer_is_remembered_alone_if_need_be() -> None:
    said = Conversation().after(asked("hola"), ev.ChatCompleted(turn_id="t1", text="\x01" * 10_000, usage=USAGE), at="")
    assert [message.kind for message in said.messages] == ["agent"]
    assert len(said.model_dump_json().encode()) < 65_536


def test_several_turns_that_end_at_once_let_those_behind_them_run() -> None:
    chat = CHAT
    for number in range(4):
        chat, _ = admit(chat, f"t{number}", at_once=1, waiting=3)
    chat, runnable = release(chat, "t0", "t2", at_once=1)
    assert (chat.turns, runnable, chat.recent) == (("t1", "t3"), ("t1",), ("t0", "t1", "t2", "t3"))


def test_hand_overs_and_tool_calls_leave_no_message() -> None:
    called = ev.ChatToolCalled(turn_id="t1", call_id="1", tool="show_menu", summary="")
    shown = folded(started(), called, ev.ChatHandedOver(by="Sole", reason=""), ev.ChatHandedBack(by="Sole", reason=""))
    assert shown["messages"] == []


def test_the_agent_acts_with_the_askers_roles_and_the_chats_orders_and_no_more() -> None:
    asker = Principal(
        Kind.STAFF, "s1", "Carmen", frozenset({Role.MANAGER}), orders=frozenset({"A", "B"}), chats=frozenset({"c9"})
    )
    turn = Turn(
        id="t1",
        chat_id="c1",
        message_id="m1",
        question="?",
        requested_by=RequestedBy.of(asker, ["A"]),
        created_at=AT,
        updated_at=AT,
    )
    acting = turn.principal(CHAT.model_copy(update={"order_ids": ("C",)}))
    assert acting.roles == asker.roles
    assert acting.orders == {"A", "C"}
    assert acting.chats == {"c1"}


@given(
    at_once=st.integers(0, 3),
    waiting=st.integers(0, 3),
    moves=st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=40),
)
def test_turns_run_in_order_each_once_and_never_too_many(
    at_once: int, waiting: int, moves: list[tuple[bool, int]]
) -> None:
    chat, ran, running, asked_ids = CHAT, [], set(), []
    for number, (asks, which) in enumerate(moves):
        if asks:
            turn_id = f"t{number}"
            try:
                chat, runs = admit(chat, turn_id, at_once=at_once, waiting=waiting)
            except RateLimited:
                assert at_once
                assert waiting
                assert len(chat.turns) == at_once + waiting
                continue
            asked_ids.append(turn_id)
            started_now = [turn_id] if runs else []
        elif chat.turns:
            over = chat.turns[which % len(chat.turns)]
            chat, runnable = release(chat, over, at_once=at_once)
            # A turn that was stopped while it waited never runs.
            asked_ids = [turn_id for turn_id in asked_ids if turn_id != over or turn_id in ran]
            running.discard(over)
            started_now = list(runnable)
        else:
            continue
        ran += started_now
        running |= set(started_now)
        assert not at_once or len(running) <= at_once
        assert running == set(chat.turns[:at_once] if at_once else chat.turns)
    assert len(ran) == len(set(ran))
    assert ran == [turn_id for turn_id in asked_ids if turn_id in ran]


PROPOSAL = Proposal(
    id="t1.place_order",
    code="K3Q9",
    say="Confirmar K3Q9",
    asks="Por confirmar: 2 × Gringa. Total: $100",
    tool="place_order",
    command="{}",
    summary="2 × Gringa. Total: $100",
    terms="",
    shows="Por confirmar: 2 × Gringa. Total: $100. ¿Lo confirmo?",
    requested_by=RequestedBy(kind=Kind.CUSTOMER),
    turn_id="t1",
    made_at=AT,
)
CONFIRM = {"say": "Confirmar K3Q9", "summary": "Por confirmar: 2 × Gringa. Total: $100"}


def drawn(
    *events: ev.AnyEvent, proposal: Proposal | None = PROPOSAL, chat: Chat = CHAT, turn: OpenTurn | None = None
) -> object:
    """The button that a page shows which comes just now."""
    said = Conversation()
    for event in events:
        said = said.after(event, at="at")
    return snapshot(chat, said, turn, proposal).as_json().get("confirm")


def completed(turn_id: str = "t1") -> ev.ChatCompleted:
    return ev.ChatCompleted(turn_id=turn_id, text=f"¡Va!\n\n{PROPOSAL.shows}", usage=USAGE)


def test_a_page_that_comes_later_can_still_confirm_what_was_proposed() -> None:
    assert drawn(asked("quiero dos gringas"), completed()) == CONFIRM
    assert drawn(asked("quiero dos gringas"), turn=OpenTurn("t1")) == CONFIRM  # the answer is still being written


@pytest.mark.parametrize(
    "ending",
    [
        ev.ChatStopped(turn_id="t1", text=PROPOSAL.shows, by="customer"),
        ev.ChatFailed(turn_id="t1", text=PROPOSAL.shows, error=ev.TurnError(code="x", message="", retryable=True)),
        completed().model_copy(update={"text": f"{PROPOSAL.shows} En realidad son $44."}),
        completed().model_copy(update={"text": "Son $44. ¿Va?"}),
    ],
    ids=["stopped", "failed", "said after the summary", "without the summary"],
)
def test_an_answer_that_did_not_end_with_the_summary_leaves_nothing_to_confirm(ending: ev.ChatEvent) -> None:
    assert drawn(asked("quiero dos gringas"), ending) is None


def test_a_page_that_comes_later_cannot_confirm_what_something_was_said_since() -> None:
    said = (asked("quiero dos gringas"), completed())
    assert drawn(*said, asked("¿y tienen agua?", "m2")) is None
    assert drawn(*said, asked("¿y tienen agua?", "m2"), turn=OpenTurn("t2")) is None
    assert drawn(*said, asked("¿y tienen agua?", "m2"), completed("t2")) is None


@pytest.mark.parametrize(
    ("chat", "proposal"),
    [
        (CHAT, None),
        (CHAT, PROPOSAL.model_copy(update={"begun_in": "t2"})),
        (CHAT, PROPOSAL.model_copy(update={"done": True})),
        (CHAT, PROPOSAL.model_copy(update={"say": ""})),
        (CHAT.model_copy(update={"mode": "person"}), PROPOSAL),
    ],
    ids=["nothing", "being done", "done", "without words for it", "a person answers"],
)
def test_a_page_that_comes_later_has_nothing_to_confirm(chat: Chat, proposal: Proposal | None) -> None:
    assert drawn(asked("quiero dos gringas"), completed(), chat=chat, proposal=proposal) is None
