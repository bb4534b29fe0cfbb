"""Chats as their readers see them: the state of a chat's room, and the figures of a turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hub.core.errors import NotFound
from hub.core.times import format_time
from hub.domain.answers.chat_answers import ChatSnapshot, TurnFigures
from hub.domain.chat import Chat, Turn, snapshot
from hub.domain.conversation import Conversation
from hub.domain.proposal import Proposal
from hub.services.chats.chat_documents import checkpoint_key, conversation_key, open_turn
from hub.services.document_names import chat_key, proposal_key
from hub.services.stored_documents import load, load_readable

if TYPE_CHECKING:
    from hub.store.log import DocKey, Document, EventLog, LogEntry


def snapshot_keys(chat_id: str) -> tuple[DocKey, ...]:
    """Return the keys of the documents that a chat room's snapshot is made of."""
    return chat_key(chat_id), conversation_key(chat_id), checkpoint_key(chat_id), proposal_key(chat_id)


def chat_snapshot(log: EventLog, entries: Sequence[LogEntry], documents: Sequence[Document | None]) -> ChatSnapshot:
    """Return the state of a chat's room.

    Args:
        entries: The room's newest events.
        documents: Those of `snapshot_keys`, as of the same moment.

    Raises:
        NotFound: The chat is gone.
        UnreadableDocument: The chat or its conversation cannot be read.
    """
    found, spoken, checkpointed, proposed = documents
    if found is None:
        raise NotFound("there is no such chat")
    chat = load(log, Chat, found)
    conversation = load(log, Conversation, spoken) if spoken else Conversation()
    proposal = load_readable(log, Proposal, proposed)
    return snapshot(chat, conversation, open_turn(log, entries, chat.turns, checkpointed), proposal)


def turn_figures(turn: Turn) -> TurnFigures:
    """Return a turn's figures for those who look after the agent; never its words."""
    return TurnFigures(
        state=str(turn.state),
        attempt=turn.attempt,
        worker=turn.worker,
        model=turn.model,
        error=turn.error,
        usage=turn.usage,
        turn_id=turn.id,
        asked_at=format_time(turn.created_at),
        ended_at=format_time(turn.updated_at) if turn.over else None,
    )
