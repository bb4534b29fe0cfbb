"""Chats: opening one, asking the agent, stopping it, forgetting what was said."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from hub.domain import chat as chats
from hub.domain import commands as cmd
from hub.domain.asker import Asker
from hub.domain.chat import Chat, ChatMode, Conversation, Turn
from hub.domain.errors import Conflict, Forbidden, NotFound, Unauthorized
from hub.domain.events import Author, ChatForgotten
from hub.domain.proposal import Proposal
from hub.domain.roles import Permission, Principal
from hub.domain.rooms import Room
from hub.domain.tallies import TALLIES, TurnsToday
from hub.domain.values import format_time
from hub.eventlog.log import DocKey, Document, EventLog, LogEntry, Write
from hub.services.documents import chat_key, proposal_key
from hub.services.identity import by_name
from hub.services.messages import identity_of
from hub.services.openings import opening, same_chat
from hub.services.stops import ENDS_AT_ONCE
from hub.services.stored import load, load_readable
from hub.services.turns import (
    GONE,
    KEPT_S,
    TRIES,
    ChatRead,
    Ending,
    TurnRead,
    checkpoint_key,
    conversation_key,
    ending,
    give_way,
    open_turn,
    read_turn,
    require_chat,
    too_busy,
    turn_key,
    written,
)

if TYPE_CHECKING:
    from hub.config import Limits
    from hub.services.access import Access
    from hub.services.capacity import Capacity
    from hub.services.messages import Messages
    from hub.services.stops import Stops
    from hub.services.tokens import Tokens
    from hub.services.turn_bounds import TurnBounds

__all__ = ["ChatService", "TurnRead", "ending", "read_turn", "turn_key"]


Answer = dict[str, Any]
Clock = Callable[[], datetime]


def snapshot_of(chat_id: str) -> tuple[DocKey, ...]:
    """The documents that a chat room's snapshot is made of."""
    return chat_key(chat_id), conversation_key(chat_id), checkpoint_key(chat_id), proposal_key(chat_id)


