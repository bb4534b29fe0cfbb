"""Chats: opening one, asking the agent, stopping it, and a person taking over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hub.domain import chat as chats
from hub.domain import commands as cmd
from hub.domain.chat import Asker, Chat, ChatMode, Transcript, Turn, TurnState
from hub.domain.errors import Conflict, Forbidden, NotFound, TooLarge, Unavailable
from hub.domain.events import (
    Author,
    ChatEvent,
    ChatHandedBack,
    ChatHandedOver,
    ChatMessage,
    ChatStopped,
    parse_event,
)
from hub.domain.roles import Permission, Principal
from hub.domain.rooms import Room
from hub.eventlog.log import DocKey, Document, EventLog, LogEntry, NewEvent, Write
from hub.eventlog.turns import TurnQueue, queued
from hub.services.documents import chat_key
from hub.services.identity import by_name

if TYPE_CHECKING:
    from hub.config import Limits
    from hub.services.access import Access
    from hub.services.tokens import Tokens

KEPT_S = 7 * 86_400  # a chat nobody has written in for so long is forgotten
_TRIES = 8  # re-reads before a busy chat is given up on

Answer = dict[str, Any]
Clock = Callable[[], datetime]


def turn_key(turn_id: str) -> DocKey:
    return DocKey("turn", turn_id)


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
        queue: TurnQueue,
    ) -> None:
        self._log = log
        self._access = access
        self._tokens = tokens
        self._queue = queue
        self._clock = clock
        self._new_id = new_id
        self._limits = limits

    async def open(self, principal: Principal, command: cmd.OpenChat, *, chat_id: str | None = None) -> Answer:
        """Start a conversation: `{chat_id, token}`. Opened with an order's token, it speaks of that order only.

        Args:
            chat_id: One that only the caller can know; if there is such a chat already, it goes on.

        Raises:
            Unauthorized: The order's token opens nothing, or its order ended long ago.
        """
        orders = principal.orders
        if command.order_token:
            orders = (await self._access.principal(command.order_token)).orders
        now = self._clock()
        chat = Chat(
            id=chat_id or self._new_id(),
            order_ids=tuple(sorted(orders)),
            bound=bool(command.order_token),
            opened_by=Asker.of(principal),
            created_at=now,
            updated_at=now,
        )
        key = chat_key(chat.id)
        document = Document(key, 1, chat.model_dump_json())
        try:
            await self._log.commit(Write(expects=((key, 0),), documents=(document,), expire=((key, KEPT_S),)))
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
            RateLimited: Enough questions are waiting already.
        """
        principal = await self._access.with_capability(principal, command.token)
        self._check_length(command.text)
        identity = _identity(principal, command)
        for _ in range(_TRIES):
            chat, version = await self._chat(command.chat_id)
            self._require_theirs(principal, chat)
            # Asked after the chat was read: a chat that holds this message already is not too full for its repeat.
            if (first := await self._answered_before(identity)) is not None:
                return first
            try:
                write = replace(
                    self._sent(principal, command, chat, version),
                    command_id=identity.command_id,
                    fingerprint=identity.fingerprint,
                )
                committed = await self._log.commit(write)
            except Conflict:
                continue  # an answer ended, or another question came, meanwhile
            return {**json.loads(committed.result), "cursor": str(committed.cursor)}
        raise Unavailable("too many hands on this chat; try again")

    async def stop(self, principal: Principal, command: cmd.StopChat) -> Answer:
        """End an answer where it stands. Nothing happens if it is over already.

        Raises:
            NotFound: There is no such chat or turn, or it is not theirs.
        """
        principal = await self._access.with_capability(principal, command.token)
        chat, _ = await self._chat(command.chat_id)
        if not principal.may(Permission.ANSWER_CHATS):
            self._require_theirs(principal, chat)
        await self._stop(command.chat_id, command.turn_id, by_name(principal))
        return {}

    async def take_over(self, principal: Principal, command: cmd.TakeOverChat) -> Answer:
        """A person answers from here on; what the agent is saying ends where it stands."""
        by = by_name(principal)
        event = ChatHandedOver(by=by, reason=command.text or "")
        chat, answer = await self._switch(principal, command.chat_id, ChatMode.PERSON, event)
        for turn_id in chat.turns:
            await self._stop(chat.id, turn_id, by)
        return answer

    async def hand_back(self, principal: Principal, command: cmd.HandBackChat) -> Answer:
        """The agent answers again."""
        event = ChatHandedBack(by=by_name(principal), reason=command.text or "")
        _, answer = await self._switch(principal, command.chat_id, ChatMode.AGENT, event)
        return answer

    async def reply(self, principal: Principal, command: cmd.ReplyChat) -> Answer:
        """A person's answer.

        Raises:
            Conflict: The agent is answering: take the chat over first.
        """
        principal.require(Permission.ANSWER_CHATS)
        self._check_length(command.text)
        identity = _identity(principal, command)
        for _ in range(_TRIES):
            chat, version = await self._chat(command.chat_id)
            if chat.mode is not ChatMode.PERSON:
                # A repeat may come after the chat was handed back.
                if (first := await self._answered_before(identity)) is not None:
                    return first
                raise Conflict("take the chat over before answering in it", mode=str(chat.mode))
            said = self._said(Author(kind="staff", name=by_name(principal)), command.text)
            # Expecting the version keeps the reply out of a chat that was handed back meanwhile.
            write = replace(
                self._written(chat, version, (said,), result="{}"),
                command_id=identity.command_id,
                fingerprint=identity.fingerprint,
            )
            try:
                return {"cursor": str((await self._log.commit(write)).cursor)}
            except Conflict:
                continue
        raise Unavailable("too many hands on this chat; try again")

    @staticmethod
    def snapshot(entries: Sequence[LogEntry], chat_body: str) -> dict[str, Any]:
        """A chat room as a page draws it, of all its events; `chat_body` is the chat document's JSON."""
        return transcript(entries).snapshot(Chat.model_validate_json(chat_body))

    # How

    async def _answered_before(self, identity: _Identity) -> Answer | None:
        """What this very message was answered with, if an earlier try of it got through."""
        if not identity.command_id:
            return None
        first = await self._log.remembered(*identity)
        return None if first is None else {**json.loads(first.result), "cursor": str(first.cursor)}

    def _sent(self, principal: Principal, command: cmd.SendChat, chat: Chat, version: int) -> Write:
        kind: Literal["customer", "staff"] = "staff" if principal.is_staff else "customer"
        said = self._said(Author(kind=kind, name=principal.name), command.text)
        if chat.mode is ChatMode.PERSON:
            return self._written(chat, version, (said,), result='{"turn_id":null}')
        now = self._clock()
        turn = Turn(
            id=self._new_id(),
            chat_id=chat.id,
            message_id=said.message_id,
            text=command.text,
            asked_by=Asker.of(principal, () if chat.bound else sorted(principal.orders)),
            created_at=now,
            updated_at=now,
        )
        limits = self._limits
        chat, runs = chats.admit(chat, turn.id, at_once=limits.turns, waiting=limits.turns_waiting)
        return self._written(
            chat,
            version,
            (said,),
            turn=turn,
            queue=(queued(turn.id, chat.id),) if runs else (),
            result=json.dumps({"turn_id": turn.id}),
        )

    def _check_length(self, text: str) -> None:
        limit = self._limits.chat_chars
        if limit and len(text) > limit:
            raise TooLarge(f"a message has at most {limit} characters", limit=limit)

    def _said(self, author: Author, text: str) -> ChatMessage:
        return ChatMessage(message_id=self._new_id(), author=author, text=text)

    def _written(
        self,
        chat: Chat,
        version: int,
        events: Sequence[ChatEvent],
        *,
        turn: Turn | None = None,
        queue: tuple[str, ...] = (),
        result: str = "",
    ) -> Write:
        """The chat moved on by one version, with these events, and perhaps a new turn."""
        now = self._clock()
        key, room = chat_key(chat.id), str(Room.chat(chat.id))
        chat = chat.model_copy(update={"updated_at": now})
        expects = [(key, version)]
        expire: list[tuple[DocKey | str, int]] = [(key, KEPT_S), (room, KEPT_S)]
        documents = [Document(key, version + 1, chat.model_dump_json())]
        if turn is not None:
            expects.append((turn_key(turn.id), 0))
            documents.append(Document(turn_key(turn.id), 1, turn.model_dump_json()))
            expire.append((turn_key(turn.id), KEPT_S))
        return Write(
            events=tuple(NewEvent(event.type, event.body(now), (room,)) for event in events),
            expects=tuple(expects),
            documents=tuple(documents),
            queue=queue,
            expire=tuple(expire),
            result=result,
        )

    async def _switch(
        self, principal: Principal, chat_id: str, mode: ChatMode, event: ChatEvent
    ) -> tuple[Chat, Answer]:
        principal.require(Permission.ANSWER_CHATS)
        for _ in range(_TRIES):
            chat, version = await self._chat(chat_id)
            if chat.mode is mode:
                return chat, {"cursor": str(await self._log.position())}
            write = self._written(chat.model_copy(update={"mode": mode}), version, (event,))
            try:
                return chat, {"cursor": str((await self._log.commit(write)).cursor)}
            except Conflict:
                continue
        raise Unavailable("too many hands on this chat; try again")

    async def _stop(self, chat_id: str, turn_id: str, by: str) -> None:
        for _ in range(_TRIES):
            both = await read_turn(self._log, turn_id)
            if both is None or both.chat.id != chat_id:
                raise NotFound("there is no such turn")
            if both.turn.over:
                return
            if both.turn.state is TurnState.RUNNING:
                await self._queue.request_stop(turn_id, by)
                return
            event = ChatStopped(turn_id=turn_id, text="", by=by)
            write = ending(both, TurnState.STOPPED, (event,), self._clock(), self._limits)
            try:
                await self._log.commit(write)
            except Conflict:
                continue  # a worker has just taken it
            return
        raise Unavailable("too many hands on this chat; try again")

    async def _chat(self, chat_id: str) -> tuple[Chat, int]:
        document = await self._log.document(chat_key(chat_id))
        if document is None:
            raise NotFound("there is no such chat")
        return Chat.model_validate_json(document.body), document.version

    def _require_theirs(self, principal: Principal, chat: Chat) -> None:
        """Only who opened a chat, or holds its token, asks in it: the agent acts with the asker's rights."""
        if chat.id in principal.chats:
            return
        if principal.is_staff and principal.id and principal.id == chat.opened_by.id:
            return
        if principal.may(Permission.READ_CHATS):
            raise Forbidden("answer in a customer's chat with chat.reply")
        raise NotFound("there is no such chat")


