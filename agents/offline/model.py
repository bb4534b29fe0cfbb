"""The model that needs no key: rules that understand a taquería's Spanish and English.

It stands behind LlamaIndex's own interface and is used as any model is: it sees messages and tools,
answers with tool calls, sees their results, and writes. What it says of orders and dishes comes from
those results.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    LLMMetadata,
    MessageRole,
    TextBlock,
    ToolCallBlock,
)
from llama_index.core.llms.llm import ToolSelection
from pydantic import PrivateAttr

from agents.language import detect
from agents.offline.intent_types import STAFFS, Intent, Said
from agents.offline.intents import understand
from agents.offline.ordering.repeats import AGAIN, found_again
from agents.offline.reading.dishes import Dishes
from agents.offline.text.spelling import spelled_out
from agents.offline.told import answers
from agents.streaming import StreamingModel
from hub.domain.texts import Lang

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from llama_index.core.tools.types import BaseTool

    from hub.domain.menu import Menu

MODEL = "offline"
PACE_S = 0.02  # a word; a quick reader's speed
_WORD = re.compile(r"\S+\s*|\s+")


class OfflineLLM(StreamingModel):
    """Rules that behave like a function-calling model.

    Attributes:
        pace_s: How long a word takes; 0 in tests.
    """

    pace_s: float = PACE_S
    _dishes: Dishes = PrivateAttr()

    @classmethod
    def serving(cls, menu: Menu, *, pace_s: float = PACE_S) -> OfflineLLM:
        """The model for one taquería's menu."""
        llm = cls(pace_s=pace_s)
        llm._dishes = Dishes(menu)
        return llm

    @classmethod
    def class_name(cls) -> str:
        return "OfflineLLM"

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=MODEL, is_chat_model=True, is_function_calling_model=True)

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        return self._stream(self.respond(messages, kwargs.get("tools") or ()))

    def respond(self, messages: Sequence[ChatMessage], tools: Sequence[str]) -> ChatMessage:
        """The whole of the next message: a tool call, or text."""
        lang = _language(messages)
        asked = max(n for n, message in enumerate(messages) if message.role is MessageRole.USER)
        conversation = [
            _said(message)
            for message in messages[: asked + 1]
            if message.role in (MessageRole.USER, MessageRole.ASSISTANT) and message.content
        ]
        menu = self._dishes.menu
        intent = understand(conversation, self._dishes, staff=any(tool in STAFFS for tool in tools))
        results = _results(messages[asked + 1 :])
        if results and intent.about == AGAIN and len(results) == 1:
            intent = found_again(results[0][1], conversation[-1].text, self._dishes)
        elif results and len(results) <= len(intent.then):
            intent = replace(intent, arguments=intent.then[len(results) - 1])
        elif results:
            results = results[-1:] if intent.about == AGAIN else results
            return _text(answers.answer(results, lang, intent))
        if intent.tool and intent.tool not in tools:
            intent = Intent(say="not_allowed" if intent.tool in STAFFS else "outside")
        if intent.tool:
            call = ToolCallBlock(
                tool_call_id=f"call-{len(messages)}", tool_name=intent.tool, tool_kwargs=intent.arguments
            )
            return ChatMessage(role=MessageRole.ASSISTANT, blocks=[TextBlock(text=""), call])
        return _text(answers.said(intent, menu, lang))

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        calls = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
        if not calls and error_on_no_tool_call:
            raise ValueError("the answer calls no tool")
        return [
            ToolSelection(
                tool_id=call.tool_call_id or "",
                tool_name=call.tool_name,
                tool_kwargs=call.tool_kwargs if isinstance(call.tool_kwargs, dict) else {},
            )
            for call in calls
        ]

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        messages = list(chat_history or [])
        if user_msg is not None:
            messages.append(
                user_msg if isinstance(user_msg, ChatMessage) else ChatMessage(role=MessageRole.USER, content=user_msg)
            )
        return {"messages": messages, "tools": [tool.metadata.get_name() for tool in tools]}

    async def _stream(self, message: ChatMessage) -> AsyncGenerator[ChatResponse, None]:
        """The message word by word, as a model would write it; a tool call in one piece."""
        text = message.content or ""
        if not text:
            yield ChatResponse(message=message, delta="")
            return
        so_far = ""
        for word in _WORD.findall(text):
            if self.pace_s:
                await asyncio.sleep(self.pace_s)
            so_far += word
            yield ChatResponse(message=_text(so_far), delta=word)


def _said(message: ChatMessage) -> Said:
    by_customer, text = message.role is MessageRole.USER, message.content or ""
    return Said(by_customer, spelled_out(text) if by_customer else text)


def _text(text: str) -> ChatMessage:
    return ChatMessage(role=MessageRole.ASSISTANT, content=text)


def _results(messages: Sequence[ChatMessage]) -> list[tuple[str, dict[str, Any]]]:
    """What the tools called since the question have answered, each with its tool's name."""
    names = {
        block.tool_call_id: block.tool_name
        for message in messages
        for block in message.blocks
        if isinstance(block, ToolCallBlock)
    }
    return [
        (names.get(message.additional_kwargs.get("tool_call_id"), ""), _parsed(message.content))
        for message in messages
        if message.role is MessageRole.TOOL
    ]


def _parsed(content: str | None) -> dict[str, Any]:
    try:
        result = json.loads(content or "")
    except ValueError:
        return {"error": "internal"}
    return result if isinstance(result, dict) else {"error": "internal"}


def _language(messages: Sequence[ChatMessage]) -> Lang:
    """What the system prompt says; without one, what the customer writes."""
    lang: Lang = "es"
    for message in messages:
        if message.role is MessageRole.SYSTEM and "- In English," in (message.content or ""):
            return "en"
        if message.role is MessageRole.SYSTEM and "- In Spanish," in (message.content or ""):
            return "es"
        if message.role is MessageRole.USER:
            lang = detect(message.content or "", lang)
    return lang
