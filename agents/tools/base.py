"""What every tool has: bound to one turn, its arguments validated, its failures told in our words."""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import structlog
from llama_index.core.tools import ToolOutput
from llama_index.core.tools.types import AsyncBaseTool, ToolMetadata
from pydantic import BaseModel, ConfigDict, ValidationError

from agents.journal import LeaseLost
from hub.domain.errors import (
    BadRequest,
    ComandaError,
    Conflict,
    Forbidden,
    NotFound,
    OutOfStock,
    RateLimited,
    Unavailable,
)
from hub.domain.events import ChatStep, ChatToolCalled, ChatToolFinished

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from agents.journal import Journal
    from agents.language import Lang
    from hub.domain.roles import Principal
    from hub.services.build import Services

logger = structlog.get_logger(__name__)

DEADLINE_S = 15.0
_UNSURE_TRIES = 3  # of a change whose outcome is unknown; its command id makes it happen once

Result = dict[str, Any]

# What the model may be told of a failure. Never an exception's own text: it may quote anything.
_EXPLAINED: dict[type[ComandaError], str] = {
    BadRequest: "the request was not understood",
    Forbidden: "this is not allowed for this person",
    NotFound: "there is no such thing",
    Conflict: "that is no longer possible",
    OutOfStock: "there is not enough left",
    RateLimited: "too much at once; try again in a moment",
    Unavailable: "the system did not answer; whether it was done is not known",
}


class Arguments(BaseModel):
    """What a model must give a tool; anything else is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


@dataclass(slots=True)
class Errand:
    """One turn, as its tools see it: for whom, in which language, and what has been done so far.

    Attributes:
        principal: Who asked. No tool takes an identity from the model.
        tasks: Changes under way; a turn does not end before they have.
    """

    principal: Principal
    services: Services
    journal: Journal
    lang: Lang
    calls: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    tasks: set[asyncio.Task[Result]] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def turn_id(self) -> str:
        return self.journal.turn.id

    def say(self, es: str, en: str) -> str:
        return es if self.lang == "es" else en

    async def finish(self, doing: Coroutine[Any, Any, Result]) -> Result:
        """Do something to its end, also if the turn is stopped meanwhile: what is ordered is ordered."""
        task = asyncio.create_task(doing, name=f"errand-{self.turn_id}")
        self.tasks.add(task)
        return await asyncio.shield(task)

    async def settle(self) -> None:
        """Wait for what must be done to its end."""
        if self.tasks:
            await asyncio.wait(self.tasks)


class Steps:
    """A tool's progress, told step by step in the reader's language."""

    def __init__(self, errand: Errand, texts: dict[str, tuple[str, str]]) -> None:
        self._errand = errand
        self._texts = texts
        self._now: str | None = None

    async def enter(self, step: str) -> None:
        """The step before is done; this one begins."""
        events = [self._event(self._now, "done")] if self._now else []
        self._now = step
        await self._errand.journal.record(*events, self._event(step, "started"))

    async def done(self) -> None:
        await self._close("done")

    async def failed(self) -> None:
        await self._close("failed")

    async def _close(self, state: Any) -> None:
        if self._now:
            step, self._now = self._now, None
            await self._errand.journal.record(self._event(step, state))

    def _event(self, step: str, state: Any) -> ChatStep:
        text = self._errand.say(*self._texts[step])
        return ChatStep(turn_id=self._errand.turn_id, step=step, state=state, text=text)


class BoundTool(AsyncBaseTool):
    """A tool in the hands of one turn.

    A subclass says what it does (`do`) and what of it the room may read (`called`, `finished`).
    """

    name: ClassVar[str]
    description: ClassVar[str]
    arguments: ClassVar[type[Arguments]]
    changes: ClassVar[bool] = False

    def __init__(self, errand: Errand) -> None:
        self.errand = errand

    @property
    def metadata(self) -> ToolMetadata:
        return ToolMetadata(description=self.description, name=self.name, fn_schema=self.arguments)

    @abstractmethod
    async def do(self, arguments: Any, command_id: str) -> Result:
        """Carry it out; `command_id` is the same in every attempt at the turn."""

    @abstractmethod
    def called(self, arguments: Any) -> str:
        """What it was asked to do, for the room."""

    @abstractmethod
    def finished(self, result: Result) -> str:
        """What came of it, for the room; `result` is no error."""

    def call(self, *args: Any, **kwargs: Any) -> ToolOutput:
        raise NotImplementedError("tools run in the event loop")

    async def acall(self, *args: Any, **kwargs: Any) -> ToolOutput:
        """Validate, write down, do, tell. Never raises: the text of an exception would reach the model."""
        async with self.errand.lock:  # one at a time, in the order asked: ordinals must not depend on luck
            try:
                result = await self._carry_out(kwargs)
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
        call_id = f"{errand.turn_id}-{errand.calls}"
        arguments = self._validated(kwargs)
        if isinstance(arguments, dict):
            await self._announce(call_id, "")
            result = arguments
        else:
            arguments, command_id = await self._written_down(call_id, arguments)
            result = await self._done(arguments, command_id)
        ok = "error" not in result
        summary = self.finished(result) if ok else errand.say("no se pudo", "that did not work")
        await errand.journal.record(
            ChatToolFinished(turn_id=errand.turn_id, call_id=call_id, tool=self.name, summary=summary, ok=ok)
        )
        return result

    def _validated(self, kwargs: dict[str, Any]) -> Any:
        try:
            return self.arguments.model_validate(kwargs)
        except ValidationError as exc:
            fields = sorted({".".join(map(str, error["loc"])) for error in exc.errors()})
            return {"error": "bad_arguments", "fields": fields}

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
        called = ChatToolCalled(turn_id=self.errand.turn_id, call_id=call_id, tool=self.name, summary=summary)
        await self.errand.journal.record(called, **changes)

    async def _done(self, arguments: Arguments, command_id: str) -> Result:
        if self.changes:
            return await self.errand.finish(self._safely(arguments, command_id))
        return await self._safely(arguments, command_id)

    async def _safely(self, arguments: Arguments, command_id: str) -> Result:
        try:
            async with asyncio.timeout(DEADLINE_S):
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
    for name in ("items", "sku", "left", "status", "field"):
        if name in exc.values:
            told[name] = exc.values[name]
    return told
