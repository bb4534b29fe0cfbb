"""A conversation, its turns, and what one sees of them on entering the room.

Three things, all pure: the documents (`Chat`, `Turn`), the decisions about them (which turn may
run, which waits), and the `Transcript`, the fold of a chat room's events. Who may speak is the
service's question.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from hub.domain import events as ev
from hub.domain.errors import RateLimited
from hub.domain.roles import Kind, Principal, Role
from hub.domain.values import Time, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

AGENT_NAME = "Asistente"


class ChatMode(StrEnum):
    """Who answers."""

    AGENT = "agent"
    PERSON = "person"


class TurnState(StrEnum):
    """Where one answer of the agent is. The last three are its only endings."""

    WAITING = "waiting"  # asked; no worker has it
    RUNNING = "running"  # a worker holds its lease
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"


OVER = frozenset({TurnState.COMPLETED, TurnState.STOPPED, TurnState.FAILED})


class Asker(Value):
    """A principal on paper: who asked, with what they held at that moment."""

    kind: Kind
    id: str = ""
    name: str = ""
    roles: tuple[Role, ...] = ()
    orders: tuple[str, ...] = ()

    @classmethod
    def of(cls, principal: Principal, orders: Iterable[str] = ()) -> Asker:
        """What of a principal a document may keep: never a capability for other chats."""
        return cls(
            kind=principal.kind,
            id=principal.id,
            name=principal.name,
            roles=tuple(sorted(principal.roles)),
            orders=tuple(orders),
        )


class Chat(Value):
    """The chat document.

    Attributes:
        order_ids: The orders it may speak about, oldest first: those it was opened for and those placed in it.
        bound: Opened for one order by its link: whatever else the asker holds stays out of it.
        turns: The turns that are not over, first asked first. Those past the allowed number wait their turn.
    """

    id: str
    mode: ChatMode = ChatMode.AGENT
    order_ids: tuple[str, ...] = ()
    bound: bool = False
    opened_by: Asker
    lang: Literal["es", "en"] | None = None
    turns: tuple[str, ...] = ()
    created_at: Time
    updated_at: Time


class Turn(Value):
    """The turn document. Its version in the log is the fencing token: each of a worker's commits moves it.

    Attributes:
        message_id: The customer's message that asked for it.
        attempt: How often a worker has begun it.
        worker: Who holds it, while it runs.
        next_index: The index of the next delta of this attempt.
        intents: Calls that change something, by ordinal, with their arguments as JSON: written down before
            they are made, so that another attempt makes the very same ones and no others.
    """

    id: str
    chat_id: str
    message_id: str
    state: TurnState = TurnState.WAITING
    attempt: int = 0
    worker: str = ""
    text: str
    asked_by: Asker
    next_index: int = 0
    intents: dict[str, str] = Field(default_factory=dict)
    created_at: Time
    updated_at: Time

    @property
    def over(self) -> bool:
        return self.state in OVER

    def principal(self, chat: Chat) -> Principal:
        """Who the agent acts for: the asker's roles, and the orders this chat may speak about; no more."""
        return Principal(
            kind=self.asked_by.kind,
            id=self.asked_by.id,
            name=self.asked_by.name,
            roles=frozenset(self.asked_by.roles),
            orders=frozenset(self.asked_by.orders) | frozenset(chat.order_ids),
            chats=frozenset({self.chat_id}),
        )


# Decide


def admit(chat: Chat, turn_id: str, *, at_once: int, waiting: int) -> tuple[Chat, bool]:
    """Take one more question.

    Returns:
        The chat with the turn in it, and whether the turn may run now.

    Raises:
        RateLimited: Enough are waiting already.
    """
    if at_once and waiting and len(chat.turns) >= at_once + waiting:
        raise RateLimited("wait for the answer first", waiting=len(chat.turns))
    runs = not at_once or len(chat.turns) < at_once
    return chat.model_copy(update={"turns": (*chat.turns, turn_id)}), runs


def release(chat: Chat, turn_id: str, *, at_once: int) -> tuple[Chat, tuple[str, ...]]:
    """Let go of a turn that is over.

    Returns:
        The chat without it, and the turns that may run now because of that.
    """
    left = tuple(other for other in chat.turns if other != turn_id)
    if not at_once:
        return chat.model_copy(update={"turns": left}), ()
    already = chat.turns[:at_once]
    runnable = tuple(other for other in left[:at_once] if other not in already)
    return chat.model_copy(update={"turns": left}), runnable


# Fold


@dataclass(slots=True)
class Message:
    """One thing said, by a customer, a member of staff, or the agent."""

    message_id: str
    kind: Literal["customer", "staff", "agent"]
    name: str
    text: str
    at: str
    turn_id: str | None = None
    state: str | None = None
    error: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "message_id": self.message_id,
            "author": {"kind": self.kind, "name": self.name},
            "text": self.text,
            "at": self.at,
        }
        for name in ("turn_id", "state", "error"):
            if (value := getattr(self, name)) is not None:
                shown[name] = value
        return shown


@dataclass(slots=True)
class OpenTurn:
    """An answer in the making."""

    turn_id: str
    text: str = ""
    next_index: int = 0
    steps: dict[str, dict[str, str]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "turn_id": self.turn_id,
            "text": self.text,
            "next_index": self.next_index,
            "steps": list(self.steps.values()),
        }


class Transcript:
    """A chat room's events, folded: what was said, and the answer in the making."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.turn: OpenTurn | None = None

    @classmethod
    def of(cls, happened: Iterable[tuple[ev.AnyEvent, str]]) -> Transcript:
        """The transcript after these events, oldest first, each with its time as logged."""
        transcript = cls()
        for event, at in happened:
            transcript.apply(event, at)
        return transcript

    def apply(self, event: ev.AnyEvent, at: str) -> None:
        match event:
            case ev.ChatMessage():
                author = event.author
                self.messages.append(Message(event.message_id, author.kind, author.name, event.text, at))
            case ev.ChatStarted():
                # A second attempt starts from nothing, as the first one did.
                self.turn = OpenTurn(event.turn_id)
            case ev.ChatDelta():
                turn = self._open(event.turn_id)
                turn.text += event.text
                turn.next_index = event.index + 1
            case ev.ChatStep():
                step = {"step": event.step, "state": event.state, "text": event.text}
                self._open(event.turn_id).steps[event.step] = step
            case ev.ChatCompleted() | ev.ChatStopped():
                self._end(event.turn_id, event.text, event.type.removeprefix("chat."), at)
            case ev.ChatFailed():
                self._end(event.turn_id, event.text, "failed", at, event.error.model_dump())
            case _:
                pass  # tool calls and hand-overs leave no message

    def _open(self, turn_id: str) -> OpenTurn:
        """The turn in the making; its beginning may have been trimmed from the room."""
        if self.turn is None or self.turn.turn_id != turn_id:
            self.turn = OpenTurn(turn_id)
        return self.turn

    def _end(self, turn_id: str, text: str, state: str, at: str, error: dict[str, Any] | None = None) -> None:
        self.messages.append(Message(turn_id, "agent", AGENT_NAME, text, at, turn_id, state, error))
        if self.turn is not None and self.turn.turn_id == turn_id:
            self.turn = None

    def snapshot(self, chat: Chat) -> dict[str, Any]:
        """What a page is drawn from."""
        return {
            "chat": {"id": chat.id, "mode": str(chat.mode)},
            "messages": [message.as_dict() for message in self.messages],
            "turn": self.turn.as_dict() if self.turn else None,
        }
