"""A chat's documents, read and moved on together: what the chat service and the agent's workers share.

Whatever is said in a chat is written in one commit with the events that say it: the chat, the
conversation, and the turns concerned. Each is expected at the version it was read at, so that of two
who would end the same turn, one does.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from hub.domain import chat as chats
from hub.domain.chat import MAKING, Chat, ChatMode, Conversation, OpenTurn, Turn, TurnState
from hub.domain.errors import NotFound, Unavailable
from hub.domain.events import ChatEvent, ChatFailed, NoticeSent, TurnError, Usage
from hub.domain.rooms import Room
from hub.domain.tallies import TALLIES, measured, tallied
from hub.domain.values import format_time
from hub.eventlog.log import DocKey, Document, EventLog, IndexMove, LogEntry, NewEvent, Quota, Write
from hub.eventlog.turns import Taken, queued
from hub.services.documents import ALL_CHATS, ATTENDED_CHATS, chat_key
from hub.services.stored import load, read_event, reason_of

if TYPE_CHECKING:
    from hub.config import Limits

GONE = -1  # for `Write.expire`: at once
KEPT_S = 7 * 86_400  # a chat nobody has written in for so long is forgotten
# Events of its room that are read back for an answer in the making: what is older is in its checkpoint.
RECENT = 200
TRIES = 8  # re-reads before a busy chat is given up on
_PAUSE_S = 0.01  # before the second try, at the most; twice as long before each further one
PLACE = "turn:"  # what the names begin with that open turns hold their places by
CHECKPOINT_EVERY = 32  # pieces of an answer; far fewer than the events that are read back

_OPEN_TURN: TypeAdapter[OpenTurn] = TypeAdapter(OpenTurn)


def too_busy() -> Unavailable:
    """What is said after so many tries."""
    return Unavailable("too many hands on this chat; try again")


async def give_way(tries: int) -> None:
    """Pause before another try, for a time by chance: of many who write in one chat at once, each gets through."""
    if tries:
        await asyncio.sleep(random.uniform(0, _PAUSE_S * 2 ** (tries - 1)))


def place_of(turn_id: str) -> str:
    """The holder of an open turn's place."""
    return f"{PLACE}{turn_id}"


def turn_key(turn_id: str) -> DocKey:
    return DocKey("turn", turn_id)


def conversation_key(chat_id: str) -> DocKey:
    return DocKey("conversation", chat_id)


def checkpoint_key(chat_id: str) -> DocKey:
    """What the answer in the making had said at some moment: its room may have dropped the beginning."""
    return DocKey("checkpoint", chat_id)


@dataclass(frozen=True, slots=True)
class ChatRead:
    """A chat and what was said in it, each with the version it was read at."""

    chat: Chat
    chat_version: int
    said: Conversation
    said_version: int


@dataclass(frozen=True, slots=True)
class TurnRead(ChatRead):
    """The same, and one of its turns."""

    turn: Turn
    turn_version: int


@dataclass(frozen=True, slots=True)
class Ending:
    """How a turn is to end: its state, its last events, and what else its document shall say."""

    turn: Turn
    turn_version: int
    state: TurnState
    events: tuple[ChatEvent, ...]
    changes: dict[str, Any]

    def ended(self, now: datetime) -> Turn:
        return self.turn.model_copy(update={**self.changes, "state": self.state, "updated_at": now})


async def read_chat(log: EventLog, chat_id: str) -> ChatRead | None:
    """A chat and its conversation; None if there is no such chat."""
    chat, said = await log.documents([chat_key(chat_id), conversation_key(chat_id)])
    if chat is None:
        return None
    return ChatRead(
        load(log, Chat, chat),
        chat.version,
        load(log, Conversation, said) if said else Conversation(),
        said.version if said else 0,
    )


async def require_chat(log: EventLog, chat_id: str) -> ChatRead:
    """The same, where there has to be one.

    Raises:
        NotFound: There is none.
    """
    read = await read_chat(log, chat_id)
    if read is None:
        raise NotFound("there is no such chat")
    return read


async def read_turn(log: EventLog, turn_id: str) -> TurnRead | None:
    """A turn and its chat; None if either is gone."""
    document = await log.document(turn_key(turn_id))
    if document is None:
        return None
    turn = load(log, Turn, document)
    read = await read_chat(log, turn.chat_id)
    if read is None:
        return None
    return TurnRead(read.chat, read.chat_version, read.said, read.said_version, turn, document.version)


async def read_so_far(log: EventLog, turn: Turn) -> str:
    """What an answer in the making has said in the room so far."""
    entries = await log.read_back(str(Room.chat(turn.chat_id)), None, RECENT)
    document = await log.document(checkpoint_key(turn.chat_id))
    found = open_turn(log, entries, (turn.id,), document)
    return found.text if found else ""


def open_turn(
    log: EventLog, entries: Sequence[LogEntry], turn_ids: Sequence[str], checkpoint: Document | None
) -> OpenTurn | None:
    """Return the unfinished answer that began last, from these events of its room and its checkpoint.

    Unreadable events and an unreadable checkpoint are ignored.
    """
    known = _checkpointed(log, checkpoint) if checkpoint else None
    for turn_id in reversed(turn_ids):
        made_of = [entry for entry in entries if entry.type in MAKING and turn_id in entry.body]
        events = [event for entry in made_of if (event := read_event(log, entry)) is not None]
        if (found := OpenTurn.of(turn_id, events, known)) is not None:
            return found
    return None


