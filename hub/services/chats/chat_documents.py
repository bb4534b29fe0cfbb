"""Reads and writes of a chat's documents, shared by the chat service and the agent's workers.

Each commit holds the events of a chat and the documents that they change: the chat, the
conversation and the turns concerned. Each document is expected at the version that was read, so that only one of
two writers can end the same turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from hub.core.errors import NotFound, Unavailable
from hub.core.times import format_time
from hub.domain import chat as chats
from hub.domain.chat import Chat, ChatMode, Turn, TurnState
from hub.domain.conversation import Conversation
from hub.domain.events import ChatEvent, ChatFailed, NoticeSent, TurnError, Usage
from hub.domain.open_turn import ANSWER_EVENTS, OpenTurn
from hub.domain.room_retention import CHAT_KEPT_S
from hub.domain.rooms import Room
from hub.domain.tallies import TALLIES, measured, tallied
from hub.services.chats.turn_jobs import TurnJob, TurnLease
from hub.services.document_names import ALL_CHATS, ATTENDED_CHATS, chat_key
from hub.services.log_events import new_event
from hub.services.stored_documents import load, read_event, reason_of
from hub.store.log import DocKey, Document, EventLog, IndexMove, LogEntry, Quota, Write

if TYPE_CHECKING:
    from hub.config.limit_settings import ChatLimits

GONE = -1  # for `Write.expire`: at once
# Events of the room that are read for an unfinished answer: older text is in its checkpoint.
RECENT = 200
PLACE = "turn:"  # the prefix of the names under which open turns hold their slots
CHECKPOINT_EVERY = 32  # pieces of an answer; far fewer than the events that are read back

_OPEN_TURN: TypeAdapter[OpenTurn] = TypeAdapter(OpenTurn)


def chat_is_busy() -> Unavailable:
    """Return the error after too many version conflicts in one chat."""
    return Unavailable("too many hands on this chat; try again")


def place_of(turn_id: str) -> str:
    """Return the holder under which an open turn holds its place."""
    return f"{PLACE}{turn_id}"


def turn_key(turn_id: str) -> DocKey:
    """Return the key of a turn."""
    return DocKey("turn", turn_id)


def conversation_key(chat_id: str) -> DocKey:
    """Return the key of a chat's conversation."""
    return DocKey("conversation", chat_id)


def checkpoint_key(chat_id: str) -> DocKey:
    """Return the key of an unfinished answer's checkpoint, which holds what its room may have dropped."""
    return DocKey("checkpoint", chat_id)


@dataclass(frozen=True, slots=True)
class ChatRead:
    """A chat and its conversation, each with the version at which it was read."""

    chat: Chat
    chat_version: int
    conversation: Conversation
    conversation_version: int


@dataclass(frozen=True, slots=True)
class TurnRead(ChatRead):
    """A chat as it was read, and one of its turns."""

    turn: Turn
    turn_version: int


@dataclass(frozen=True, slots=True)
class Ending:
    """The ending of a turn: its state, its last events, and other changes of its document."""

    turn: Turn
    turn_version: int
    state: TurnState
    events: tuple[ChatEvent, ...]
    changes: dict[str, Any]

    def ended(self, now: datetime) -> Turn:
        """Return the turn as it is after its ending."""
        return self.turn.model_copy(update={**self.changes, "state": self.state, "updated_at": now})


async def read_chat(log: EventLog, chat_id: str) -> ChatRead | None:
    """Return a chat and its conversation; None if there is no such chat."""
    chat, spoken = await log.documents([chat_key(chat_id), conversation_key(chat_id)])
    if chat is None:
        return None
    return ChatRead(
        load(log, Chat, chat),
        chat.version,
        load(log, Conversation, spoken) if spoken else Conversation(),
        spoken.version if spoken else 0,
    )


async def require_chat(log: EventLog, chat_id: str) -> ChatRead:
    """Return a chat and its conversation.

    Raises:
        NotFound: There is none.
    """
    read = await read_chat(log, chat_id)
    if read is None:
        raise NotFound("there is no such chat")
    return read


async def read_turn(log: EventLog, turn_id: str) -> TurnRead | None:
    """Return a turn and its chat; None if either is gone."""
    document = await log.document(turn_key(turn_id))
    if document is None:
        return None
    turn = load(log, Turn, document)
    read = await read_chat(log, turn.chat_id)
    if read is None:
        return None
    return TurnRead(read.chat, read.chat_version, read.conversation, read.conversation_version, turn, document.version)


async def read_so_far(log: EventLog, turn: Turn) -> str:
    """Return the text of an unfinished answer."""
    entries = await log.read_back(str(Room.chat(turn.chat_id)), None, RECENT)
    document = await log.document(checkpoint_key(turn.chat_id))
    found = open_turn(log, entries, (turn.id,), document)
    return found.answer if found else ""


