"""Chats and their turns: the documents, and the decisions about which turn runs and which waits.

Who may write in a chat is decided by the services.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from hub.core.errors import RateLimited
from hub.domain import events as ev
from hub.domain.answers.chat_answers import ChatSnapshot, ShownChat, ShownProposal
from hub.domain.conversation import Conversation, LastMessage
from hub.domain.requested_by import RequestedBy
from hub.domain.values import Stored, Time, stored_as

if TYPE_CHECKING:
    from hub.domain.open_turn import OpenTurn
    from hub.domain.proposal import Proposal
    from hub.domain.roles import Principal

MAX_RECENT = 30  # ended turns a chat remembers, for those who look after the agent


class ChatMode(StrEnum):
    """The party that answers in a chat."""

    AGENT = "agent"
    PERSON = "person"


class TurnState(StrEnum):
    """The state of one answer of the agent. The last three states are its only endings."""

    WAITING = "waiting"  # asked; no worker has it
    RUNNING = "running"  # a worker holds its lease
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"


OVER = frozenset({TurnState.COMPLETED, TurnState.STOPPED, TurnState.FAILED})


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
    opened_by: RequestedBy
    lang: str | None = None
    turns: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()
    last: LastMessage | None = None
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
    question: str = stored_as("text")
    requested_by: RequestedBy = stored_as("asked_by")
    next_index: int = 0
    intents: dict[str, str] = Field(default_factory=dict)
    model: str = ""
    usage: ev.Usage | None = None
    error: str = ""
    created_at: Time
    updated_at: Time

    @property
    def over(self) -> bool:
        """True if the turn has ended."""
        return self.state in OVER

    def principal(self, chat: Chat) -> Principal:
        """Return the principal for whom the agent acts: the roles of whoever asked, and the orders of this chat."""
        return self.requested_by.principal(chat.order_ids, self.chat_id)


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


def snapshot(
    chat: Chat, conversation: Conversation, turn: OpenTurn | None, proposal: Proposal | None = None
) -> ChatSnapshot:
    """Return the state of a chat's room, from which a page is drawn."""
    confirm = None
    if proposal is not None and chat.mode is ChatMode.AGENT and _waits_last(proposal, conversation, turn):
        confirm = ShownProposal(say=proposal.say, summary=proposal.asks)
    return ChatSnapshot(
        chat=ShownChat(id=chat.id, mode=str(chat.mode)),
        messages=tuple(message.shown() for message in conversation.messages),
        turn=turn.shown() if turn else None,
        waiting=tuple(turn_id for turn_id in chat.turns if turn is None or turn_id != turn.turn_id),
        confirm=confirm,
    )


def _waits_last(proposal: Proposal, said: Conversation, turn: OpenTurn | None) -> bool:
    """Return True if the answer that made the proposal is still the last thing said in the chat."""
    if not (proposal.waits and proposal.say):
        return False
    if turn is not None:
        return turn.turn_id == proposal.turn_id
    return bool(said.messages) and proposal.read_in(said.messages[-1])
