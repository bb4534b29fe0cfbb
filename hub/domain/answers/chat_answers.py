"""Answers about chats."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from hub.domain.answers.base import Answer, CommandAnswer
from hub.domain.events import Author, TurnError, Usage
from hub.domain.values import absent


class OpenedChat(Answer):
    """A chat, and the token that opens it."""

    chat_id: str
    token: str


class SentMessage(CommandAnswer):
    """A message that was committed.

    Attributes:
        turn_id: The turn that will answer it; None while a person answers.
    """

    turn_id: str | None


class TurnFigures(Answer):
    """A turn for those who look after the agent; never its words."""

    state: str
    attempt: int
    worker: str
    model: str
    error: str
    usage: Usage | None
    turn_id: str
    asked_at: str
    ended_at: str | None


class SentReply(CommandAnswer):
    """The answer to a person's reply.

    Attributes:
        goes_as: `template`, if the customer writes by WhatsApp and has not done so for a day; else left out.
    """

    goes_as: Literal["template"] | None = Field(default=None, exclude_if=absent)


class ChatTurns(Answer):
    """The last turns of a chat, the newest first."""

    chat_id: str
    mode: str
    turns: tuple[TurnFigures, ...]


class InboxOrder(Answer):
    """An order that a chat may speak about."""

    id: str
    code: str
    status: str


class ShownLastMessage(Answer):
    """The last message of a chat, shortened."""

    model_config = ConfigDict(extra="allow")
    kind: str
    text: str
    at: str


class InboxChat(Answer):
    """A chat in the inbox of support.

    Attributes:
        customer: The name on its newest order, or else of whoever opened it.
        staff: A member of staff opened it.
        answering: An answer of the agent is being made or waits.
    """

    chat_id: str
    mode: str
    customer: str
    staff: bool
    orders: tuple[InboxOrder, ...]
    answering: bool
    last: ShownLastMessage | None


class InboxPage(Answer):
    """A page of chats, the one with the newest message first.

    Attributes:
        next: The `before` of the following page; None after the last one.
    """

    chats: tuple[InboxChat, ...]
    next: int | None


class ShownMessage(Answer):
    """A message of a conversation.

    Attributes:
        turn_id: Of the agent's answers: the turn.
        state: Of the agent's answers: the ending; `claimed` if only the customer says that the agent said it.
        error: Of failed answers.
    """

    model_config = ConfigDict(extra="allow")
    message_id: str
    author: Author
    text: str
    at: str
    turn_id: str | None = Field(default=None, exclude_if=absent)
    state: str | None = Field(default=None, exclude_if=absent)
    error: TurnError | None = Field(default=None, exclude_if=absent)


class ShownStep(Answer):
    """A step of the work on an answer."""

    step: str
    state: str
    text: str


class ShownTurn(Answer):
    """An unfinished answer.

    Attributes:
        text: All of it so far.
        next_index: The index of the `chat.delta` that continues it.
    """

    turn_id: str
    text: str
    next_index: int
    steps: tuple[ShownStep, ...]


class ShownChat(Answer):
    """The chat itself."""

    id: str
    mode: str


class ShownProposal(Answer):
    """A proposal that waits for the customer's yes: the message that says yes, and the summary."""

    say: str
    summary: str


class ChatSnapshot(Answer):
    """The state of a chat's room.

    Attributes:
        messages: The newest messages, oldest first.
        turn: The answer that is being made.
        waiting: The turns behind it, first asked first.
        confirm: The proposal that was read last.
    """

    chat: ShownChat
    messages: tuple[ShownMessage, ...]
    turn: ShownTurn | None
    waiting: tuple[str, ...]
    confirm: ShownProposal | None = Field(default=None, exclude_if=absent)
