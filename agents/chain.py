"""A chain of models: retries and fallbacks before the first word of an answer, none after it.

LlamaIndex sees a chain as one model, with one difference: the chain returns only whole messages. Its words go
straight to the room as they arrive; as LlamaIndex events they would cost twice as much. Each turn has a chain of its
own, so that it finishes with the model that it began with.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata, ToolCallBlock
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from pydantic import PrivateAttr
from pydantic_core import from_json

from agents import failure_kinds as failures
from agents.failure_kinds import Failure
from agents.idle_timeout import IdleTimeout
from agents.streaming import StreamingModel
from hub.config import TurnLimits

if TYPE_CHECKING:
    from llama_index.core.tools.types import BaseTool

logger = structlog.get_logger(__name__)

# Failures that another try may fix. A timeout is not among them: a customer who has waited that long for the first
# word must not wait as long again for the same model.
_PASSING = frozenset({"model_unavailable", "model_overloaded", "broken_tool_call", "no_answer"})
_MAX_PAUSE_S = 4.0
_MAX_RETRY_AFTER_S = 10.0  # a model that wants to be left alone for longer is; another one answers, or none
_COOLDOWN_S = (15.0, 240.0)  # a model that failed is asked last for so long; twice as long each time in a row
_CHARS_A_TOKEN = 4
OFFLINE = "offline"
# Where each provider says how much it has read and written.
_READ = ("prompt_tokens", "input_tokens", "prompt_eval_count")
_WROTE = ("completion_tokens", "output_tokens", "eval_count")


@dataclass(slots=True, eq=False)
class Model:
    """A model of the settings, with its recent failures in this process.

    Attributes:
        provider: The setting's word for it: `openai`, `offline`…
    """

    provider: str
    llm: FunctionCallingLLM
    cools_until: float = 0.0
    failures_in_a_row: int = 0

    @property
    def name(self) -> str:
        return str(self.llm.metadata.model_name)

    @property
    def metered(self) -> bool:
        """True if the model's tokens cost something: all but the offline model's do."""
        return self.provider != OFFLINE

    def failed(self) -> None:
        self.failures_in_a_row += 1
        first, longest = _COOLDOWN_S
        self.cools_until = time.monotonic() + min(first * 2 ** (self.failures_in_a_row - 1), longest)

    def answered(self) -> None:
        self.failures_in_a_row, self.cools_until = 0, 0.0


@dataclass(slots=True)
class RunUsage:
    """The calls to models in one turn, and their tokens.

    Attributes:
        calls: Calls that were answered.
        retries: Tries past the first, at any model.
        model_ms: Time to the first word of the first call that was answered.
        tokens: Tokens written by models: the provider's count, or an estimate.
        read: Tokens read by models, counted likewise.
        metered: Tokens read and written by models whose tokens cost something.
        written: Tokens written, always estimated; the budget is compared with these.
        visible_chars: Characters of answers that a reader sees.
    """

    calls: int = 0
    retries: int = 0
    model_ms: int | None = None
    tokens: int = 0
    read: int = 0
    metered: int = 0
    written: int = 0
    visible_chars: int = 0
    model: Model | None = None

    def count(self, model: Model, read: int, wrote: int) -> None:
        """Add the tokens of one try at a model."""
        self.read += read
        self.tokens += wrote
        self.metered += read + wrote if model.metered else 0


class Listener(Protocol):
    """The receiver of a model's text."""

    def on_new_part(self) -> None:
        """Begin another part of the answer: the model is asked once more."""

    def on_text(self, text: str) -> None:
        """Receive a piece of text. An exception raised here ends the answer."""


