"""What every tool has: bound to one turn, its calls counted, its arguments validated, its results cleaned.

All of it holds whatever the model says. A tool acts for the turn's own asker, whom no argument can name; what
it was given is validated before anything is done; what comes back is data, and looks like data; and of a
failure the model and the room learn a word of ours, never an exception's.
"""

from __future__ import annotations

import asyncio
import json
import math
import unicodedata
from abc import abstractmethod
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import structlog
from llama_index.core.tools import ToolOutput
from llama_index.core.tools.types import AsyncBaseTool, ToolMetadata
from pydantic import BaseModel, ConfigDict, ValidationError

from agents.journal import LeaseLost
from agents.tools.errand import Errand, Result
from hub.domain.errors import (
    BadRequest,
    ComandaError,
    Conflict,
    Forbidden,
    LimitReached,
    NotFound,
    OutOfStock,
    RateLimited,
    Unavailable,
)
from hub.domain.events import ChatToolCalled, ChatToolFinished

if TYPE_CHECKING:
    from hub.domain.roles import Permission

__all__ = ["Arguments", "BoundTool", "Errand", "Result", "clean", "explained", "money"]

logger = structlog.get_logger(__name__)

MAX_CALLS = 8  # a turn; what is called past them is not done
DEADLINE_S = 15.0
LONGEST_TEXT = 4_000  # characters of one text in a result; a summary of forty dishes fits
_MOST_ENTRIES = 100  # of one list
_LARGEST_BYTES = 32_768  # of a whole result
_UNSURE_TRIES = 3  # of a change whose outcome is unknown; its command id makes it happen once

# What the model may be told of a failure. Never an exception's own text: it may quote anything.
_EXPLAINED: dict[type[ComandaError], str] = {
    BadRequest: "the request was not understood",
    Forbidden: "this is not allowed for this person",
    NotFound: "there is no such thing",
    Conflict: "that is no longer possible",
    OutOfStock: "there is not enough left",
    LimitReached: "this is past a bound on orders, and nothing was done: limit names the bound, most is its size",
    RateLimited: "too much for now, and nothing was done: retry_after_minutes, if given, says when to try again",
    Unavailable: "the system did not answer; whether it was done is not known",
}
_TOLD = ("items", "sku", "left", "status", "field", "limit", "most")  # facts of an error that the model may know
# What chat templates and markup are made of, as look-alikes: a note can't open a role, a tag or a code block.
_MARKS = str.maketrans({"<": "‹", ">": "›", "`": "'", "{": "(", "}": ")"})


