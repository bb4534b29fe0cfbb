"""How a chat begins: under which id, and with what it is told of another time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from hub.domain import chat as chats
from hub.domain import commands as cmd
from hub.domain.chat import Chat, Conversation, Message
from hub.domain.errors import BadRequest
from hub.domain.roles import Principal
from hub.domain.values import format_time
from hub.eventlog.log import Document, Write
from hub.services.identity import UNGUESSED_CHARS
from hub.services.turns import KEPT_S, ChatRead, conversation_key, written

# Of a conversation that a caller tells of, one message and all of it: more than a model is given to read.
_CLAIMED_CHARS = 4_000
_CLAIMED_BYTES = 12 * 1024


def opening(chat: Chat, said: Sequence[cmd.ChatTurn], new_id: Callable[[], str]) -> Write:
    """The write that begins a chat. What is said to have been said is words only: nothing was asked, answered or
    proposed in it."""
    write = written(ChatRead(chat, 0, Conversation(), 0), chat, chat.created_at)
    told = [turn for turn in said if turn.content and turn.role != "system"]
    if not told:
        return write
    messages, key = [_claimed(turn, chat, new_id()) for turn in told], conversation_key(chat.id)
    document = Document(key, 1, Conversation().followed_by(messages, _CLAIMED_BYTES).model_dump_json())
    return replace(write, documents=(*write.documents, document), expire=(*write.expire, (key, KEPT_S)))


def same_chat(principal: Principal, command: cmd.OpenChat) -> str | None:
    """The id of the chat that this very command opens, however often it is said; None if it has no id itself.

    Raises:
        BadRequest: Its id is one that somebody could guess, and nothing else says whose it is.
    """
    if command.command_id is None:
        return None
    if not principal.id and len(command.command_id) < UNGUESSED_CHARS:
        what = f"an id that opens a chat again has {UNGUESSED_CHARS} characters at least, and nobody can guess it"
        raise BadRequest(what, field="command_id")
    said = f"{principal.id}\n{command.order_token or ''}\n{command.command_id}"
    return "by-" + hashlib.sha256(said.encode()).hexdigest()[:40]


def _claimed(turn: cmd.ChatTurn, chat: Chat, message_id: str) -> Message:
    """What was said before a chat began, as the chat remembers it: by nobody else than its two sides, and the agent's
    part of it known for hearsay to whoever reads on."""
    kind: Literal["customer", "agent"] = "customer" if turn.role == "user" else "agent"
    name = chat.opened_by.name if kind == "customer" else chats.AGENT_NAME
    at = format_time(chat.created_at)
    state, text = "claimed" if kind == "agent" else None, turn.content[:_CLAIMED_CHARS]
    return Message(message_id=message_id, kind=kind, name=name, text=text, at=at, state=state)
