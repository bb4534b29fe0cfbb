"""The model's memory of a conversation: a LlamaIndex chat store over the chat's document in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import Memory
from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus
from pydantic import PrivateAttr

if TYPE_CHECKING:
    from hub.domain.chat import Turn
    from hub.domain.conversation import Conversation, Message

MAX_TOKENS = 3_000  # enough for a long conversation, and small beside any model's context window
_CHARS_A_TOKEN = 3  # Spanish has 3.5 to 4 in current tokenizers; a low value remembers too little rather than too much
# The messages and tool results of the run itself come on top, and are never dropped while the run needs them.
_RUN_TOKENS = 60_000


def tokens_in(text: str) -> int:
    """Return the approximate number of tokens of a text. Real tokenizers differ by model and are slow to load."""
    return -(-len(text) // _CHARS_A_TOKEN)


def recalled(conversation: Conversation, turn: Turn, *, max_tokens: int = MAX_TOKENS) -> list[ChatMessage]:
    """Return the conversation before this turn's question, oldest first; the newest messages are kept.

    Later questions are left out, because they have their own turns. Questions that staff answered are included, with
    the answers.
    """
    asked = next((n for n, message in enumerate(conversation.messages) if message.message_id == turn.message_id), None)
    kept: list[ChatMessage] = []
    room = max_tokens
    for number, message in reversed(list(enumerate(conversation.messages))):
        later_question = asked is not None and number >= asked and message.kind == "customer"
        if later_question or message.message_id == turn.message_id or not message.text:
            continue
        room -= tokens_in(message.text)
        if room < 0:
            break
        kept.append(_as_model_sees(message))
    return kept[::-1]


def memory_of(conversation: Conversation, turn: Turn, *, max_tokens: int = MAX_TOKENS) -> Memory:
    """Return LlamaIndex's memory for one run of the agent."""
    return remembering(turn.chat_id, recalled(conversation, turn, max_tokens=max_tokens), max_tokens=max_tokens)


def remembering(chat_id: str, messages: list[ChatMessage], *, max_tokens: int = MAX_TOKENS) -> Memory:
    """Return LlamaIndex's memory, filled with these messages."""
    return Memory(
        session_id=chat_id,
        sql_store=ConversationStore.of(chat_id, messages),
        token_limit=max_tokens + _RUN_TOKENS,
        chat_history_token_ratio=1.0,
        tokenizer_fn=_as_tokens,
    )


def _as_tokens(text: str) -> Any:
    return range(tokens_in(text))


def _as_model_sees(message: Message) -> ChatMessage:
    match message.kind:
        case "customer":
            return ChatMessage(role=MessageRole.USER, content=message.text)
        case "agent":
            cut = " […]" if message.state in ("stopped", "failed") else ""
            return ChatMessage(role=MessageRole.ASSISTANT, content=message.text + cut)
        case _:  # staff, or somebody whom only a newer hub knows
            return ChatMessage(role=MessageRole.ASSISTANT, content=f"[{message.name}] {message.text}")


class ConversationStore(AsyncDBChatStore):
    """One chat's messages, as a run of the agent reads and extends them.

    Read from the chat's document (`hub.services.chats.chat_documents.conversation_key`), which every commit that
    says something in the chat moves on. What a run adds stays with the run: its outcome enters the document with the
    turn's ending, in that one commit, so that an attempt which was lost leaves no trace in anybody's memory.
    """

    _messages: dict[str, list[ChatMessage]] = PrivateAttr(default_factory=dict)
    _archive: dict[str, list[ChatMessage]] = PrivateAttr(default_factory=dict)

    @classmethod
    def of(cls, key: str, messages: list[ChatMessage]) -> ConversationStore:
        store = cls()
        store._messages[key] = list(messages)
        return store

    async def get_messages(
        self,
        key: str,
        status: MessageStatus | None = MessageStatus.ACTIVE,
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[ChatMessage]:
        first = offset or 0
        return self._with(key, status)[first : None if limit is None else first + limit]

    async def count_messages(self, key: str, status: MessageStatus | None = MessageStatus.ACTIVE) -> int:
        return len(self._with(key, status))

    async def add_message(self, key: str, message: ChatMessage, status: MessageStatus = MessageStatus.ACTIVE) -> None:
        await self.add_messages(key, [message], status)

    async def add_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        self._of(status).setdefault(key, []).extend(messages)

    async def set_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        self._of(status)[key] = list(messages)

    async def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        messages = self._messages.get(key, [])
        return messages.pop(idx) if 0 <= idx < len(messages) else None

    async def delete_messages(self, key: str, status: MessageStatus | None = None) -> None:
        for kept in (self._messages, self._archive) if status is None else (self._of(status),):
            kept.pop(key, None)

    async def delete_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        messages = self._messages.get(key, [])
        self._messages[key] = messages[n:]
        return messages[:n]

    async def archive_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        archived = await self.delete_oldest_messages(key, n)
        await self.add_messages(key, archived, MessageStatus.ARCHIVED)
        return archived

    async def get_keys(self) -> list[str]:
        return list(self._messages)

    def _of(self, status: MessageStatus) -> dict[str, list[ChatMessage]]:
        return self._archive if status is MessageStatus.ARCHIVED else self._messages

    def _with(self, key: str, status: MessageStatus | None) -> list[ChatMessage]:
        if status is None:
            return [*self._archive.get(key, []), *self._messages.get(key, [])]
        return list(self._of(status).get(key, []))