def _checkpointed(log: EventLog, document: Document) -> OpenTurn | None:
    """Read a checkpoint. It belongs to one attempt and is written whole, so it has no fields of a newer hub to keep."""
    try:
        return _OPEN_TURN.validate_json(document.body)
    except ValidationError as exc:
        log.report_unreadable(document.key, reason_of(exc))
        return None


def checkpoint(chat_id: str, turn: OpenTurn) -> Document:
    """To be written with the event that brought the turn where it is. Nobody expects a version of it."""
    return Document(checkpoint_key(chat_id), 1, _OPEN_TURN.dump_json(turn).decode())


def written(
    read: ChatRead,
    chat: Chat,
    now: datetime,
    *events: ChatEvent | NoticeSent,
    turns: Sequence[tuple[Turn, int]] = (),
    queue: Sequence[str] = (),
    result: str = "",
) -> Write:
    """The chat moved on by one version: these events, what they say, and turns, each with its version before.

    Turns that are over by that are counted, and give their places back.
    """
    room = str(Room.chat(chat.id))
    said = read.said.after(*events, at=format_time(now))
    last = said.messages[-1].shortened if said is not read.said else chat.last
    chat = chat.model_copy(update={"updated_at": now, "last": last})
    expects = [(chat_key(chat.id), read.chat_version)]
    documents = [Document(chat_key(chat.id), read.chat_version + 1, chat.model_dump_json())]
    if said is not read.said:
        expects.append((conversation_key(chat.id), read.said_version))
        documents.append(Document(conversation_key(chat.id), read.said_version + 1, said.model_dump_json()))
    for turn, version in turns:
        expects.append((turn_key(turn.id), version))
        documents.append(Document(turn_key(turn.id), version + 1, turn.model_dump_json()))
    kept = [document.key for document in documents]
    return Write(
        events=tuple(NewEvent(event.type, event.body(now), (room,)) for event in events),
        expects=tuple(expects),
        documents=tuple(documents),
        index=(
            IndexMove(ALL_CHATS, chat.id, last is not None),
            IndexMove(ATTENDED_CHATS, chat.id, chat.mode is not ChatMode.AGENT),
        ),
        counts=tuple((TALLIES, *each) for turn, _ in turns if turn.over for each in tallied(turn)),
        queue=tuple(queued(turn_id, chat.id) for turn_id in queue),
        release=tuple(place_of(turn.id) for turn, _ in turns if turn.over),
        expire=(*((key, KEPT_S) for key in kept), (room, KEPT_S)),
        result=result,
    )


def ending(
    both: TurnRead,
    state: TurnState,
    events: Sequence[ChatEvent],
    now: datetime,
    limits: Limits,
    *,
    lang: str | None = None,
    **changes: Any,
) -> Write:
    """The one write that ends a turn: its last events, its state, and the next turn of its chat queued.

    Args:
        lang: The chat's language, if the turn made it known.
        changes: What else the turn's document shall say.
    """
    chat = both.chat.model_copy(update={"lang": lang}) if lang else both.chat
    end = Ending(both.turn, both.turn_version, state, tuple(events), changes)
    return endings(both, chat, [end], now, limits)


def endings(
    read: ChatRead, chat: Chat, ends: Sequence[Ending], now: datetime, limits: Limits, *events: ChatEvent
) -> Write:
    """The same for several turns of a chat at once, with what is said of it after their endings."""
    chat, runnable = chats.release(chat, *(end.turn.id for end in ends), at_once=limits.turns)
    return written(
        read,
        chat,
        now,
        *(event for end in ends for event in end.events),
        *events,
        turns=[(end.ended(now), end.turn_version) for end in ends],
        queue=runnable,
    )


def accounted(both: TurnRead, usage: Usage, model: str, quotas: Sequence[Quota] = ()) -> Write:
    """Return the write that counts the usage of an answer that was ended from outside. It has no event."""
    turn = both.turn.model_copy(update={"usage": usage, "model": model})
    document = Document(turn_key(turn.id), both.turn_version + 1, turn.model_dump_json())
    return Write(
        expects=((document.key, both.turn_version),),
        documents=(document,),
        counts=tuple((TALLIES, *each) for each in measured(usage)),
        quotas=tuple(quotas),
        expire=((document.key, KEPT_S),),
    )


async def skip(log: EventLog, taken: Taken, error: TurnError, now: datetime, limits: Limits) -> bool:
    """Remove an unreadable turn from its chat, so that the chat goes on; False if it was gone, or the chat is.

    Raises:
        Conflict: Somebody wrote in the chat meanwhile.
        UnreadableDocument: The chat cannot be read either.
    """
    document = await log.document(chat_key(taken.chat_id))
    if document is None:
        return False
    chat = load(log, Chat, document)
    if taken.turn_id not in chat.turns:
        return False
    chat, runnable = chats.release(chat, taken.turn_id, at_once=limits.turns)
    event = ChatFailed(turn_id=taken.turn_id, text="", error=error)
    await log.commit(
        Write(
            events=(NewEvent(event.type, event.body(now), (str(Room.chat(chat.id)),)),),
            expects=((document.key, document.version),),
            documents=(Document(document.key, document.version + 1, chat.model_dump_json()),),
            queue=tuple(queued(turn_id, chat.id) for turn_id in runnable),
            release=(place_of(taken.turn_id),),
        )
    )
    return True
