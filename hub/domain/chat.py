"""A conversation, its turns, and what one sees of them on entering the room.

Three things, all pure: the documents (`Chat`, `Turn`, `Conversation`), the decisions about them (which
turn may run, which waits), and `OpenTurn`, the fold of what an answer in the making has said so far. Who
may speak is the service's question.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from hub.domain import events as ev
from hub.domain.asker import Asker
from hub.domain.errors import RateLimited
from hub.domain.values import Stored, Time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.domain.proposal import Proposal
    from hub.domain.roles import Principal

AGENT_NAME = "Asistente"
# A conversation is one document, which holds 64 KiB; the longest answer alone may take most of it.
MAX_SAID_BYTES = 48 * 1024
_SHORT = 140  # characters of what was said last
MAX_RECENT = 30  # ended turns a chat remembers, for those who look after the agent


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


class LastSaid(Stored):
    """What was said last in a chat, as a list of chats shows it."""

    kind: Literal["customer", "staff", "agent"] | str
    text: str
    at: str


class Chat(Stored):
    """The chat document.

    Attributes:
        order_ids: The orders it may speak about, oldest first: those it was opened for and those placed in it.
        bound: Opened for one order by its link: whatever else the asker holds stays out of it.
        turns: The turns that are not over, first asked first. Those past the allowed number wait their turn.
        recent: The turns that were asked last, over or not.
        last: What was said last, cut short.
    """

    id: str
    mode: Annotated[ChatMode | str, Field(union_mode="left_to_right")] = ChatMode.AGENT
    order_ids: tuple[str, ...] = ()
    bound: bool = False
    opened_by: Asker
    lang: str | None = None
    turns: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()
    last: LastSaid | None = None
    created_at: Time
    updated_at: Time

    @property
    def known_lang(self) -> Literal["es", "en"] | None:
        """The chat's language, if it is known and this version speaks it."""
        return "es" if self.lang == "es" else "en" if self.lang == "en" else None


class Turn(Stored):
    """The turn document. Its version in the log is the fencing token: each of a worker's commits moves it.

    Attributes:
        message_id: The customer's message that asked for it.
        attempt: How often a worker has begun it.
        worker: Who holds it, while it runs.
        next_index: The index of the next delta of this attempt.
        intents: Calls that change something, by ordinal, with their arguments as JSON: written down before
            they are made, so that another attempt makes the very same ones and no others.
        model: What answered, or was to.
        usage: What the answer took, once it is over, if that is known.
        error: Why it failed, if it did: the code.
    """

    id: str
    chat_id: str
    message_id: str
    state: Annotated[TurnState | str, Field(union_mode="left_to_right")] = TurnState.WAITING
    attempt: int = 0
    worker: str = ""
    text: str
    asked_by: Asker
    next_index: int = 0
    intents: dict[str, str] = Field(default_factory=dict)
    model: str = ""
    usage: ev.Usage | None = None
    error: str = ""
    created_at: Time
    updated_at: Time

    @property
    def over(self) -> bool:
        return self.state in OVER

    def principal(self, chat: Chat) -> Principal:
        """Who the agent acts for: the asker's roles, and the orders this chat may speak about; no more."""
        return self.asked_by.principal(chat.order_ids, self.chat_id)


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
    recent = (*chat.recent, turn_id)[-MAX_RECENT:]
    return chat.model_copy(update={"turns": (*chat.turns, turn_id), "recent": recent}), runs


def release(chat: Chat, *turn_ids: str, at_once: int) -> tuple[Chat, tuple[str, ...]]:
    """Let go of turns that are over.

    Returns:
        The chat without them, and the turns that may run now because of that.
    """
    left = tuple(other for other in chat.turns if other not in turn_ids)
    if not at_once:
        return chat.model_copy(update={"turns": left}), ()
    already = chat.turns[:at_once]
    runnable = tuple(other for other in left[:at_once] if other not in already)
    return chat.model_copy(update={"turns": left}), runnable


# What was said


