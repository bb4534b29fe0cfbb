"""What the model knows of the conversation: a LlamaIndex chat store over the chat's document in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import Memory
from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus
from pydantic import PrivateAttr

if TYPE_CHECKING:
    from hub.domain.chat import Conversation, Message, Turn

MAX_TOKENS = 3_000  # a long evening's talk, and small beside any model's window
_CHARS_A_TOKEN = 3  # Spanish in today's tokenizers has 3.5 to 4: rather too few remembered than too many
# What a run itself says and is told by its tools comes on top, and is never dropped while the run needs it.
_RUN_TOKENS = 60_000


def tokens_in(text: str) -> int:
    """About how many tokens a text has. A real tokenizer is another for every model, and slow to load."""
    return -(-len(text) // _CHARS_A_TOKEN)


def recalled(said: Conversation, turn: Turn, *, max_tokens: int = MAX_TOKENS) -> list[ChatMessage]:
    """The conversation before this turn's question, the oldest first, the newest kept.

    Questions asked after it are left out: they get their own turns. Those that were answered by a person, and what
    that person said, are in it.
    """
    asked = next((n for n, message in enumerate(said.messages) if message.message_id == turn.message_id), None)
    kept: list[ChatMessage] = []
    room = max_tokens
    for number, message in reversed(list(enumerate(said.messages))):
        later_question = asked is not None and number >= asked and message.kind == "customer"
        if later_question or message.message_id == turn.message_id or not message.text:
            continue
        room -= tokens_in(message.text)
        if room < 0:
            break
        kept.append(_as_model_sees(message))
    return kept[::-1]


def memory_of(said: Conversation, turn: Turn, *, max_tokens: int = MAX_TOKENS) -> Memory:
    """LlamaIndex's memory for one run of the agent."""
    return remembering(turn.chat_id, recalled(said, turn, max_tokens=max_tokens), max_tokens=max_tokens)


def remembering(chat_id: str, messages: list[ChatMessage], *, max_tokens: int = MAX_TOKENS) -> Memory:
    """LlamaIndex's memory with these messages in it."""
    return Memory(
        session_id=chat_id,
        sql_store=ConversationStore.of(chat_id, messages),
        token_limit=max_tokens + _RUN_TOKENS,
        chat_history_token_ratio=1.0,
        tokenizer_fn=_as_tokens,
    )


def _as_tokens(text: str) -> Any:
    return range(tokens_in(text))


def _as_model_sees(said: Message) -> ChatMessage:
    match said.kind:
        case "customer":
            return ChatMessage(role=MessageRole.USER, content=said.text)
        case "agent":
            cut = " […]" if said.state in ("stopped", "failed") else ""
            return ChatMessage(role=MessageRole.ASSISTANT, content=said.text + cut)
        case _:  # staff, or somebody whom only a newer hub knows
            return ChatMessage(role=MessageRole.ASSISTANT, content=f"[{said.name}] {said.text}")


class ConversationStore(AsyncDBChatStore):
    """One chat's messages, as a run of the agent reads and extends them.

    Read from the chat's document (`hub.services.turns.conversation_key`), which every commit that says something
    in the chat moves on. What a run adds stays with the run: its outcome enters the document with the turn's
    ending, in that one commit, so that an attempt which was lost leaves no trace in anybody's memory.
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
