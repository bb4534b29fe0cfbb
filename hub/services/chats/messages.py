"""Messages of a chat: their length limits, quotas and idempotency keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hub.core.errors import TooLarge
from hub.domain import commands as cmd
from hub.domain.events import Author, ChatMessage
from hub.domain.roles import Principal
from hub.services.auth.command_identity import derived_last_key, last_key, scoped
from hub.store.idempotency import IdempotencyKey

if TYPE_CHECKING:
    from hub.config.limit_settings import ChatLimits
    from hub.services.chats.message_limits import MessageLimits
    from hub.store.log import Committed, EventLog, Quota


class Messages:
    """The rules for messages of customers and of staff: length, quotas, repeats."""

    def __init__(self, log: EventLog, new_id: Callable[[], str], limits: ChatLimits, bounds: MessageLimits) -> None:
        self._log = log
        self._new_id = new_id
        self._limits = limits
        self._bounds = bounds

    async def committed_before(self, key: IdempotencyKey | None) -> Committed | None:
        """Return the commit of an earlier try of this message, if there was one."""
        return await self._log.remembered(key)

    def check_length(self, text: str) -> None:
        """Refuse a message with too many characters."""
        limit = self._limits.chat_chars
        if limit and len(text) > limit:
            raise TooLarge(f"a message has at most {limit} characters", limit=limit)

    def compose(self, author: Author, text: str) -> ChatMessage:
        """Return the event of a message."""
        return ChatMessage(message_id=self._new_id(), author=author, text=text)

    def quotas(self, principal: Principal, chat_id: str, message: ChatMessage) -> tuple[Quota, ...]:
        """Return the quotas that a message counts for."""
        return self._bounds.saying(principal, chat_id, _weight(message.model_dump_json()))

    def opening_quotas(self, principal: Principal, chat_id: str, conversation: str) -> tuple[Quota, ...]:
        """Return the quotas that the conversation at the opening of a chat counts for."""
        return self._bounds.keeping(principal, chat_id, _weight(conversation))


def _weight(text: str) -> int:
    return len(text.encode())


def message_key(principal: Principal, command: cmd.SendChat | cmd.ReplyChat) -> IdempotencyKey | None:
    """Return the idempotency key of a message: its id within its chat and its author's scope, and its text.

    A customer's message without an id counts as a repeat for a minute if its author said nothing else since.
    """
    if not command.command_id:
        said = isinstance(command, cmd.SendChat)
        return derived_last_key(principal, command, _about(command)) if said else None
    command_id = f"chat:{command.chat_id}:{scoped(principal, command.command_id)}"
    return IdempotencyKey.of(command_id, command.name, command.text)


def forgets_last(
    key: IdempotencyKey | None, command: cmd.SendChat | cmd.ReplyChat
) -> tuple[tuple[IdempotencyKey, int], ...]:
    """Return the expiry of the last message without an id: after this message, the same one again is a new one."""
    return () if key is not None and key.last_only else ((last_key(_about(command)), -1),)


def _about(command: cmd.SendChat | cmd.ReplyChat) -> str:
    return f"chat:{command.chat_id}"