def open_turn(
    log: EventLog, entries: Sequence[LogEntry], turn_ids: Sequence[str], checkpoint: Document | None
) -> OpenTurn | None:
    """Return the unfinished answer that began last, from these events of its room and its checkpoint.

    Unreadable events and an unreadable checkpoint are ignored.
    """
    known = _checkpointed(log, checkpoint) if checkpoint else None
    for turn_id in reversed(turn_ids):
        made_of = [entry for entry in entries if entry.type in ANSWER_EVENTS and turn_id in entry.body]
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
    """Return the checkpoint of an unfinished answer, for the write with the event that brought it there.

    Nobody expects its version.
    """
    return Document(checkpoint_key(chat_id), 1, _OPEN_TURN.dump_json(turn, by_alias=True).decode())


def written(
    read: ChatRead,
    chat: Chat,
    now: datetime,
    *events: ChatEvent | NoticeSent,
    turns: Sequence[tuple[Turn, int]] = (),
    queue: Sequence[str] = (),
    result: str = "",
) -> Write:
    """Return the write of a chat's next version, with events, their messages, and turns.

    Turns that end with this write are counted and release their slots.
    """
    room = str(Room.chat(chat.id))
    conversation = read.conversation.after(*events, at=format_time(now))
    last = conversation.messages[-1].shortened if conversation is not read.conversation else chat.last
    chat = chat.model_copy(update={"updated_at": now, "last": last})
    expects = [(chat_key(chat.id), read.chat_version)]
    documents = [Document(chat_key(chat.id), read.chat_version + 1, chat.model_dump_json())]
    if conversation is not read.conversation:
        expects.append((conversation_key(chat.id), read.conversation_version))
        documents.append(
            Document(conversation_key(chat.id), read.conversation_version + 1, conversation.model_dump_json())
        )
    for turn, version in turns:
        expects.append((turn_key(turn.id), version))
        documents.append(Document(turn_key(turn.id), version + 1, turn.model_dump_json()))
    kept = [document.key for document in documents]
    return Write(
        events=tuple(new_event(event, now, chat=chat.id) for event in events),
        expects=tuple(expects),
        documents=tuple(documents),
        index=(
            IndexMove(ALL_CHATS, chat.id, last is not None),
            IndexMove(ATTENDED_CHATS, chat.id, chat.mode is not ChatMode.AGENT),
        ),
        counts=tuple((TALLIES, *each) for turn, _ in turns if turn.over for each in tallied(turn)),
        queue=tuple(TurnJob(turn_id, chat.id).payload() for turn_id in queue),
        release=tuple(place_of(turn.id) for turn, _ in turns if turn.over),
        expire=(*((key, CHAT_KEPT_S) for key in kept), (room, CHAT_KEPT_S)),
        result=result,
    )


def ending(
    loaded: TurnRead,
    state: TurnState,
    events: Sequence[ChatEvent],
    now: datetime,
    limits: ChatLimits,
    *,
    lang: str | None = None,
    **changes: Any,
) -> Write:
    """Return the write that ends a turn: its last events, its state, and the next turn of its chat in the queue.

    Args:
        lang: The chat's language, if the turn made it known.
        changes: Other fields of the turn's document to set.
    """
    chat = loaded.chat.model_copy(update={"lang": lang}) if lang else loaded.chat
    end = Ending(loaded.turn, loaded.turn_version, state, tuple(events), changes)
    return endings(loaded, chat, [end], now, limits)


def endings(
    read: ChatRead, chat: Chat, ends: Sequence[Ending], now: datetime, limits: ChatLimits, *events: ChatEvent
) -> Write:
    """Return the write that ends several turns of a chat at once."""
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


def accounted(loaded: TurnRead, usage: Usage, model: str, quotas: Sequence[Quota] = ()) -> Write:
    """Return the write that counts the usage of an answer that was ended from outside. It has no event."""
    turn = loaded.turn.model_copy(update={"usage": usage, "model": model})
    document = Document(turn_key(turn.id), loaded.turn_version + 1, turn.model_dump_json())
    return Write(
        expects=((document.key, loaded.turn_version),),
        documents=(document,),
        counts=tuple((TALLIES, *each) for each in measured(usage)),
        quotas=tuple(quotas),
        expire=((document.key, CHAT_KEPT_S),),
    )


async def skip(log: EventLog, taken: TurnLease, error: TurnError, now: datetime, limits: ChatLimits) -> bool:
    """Remove an unreadable turn from its chat, so that the chat goes on; False if it was gone, or the chat is.

    Raises:
        Conflict: Somebody wrote in the chat meanwhile.
        UnreadableDocument: The chat cannot be read either.
    """
    document = await log.document(chat_key(taken.job.chat_id))
    if document is None:
        return False
    chat = load(log, Chat, document)
    if taken.job.turn_id not in chat.turns:
        return False
    chat, runnable = chats.release(chat, taken.job.turn_id, at_once=limits.turns)
    event = ChatFailed(turn_id=taken.job.turn_id, text="", error=error)
    await log.commit(
        Write(
            events=(new_event(event, now, chat=chat.id),),
            expects=((document.key, document.version),),
            documents=(Document(document.key, document.version + 1, chat.model_dump_json()),),
            queue=tuple(TurnJob(turn_id, chat.id).payload() for turn_id in runnable),
            release=(place_of(taken.job.turn_id),),
        )
    )
    return True
