"""What the agent's own models are to LlamaIndex: they stream, with tools, in the event loop, and do nothing else."""

from __future__ import annotations

from typing import Any, NoReturn

from llama_index.core.llms.function_calling import FunctionCallingLLM


def _unasked() -> NoReturn:
    raise NotImplementedError("this model only streams a chat with tools")


class StreamingModel(FunctionCallingLLM):
    """A model of which the agent asks `astream_chat_with_tools` alone; LlamaIndex wants the rest to be there."""

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
