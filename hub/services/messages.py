"""What is said in a chat: how long it may be, and that saying it again is saying it once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from hub.domain import commands as cmd
from hub.domain.errors import TooLarge
from hub.domain.events import Author, ChatMessage
from hub.domain.roles import Principal
from hub.services.identity import scoped

if TYPE_CHECKING:
    from hub.config import Limits
    from hub.eventlog.log import EventLog, Quota
    from hub.services.message_bounds import MessageBounds

Answer = dict[str, Any]


class Messages:
    """For customers who ask and for people who answer alike."""

    def __init__(self, log: EventLog, new_id: Callable[[], str], limits: Limits, bounds: MessageBounds) -> None:
        self._log = log
        self._new_id = new_id
        self._limits = limits
        self._bounds = bounds

    async def answered_before(self, identity: Identity) -> Answer | None:
        """What this very message was answered with, if an earlier try of it got through."""
        if not identity.command_id:
            return None
        first = await self._log.remembered(*identity)
        return None if first is None else {**json.loads(first.result), "cursor": str(first.cursor)}

    def check_length(self, text: str) -> None:
        limit = self._limits.chat_chars
        if limit and len(text) > limit:
            raise TooLarge(f"a message has at most {limit} characters", limit=limit)

    def said(self, author: Author, text: str) -> ChatMessage:
        return ChatMessage(message_id=self._new_id(), author=author, text=text)

    def quotas(self, principal: Principal, chat_id: str, said: ChatMessage) -> tuple[Quota, ...]:
        """The quotas that a message counts for, whoever answers it."""
        return self._bounds.saying(principal, chat_id, _weight(said.model_dump_json()))

    def told(self, principal: Principal, chat_id: str, conversation: str) -> tuple[Quota, ...]:
        """The quotas of a conversation, as JSON, that a chat is opened with."""
        return self._bounds.keeping(principal, chat_id, _weight(conversation))


def _weight(text: str) -> int:
    return len(text.encode())


class Identity(NamedTuple):
    command_id: str = ""
    fingerprint: str = ""


def identity_of(principal: Principal, command: cmd.SendChat | cmd.ReplyChat) -> Identity:
    """The idempotency of a message: its id, within its chat and of its author, and its words.

    Its author's scope is that of `scoped`.
    """
    if not command.command_id:
        return Identity()
    fingerprint = hashlib.sha256(f"{command.name}\n{command.text}".encode()).hexdigest()[:32]
    return Identity(f"chat:{command.chat_id}:{scoped(principal, command.command_id)}", fingerprint)
