"""The base of every tool: bound to one turn, with counted calls, validated arguments and cleaned results.

It holds whatever the model says. A tool acts for the turn's asker, whom no argument can name. Arguments are validated
before anything is done. Results are data and look like data. Of a failure, the model and the room learn a code and a
message of ours, never an exception's text.
"""

from __future__ import annotations

import asyncio
import json
import math
from abc import abstractmethod
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import structlog
from llama_index.core.tools import ToolOutput
from llama_index.core.tools.types import AsyncBaseTool, ToolMetadata
from pydantic import BaseModel, ConfigDict, ValidationError

from agents import texts
from agents.journal import LeaseLost
from agents.tools.cleaning import clean, cleaned
from agents.tools.results import ProposedChange, ToolError, ToolResult
from agents.tools.tool_context import ToolContext
from hub.core.errors import (
    BadRequest,
    ComandaError,
    Conflict,
    Forbidden,
    LimitReached,
    NotFound,
    RateLimited,
    Unavailable,
)
from hub.domain.error_catalogue import OutOfStock, PriceChanged
from hub.domain.events import ChatToolCalled, ChatToolFinished

if TYPE_CHECKING:
    from hub.domain.roles import Permission
    from hub.domain.texts import Text

__all__ = ["Arguments", "BoundTool", "ToolContext", "error_result", "money"]

logger = structlog.get_logger(__name__)

MAX_CALLS = 8  # a turn; what is called past them is not done
DEADLINE_S = 15.0
_MAX_RESULT_BYTES = 32_768  # of a whole result
_UNSURE_TRIES = 3  # of a change whose outcome is unknown; its command id makes it happen once

# What the model may be told of a failure. Never an exception's own text: it may quote anything.
_EXPLAINED: dict[type[ComandaError], str] = {
    BadRequest: "the request was not understood",
    Forbidden: "this is not allowed for this person",
    NotFound: "there is no such thing",
    Conflict: "that is no longer possible",
    OutOfStock: "there is not enough left",
    PriceChanged: "it costs something else by now, and nothing was done: propose it again",
    LimitReached: "this is past a bound on orders, and nothing was done: limit names the bound, most is its size",
    RateLimited: "too much for now, and nothing was done: retry_after_minutes, if given, says when to try again",
    Unavailable: "the system did not answer; whether it was done is not known",
}
# The facts of an error that the model may know; they are fields of `ToolError`.
_SHOWN_VALUES = ("items", "sku", "left", "status", "field", "limit", "most")


class Arguments(BaseModel):
    """The arguments of a tool. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The same each time, and made once: LlamaIndex asks for every tool's before each word with a model, 7 ms."""
        if args or kwargs:
            return super().model_json_schema(*args, **kwargs)
        return _schema(cls)


@cache
def _schema(arguments: type[Arguments]) -> dict[str, Any]:
    return BaseModel.model_json_schema.__func__(arguments)  # type: ignore[attr-defined, no-any-return]


