"""The opening of a chat: its id, and the earlier conversation that the caller brings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from hub.core.errors import BadRequest
from hub.core.times import format_time
from hub.domain import commands as cmd
from hub.domain.chat import Chat
from hub.domain.conversation import AGENT_NAME, Conversation, Message
from hub.domain.roles import Principal
from hub.domain.room_retention import CHAT_KEPT_S
from hub.services.auth.command_identity import UNGUESSED_CHARS
from hub.services.chats.chat_documents import ChatRead, conversation_key, written
from hub.services.service_bounds import MAX_CLAIMED_BYTES, MAX_CLAIMED_CHARS
from hub.store.log import Document, Write


def opening(chat: Chat, earlier: Sequence[cmd.ChatTurn], new_id: Callable[[], str]) -> Write:
    """Return the write that begins a chat. An earlier conversation that the caller reports is kept as words only."""
    write = written(ChatRead(chat, 0, Conversation(), 0), chat, chat.created_at)
    spoken = [turn for turn in earlier if turn.content and turn.role != "system"]
    if not spoken:
        return write
    messages, key = [_claimed(turn, chat, new_id()) for turn in spoken], conversation_key(chat.id)
    document = Document(key, 1, Conversation().followed_by(messages, MAX_CLAIMED_BYTES).model_dump_json())
    return replace(write, documents=(*write.documents, document), expire=(*write.expire, (key, CHAT_KEPT_S)))


def same_chat(principal: Principal, command: cmd.OpenChat) -> str | None:
    """Return the id of the chat that this command opens, the same for each repeat; None if the command has no id.

    Raises:
        BadRequest: Its id could be guessed, and the caller has no other identity.
    """
    if command.command_id is None:
        return None
    if not principal.id and len(command.command_id) < UNGUESSED_CHARS:
        what = f"an id that opens a chat again has {UNGUESSED_CHARS} characters at least, and nobody can guess it"
        raise BadRequest(what, field="command_id")
    identity = f"{principal.id}\n{command.order_token or ''}\n{command.command_id}"
    return "by-" + hashlib.sha256(identity.encode()).hexdigest()[:40]


def _claimed(turn: cmd.ChatTurn, chat: Chat, message_id: str) -> Message:
    """Return a message from before the chat began, as the caller reports it.

    Its author is the customer or the agent. The agent's messages are marked as claimed, because nobody can check them.
    """
    kind: Literal["customer", "agent"] = "customer" if turn.role == "user" else "agent"
    name = chat.opened_by.name if kind == "customer" else AGENT_NAME
    at = format_time(chat.created_at)
    state, text = "claimed" if kind == "agent" else None, turn.content[:MAX_CLAIMED_CHARS]
    return Message(message_id=message_id, kind=kind, name=name, text=text, at=at, state=state)