# What the worker shares with the service


@dataclass(frozen=True, slots=True)
class TurnRead:
    """A turn and its chat, each with the version it was read at."""

    turn: Turn
    turn_version: int
    chat: Chat
    chat_version: int


async def read_turn(log: EventLog, turn_id: str) -> TurnRead | None:
    """A turn and its chat; None if either is gone."""
    turn_document = await log.document(turn_key(turn_id))
    if turn_document is None:
        return None
    turn = Turn.model_validate_json(turn_document.body)
    chat_document = await log.document(chat_key(turn.chat_id))
    if chat_document is None:
        return None
    chat = Chat.model_validate_json(chat_document.body)
    return TurnRead(turn, turn_document.version, chat, chat_document.version)


def ending(
    both: TurnRead,
    state: TurnState,
    events: Sequence[ChatEvent],
    now: datetime,
    limits: Limits,
    **chat_update: Any,
) -> Write:
    """The one write that ends a turn: its last events, its state, and the next turn of its chat queued."""
    chat, runnable = chats.release(both.chat, both.turn.id, at_once=limits.turns)
    chat = chat.model_copy(update={"updated_at": now, **chat_update})
    turn = both.turn.model_copy(update={"state": state, "updated_at": now})
    room = str(Room.chat(chat.id))
    return Write(
        events=tuple(NewEvent(event.type, event.body(now), (room,)) for event in events),
        expects=((turn_key(turn.id), both.turn_version), (chat_key(chat.id), both.chat_version)),
        documents=(
            Document(turn_key(turn.id), both.turn_version + 1, turn.model_dump_json()),
            Document(chat_key(chat.id), both.chat_version + 1, chat.model_dump_json()),
        ),
        queue=tuple(queued(turn_id, chat.id) for turn_id in runnable),
        expire=((turn_key(turn.id), KEPT_S), (chat_key(chat.id), KEPT_S), (room, KEPT_S)),
    )


def transcript(entries: Sequence[LogEntry]) -> Transcript:
    """What was said in a chat room, from its log."""
    bodies = (json.loads(entry.body) for entry in entries)
    return Transcript.of((parse_event(body["type"], body["data"]), body["at"]) for body in bodies)


class _Identity(NamedTuple):
    command_id: str = ""
    fingerprint: str = ""


def _identity(principal: Principal, command: cmd.SendChat | cmd.ReplyChat) -> _Identity:
    """The idempotency of a message: its id, within its chat and of its author, and its words.

    As everywhere, members of staff have ids of their own, and customers share one scope.
    """
    if not command.command_id:
        return _Identity()
    fingerprint = hashlib.sha256(f"{command.name}\n{command.text}".encode()).hexdigest()[:32]
    return _Identity(f"chat:{command.chat_id}:{principal.id or 'customer'}:{command.command_id}", fingerprint)
