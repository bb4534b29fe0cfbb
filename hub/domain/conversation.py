"""The messages of a chat, and the document that keeps the newest of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from hub.domain import events as ev
from hub.domain.answers.chat_answers import ShownMessage
from hub.domain.values import Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

AGENT_NAME = "Asistente"
# A conversation is one document, which holds 64 KiB; the longest answer alone may take most of it.
MAX_CONVERSATION_BYTES = 48 * 1024
_SHORT_CHARS = 140  # of the last message


class LastMessage(Stored):
    """The last message of a chat, shortened for a list of chats."""

    kind: Literal["customer", "staff", "agent"] | str
    text: str
    at: str


class Message(Stored):
    """A message of a customer, of a member of staff, or of the agent.

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
        """Return the message that an event adds to a conversation; None if it adds none."""
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
    def shortened(self) -> LastMessage:
        """The message, shortened for a list of chats."""
        return LastMessage(kind=self.kind, text=self.text[:_SHORT_CHARS], at=self.at)

    def shown(self) -> ShownMessage:
        """Return the message as a page shows it."""
        fields = self.model_dump(exclude={"kind", "name"}, exclude_none=True)
        return ShownMessage(author=ev.Author(kind=self.kind, name=self.name), **fields)


class Conversation(Stored):
    """The conversation document: the newest of what was said, whatever the room's log has dropped meanwhile.

    An answer is hundreds of events in the room and one message here.
    """

    messages: tuple[Message, ...] = ()

    def after(self, *events: ev.AnyEvent, at: str) -> Conversation:
        """Return the conversation with the messages of these events.

        The oldest messages go when it grows too long.
        """
        said = [message for event in events if (message := Message.of(event, at)) is not None]
        return self.followed_by(said) if said else self

    def followed_by(self, said: Sequence[Message], most_bytes: int = MAX_CONVERSATION_BYTES) -> Conversation:
        """Return the conversation with these messages at its end."""
        messages = (*self.messages, *said)
        room, kept = most_bytes, 0
        for message in reversed(messages):
            room -= len(message.model_dump_json().encode())
            if room < 0 and kept:
                break
            kept += 1
        return self.model_copy(update={"messages": messages[-kept:]})
