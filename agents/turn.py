"""One turn: a question, a run of the agent, and exactly one ending."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import structlog
from llama_index.core.agent.workflow import FunctionAgent, ToolCall, ToolCallResult
from pydantic import PrivateAttr
from workflows.decorators import StepFunction

from agents import failures
from agents.bounds import Bounds
from agents.chain import ModelChain, Tally
from agents.deltas import Deltas, Traffic
from agents.journal import Journal, LeaseLost
from agents.language import Lang, detect
from agents.memory import memory_of
from agents.prompts import system_prompt
from agents.tools import Errand, tools_for
from hub.domain.chat import ChatMode, TurnState
from hub.domain.events import ChatCompleted, ChatFailed, ChatStopped, Usage
from hub.services.turns import TurnRead, read_so_far

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflows.handler import WorkflowHandler

    from agents.chain import Model
    from hub.config import Limits
    from hub.eventlog import Quota
    from hub.services.build import Services

logger = structlog.get_logger(__name__)

MAX_ATTEMPTS = 3

Ended = Literal["completed", "stopped", "failed", "lost"]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of an attempt, for the log. `lost`: its ending is, or will be, somebody else's."""

    ended: Ended
    attempt: int = 0
    code: str = ""
    usage: Usage | None = None


class TaqueriaAgent(FunctionAgent):
    """LlamaIndex's agent, which looks through all its attributes for steps eleven times a run: once is enough."""

    _steps: dict[str, StepFunction[Any, Any]] | None = PrivateAttr(default=None)

    def _get_steps(self) -> dict[str, StepFunction[Any, Any]]:
        if self._steps is None:
            self._steps = super()._get_steps()
        return self._steps


