"""A model that says what a test wrote down, and waits where the test wants it to."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock, ToolCallBlock
from pydantic import Field, PrivateAttr

from agents.offline.model import OfflineLLM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Gate:
    """A place where the model stops: `reached` says that it has, `open` lets it go on."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._open = asyncio.Event()

    def open(self) -> None:
        self._open.set()

    async def passed(self) -> None:
        self.reached.set()
        await self._open.wait()


class ToolCall:
    """A tool call. Arguments given as text are passed on as they are: whole JSON or not."""

    def __init__(self, tool: str, arguments: dict[str, Any] | str) -> None:
        self.tool = tool
        self.arguments = arguments


Script = Sequence["str | ToolCall | Gate | Exception"]


class ScriptedLLM(OfflineLLM):
    """Says its scripts, one a call of the model; the last one again and again."""

    seen: list[list[ChatMessage]] = Field(default_factory=list)
    _scripts: list[Script] = PrivateAttr()
    _ids: Any = PrivateAttr(default_factory=itertools.count)

    @classmethod
    def saying(cls, *scripts: Script) -> ScriptedLLM:
        llm = cls(pace_s=0)
        llm._scripts = list(scripts)
        return llm

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        self.seen.append(list(messages))
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        return self._say(script)

    async def _say(self, script: Script) -> AsyncIterator[ChatResponse]:
        text, calls = "", list[ToolCallBlock]()
        for part in script:
            match part:
                case str():
                    text += part
                    yield self._response(text, calls, part)
                case ToolCall():
                    calls.append(
                        ToolCallBlock(
                            tool_call_id=f"call-{next(self._ids)}",
                            tool_name=part.tool,
                            tool_kwargs=part.arguments,
                        )
                    )
                    yield self._response(text, calls, "")
                case Gate():
                    await part.passed()
                case Exception():
                    raise part

    def _response(self, text: str, calls: list[ToolCallBlock], delta: str) -> ChatResponse:
        message = ChatMessage(role=MessageRole.ASSISTANT, blocks=[TextBlock(text=text), *calls])
        return ChatResponse(message=message, delta=delta)