class BoundTool(AsyncBaseTool):
    """A tool that is bound to one turn.

    A subclass implements `do`, and the texts that the room may read: `called` and `finished`.

    Attributes:
        needs: Who it is offered to: staff with this permission; None: everybody. Its service asks again.
        changes: It changes something, is done to its end, and is done once however often the turn is tried.
        last: With it the answer is over: the model is asked for no more.
        deadline_s: How long it may take.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    arguments: ClassVar[type[Arguments]] = Arguments
    needs: ClassVar[Permission | None] = None
    changes: ClassVar[bool] = False
    last: ClassVar[bool] = False
    deadline_s: ClassVar[float] = DEADLINE_S

    def __init__(self, context: ToolContext) -> None:
        self.context = context

    @property
    def metadata(self) -> ToolMetadata:
        return ToolMetadata(self.description, name=self.name, fn_schema=self.arguments, return_direct=self.last)

    @abstractmethod
    async def do(self, arguments: Any, command_id: str) -> ToolResult:
        """Carry out the call; `command_id` is the same in every attempt at the turn."""

    @abstractmethod
    def called(self, arguments: Any) -> str:
        """Return the call in words, for the room."""

    @abstractmethod
    def finished(self, result: Any) -> str:
        """Return the result in words, for the room; `result` is no error."""

    def afterwards(self, result: Any) -> str:
        """Return what the chat must be told if the answer is stopped; an empty text if nothing was changed."""
        return ""

    def say(self, text: Text, **values: object) -> str:
        """Return a text in the reader's language, with the values that its names in braces stand for."""
        return self.context.say(text, **values)

    def call(self, *args: Any, **kwargs: Any) -> ToolOutput:
        raise NotImplementedError("tools run in the event loop")

    async def acall(self, *args: Any, **kwargs: Any) -> ToolOutput:
        """Carry out the call and report it. Never raises: an exception's text would reach the model."""
        async with self.context.lock:  # one at a time, in the order asked: ordinals must not depend on luck
            try:
                result = await self._carry_out(kwargs if not args else {"": args})
            except LeaseLost:
                result = ToolError(error="internal")  # nobody will read it: the turn ends here
            except Exception:  # LlamaIndex would show the model its text
                result = self._internal_error()
        told = result.as_json()
        return ToolOutput(
            content=json.dumps(told, ensure_ascii=False),
            tool_name=self.name,
            raw_input={},
            raw_output=told,
            is_error=result.failed,
        )

    async def _carry_out(self, kwargs: dict[str, Any]) -> ToolResult:
        context = self.context
        context.calls += 1
        if context.calls > MAX_CALLS:
            return ToolError(error="too_many_calls", message="no more tools in this answer: say what you know")
        call_id = f"{context.turn_id}-{context.calls}"
        arguments = self._validated(kwargs)
        if isinstance(arguments, ToolError):
            await self._announce(call_id, "")
            await self._report(call_id, arguments)
            return arguments
        arguments, command_id = await self._recorded_intent(call_id, arguments)
        doing = self._done(call_id, arguments, command_id)
        return await (context.finish(doing) if self.changes else doing)

    def _validated(self, kwargs: dict[str, Any]) -> Arguments | ToolError:
        try:
            return self.arguments.model_validate(kwargs)
        except ValidationError as exc:
            fields = sorted({".".join(map(str, error["loc"])) for error in exc.errors()})
            return ToolError(error="bad_arguments", fields=tuple(clean(field)[:60] for field in fields[:20]))

    def _cleaned(self, result: ToolResult) -> ToolResult:
        result = cleaned(result)
        if len(json.dumps(result.as_json(), ensure_ascii=False).encode()) > _MAX_RESULT_BYTES:
            logger.error("agent.result_too_large", tool=self.name, turn_id=self.context.turn_id)
            return ToolError(error="too_much", message="there is too much to tell: ask for less")
        return result

    async def _recorded_intent(self, call_id: str, arguments: Arguments) -> tuple[Arguments, str]:
        """Announce the call, and record its arguments first if it changes something.

        If an earlier attempt at this turn recorded arguments, those are used again, whatever the model says now."""
        if not self.changes:
            await self._announce(call_id, self.called(arguments))
            return arguments, ""
        number = self.context.changes.get(self.name, 0)
        self.context.changes[self.name] = number + 1
        intents, ordinal = self.context.journal.turn.intents, f"{self.name}-{number}"
        if ordinal in intents:
            arguments = self.arguments.model_validate_json(intents[ordinal])
        await self._announce(call_id, self.called(arguments), intents={**intents, ordinal: arguments.model_dump_json()})
        return arguments, f"{self.context.turn_id}.{ordinal}"

    async def _announce(self, call_id: str, summary: str, **changes: Any) -> None:
        called = ChatToolCalled(turn_id=self.context.turn_id, call_id=call_id, tool=self.name, summary=clean(summary))
        await self.context.journal.record(called, **changes)

    async def _done(self, call_id: str, arguments: Arguments, command_id: str) -> ToolResult:
        """Carry out the call, and report it to the room."""
        result = self._cleaned(await self._do_within_deadline(arguments, command_id))
        self.context.outcome = self.afterwards(result) or self.context.outcome
        await self._report(call_id, result)
        return result

    async def _report(self, call_id: str, result: ToolResult) -> None:
        ok = not result.failed
        summary = self.finished(result) if ok else self.say(texts.FAILED)
        await self.context.journal.record(
            ChatToolFinished(
                turn_id=self.context.turn_id,
                call_id=call_id,
                tool=self.name,
                summary=clean(summary),
                ok=ok,
                confirm=result.confirm_with if isinstance(result, ProposedChange) else None,
            )
        )

    async def _do_within_deadline(self, arguments: Arguments, command_id: str) -> ToolResult:
        try:
            async with asyncio.timeout(self.deadline_s):
                return await self._do_until_sure(arguments, command_id)
        except LeaseLost:
            return ToolError(error="internal")
        except ComandaError as exc:
            return error_result(exc)
        except TimeoutError:
            return error_result(Unavailable(""))
        except Exception:
            return self._internal_error()

    def _internal_error(self) -> ToolError:
        logger.exception("agent.tool_failed", tool=self.name, turn_id=self.context.turn_id)
        return ToolError(error="internal", message="something went wrong on our side")

    async def _do_until_sure(self, arguments: Arguments, command_id: str) -> ToolResult:
        for _ in range(_UNSURE_TRIES - 1 if self.changes else 0):
            try:
                return await self.do(arguments, command_id)
            except Unavailable:
                await asyncio.sleep(0.2)
        return await self.do(arguments, command_id)


def error_result(exc: ComandaError) -> ToolError:
    """Return an error as the model may know it."""
    after_s = exc.retry_after_s
    facts = {name: exc.values[name] for name in _SHOWN_VALUES if name in exc.values}
    return ToolError(
        error=exc.code,
        message=_EXPLAINED.get(type(exc), "something went wrong on our side"),
        retry_after_minutes=None if after_s is None else math.ceil(after_s / 60),
        **facts,
    )


def money(minor: int) -> str:
    """Return an amount of minor units as people read it: `$1,300.00`."""
    return f"${minor / 100:,.2f}"
