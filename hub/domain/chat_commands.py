"""Commands on chats."""

from __future__ import annotations

from typing import ClassVar, Literal

from hub.domain.command import Command, Keyed, Token
from hub.domain.values import Id, Passage, Prose, Value


class OpenChat(Keyed):
    """Open a chat. A repeat under the same `command_id` gives the same chat: whoever knows that id is in it."""

    name: ClassVar[str] = "chat.open"
    order_token: Token | None = None


class SendChat(Keyed):
    """Send a message in a chat; the agent answers, unless a person does."""

    name: ClassVar[str] = "chat.send"
    chat_id: Id
    text: Prose
    token: Token | None = None


class StopChat(Command):
    """Stop an answer."""

    name: ClassVar[str] = "chat.stop"
    chat_id: Id
    turn_id: Id
    token: Token | None = None


class TakeOverChat(Command):
    """Take a chat over from the agent."""

    name: ClassVar[str] = "chat.take_over"
    chat_id: Id
    text: Prose | None = None


class HandBackChat(Command):
    """Hand a chat back to the agent."""

    name: ClassVar[str] = "chat.hand_back"
    chat_id: Id
    text: Prose | None = None


class ReplyChat(Keyed):
    """Answer in a customer's chat, as a person."""

    name: ClassVar[str] = "chat.reply"
    chat_id: Id
    text: Prose


class ForgetChat(Command):
    """Forget the messages of a chat."""

    name: ClassVar[str] = "chat.forget"
    chat_id: Id
    token: Token | None = None


class ChatTurn(Value):
    """One message of a conversation that the caller keeps itself (`POST /api/chat/stream`)."""

    role: Literal["user", "assistant", "system"]
    content: Passage
