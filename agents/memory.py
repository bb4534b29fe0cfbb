"""What the model knows of the conversation: rebuilt from the chat room's log for each turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import BaseMemory
from pydantic import PrivateAttr

if TYPE_CHECKING:
    from hub.domain.chat import Message, Transcript, Turn

MAX_CHARS = 12_000  # about 3,000 tokens: a long evening's talk, and small beside any model's window


def recalled(transcript: Transcript, turn: Turn, *, max_chars: int = MAX_CHARS) -> list[ChatMessage]:
    """The conversation before this turn's question, the oldest first, the newest kept.

    Questions asked after it are left out: they get their own turns.
    """
    asked = next((n for n, said in enumerate(transcript.messages) if said.message_id == turn.message_id), None)
    kept: list[ChatMessage] = []
    room = max_chars
    for number, said in reversed(list(enumerate(transcript.messages))):
        later_question = asked is not None and number >= asked and said.kind == "customer"
        if later_question or said.message_id == turn.message_id or not said.text:
            continue
        room -= len(said.text)
        if room < 0:
            break
        kept.append(_as_model_sees(said))
    return kept[::-1]


def _as_model_sees(said: Message) -> ChatMessage:
    match said.kind:
        case "customer":
            return ChatMessage(role=MessageRole.USER, content=said.text)
        case "staff":
            return ChatMessage(role=MessageRole.ASSISTANT, content=f"[{said.name}] {said.text}")
        case _:
            cut = " […]" if said.state in ("stopped", "failed") else ""
            return ChatMessage(role=MessageRole.ASSISTANT, content=said.text + cut)


class ConversationMemory(BaseMemory):
    """A list of messages for one run. LlamaIndex's own memories want a tokenizer, and a thread for each call."""

    _messages: list[ChatMessage] = PrivateAttr(default_factory=list)

    @classmethod
    def of(cls, messages: list[ChatMessage]) -> ConversationMemory:
        memory = cls()
        memory.set(messages)
        return memory

    @classmethod
    def from_defaults(cls, **kwargs: Any) -> ConversationMemory:
        return cls.of(kwargs.get("chat_history") or [])

    def get(self, input: str | None = None, **kwargs: Any) -> list[ChatMessage]:
        return list(self._messages)

    def get_all(self) -> list[ChatMessage]:
        return list(self._messages)

    def put(self, message: ChatMessage) -> None:
        self._messages.append(message)

    def set(self, messages: list[ChatMessage]) -> None:
        self._messages = list(messages)

    def reset(self) -> None:
        self._messages = []

    async def aget(self, input: str | None = None, **kwargs: Any) -> list[ChatMessage]:
        return self.get()

    async def aget_all(self) -> list[ChatMessage]:
        return self.get_all()

    async def aput(self, message: ChatMessage) -> None:
        self.put(message)

    async def aput_messages(self, messages: list[ChatMessage]) -> None:
        self._messages.extend(messages)

    async def aset(self, messages: list[ChatMessage]) -> None:
        self.set(messages)

    async def areset(self) -> None:
        self.reset()
