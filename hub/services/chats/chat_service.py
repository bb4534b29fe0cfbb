"""Chats: open one, ask the agent, stop an answer, delete the conversation."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from hub.core.errors import Conflict, Forbidden, NotFound, Unauthorized
from hub.domain import chat as chats
from hub.domain import commands as cmd
from hub.domain.answers import CommandAnswer, Empty
from hub.domain.answers.chat_answers import ChatTurns, OpenedChat, SentMessage
from hub.domain.chat import Chat, ChatMode, Turn
from hub.domain.conversation import Conversation
from hub.domain.events import Author, ChatForgotten
from hub.domain.requested_by import RequestedBy
from hub.domain.roles import Permission, Principal, Scope
from hub.domain.room_retention import CHAT_KEPT_S
from hub.domain.rooms import Room
from hub.domain.tallies import TALLIES, TurnsToday
from hub.services.auth.command_identity import by_name
from hub.services.chats.chat_documents import (
    GONE,
    ChatRead,
    Ending,
    TurnRead,
    chat_is_busy,
    checkpoint_key,
    conversation_key,
    ending,
    read_turn,
    require_chat,
    turn_key,
    written,
)
from hub.services.chats.chat_openings import opening, same_chat
from hub.services.chats.chat_snapshots import turn_figures
from hub.services.chats.messages import forgets_last, message_key
from hub.services.command_answers import answer_of
from hub.services.document_names import chat_key, proposal_key
from hub.services.service_bounds import MAX_ENDS_AT_ONCE
from hub.services.stored_documents import load_readable
from hub.store.conflicts import TryAgain, retry_on_conflict
from hub.store.log import Document, EventLog, Write

if TYPE_CHECKING:
    from hub.config.limit_settings import ChatLimits
    from hub.services.auth.access import Access
    from hub.services.auth.tokens import Tokens
    from hub.services.capacity import Capacity
    from hub.services.chats.messages import Messages
    from hub.services.chats.turn_stops import TurnStops
    from hub.services.chats.usage_limits import UsageLimits

__all__ = ["ChatService", "TurnRead", "ending", "read_turn", "turn_key"]


Clock = Callable[[], datetime]


class ChatService:
    """Opens chats, takes questions, and stops answers.

    The gateways check the tokens of commands; a principal comes with its capabilities.
    """

    def __init__(
        self,
        log: EventLog,
        access: Access,
        tokens: Tokens,
        clock: Clock,
        new_id: Callable[[], str],
        limits: ChatLimits,
        messages: Messages,
        stops: TurnStops,
        bounds: UsageLimits,
        capacity: Capacity,
        *,
        interrupt: bool = False,
    ) -> None:
        self._log = log
        self._access = access
        self._tokens = tokens
        self._stops = stops
        self._bounds = bounds
        self._messages = messages
        self._capacity = capacity
        self._clock = clock
        self._new_id = new_id
        self._limits = limits
        self._interrupt = interrupt

    async def open(
        self,
        principal: Principal,
        command: cmd.OpenChat,
        *,
        chat_id: str | None = None,
        earlier: Sequence[cmd.ChatTurn] = (),
    ) -> OpenedChat:
        """Open a chat. Opened with an order's token, it speaks of that order only.

        Args:
            chat_id: An id that only the caller can know; a chat that has it already is continued.
            earlier: The conversation so far, as the caller reports it. Ignored if the chat exists: it has its own.

        Raises:
            BadRequest: The command's id could be guessed, and the caller has no other identity.
            Unauthorized: The order's token opens nothing, or its order ended long ago.
            RateLimited: Too many chats were opened from this address within an hour.
            LimitReached: The conversation so far exceeds what this address may store today.
            Unavailable: Memory is nearly full and the caller is not staff; or Redis did not answer.
        """
        principal.require_scope(Scope.CHAT)
        chat_id = chat_id or same_chat(principal, command)
        if chat_id is None or await self._log.document(chat_key(chat_id)) is None:
            await self._capacity.require(principal)
        orders = principal.orders
        if command.order_token:
            orders = (await self._access.principal(command.order_token)).orders
            if not orders:
                raise Unauthorized("the token is not an order's")
        now = self._clock()
        chat = Chat(
            id=chat_id or self._new_id(),
            order_ids=tuple(sorted(orders)),
            bound=bool(command.order_token),
            opened_by=RequestedBy.of(principal),
            created_at=now,
            updated_at=now,
        )
        try:
            await self._log.commit(self._opened(principal, chat, earlier))
        except Conflict:
            if chat_id is None:
                raise
        return OpenedChat(chat_id=chat.id, token=self._tokens.for_chat(chat.id))

    async def send(self, principal: Principal, command: cmd.SendChat) -> SentMessage:
        """Send a message; the agent answers, unless a person does.

        Returns:
            The turn that answers it; none while a person answers.

        Raises:
            NotFound: There is no such chat, or it is not theirs.
            TooLarge: More characters than a message may have.
            RateLimited: Enough questions wait in the chat or of this address, or it said too much within a minute.
            LimitReached: The day's messages, bytes, turns or tokens are used up; `values.limit` says which.
        """
        principal.require_scope(Scope.CHAT)
        self._messages.check_length(command.text)
        key = message_key(principal, command)

        async def attempt() -> SentMessage:
            read = await require_chat(self._log, command.chat_id)
            self._require_theirs(principal, read.chat)
            # Checked after the chat was read: a repeat of a stored message succeeds even if the chat is full.
            if (first := await self._messages.committed_before(key)) is not None:
                return answer_of(SentMessage, first)
            by = by_name(principal)
            interrupted = (
                await self._stops.endings_of(read.chat.turns[:MAX_ENDS_AT_ONCE], by) if self._interrupt else []
            )
            write = self._sent(principal, command, read, interrupted)
            write = replace(write, idempotency=key, expire=(*write.expire, *forgets_last(key, command)))
            committed = await self._log.commit(write)
            if not committed.repeated:
                await self._stops.tell_workers(interrupted, by)
            return answer_of(SentMessage, committed)

        return await retry_on_conflict(attempt, busy=chat_is_busy)

    async def stop(self, principal: Principal, command: cmd.StopChat) -> Empty:
        """Stop an answer at once. Nothing happens if it is over.

        Raises:
            NotFound: There is no such chat or turn, or it is not theirs.
        """
        read = await require_chat(self._log, command.chat_id)
        if not principal.may(Permission.ANSWER_CHATS):
            self._require_theirs(principal, read.chat)
        await self._stops.stop(command.chat_id, command.turn_id, by_name(principal))
        return Empty()

    async def forget(self, principal: Principal, command: cmd.ForgetChat) -> CommandAnswer:
        """Forget the messages of a chat: in the agent's memory, in the room, and for everybody who comes back to it.

        The chat goes on, and the orders it may speak about stay. An answer in the making ends first.

        Raises:
            NotFound: There is no such chat, or it is not theirs.
        """

        async def attempt() -> CommandAnswer:
            read = await require_chat(self._log, command.chat_id)
            self._require_theirs(principal, read.chat)
            if read.chat.turns:
                await self._stops.stop(read.chat.id, read.chat.turns[0], by_name(principal))
                raise TryAgain
            gone = [turn_key(turn_id) for turn_id in read.chat.recent]
            gone += [checkpoint_key(read.chat.id), proposal_key(read.chat.id)]
            chat = read.chat.model_copy(update={"recent": (), "lang": None, "last": None})
            event = ChatForgotten(by=by_name(principal))
            write = written(replace(read, conversation=Conversation()), chat, self._clock(), event)
            key = conversation_key(chat.id)
            write = replace(
                write,
                expects=(*write.expects, (key, read.conversation_version)),
                documents=(
                    *write.documents,
                    Document(key, read.conversation_version + 1, Conversation().model_dump_json()),
                ),
                expire=(*write.expire, (key, CHAT_KEPT_S), *((key, GONE) for key in gone)),
            )
            committed = await self._log.commit(write)
            await self._log.forget(str(Room.chat(chat.id)), committed.cursor, chat.created_at)
            return CommandAnswer(cursor=str(committed.cursor))

        return await retry_on_conflict(attempt, busy=chat_is_busy)

    async def turns(self, principal: Principal, chat_id: str) -> ChatTurns:
        """Return a chat's last turns with their figures, the newest first, for those who look after the agent.

        Raises:
            NotFound: There is no such chat.
        """
        principal.require(Permission.READ_CHATS)
        read = await require_chat(self._log, chat_id)
        found = await self._log.documents(map(turn_key, reversed(read.chat.recent)))
        turns = [turn for document in found if (turn := load_readable(self._log, Turn, document)) is not None]
        return ChatTurns(chat_id=chat_id, mode=str(read.chat.mode), turns=tuple(map(turn_figures, turns)))

    async def tallies(self) -> dict[str, int]:
        """Return the counters of the branch's turns (see `hub.domain.tallies`)."""
        return await self._log.counts(TALLIES)

    async def today(self) -> TurnsToday:
        """The turns and tokens of the branch since its business day began."""
        return await self._bounds.today()

    def _opened(self, principal: Principal, chat: Chat, earlier: Sequence[cmd.ChatTurn]) -> Write:
        write = opening(chat, earlier, self._new_id)
        stored = "".join(document.body for document in write.documents if document.key == conversation_key(chat.id))
        quotas = (*self._bounds.opening(principal), *self._messages.opening_quotas(principal, chat.id, stored))
        return replace(write, quotas=quotas)

    def _sent(
        self, principal: Principal, command: cmd.SendChat, read: ChatRead, interrupted: Sequence[Ending]
    ) -> Write:
        kind: Literal["customer", "staff"] = "staff" if principal.is_staff else "customer"
        message = self._messages.compose(Author(kind=kind, name=principal.name), command.text)
        now, chat, limits = self._clock(), read.chat, self._limits
        quotas = self._messages.quotas(principal, chat.id, message)
        if chat.mode is not ChatMode.AGENT:
            return replace(written(read, chat, now, message, result='{"turn_id":null}'), quotas=quotas)
        turn = Turn(
            id=self._new_id(),
            chat_id=chat.id,
            message_id=message.message_id,
            question=command.text,
            requested_by=RequestedBy.of(principal, () if chat.bound else sorted(principal.orders)),
            created_at=now,
            updated_at=now,
        )
        chat, runnable = chats.release(chat, *(end.turn.id for end in interrupted), at_once=limits.turns)
        chat, runs = chats.admit(chat, turn.id, at_once=limits.turns, waiting=limits.turns_waiting)
        write = written(
            read,
            chat,
            now,
            *(event for end in interrupted for event in end.events),
            message,
            turns=[*((end.ended(now), end.turn_version) for end in interrupted), (turn, 0)],
            queue=(*runnable, turn.id) if runs else runnable,
            result=json.dumps({"turn_id": turn.id}),
        )
        asking = self._bounds.asking(turn.requested_by, chat)
        return replace(write, quotas=(*asking, *quotas), hold=self._bounds.place(turn.requested_by, turn.id))

    def _require_theirs(self, principal: Principal, chat: Chat) -> None:
        """Let only a chat's opener or a holder of its token ask in it: the agent acts with the requester's rights."""
        if chat.id in principal.chats:
            return
        if principal.id and principal.id == chat.opened_by.id:
            return
        if principal.may(Permission.READ_CHATS):
            raise Forbidden("answer in a customer's chat with chat.reply")
        raise NotFound("there is no such chat")