class ModelChain(StreamingModel):
    """A model that answers with the first of several models that works.

    A model that fails before its first visible word is tried again, after growing pauses or when it asks for; then the
    next one is asked. A failure after the first word ends the answer: two halves of two models make no answer.
    """

    _models: Sequence[Model] = PrivateAttr()
    _turn_limits: TurnLimits = PrivateAttr()
    _run_usage: RunUsage = PrivateAttr()
    _listener: Listener = PrivateAttr()

    @classmethod
    def of(
        cls, models: Sequence[Model], turn_limits: TurnLimits, run_usage: RunUsage, listener: Listener
    ) -> ModelChain:
        """A chain for one turn."""
        chain = cls()
        chain._models, chain._turn_limits, chain._run_usage, chain._listener = models, turn_limits, run_usage, listener
        return chain

    @classmethod
    def class_name(cls) -> str:
        return "ModelChain"

    @property
    def metadata(self) -> LLMMetadata:
        return self._current.llm.metadata

    @property
    def _current(self) -> Model:
        return self._run_usage.model or self._in_turn()[0]

    async def astream_chat_with_tools(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> Any:
        return self._stream(tools, args, kwargs)

    async def _stream(
        self, tools: Sequence[BaseTool], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> AsyncGenerator[ChatResponse, None]:
        self._listener.on_new_part()
        yield await self._answer(tools, args, kwargs)

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        return self._current.llm.get_tool_calls_from_response(
            response, error_on_no_tool_call=error_on_no_tool_call, **kwargs
        )

    # How

    def _in_turn(self) -> list[Model]:
        """Return the models in the order of asking: the turn's own, those without recent failures, the others."""
        now = time.monotonic()
        return sorted(self._models, key=lambda model: (model is not self._run_usage.model, model.cools_until > now))

    async def _answer(self, tools: Sequence[BaseTool], args: tuple[Any, ...], kwargs: dict[str, Any]) -> ChatResponse:
        failure, run_usage = Failure("model_unavailable"), self._run_usage
        visible_chars = run_usage.visible_chars
        for model in self._in_turn():
            unhealthy = False
            for number in range(1, self._turn_limits.tries + 1):
                try:
                    answer = await self._try_model(model, tools, args, kwargs)
                except Exception as exc:  # a provider's errors are of every kind
                    failure = _as_failure(exc)
                    if run_usage.visible_chars > visible_chars or failure.code == "too_long":
                        raise failure from exc
                    pause_s, unhealthy = self._pause_s(number, failure.code, exc), _is_unhealthy(failure, exc)
                else:
                    model.answered()
                    run_usage.calls += 1
                    return answer
                logger.warning("agent.model_failed", model=model.name, code=failure.code, again_in_s=pause_s)
                if pause_s is None or number == self._turn_limits.tries:
                    break
                run_usage.retries += 1
                await asyncio.sleep(pause_s)
            if unhealthy:
                model.failed()
        raise failure

    async def _try_model(
        self, model: Model, tools: Sequence[BaseTool], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> ChatResponse:
        """Ask one model once, within the deadlines, and return its whole message. Pass on its words as they arrive."""
        asked, begun, last, written = time.monotonic(), False, ChatResponse(message=ChatMessage()), 0
        wrote: int | None = None
        read: int | None = None
        finished = False
        # Bound to locals: pydantic looks each attribute of a model up, at every word.
        turn_limits, run_usage, listener = self._turn_limits, self._run_usage, self._listener
        try:
            async with IdleTimeout(turn_limits.first_token_s) as idle_timeout:
                chunks = await model.llm.astream_chat_with_tools(tools, *args, **kwargs)
                async with aclosing(chunks):
                    async for last in chunks:
                        wrote = _tokens(last.raw, _WROTE) or wrote
                        read = _tokens(last.raw, _READ) or read
                        finished = _is_finished(last.raw, finished)
                        if not begun and _says_something(last):
                            begun = True
                            self._note_first_word(model, asked)
                        if begun:
                            idle_timeout.renew(turn_limits.idle_s)
                            written += _pass_on(last.delta or "", run_usage, turn_limits, listener)
        except Exception as exc:
            if not begun and not isinstance(exc, TimeoutError):  # refused or unreachable: the model read nothing
                read = 0
            raise
        finally:
            read = _estimated(tools, kwargs) if read is None else read
            run_usage.count(model, read, written if wrote is None else wrote)
        if not begun and not run_usage.visible_chars:
            raise Failure("no_answer")
        if begun and not finished:  # a proxy may end a stream as if it were over
            raise Failure("model_unavailable")
        _require_whole_calls(last)
        return last

    def _note_first_word(self, model: Model, asked: float) -> None:
        self._run_usage.model = model
        if self._run_usage.model_ms is None:
            self._run_usage.model_ms = round((time.monotonic() - asked) * 1_000)

    def _pause_s(self, number: int, code: str, exc: Exception) -> float | None:
        """Return the pause before the next try at the same model, in seconds; None if another try is useless."""
        if code not in _PASSING:
            return None
        wanted_s = retry_after_s(exc)
        if wanted_s is not None:
            return wanted_s if wanted_s <= _MAX_RETRY_AFTER_S else None
        return float(min(self._turn_limits.retry_pause_s * 2 ** (number - 1), _MAX_PAUSE_S) * random.uniform(0.5, 1.5))


def _pass_on(text: str, run_usage: RunUsage, turn_limits: TurnLimits, listener: Listener) -> int:
    """Count a chunk, pass on its text, and return its tokens: at least one, also for a tool call's arguments."""
    count = max(1, len(text) // _CHARS_A_TOKEN)
    run_usage.written += count
    if run_usage.written > turn_limits.turn_tokens:
        raise Failure("too_long")
    if text:
        run_usage.visible_chars += len(text)
        listener.on_text(text)
    return count


def retry_after_s(exc: BaseException) -> float | None:
    """Return the seconds after which a provider may be asked again; None if it does not say."""
    for cause in failures.causes(exc):
        headers = getattr(getattr(cause, "response", None), "headers", None)
        text = headers.get("retry-after") if headers is not None else None
        if not text:
            continue
        try:
            return max(0.0, float(text))
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
        except ValueError:
            continue
    return None


def _as_failure(exc: Exception) -> Failure:
    code = failures.code_of(exc)
    if code == "internal":
        logger.exception("agent.model_error_unknown")
    return exc if isinstance(exc, Failure) else Failure(code)


def _is_unhealthy(failure: Failure, exc: Exception) -> bool:
    """Return True if the model would fail other questions too, and not only this one."""
    if failure.code == "model_refused":
        return any(getattr(cause, "status_code", None) in (401, 403, 404) for cause in failures.causes(exc))
    return failure.code in ("model_timeout", "model_unavailable", "model_overloaded")


def _says_something(chunk: ChatResponse) -> bool:
    return bool(
        chunk.delta
        or chunk.additional_kwargs.get("thinking_delta")
        or any(isinstance(block, ToolCallBlock) for block in chunk.message.blocks)
    )


def _is_finished(raw: Any, before: bool) -> bool:
    """Return True if a stream in OpenAI's protocol has announced its end; others raise when cut off."""
    if not hasattr(raw, "choices"):
        return True
    return before or any(choice.finish_reason for choice in raw.choices or ())


def _require_whole_calls(chunk: ChatResponse) -> None:
    """Refuse an incomplete tool call, which LlamaIndex would repair and run."""
    for block in chunk.message.blocks:
        if isinstance(block, ToolCallBlock) and isinstance(block.tool_kwargs, str) and block.tool_kwargs:
            try:
                from_json(block.tool_kwargs)
            except ValueError as exc:
                raise Failure("broken_tool_call") from exc


def _tokens(raw: Any, names: tuple[str, str, str]) -> int | None:
    """Return a provider's count of tokens, read or written, under OpenAI's, Anthropic's or Ollama's name for it."""
    usage = raw.get("usage") if isinstance(raw, dict) else getattr(raw, "usage", None)
    *in_usage, beside = names
    for name in in_usage:
        found = usage.get(name) if isinstance(usage, dict) else getattr(usage, name, None)
        if isinstance(found, int):
            return found
    found = raw.get(beside) if isinstance(raw, dict) else None
    return found if isinstance(found, int) else None


def _estimated(tools: Sequence[BaseTool], asked: dict[str, Any]) -> int:
    """Return an estimate of the tokens that a model was given to read: the conversation, and the tools it may call."""
    messages = [*(asked.get("chat_history") or ()), *([asked["user_msg"]] if asked.get("user_msg") else ())]
    message_chars = sum(len(getattr(message, "content", message) or "") for message in messages)
    offered = sum(len(tool.metadata.description) + len(tool.metadata.fn_schema_str) for tool in tools)
    return (message_chars + offered) // _CHARS_A_TOKEN
