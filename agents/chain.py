"""The models that may answer, one after the other: tries and pauses before the first word, none after it.

To LlamaIndex a chain is a model like any other, but for one thing: it hands on a message when it is whole.
Its words go straight to the room, as they come: as events of LlamaIndex's they would cost as much again.
One chain is made for each turn, so that a turn that has begun with one model goes on with it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol, Self

import structlog
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata, ToolCallBlock
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from pydantic import PrivateAttr
from pydantic_core import from_json

from agents import failures
from agents.bounds import Bounds
from agents.failures import Failure
from agents.streaming import StreamingModel

if TYPE_CHECKING:
    from llama_index.core.tools.types import BaseTool

logger = structlog.get_logger(__name__)

# Failures that another try may mend. A timeout is none of them: who waited for the first word that long is not
# to wait as long again for the same model.
_PASSING = frozenset({"model_unavailable", "model_overloaded", "broken_tool_call", "no_answer"})
_LONGEST_PAUSE_S = 4.0
_LONGEST_RETRY_AFTER_S = 10.0  # a model that wants to be left alone for longer is; another one answers, or none
_REST_S = (15.0, 240.0)  # a model that failed is asked last for so long; twice as long each time in a row
_CHARS_A_TOKEN = 4
OFFLINE = "offline"
# Where each provider says how much it has read and written.
_READ = ("prompt_tokens", "input_tokens", "prompt_eval_count")
_WROTE = ("completion_tokens", "output_tokens", "eval_count")


@dataclass(slots=True, eq=False)
class Model:
    """One model, as the settings name it, and how it has done lately in this process.

    Attributes:
        provider: The setting's word for it: `openai`, `offline`…
    """

    provider: str
    llm: FunctionCallingLLM
    rested_at: float = 0.0
    in_a_row: int = 0

    @property
    def name(self) -> str:
        return str(self.llm.metadata.model_name)

    @property
    def metered(self) -> bool:
        """True if the model's tokens cost something: all but the offline model's do."""
        return self.provider != OFFLINE

    def failed(self) -> None:
        self.in_a_row += 1
        first, longest = _REST_S
        self.rested_at = time.monotonic() + min(first * 2 ** (self.in_a_row - 1), longest)

    def answered(self) -> None:
        self.in_a_row, self.rested_at = 0, 0.0


@dataclass(slots=True)
class Tally:
    """The calls to models in one turn, and their tokens.

    Attributes:
        calls: Calls that were answered.
        retries: Tries past the first, at any model.
        model_ms: Time to the first word of the first call that was answered.
        tokens: Tokens written by models: the provider's count, or an estimate.
        read: Tokens read by models, counted likewise.
        metered: Tokens read and written by models whose tokens cost something.
        written: Tokens written, always estimated; the budget is compared with these.
        said: Characters that a reader sees.
    """

    calls: int = 0
    retries: int = 0
    model_ms: int | None = None
    tokens: int = 0
    read: int = 0
    metered: int = 0
    written: int = 0
    said: int = 0
    model: Model | None = None

    def count(self, model: Model, read: int, wrote: int) -> None:
        """Add the tokens of one try at a model."""
        self.read += read
        self.tokens += wrote
        self.metered += read + wrote if model.metered else 0


class Listener(Protocol):
    """Who is told what a model says."""

    def part(self) -> None:
        """A model is asked once more: what it says now is another part of the answer."""

    def hear(self, text: str) -> None:
        """It says this. What this raises ends the answer."""


class ModelChain(StreamingModel):
    """Answers with the first model that does.

    A model that fails before its first visible word is tried again, with growing pauses or when it says it may be;
    then the next one is asked. What fails after that ends the answer: half of one and half of another is none.
    """

    _models: Sequence[Model] = PrivateAttr()
    _bounds: Bounds = PrivateAttr()
    _tally: Tally = PrivateAttr()
    _listener: Listener = PrivateAttr()

    @classmethod
    def of(cls, models: Sequence[Model], bounds: Bounds, tally: Tally, listener: Listener) -> ModelChain:
        """A chain for one turn."""
        chain = cls()
        chain._models, chain._bounds, chain._tally, chain._listener = models, bounds, tally, listener
        return chain

    @classmethod
    def class_name(cls) -> str:
        return "ModelChain"

    @property
    def metadata(self) -> LLMMetadata:
        return self._current.llm.metadata

    @property
    def _current(self) -> Model:
        return self._tally.model or self._in_turn()[0]

    async def astream_chat_with_tools(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> Any:
        return self._stream(tools, args, kwargs)

    async def _stream(
        self, tools: Sequence[BaseTool], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> AsyncGenerator[ChatResponse, None]:
        self._listener.part()
        yield await self._answer(tools, args, kwargs)

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        return self._current.llm.get_tool_calls_from_response(
            response, error_on_no_tool_call=error_on_no_tool_call, **kwargs
        )

    # How

    def _in_turn(self) -> list[Model]:
        """The models in the order in which they are asked: the one that has the turn, the rested, the others."""
        now = time.monotonic()
        return sorted(self._models, key=lambda model: (model is not self._tally.model, model.rested_at > now))

    async def _answer(self, tools: Sequence[BaseTool], args: tuple[Any, ...], kwargs: dict[str, Any]) -> ChatResponse:
        failure, tally = Failure("model_unavailable"), self._tally
        said = tally.said
        for model in self._in_turn():
            ill = False
            for number in range(1, self._bounds.tries + 1):
                try:
                    answer = await self._tried(model, tools, args, kwargs)
                except Exception as exc:  # a provider's errors are of every kind
                    failure = _as_failure(exc)
                    if tally.said > said or failure.code == "too_long":
                        raise failure from exc
                    pause_s, ill = self._pause_s(number, failure.code, exc), _is_ill(failure, exc)
                else:
                    model.answered()
                    tally.calls += 1
                    return answer
                logger.warning("agent.model_failed", model=model.name, code=failure.code, again_in_s=pause_s)
                if pause_s is None or number == self._bounds.tries:
                    break
                tally.retries += 1
                await asyncio.sleep(pause_s)
            if ill:
                model.failed()
        raise failure

    async def _tried(
        self, model: Model, tools: Sequence[BaseTool], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> ChatResponse:
        """One try at one model: the whole of its message, within the deadlines; its words are passed on as they
        come."""
        asked, begun, last, written = time.monotonic(), False, ChatResponse(message=ChatMessage()), 0
        wrote: int | None = None
        read: int | None = None
        finished = False
        # Taken out here: pydantic looks for each of a model's own attributes, at every word.
        bounds, tally, listener = self._bounds, self._tally, self._listener
        try:
            async with Patience(bounds.first_token_s) as patience:
                chunks = await model.llm.astream_chat_with_tools(tools, *args, **kwargs)
                async with aclosing(chunks):
                    async for last in chunks:
                        wrote = _tokens(last.raw, _WROTE) or wrote
                        read = _tokens(last.raw, _READ) or read
                        finished = _is_finished(last.raw, finished)
                        if not begun and _says_something(last):
                            begun = True
                            self._begins(model, asked)
                        if begun:
                            patience.renew(bounds.idle_s)
                            written += _pass_on(last.delta or "", tally, bounds, listener)
        except Exception as exc:
            if not begun and not isinstance(exc, TimeoutError):  # refused, or not there: it read nothing
                read = 0
            raise
        finally:
            read = _estimated(tools, kwargs) if read is None else read
            tally.count(model, read, written if wrote is None else wrote)
        if not begun and not tally.said:
            raise Failure("no_answer")
        if begun and not finished:  # a proxy may end a stream as if it were over
            raise Failure("model_unavailable")
        _require_whole_calls(last)
        return last

    def _begins(self, model: Model, asked: float) -> None:
        self._tally.model = model
        if self._tally.model_ms is None:
            self._tally.model_ms = round((time.monotonic() - asked) * 1_000)

    def _pause_s(self, number: int, code: str, exc: Exception) -> float | None:
        """How long to wait before the next try at the same model; None: it is not worth one."""
        if code not in _PASSING:
            return None
        wanted_s = retry_after_s(exc)
        if wanted_s is not None:
            return wanted_s if wanted_s <= _LONGEST_RETRY_AFTER_S else None
        return float(min(self._bounds.pause_s * 2 ** (number - 1), _LONGEST_PAUSE_S) * random.uniform(0.5, 1.5))


def _pass_on(text: str, tally: Tally, bounds: Bounds, listener: Listener) -> int:
    """A chunk is a token at least: so are those of a tool call's arguments, which bring no text."""
    count = max(1, len(text) // _CHARS_A_TOKEN)
    tally.written += count
    if tally.written > bounds.tokens:
        raise Failure("too_long")
    if text:
        tally.said += len(text)
        listener.hear(text)
    return count


class Patience:
    """Lets what stands in its block wait for so long, and so long again from each `renew`.

    As `asyncio.timeout`, but that renewing costs nothing: a word comes every few milliseconds, in every chat.

    Raises:
        TimeoutError: At the end of the block.
    """

    _timer: asyncio.TimerHandle

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + seconds
        self._task = asyncio.current_task()
        self._cancels = self._task.cancelling() if self._task is not None else 0
        self._late = False

    def renew(self, seconds: float) -> None:
        self._until = self._loop.time() + seconds
        if self._until < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(self._until, self._look)

    async def __aenter__(self) -> Self:
        self._timer = self._loop.call_at(self._until, self._look)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        self._timer.cancel()
        if not self._late or self._task is None:
            return
        if self._task.uncancel() <= self._cancels and kind is asyncio.CancelledError:
            raise TimeoutError from exc

    def _look(self) -> None:
        if self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._look)
        elif self._task is not None:
            self._late = True
            self._task.cancel()


def retry_after_s(exc: BaseException) -> float | None:
    """When a provider says it may be asked again, in seconds from now; None if it does not say."""
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
        logger.exception("agent.model_broke")
    return exc if isinstance(exc, Failure) else Failure(code)


def _is_ill(failure: Failure, exc: Exception) -> bool:
    """Whether a model would fail others as well; what it refuses or garbles may be this one question."""
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
    """Whether a stream of OpenAI's protocol has said that it is over; others end with an error when cut off."""
    if not hasattr(raw, "choices"):
        return True
    return before or any(choice.finish_reason for choice in raw.choices or ())


def _require_whole_calls(chunk: ChatResponse) -> None:
    """Refuse half a tool call: LlamaIndex repairs cut-off arguments and runs them."""
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
    said = sum(len(getattr(message, "content", message) or "") for message in messages)
    offered = sum(len(tool.metadata.description) + len(tool.metadata.fn_schema_str) for tool in tools)
    return (said + offered) // _CHARS_A_TOKEN
