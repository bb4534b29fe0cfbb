"""A person takes a chat over from the agent, answers in it, and hands it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hub.domain import commands as cmd
from hub.domain.chat import ChatMode
from hub.domain.errors import Conflict
from hub.domain.events import Author, ChatHandedBack, ChatHandedOver
from hub.domain.roles import Permission, Principal
from hub.services.identity import by_name
from hub.services.messages import identity_of
from hub.services.stops import ENDS_AT_ONCE
from hub.services.turns import TRIES, endings, give_way, require_chat, too_busy, written

if TYPE_CHECKING:
    from hub.config import Limits
    from hub.eventlog.log import EventLog
    from hub.services.messages import Messages
    from hub.services.stops import Stops


Answer = dict[str, Any]


class Handover:
    """For those who may answer in chats."""

    def __init__(
        self, log: EventLog, messages: Messages, stops: Stops, clock: Callable[[], datetime], limits: Limits
    ) -> None:
        self._log = log
        self._messages = messages
        self._stops = stops
        self._clock = clock
        self._limits = limits

    async def take_over(self, principal: Principal, command: cmd.TakeOverChat) -> Answer:
        """A person answers from here on; what the agent is saying ends where it stands, in the same step."""
        principal.require(Permission.ANSWER_CHATS)
        by = by_name(principal)
        event = ChatHandedOver(by=by, reason=command.text or "")
        for tries in range(TRIES):
            await give_way(tries)
            read = await require_chat(self._log, command.chat_id)
            already = read.chat.mode is ChatMode.PERSON
            if already and not read.chat.turns:
                return {"cursor": str(await self._log.position())}
            ends = await self._stops.endings_of(read.chat.turns[:ENDS_AT_ONCE], by)
            chat = read.chat.model_copy(update={"mode": ChatMode.PERSON})
            write = endings(read, chat, ends, self._clock(), self._limits, *(() if already else (event,)))
            try:
                committed = await self._log.commit(write)
            except Conflict:
                continue
            await self._stops.tell_workers(ends, by)
            for turn_id in read.chat.turns[ENDS_AT_ONCE:]:
                await self._stops.stop(read.chat.id, turn_id, by)
            return {"cursor": str(committed.cursor)}
        raise too_busy()

    async def hand_back(self, principal: Principal, command: cmd.HandBackChat) -> Answer:
        """The agent answers again, and has read what was said meanwhile."""
        principal.require(Permission.ANSWER_CHATS)
        event = ChatHandedBack(by=by_name(principal), reason=command.text or "")
        for tries in range(TRIES):
            await give_way(tries)
            read = await require_chat(self._log, command.chat_id)
            if read.chat.mode is ChatMode.AGENT:
                return {"cursor": str(await self._log.position())}
            chat = read.chat.model_copy(update={"mode": ChatMode.AGENT})
            try:
                return {"cursor": str((await self._log.commit(written(read, chat, self._clock(), event))).cursor)}
            except Conflict:
                continue
        raise too_busy()

    async def reply(self, principal: Principal, command: cmd.ReplyChat) -> Answer:
        """A person's answer.

        Raises:
            Conflict: The agent is answering: take the chat over first.
        """
        principal.require(Permission.ANSWER_CHATS)
        self._messages.check_length(command.text)
        identity = identity_of(principal, command)
        for tries in range(TRIES):
            await give_way(tries)
            read = await require_chat(self._log, command.chat_id)
            if read.chat.mode is not ChatMode.PERSON:
                # A repeat may come after the chat was handed back.
                if (first := await self._messages.answered_before(identity)) is not None:
                    return first
                raise Conflict("take the chat over before answering in it", mode=str(read.chat.mode))
            said = self._messages.said(Author(kind="staff", name=by_name(principal)), command.text)
            # Expecting the version keeps the reply out of a chat that was handed back meanwhile.
            write = replace(
                written(read, read.chat, self._clock(), said, result="{}"),
                command_id=identity.command_id,
                fingerprint=identity.fingerprint,
            )
            try:
                return {"cursor": str((await self._log.commit(write)).cursor)}
            except Conflict:
                continue
        raise too_busy()