class Message(Stored):
    """One thing said, by a customer, a member of staff, or the agent.

    Attributes:
        state: How an answer of the agent's ended; `claimed`: it is the customer who says that the agent said so.
    """

    message_id: str
    kind: Literal["customer", "staff", "agent"] | str
    name: str
    text: str
    at: str
    turn_id: str | None = None
    state: str | None = None
    error: dict[str, Any] | None = None

    @classmethod
    def of(cls, event: ev.ReadEvent, at: str) -> Message | None:
        """What an event says; None for those that say nothing by themselves."""
        match event:
            case ev.ChatMessage():
                author = event.author
                return cls(message_id=event.message_id, kind=author.kind, name=author.name, text=event.text, at=at)
            case ev.ChatCompleted() | ev.ChatStopped() | ev.ChatFailed():
                return cls(
                    message_id=event.turn_id,
                    kind="agent",
                    name=AGENT_NAME,
                    text=event.text,
                    at=at,
                    turn_id=event.turn_id,
                    state=event.type.removeprefix("chat."),
                    error=event.error.model_dump() if isinstance(event, ev.ChatFailed) else None,
                )
            case ev.NoticeSent():
                return cls(message_id=event.notice_id, kind="agent", name=AGENT_NAME, text=event.message, at=at)
            case _:
                return None

    @property
    def shortened(self) -> LastSaid:
        return LastSaid(kind=self.kind, text=self.text[:_SHORT], at=self.at)

    def as_dict(self) -> dict[str, Any]:
        shown = self.model_dump(exclude={"kind", "name"}, exclude_none=True)
        return {"message_id": self.message_id, "author": {"kind": self.kind, "name": self.name}, **shown}


class Conversation(Stored):
    """The conversation document: the newest of what was said, whatever the room's log has dropped meanwhile.

    An answer is hundreds of events in the room and one message here.
    """

    messages: tuple[Message, ...] = ()

    def after(self, *events: ev.AnyEvent, at: str) -> Conversation:
        """The conversation with what these events say; the oldest goes when it grows too long."""
        said = [message for event in events if (message := Message.of(event, at)) is not None]
        return self.followed_by(said) if said else self

    def followed_by(self, said: Sequence[Message], most_bytes: int = MAX_SAID_BYTES) -> Conversation:
        """The same, where it is already known who said what."""
        messages = (*self.messages, *said)
        room, kept = most_bytes, 0
        for message in reversed(messages):
            room -= len(message.model_dump_json().encode())
            if room < 0 and kept:
                break
            kept += 1
        return self.model_copy(update={"messages": messages[-kept:]})


# Fold

MAKING = frozenset({"chat.started", "chat.delta", "chat.step"})  # the events that an answer in the making is made of


@dataclass(slots=True)
class OpenTurn:
    """An answer in the making."""

    turn_id: str
    attempt: int = 0
    text: str = ""
    next_index: int = 0
    steps: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, turn_id: str, events: Sequence[ev.ReadEvent], checkpoint: OpenTurn | None = None) -> OpenTurn | None:
        """What a turn has said so far; None if it has not begun.

        Args:
            events: Of its room, oldest first; the beginning may be missing.
            checkpoint: What it had said at some moment, if that is known.
        """
        mine = [event for event in events if getattr(event, "turn_id", None) == turn_id]
        begins = [number for number, event in enumerate(mine) if isinstance(event, ev.ChatStarted)]
        known = checkpoint if checkpoint is not None and checkpoint.turn_id == turn_id else None
        if not mine and known is None:
            return None
        turn = cls(turn_id)
        if not begins and known is not None:
            turn = replace(known, steps=dict(known.steps))
        for event in mine[begins[-1] if begins else 0 :]:
            turn.apply(event)
        return turn

    def apply(self, event: ev.ReadEvent) -> None:
        match event:
            case ev.ChatStarted():
                # A second attempt starts from nothing, as the first one did.
                self.attempt, self.text, self.next_index, self.steps = event.attempt, "", 0, {}
            case ev.ChatDelta() if event.index >= self.next_index:
                self.text += event.text
                self.next_index = event.index + 1
            case ev.ChatStep():
                self.steps[event.step] = {"step": event.step, "state": event.state, "text": event.text}
            case _:
                pass

    def as_dict(self) -> dict[str, Any]:
        return {
            "turn_id": self.turn_id,
            "text": self.text,
            "next_index": self.next_index,
            "steps": list(self.steps.values()),
        }


def snapshot(chat: Chat, said: Conversation, turn: OpenTurn | None, proposal: Proposal | None = None) -> dict[str, Any]:
    """What a page is drawn from; `waiting` are the questions behind the answer in the making, first asked first."""
    drawn: dict[str, Any] = {
        "chat": {"id": chat.id, "mode": str(chat.mode)},
        "messages": [message.as_dict() for message in said.messages],
        "turn": turn.as_dict() if turn else None,
        "waiting": [turn_id for turn_id in chat.turns if turn is None or turn_id != turn.turn_id],
    }
    if proposal is not None and chat.mode is ChatMode.AGENT and _waits_last(proposal, said, turn):
        drawn["confirm"] = {"say": proposal.say, "summary": proposal.asks}
    return drawn


def _waits_last(proposal: Proposal, said: Conversation, turn: OpenTurn | None) -> bool:
    """Whether nothing was said since it was proposed but the answer that proposed it."""
    if not (proposal.waits and proposal.say):
        return False
    if turn is not None:
        return turn.turn_id == proposal.turn_id
    return bool(said.messages) and proposal.read_in(said.messages[-1])
