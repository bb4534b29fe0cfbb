"""A base class for the agent's own models, which only stream chats with tools."""

from __future__ import annotations

from typing import Any, NoReturn

from llama_index.core.llms.function_calling import FunctionCallingLLM


def _unasked() -> NoReturn:
    raise NotImplementedError("this model only streams a chat with tools")


class StreamingModel(FunctionCallingLLM):
    """A model that implements `astream_chat_with_tools` alone; LlamaIndex requires the other methods to exist."""

    def _prepare_chat_with_tools(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        _unasked()

    def chat(self, *args: Any, **kwargs: Any) -> Any:
        _unasked()

    def stream_chat(self, *args: Any, **kwargs: Any) -> Any:
        _unasked()

    def complete(self, *args: Any, **kwargs: Any) -> Any:
        _unasked()

    def stream_complete(self, *args: Any, **kwargs: Any) -> Any:
        _unasked()

    async def achat(self, *args: Any, **kwargs: Any) -> Any:
        _unasked()

    async def astream_chat(self, *args: Any, **kwargs: Any) -> Any:
        _unasked()

    async def acomplete(self, *args: Any, **kwargs: Any) -> Any:
        _unasked()

    async def astream_complete(self, *args: Any, **kwargs: Any) -> Any:
        _unasked()
