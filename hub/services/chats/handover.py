"""A person takes a chat over from the agent, answers in it, and hands it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from hub.core.errors import Conflict
from hub.domain import commands as cmd
from hub.domain.answers import CommandAnswer
from hub.domain.answers.chat_answers import SentReply
from hub.domain.chat import ChatMode
from hub.domain.events import Author, ChatHandedBack, ChatHandedOver
from hub.domain.roles import Permission, Principal
from hub.services.auth.command_identity import by_name
from hub.services.chats.chat_documents import chat_is_busy, endings, require_chat, written
from hub.services.chats.messages import forgets_last, message_key
from hub.services.service_bounds import MAX_ENDS_AT_ONCE
from hub.store.conflicts import retry_on_conflict

if TYPE_CHECKING:
    from hub.config.limit_settings import ChatLimits
    from hub.services.chats.messages import Messages
    from hub.services.chats.turn_stops import TurnStops
    from hub.services.whatsapp_numbers import WhatsAppNumbers
    from hub.store.log import EventLog


class Handover:
    """Hands chats over to people and back to the agent."""

    def __init__(
        self,
        log: EventLog,
        messages: Messages,
        stops: TurnStops,
        clock: Callable[[], datetime],
        limits: ChatLimits,
        numbers: WhatsAppNumbers,
    ) -> None:
        self._log = log
        self._messages = messages
        self._stops = stops
        self._clock = clock
        self._limits = limits
        self._numbers = numbers

    async def take_over(self, principal: Principal, command: cmd.TakeOverChat) -> CommandAnswer:
        """Let a person answer from here on; the answer of the agent ends in the same step."""
        principal.require(Permission.ANSWER_CHATS)
        by = by_name(principal)
        event = ChatHandedOver(by=by, reason=command.text or "")

        async def attempt() -> CommandAnswer:
            read = await require_chat(self._log, command.chat_id)
            already = read.chat.mode is ChatMode.PERSON
            if already and not read.chat.turns:
                return CommandAnswer(cursor=str(await self._log.position()))
            ends = await self._stops.endings_of(read.chat.turns[:MAX_ENDS_AT_ONCE], by)
            chat = read.chat.model_copy(update={"mode": ChatMode.PERSON})
            write = endings(read, chat, ends, self._clock(), self._limits, *(() if already else (event,)))
            committed = await self._log.commit(write)
            await self._stops.tell_workers(ends, by)
            for turn_id in read.chat.turns[MAX_ENDS_AT_ONCE:]:
                await self._stops.stop(read.chat.id, turn_id, by)
            return CommandAnswer(cursor=str(committed.cursor))

        return await retry_on_conflict(attempt, busy=chat_is_busy)

    async def hand_back(self, principal: Principal, command: cmd.HandBackChat) -> CommandAnswer:
        """Let the agent answer again; it reads the messages since."""
        principal.require(Permission.ANSWER_CHATS)
        event = ChatHandedBack(by=by_name(principal), reason=command.text or "")

        async def attempt() -> CommandAnswer:
            read = await require_chat(self._log, command.chat_id)
            if read.chat.mode is ChatMode.AGENT:
                return CommandAnswer(cursor=str(await self._log.position()))
            chat = read.chat.model_copy(update={"mode": ChatMode.AGENT})
            return CommandAnswer(cursor=str((await self._log.commit(written(read, chat, self._clock(), event))).cursor))

        return await retry_on_conflict(attempt, busy=chat_is_busy)

    async def reply(self, principal: Principal, command: cmd.ReplyChat) -> SentReply:
        """Answer in a chat, as a person. It says so if the reply can only go as a template of WhatsApp's.

        Raises:
            Conflict: The agent is answering: take the chat over first.
        """
        principal.require(Permission.ANSWER_CHATS)
        self._messages.check_length(command.text)
        key = message_key(principal, command)

        async def attempt() -> SentReply:
            read = await require_chat(self._log, command.chat_id)
            goes_as = await self._goes_as(command.chat_id)
            if read.chat.mode is not ChatMode.PERSON:
                # A repeat may come after the chat was handed back.
                if (first := await self._messages.committed_before(key)) is not None:
                    return SentReply(cursor=str(first.cursor), goes_as=goes_as)
                raise Conflict("take the chat over before answering in it", mode=str(read.chat.mode))
            message = self._messages.compose(Author(kind="staff", name=by_name(principal)), command.text)
            # Expecting the version keeps the reply out of a chat that was handed back meanwhile.
            write = written(read, read.chat, self._clock(), message, result="{}")
            write = replace(write, idempotency=key, expire=(*write.expire, *forgets_last(key, command)))
            return SentReply(cursor=str((await self._log.commit(write)).cursor), goes_as=goes_as)

        return await retry_on_conflict(attempt, busy=chat_is_busy)

    async def _goes_as(self, chat_id: str) -> Literal["template"] | None:
        wa_id = await self._numbers.of_chat(chat_id)
        number = await self._numbers.get(wa_id) if wa_id else None
        return None if number is None or number.takes_free_form(self._clock()) else "template"