class Arguments(BaseModel):
    """What a model must give a tool; anything else is refused, not guessed at."""

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
    """A tool in the hands of one turn.

    A subclass says what it does (`do`) and what of it the room may read (`called`, `finished`).

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

    def __init__(self, errand: Errand) -> None:
        self.errand = errand

    @property
    def metadata(self) -> ToolMetadata:
        return ToolMetadata(self.description, name=self.name, fn_schema=self.arguments, return_direct=self.last)

    @abstractmethod
    async def do(self, arguments: Any, command_id: str) -> Result:
        """Carry it out; `command_id` is the same in every attempt at the turn."""

    @abstractmethod
    def called(self, arguments: Any) -> str:
        """What it was asked to do, for the room."""

    @abstractmethod
    def finished(self, result: Result) -> str:
        """What came of it, for the room; `result` is no error."""

    def afterwards(self, result: Result) -> str:
        """What the chat has to know of it should the answer be stopped; nothing, if it changed nothing."""
        return ""

    def say(self, es: str, en: str) -> str:
        return self.errand.say(es, en)

    def call(self, *args: Any, **kwargs: Any) -> ToolOutput:
        raise NotImplementedError("tools run in the event loop")

    async def acall(self, *args: Any, **kwargs: Any) -> ToolOutput:
        """Count, validate, write down, do, tell. Never raises: the text of an exception would reach the model."""
        async with self.errand.lock:  # one at a time, in the order asked: ordinals must not depend on luck
            try:
                result = await self._carry_out(kwargs if not args else {"": args})
            except LeaseLost:
                result = {"error": "internal"}  # nobody will read it: the turn ends here
            except Exception:  # LlamaIndex would show the model its text
                result = self._broken()
        return ToolOutput(
            content=json.dumps(result, ensure_ascii=False),
            tool_name=self.name,
            raw_input={},
            raw_output=result,
            is_error="error" in result,
        )

    async def _carry_out(self, kwargs: dict[str, Any]) -> Result:
        errand = self.errand
        errand.calls += 1
        if errand.calls > MAX_CALLS:
            return {"error": "too_many_calls", "message": "no more tools in this answer: say what you know"}
        call_id = f"{errand.turn_id}-{errand.calls}"
        arguments = self._validated(kwargs)
        if isinstance(arguments, dict):
            await self._announce(call_id, "")
            result = arguments
        else:
            arguments, command_id = await self._written_down(call_id, arguments)
            doing = self._done(call_id, arguments, command_id)
            return await (errand.finish(doing) if self.changes else doing)
        await self._tell(call_id, result)
        return result

    def _validated(self, kwargs: dict[str, Any]) -> Any:
        try:
            return self.arguments.model_validate(kwargs)
        except ValidationError as exc:
            fields = sorted({".".join(map(str, error["loc"])) for error in exc.errors()})
            return {"error": "bad_arguments", "fields": [clean(field)[:60] for field in fields][:20]}

    def _presentable(self, result: Result) -> Result:
        cleaned: Result = _data(result)
        if len(json.dumps(cleaned, ensure_ascii=False).encode()) > _LARGEST_BYTES:
            logger.error("agent.result_too_large", tool=self.name, turn_id=self.errand.turn_id)
            return {"error": "too_much", "message": "there is too much to tell: ask for less"}
        return cleaned

    async def _written_down(self, call_id: str, arguments: Arguments) -> tuple[Arguments, str]:
        """Announce the call. One that changes something is written down before it is made: if an earlier
        attempt at this turn wrote down its own, that is the one made again, whatever the model says now."""
        if not self.changes:
            await self._announce(call_id, self.called(arguments))
            return arguments, ""
        number = self.errand.changes.get(self.name, 0)
        self.errand.changes[self.name] = number + 1
        intents, ordinal = self.errand.journal.turn.intents, f"{self.name}-{number}"
        if ordinal in intents:
            arguments = self.arguments.model_validate_json(intents[ordinal])
        await self._announce(call_id, self.called(arguments), intents={**intents, ordinal: arguments.model_dump_json()})
        return arguments, f"{self.errand.turn_id}.{ordinal}"

    async def _announce(self, call_id: str, summary: str, **changes: Any) -> None:
        called = ChatToolCalled(turn_id=self.errand.turn_id, call_id=call_id, tool=self.name, summary=clean(summary))
        await self.errand.journal.record(called, **changes)

    async def _done(self, call_id: str, arguments: Arguments, command_id: str) -> Result:
        """Do it, and tell the room."""
        result = self._presentable(await self._safely(arguments, command_id))
        self.errand.outcome = self.afterwards(result) or self.errand.outcome
        await self._tell(call_id, result)
        return result

    async def _tell(self, call_id: str, result: Result) -> None:
        ok = "error" not in result
        summary = self.finished(result) if ok else self.say("no se pudo", "that did not work")
        await self.errand.journal.record(
            ChatToolFinished(
                turn_id=self.errand.turn_id,
                call_id=call_id,
                tool=self.name,
                summary=clean(summary),
                ok=ok,
                confirm=result.get("confirm_with"),
            )
        )

    async def _safely(self, arguments: Arguments, command_id: str) -> Result:
        try:
            async with asyncio.timeout(self.deadline_s):
                return await self._until_sure(arguments, command_id)
        except LeaseLost:
            return {"error": "internal"}
        except ComandaError as exc:
            return explained(exc)
        except TimeoutError:
            return explained(Unavailable(""))
        except Exception:
            return self._broken()

    def _broken(self) -> Result:
        logger.exception("agent.tool_failed", tool=self.name, turn_id=self.errand.turn_id)
        return {"error": "internal", "message": "something went wrong on our side"}

    async def _until_sure(self, arguments: Arguments, command_id: str) -> Result:
        for _ in range(_UNSURE_TRIES - 1 if self.changes else 0):
            try:
                return await self.do(arguments, command_id)
            except Unavailable:
                await asyncio.sleep(0.2)
        return await self.do(arguments, command_id)


def explained(exc: ComandaError) -> Result:
    """An error as the model may know it."""
    told: Result = {"error": exc.code, "message": _EXPLAINED.get(type(exc), "something went wrong on our side")}
    if exc.retry_after_s is not None:
        told["retry_after_minutes"] = math.ceil(exc.retry_after_s / 60)
    return told | {name: exc.values[name] for name in _TOLD if name in exc.values}


def clean(text: str) -> str:
    """A text that people wrote, as one line of plain words: nothing invisible, nothing that looks like markup."""
    seen = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text)
    line = " ".join(seen.translate(_MARKS).split())
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1]}…"


def money(minor: int) -> str:
    """An amount as people read it."""
    return f"${minor / 100:,.2f}"


def _data(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case dict():
            return {clean(str(key)): _data(one) for key, one in value.items()}
        case list() | tuple():
            return [_data(one) for one in value[:_MOST_ENTRIES]]
        case _:
            return value