class ChatService:
    """Every command on chats: may this principal, and then one commit."""

    def __init__(
        self,
        log: EventLog,
        access: Access,
        tokens: Tokens,
        clock: Clock,
        new_id: Callable[[], str],
        limits: Limits,
        messages: Messages,
        stops: Stops,
        bounds: TurnBounds,
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
        said: Sequence[cmd.ChatTurn] = (),
    ) -> Answer:
        """Start a conversation: `{chat_id, token}`. Opened with an order's token, it speaks of that order only.

        Args:
            chat_id: One that only the caller can know; if there is such a chat already, it goes on.
            said: What was said before, by the caller's own account. A chat that goes on has its own memory.

        Raises:
            BadRequest: The command's id is one that somebody could guess, and nothing else says whose it is.
            Unauthorized: The order's token opens nothing, or its order ended long ago.
            RateLimited: Too many chats were opened from this address within an hour.
            LimitReached: What was said before is more than this address may say today.
            Unavailable: There is hardly any memory left, and they are not staff; or Redis did not answer.
        """
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
            opened_by=Asker.of(principal),
            created_at=now,
            updated_at=now,
        )
        try:
            await self._log.commit(self._opened(principal, chat, said))
        except Conflict:
            if chat_id is None:
                raise
        return {"chat_id": chat.id, "token": self.token(chat.id)}

    def token(self, chat_id: str) -> str:
        """What opens a chat, for a caller who has shown that it is theirs."""
        return self._tokens.for_chat(chat_id)

    async def send(self, principal: Principal, command: cmd.SendChat) -> Answer:
        """Say something; the agent answers, unless a person does.

        Returns:
            `{turn_id, cursor}`; `turn_id` is None while a person answers.

        Raises:
            NotFound: There is no such chat, or it is not theirs.
            TooLarge: More characters than a message may have.
            RateLimited: Enough questions wait in the chat or of this address, or it said too much within a minute.
            LimitReached: The day's messages, bytes, turns or tokens are used up; `values.limit` says which.
        """
        principal = await self._access.with_capability(principal, command.token)
        self._messages.check_length(command.text)
        identity = identity_of(principal, command)
        for tries in range(TRIES):
            await give_way(tries)
            read = await require_chat(self._log, command.chat_id)
            self._require_theirs(principal, read.chat)
            # Asked after the chat was read: a chat that holds this message already is not too full for its repeat.
            if (first := await self._messages.answered_before(identity)) is not None:
                return first
            by = by_name(principal)
            interrupted = await self._stops.endings_of(read.chat.turns[:ENDS_AT_ONCE], by) if self._interrupt else []
            try:
                write = replace(
                    self._sent(principal, command, read, interrupted),
                    command_id=identity.command_id,
                    fingerprint=identity.fingerprint,
                )
                committed = await self._log.commit(write)
            except Conflict:
                continue  # an answer ended, or another question came, meanwhile
            if not committed.repeated:
                await self._stops.tell_workers(interrupted, by)
            return {**json.loads(committed.result), "cursor": str(committed.cursor)}
        raise too_busy()

    async def stop(self, principal: Principal, command: cmd.StopChat) -> Answer:
        """End an answer where it stands, here and now. Nothing happens if it is over already.

        Raises:
            NotFound: There is no such chat or turn, or it is not theirs.
        """
        principal = await self._access.with_capability(principal, command.token)
        read = await require_chat(self._log, command.chat_id)
        if not principal.may(Permission.ANSWER_CHATS):
            self._require_theirs(principal, read.chat)
        await self._stops.stop(command.chat_id, command.turn_id, by_name(principal))
        return {}

    async def forget(self, principal: Principal, command: cmd.ForgetChat) -> Answer:
        """Nobody remembers what was said here: not the agent, not the room, not those in it or who come back to it.

        The chat goes on, and the orders it may speak about stay. An answer in the making ends first.

        Raises:
            NotFound: There is no such chat, or it is not theirs.
        """
        principal = await self._access.with_capability(principal, command.token)
        for _ in range(TRIES):
            read = await require_chat(self._log, command.chat_id)
            self._require_theirs(principal, read.chat)
            if read.chat.turns:
                await self._stops.stop(read.chat.id, read.chat.turns[0], by_name(principal))
                continue
            gone = [turn_key(turn_id) for turn_id in read.chat.recent]
            gone += [checkpoint_key(read.chat.id), proposal_key(read.chat.id)]
            chat = read.chat.model_copy(update={"recent": (), "lang": None, "last": None})
            event = ChatForgotten(by=by_name(principal))
            write = written(replace(read, said=Conversation()), chat, self._clock(), event)
            key = conversation_key(chat.id)
            write = replace(
                write,
                expects=(*write.expects, (key, read.said_version)),
                documents=(*write.documents, Document(key, read.said_version + 1, Conversation().model_dump_json())),
                expire=(*write.expire, (key, KEPT_S), *((key, GONE) for key in gone)),
            )
            try:
                committed = await self._log.commit(write)
            except Conflict:
                continue
            await self._log.forget(str(Room.chat(chat.id)), committed.cursor.offset)
            return {"cursor": str(committed.cursor)}
        raise too_busy()

    async def turns(self, principal: Principal, chat_id: str) -> Answer:
        """A chat's last turns with their figures, the newest first, for those who look after the agent.

        Raises:
            NotFound: There is no such chat.
        """
        principal.require(Permission.READ_CHATS)
        read = await require_chat(self._log, chat_id)
        found = await self._log.documents(map(turn_key, reversed(read.chat.recent)))
        turns = [turn for document in found if (turn := load_readable(self._log, Turn, document)) is not None]
        return {"chat_id": chat_id, "mode": str(read.chat.mode), "turns": [_figures(turn) for turn in turns]}

    async def tallies(self) -> dict[str, int]:
        """What was counted of the branch's turns, whoever ended them (see `hub.domain.tallies`)."""
        return await self._log.counts(TALLIES)

    async def today(self) -> TurnsToday:
        """The turns and tokens of the branch since its midnight."""
        return await self._bounds.today()

    def snapshot(self, entries: Sequence[LogEntry], documents: Sequence[Document | None]) -> dict[str, Any]:
        """A chat room as a page draws it.

        Args:
            entries: Its newest events.
            documents: Those that `snapshot_of` names, as of the same moment.

        Raises:
            NotFound: The chat is gone.
            UnreadableDocument: The chat, or what was said in it, cannot be read.
        """
        found, conversation, checkpointed, proposed = documents
        if found is None:
            raise NotFound("there is no such chat")
        log, chat = self._log, load(self._log, Chat, found)
        said = load(log, Conversation, conversation) if conversation else Conversation()
        proposal = load_readable(log, Proposal, proposed)
        return chats.snapshot(chat, said, open_turn(log, entries, chat.turns, checkpointed), proposal)

    # How

    def _opened(self, principal: Principal, chat: Chat, said: Sequence[cmd.ChatTurn]) -> Write:
        write = opening(chat, said, self._new_id)
        told = "".join(document.body for document in write.documents if document.key == conversation_key(chat.id))
        quotas = (*self._bounds.opening(principal), *self._messages.told(principal, chat.id, told))
        return replace(write, quotas=quotas)

    def _sent(
        self, principal: Principal, command: cmd.SendChat, read: ChatRead, interrupted: Sequence[Ending]
    ) -> Write:
        kind: Literal["customer", "staff"] = "staff" if principal.is_staff else "customer"
        said = self._messages.said(Author(kind=kind, name=principal.name), command.text)
        now, chat, limits = self._clock(), read.chat, self._limits
        quotas = self._messages.quotas(principal, chat.id, said)
        if chat.mode is not ChatMode.AGENT:
            return replace(written(read, chat, now, said, result='{"turn_id":null}'), quotas=quotas)
        turn = Turn(
            id=self._new_id(),
            chat_id=chat.id,
            message_id=said.message_id,
            text=command.text,
            asked_by=Asker.of(principal, () if chat.bound else sorted(principal.orders)),
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
            said,
            turns=[*((end.ended(now), end.turn_version) for end in interrupted), (turn, 0)],
            queue=(*runnable, turn.id) if runs else runnable,
            result=json.dumps({"turn_id": turn.id}),
        )
        asking = self._bounds.asking(turn.asked_by, chat)
        return replace(write, quotas=(*asking, *quotas), hold=self._bounds.place(turn.asked_by, turn.id))

    def _require_theirs(self, principal: Principal, chat: Chat) -> None:
        """Only who opened a chat, or holds its token, asks in it: the agent acts with the asker's rights."""
        if chat.id in principal.chats:
            return
        if principal.is_staff and principal.id and principal.id == chat.opened_by.id:
            return
        if principal.may(Permission.READ_CHATS):
            raise Forbidden("answer in a customer's chat with chat.reply")
        raise NotFound("there is no such chat")


def _figures(turn: Turn) -> dict[str, Any]:
    """A turn as those see it who look after the agent: never its words."""
    shown = turn.model_dump(mode="json", include={"state", "attempt", "worker", "model", "error", "usage"})
    shown["turn_id"] = turn.id
    shown["asked_at"] = format_time(turn.created_at)
    shown["ended_at"] = format_time(turn.updated_at) if turn.over else None
    return shown