class TurnRun:
    """One attempt at one turn, by one worker."""

    def __init__(
        self,
        services: Services,
        models: Sequence[Model],
        both: TurnRead,
        *,
        worker: str,
        limits: Limits,
        otherwise: Lang,
        bounds: Bounds | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        self._services = services
        self._said = both.said
        self._bounds = bounds or Bounds()
        self._tally = Tally()
        self._journal = Journal(services.log, both, worker=worker, clock=services.clock, limits=limits)
        self._deltas = Deltas(self._journal, traffic=traffic, pace=self._bounds.pace)
        self._llm = ModelChain.of(models, self._bounds, self._tally, self._deltas)
        self._lang: Lang = detect(both.turn.text, both.chat.known_lang or otherwise)
        self._errand = Errand(
            both.turn.principal(both.chat), services, self._journal, self._lang, last_word=self._deltas.last_word
        )
        self._stop_by = ""
        self._stopped = asyncio.Event()
        self._tool_s = 0.0
        self._began = time.monotonic()
        self._waited_s = (services.clock() - both.turn.created_at).total_seconds()

    def stop(self, by: str) -> None:
        """End the answer where it stands."""
        if not self._stopped.is_set():
            self._stop_by = by
            self._stopped.set()

    def lose(self) -> None:
        """The lease is somebody else's."""
        self._journal.lost.set()

    async def run(self) -> Report:
        """Answer, and end the turn: completed, stopped or failed; or lose it, and leave the ending to another.

        A cancelled run writes nothing: the turn stays as it is until its lease runs out.
        """
        try:
            return await self._run()
        except LeaseLost:
            usage = self._usage()
            stopped = await self._journal.account(usage, self._model, self._spent())
            return self._report("stopped" if stopped else "lost", usage=usage)

    async def _run(self) -> Report:
        turn = self._journal.turn
        if self._journal.chat.mode is not ChatMode.AGENT:
            self.stop("staff")
        if self._stopped.is_set():
            return await self._end_stopped(await read_so_far(self._services.log, turn))
        if turn.attempt >= MAX_ATTEMPTS:
            return await self._end_failed("gave_up", await read_so_far(self._services.log, turn))
        await self._journal.begin(self._llm.metadata.model_name)
        code = await self._answered()
        await self._errand.settle()
        if self._journal.lost.is_set():
            raise LeaseLost(turn.id)
        if self._stopped.is_set():
            return await self._end_stopped(self._deltas.text)
        if code is None:
            return await self._end_completed()
        return await self._end_failed(code, self._deltas.text)

    # Answering

    async def _answered(self) -> str | None:
        """Let the agent answer until it has, is stopped, or cannot; the failure's code, if it is one."""
        until = time.monotonic() + self._bounds.turn_s
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._deltas.run())
            answer = group.create_task(self._failing())
            ends = {
                group.create_task(self._stopped.wait()),
                group.create_task(self._journal.lost.wait()),
            }
            await _first_of({answer, *ends}, until)
            if answer.done() and answer.result() is None:
                self._deltas.conclude(self._errand.closing)
                self._deltas.finish()
                await _first_of({writer, *ends}, until)
            for waiting in ends:
                waiting.cancel()
            if not answer.done():
                answer.cancel()
                await asyncio.wait([answer])
            self._deltas.close()
            await writer
        if self._stopped.is_set() or self._journal.lost.is_set():
            return None
        return "model_timeout" if answer.cancelled() else answer.result()

    async def _failing(self) -> str | None:
        try:
            await self._answer()
        except Exception as exc:
            code = failures.code_of(exc)
            if code == "no_answer" and self._errand.closing:  # the hub has something to say
                return None
            if code == "internal":
                logger.exception("agent.run_failed", turn_id=self._journal.turn.id)
            return code
        return None if self._deltas.text.strip() or self._errand.closing else "no_answer"

    async def _answer(self) -> None:
        turn = self._journal.turn
        agent = TaqueriaAgent(
            name="taqueria",
            description="Takes orders, tracks them, knows the menu.",
            system_prompt=system_prompt(self._services.menu.menu, self._lang, self._errand.principal),
            tools=list(tools_for(self._errand)),
            llm=self._llm,
            allow_parallel_tool_calls=False,
        )
        handler = agent.run(
            user_msg=turn.text,
            memory=memory_of(self._said, turn, max_tokens=self._bounds.memory_tokens),
            max_iterations=self._bounds.llm_calls,
        )
        try:
            await self._follow(handler)
        finally:
            if not handler.is_done():
                await handler.cancel_run(timeout=1.0)

    async def _follow(self, handler: WorkflowHandler) -> None:
        """See the run to its end. What the model says is heard already; deadlines are the chain's, and each tool's."""
        called_at = 0.0
        async for event in handler.stream_events():
            match event:
                case ToolCall():
                    called_at = time.monotonic()
                case ToolCallResult():
                    self._tool_s += time.monotonic() - called_at
        await handler

    # Endings

    async def _end_completed(self) -> Report:
        rest = self._deltas.rest()
        usage = self._usage()
        event = ChatCompleted(turn_id=self._journal.turn.id, text=self._deltas.text, usage=usage)
        await self._journal.end(TurnState.COMPLETED, *rest, event, lang=self._lang, **self._taken(usage))
        return self._report("completed", usage=usage)

    async def _end_stopped(self, text: str) -> Report:
        event = ChatStopped(turn_id=self._journal.turn.id, text=text, by=self._stop_by)
        rest, usage = self._deltas.rest(), self._usage()
        await self._journal.end(TurnState.STOPPED, *rest, event, **self._taken(usage))
        return self._report("stopped", usage=usage)

    async def _end_failed(self, code: str, text: str) -> Report:
        error = failures.told(code, self._lang)
        event = ChatFailed(turn_id=self._journal.turn.id, text=text, error=error)
        rest, usage = self._deltas.rest(), self._usage()
        await self._journal.end(TurnState.FAILED, *rest, event, error=code, **self._taken(usage))
        return self._report("failed", code, usage)

    # Figures

    @property
    def _model(self) -> str:
        return self._tally.model.name if self._tally.model else self._journal.turn.model

    def _taken(self, usage: Usage) -> dict[str, Any]:
        """Return the usage, model and quotas that the ending reports and counts."""
        return {"usage": usage, "model": self._model, "quotas": self._spent()}

    def _spent(self) -> tuple[Quota, ...]:
        turn, chat = self._journal.turn, self._journal.chat
        return self._services.turn_bounds.spent(turn.asked_by, chat, self._tally.metered)

    def _usage(self) -> Usage:
        tally, deltas, now = self._tally, self._deltas, time.monotonic()
        gaps = deltas.gaps_ms()
        return Usage(
            ttft_ms=round(((deltas.came[0] if deltas.came else now) - self._began) * 1_000),
            duration_ms=round((now - self._began) * 1_000),
            deltas=deltas.count,
            input_tokens=tally.read or None,
            output_tokens=tally.tokens or None,
            llm_calls=tally.calls,
            tool_calls=self._errand.calls,
            queue_ms=max(0, round(self._waited_s * 1_000)),
            model_ms=tally.model_ms,
            gap_p50_ms=gaps[0] if gaps else None,
            gap_p95_ms=gaps[1] if gaps else None,
            tool_ms=round(self._tool_s * 1_000),
            retries=tally.retries,
            provider=tally.model.provider if tally.model else None,
        )

    def _report(self, ended: Ended, code: str = "", usage: Usage | None = None) -> Report:
        return Report(ended, self._journal.turn.attempt, code, usage or self._usage())


async def _first_of(tasks: set[asyncio.Task[object]], until: float) -> None:
    """Wait for one of these, or until the turn's time is up."""
    await asyncio.wait(tasks, timeout=max(0.0, until - time.monotonic()), return_when=asyncio.FIRST_COMPLETED)


async def fail(
    services: Services, both: TurnRead, code: str, *, worker: str, limits: Limits, otherwise: Lang
) -> Report:
    """End a turn as failed without looking at what was said: its reading may be what fails."""
    journal = Journal(services.log, both, worker=worker, clock=services.clock, limits=limits)
    error = failures.told(code, both.chat.known_lang or otherwise)
    try:
        await journal.end(TurnState.FAILED, ChatFailed(turn_id=both.turn.id, text="", error=error), error=code)
    except LeaseLost:
        return Report("lost", attempt=both.turn.attempt)
    return Report("failed", attempt=both.turn.attempt, code=code)
