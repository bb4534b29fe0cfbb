"""Events of a conversation with the agent or with a person."""

from __future__ import annotations

from typing import ClassVar, Literal

from hub.domain.event import Event, Optional_
from hub.domain.rooms import RoomKind
from hub.domain.values import Stored


class ChatHappening(Event):
    """Something that happened in a chat, for everybody in it."""

    rooms: ClassVar[frozenset[RoomKind]] = frozenset({RoomKind.CHAT})


class Author(Stored):
    """The author of a message."""

    kind: Literal["customer", "staff"] | str
    name: str


class ChatMessage(ChatHappening):
    """A message of a customer or of a member of staff."""

    outbound: ClassVar[bool] = True
    type: Literal["chat.message"] = "chat.message"
    message_id: str
    author: Author
    text: str


class ChatStarted(ChatHappening):
    """A worker has begun an answer; a second attempt starts from an empty text."""

    type: Literal["chat.started"] = "chat.started"
    turn_id: str
    attempt: int
    model: str


class ChatStep(ChatHappening):
    """A step of the work on an answer, for people to read."""

    type: Literal["chat.step"] = "chat.step"
    turn_id: str
    step: str
    state: Literal["started", "done", "failed"]
    text: str


class ChatToolCalled(ChatHappening):
    """The agent has called a tool."""

    type: Literal["chat.tool_called"] = "chat.tool_called"
    turn_id: str
    call_id: str
    tool: str
    summary: str


class ChatToolFinished(ChatHappening):
    """A tool has answered."""

    type: Literal["chat.tool_finished"] = "chat.tool_finished"
    turn_id: str
    call_id: str
    tool: str
    summary: str
    ok: bool
    # The message that says yes to what is proposed: a page may offer it as a button.
    confirm: str | None = Optional_


class Tracking(Stored):
    """The way to an order: its page, and what opens its room."""

    url: str
    token: str


class ChatTrackingStarted(ChatHappening):
    """The chat follows an order from here on; customers who are in it are brought into the order's room."""

    type: Literal["chat.tracking_started"] = "chat.tracking_started"
    turn_id: str
    order_id: str
    code: str
    tracking: Tracking


class ChatDelta(ChatHappening):
    """The next piece of an answer; `index` counts the pieces of one attempt."""

    type: Literal["chat.delta"] = "chat.delta"
    turn_id: str
    index: int
    text: str


class Usage(Stored):
    """The times, tokens and calls of one answer.

    Attributes:
        ttft_ms: From a worker taking the question to the first text in the room.
        queue_ms: From the question to that worker.
        model_ms: The part of `ttft_ms` that the model took for its first word.
        gap_p50_ms: The median time between two pieces of text; `gap_p95_ms` is the 95th percentile.
        input_tokens, output_tokens: The provider's count, or an estimate.
        tool_ms: Spent in tools.
        retries: Tries at models past the first.
    """

    ttft_ms: int
    duration_ms: int
    deltas: int
    llm_calls: int
    tool_calls: int
    input_tokens: int | None = Optional_
    output_tokens: int | None = Optional_
    queue_ms: int | None = Optional_
    model_ms: int | None = Optional_
    gap_p50_ms: int | None = Optional_
    gap_p95_ms: int | None = Optional_
    tool_ms: int | None = Optional_
    retries: int | None = Optional_
    provider: str | None = Optional_


class ChatCompleted(ChatHappening):
    """An answer is whole."""

    outbound: ClassVar[bool] = True
    type: Literal["chat.completed"] = "chat.completed"
    turn_id: str
    text: str
    usage: Usage


class ChatStopped(ChatHappening):
    """An answer was ended from outside."""

    outbound: ClassVar[bool] = True
    type: Literal["chat.stopped"] = "chat.stopped"
    turn_id: str
    text: str
    by: str


class TurnError(Stored):
    """An error as the reader of a chat sees it."""

    code: str
    message: str
    retryable: bool


class ChatFailed(ChatHappening):
    """An answer ended with an error."""

    outbound: ClassVar[bool] = True
    type: Literal["chat.failed"] = "chat.failed"
    turn_id: str
    text: str
    error: TurnError


class ChatHandedOver(ChatHappening):
    """A person answers from here on."""

    outbound: ClassVar[bool] = True
    type: Literal["chat.handed_over"] = "chat.handed_over"
    by: str
    reason: str


class ChatHandedBack(ChatHappening):
    """The agent answers again."""

    outbound: ClassVar[bool] = True
    type: Literal["chat.handed_back"] = "chat.handed_back"
    by: str
    reason: str


class ChatForgotten(ChatHappening):
    """The conversation before this event was deleted; clients must not show it any more."""

    type: Literal["chat.forgotten"] = "chat.forgotten"
    by: str


ChatEvent = (
    ChatMessage
    | ChatStarted
    | ChatStep
    | ChatToolCalled
    | ChatToolFinished
    | ChatTrackingStarted
    | ChatDelta
    | ChatCompleted
    | ChatStopped
    | ChatFailed
    | ChatHandedOver
    | ChatHandedBack
    | ChatForgotten
)
