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

from agents import failure_kinds as failures
from agents.chain import ModelChain, RunUsage
from agents.conversation_memory import memory_of
from agents.deltas import DeltaPacer, Deltas
from agents.journal import Journal, LeaseLost
from agents.language import detect
from agents.prompts import system_prompt
from agents.tools import ToolContext, tools_for
from hub.config import TurnLimits
from hub.domain.chat import ChatMode, TurnState
from hub.domain.events import ChatCompleted, ChatFailed, ChatStopped, Usage
from hub.domain.texts import Lang
from hub.services.chats.chat_documents import TurnRead, read_so_far

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflows.handler import WorkflowHandler

    from agents.chain import Model
    from hub.config.limit_settings import ChatLimits
    from hub.services.build import Services
    from hub.store import Quota

logger = structlog.get_logger(__name__)

MAX_ATTEMPTS = 3

Ended = Literal["completed", "stopped", "failed", "lost"]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an attempt, for the log. `lost`: another worker writes the turn's ending."""

    ended: Ended
    attempt: int = 0
    code: str = ""
    usage: Usage | None = None


class TaqueriaAgent(FunctionAgent):
    """LlamaIndex's agent with its steps cached; it would search its attributes for them eleven times a run."""

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
        loaded: TurnRead,
        *,
        worker: str,
        limits: ChatLimits,
        fallback: Lang,
        turn_limits: TurnLimits | None = None,
        pacer: DeltaPacer | None = None,
    ) -> None:
        self._services = services
        self._conversation = loaded.conversation
        self._turn_limits = turn_limits or TurnLimits()
        self._run_usage = RunUsage()
        self._journal = Journal(services.log, loaded, worker=worker, clock=services.clock, limits=limits)
        self._deltas = Deltas(self._journal, pacer=pacer, pace=self._turn_limits.pace)
        self._llm = ModelChain.of(models, self._turn_limits, self._run_usage, self._deltas)
        self._lang: Lang = detect(loaded.turn.question, loaded.chat.known_lang or fallback)
        self._context = ToolContext(
            loaded.turn.principal(loaded.chat), services, self._journal, self._lang, flush=self._deltas.flush
        )
        self._stop_by = ""
        self._stopped = asyncio.Event()
        self._tool_s = 0.0
        self._began = time.monotonic()
        self._queued_s = (services.clock() - loaded.turn.created_at).total_seconds()

    def stop(self, by: str) -> None:
        """Stop the answer at its current text."""
        if not self._stopped.is_set():
            self._stop_by = by
            self._stopped.set()

    def lose(self) -> None:
        """Note that another worker has the lease."""
        self._journal.lost.set()

    async def run(self) -> Report:
        """Answer the question and end the turn: completed, stopped, failed, or lost to another worker.

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
        await self._context.settle()
        if self._journal.lost.is_set():
            raise LeaseLost(turn.id)
        if self._stopped.is_set():
            return await self._end_stopped(self._deltas.text)
        if code is None:
            return await self._end_completed()
        return await self._end_failed(code, self._deltas.text)

    # Answering

    async def _answered(self) -> str | None:
        """Run the agent until it has answered, is stopped or fails. Return the failure's code, or None."""
        until = time.monotonic() + self._turn_limits.turn_s
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._deltas.run())
            answer = group.create_task(self._failure_code())
            ends = {
                group.create_task(self._stopped.wait()),
                group.create_task(self._journal.lost.wait()),
            }
            await _first_of({answer, *ends}, until)
            if answer.done() and answer.result() is None:
                self._deltas.conclude(self._context.closing)
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

    async def _failure_code(self) -> str | None:
        try:
            await self._answer()
        except Exception as exc:
            code = failures.code_of(exc)
            if code == "no_answer" and self._context.closing:  # the hub has something to say
                return None
            if code == "internal":
                logger.exception("agent.run_failed", turn_id=self._journal.turn.id)
            return code
        return None if self._deltas.text.strip() or self._context.closing else "no_answer"

    async def _answer(self) -> None:
        turn = self._journal.turn
        agent = TaqueriaAgent(
            name="taqueria",
            description="Takes orders, tracks them, knows the menu.",
            system_prompt=system_prompt(self._services.menu.menu, self._lang, self._context.principal),
            tools=list(tools_for(self._context)),
            llm=self._llm,
            allow_parallel_tool_calls=False,
        )
        handler = agent.run(
            user_msg=turn.question,
            memory=memory_of(self._conversation, turn, max_tokens=self._turn_limits.memory_tokens),
            max_iterations=self._turn_limits.llm_calls,
        )
        try:
            await self._follow(handler)
        finally:
            if not handler.is_done():
                await handler.cancel_run(timeout=1.0)

    async def _follow(self, handler: WorkflowHandler) -> None:
        """Follow the run to its end. The chain keeps the models' deadlines, and each tool its own."""
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
        pending = self._deltas.take_pending()
        usage = self._usage()
        event = ChatCompleted(turn_id=self._journal.turn.id, text=self._deltas.text, usage=usage)
        await self._journal.end(TurnState.COMPLETED, *pending, event, lang=self._lang, **self._ending_facts(usage))
        return self._report("completed", usage=usage)

    async def _end_stopped(self, text: str) -> Report:
        event = ChatStopped(turn_id=self._journal.turn.id, text=text, by=self._stop_by)
        pending, usage = self._deltas.take_pending(), self._usage()
        await self._journal.end(TurnState.STOPPED, *pending, event, **self._ending_facts(usage))
        return self._report("stopped", usage=usage)

    async def _end_failed(self, code: str, text: str) -> Report:
        error = failures.turn_error(code, self._lang)
        event = ChatFailed(turn_id=self._journal.turn.id, text=text, error=error)
        pending, usage = self._deltas.take_pending(), self._usage()
        await self._journal.end(TurnState.FAILED, *pending, event, error=code, **self._ending_facts(usage))
        return self._report("failed", code, usage)

    # Figures

    @property
    def _model(self) -> str:
        return self._run_usage.model.name if self._run_usage.model else self._journal.turn.model

    def _ending_facts(self, usage: Usage) -> dict[str, Any]:
        """Return the usage, model and quotas that the ending reports and counts."""
        return {"usage": usage, "model": self._model, "quotas": self._spent()}

    def _spent(self) -> tuple[Quota, ...]:
        turn, chat = self._journal.turn, self._journal.chat
        return self._services.usage_limits.spent(turn.requested_by, chat, self._run_usage.metered)

    def _usage(self) -> Usage:
        run_usage, deltas, now = self._run_usage, self._deltas, time.monotonic()
        gaps = deltas.gaps_ms()
        return Usage(
            ttft_ms=round(((deltas.came[0] if deltas.came else now) - self._began) * 1_000),
            duration_ms=round((now - self._began) * 1_000),
            deltas=deltas.count,
            input_tokens=run_usage.read or None,
            output_tokens=run_usage.tokens or None,
            llm_calls=run_usage.calls,
            tool_calls=self._context.calls,
            queue_ms=max(0, round(self._queued_s * 1_000)),
            model_ms=run_usage.model_ms,
            gap_p50_ms=gaps[0] if gaps else None,
            gap_p95_ms=gaps[1] if gaps else None,
            tool_ms=round(self._tool_s * 1_000),
            retries=run_usage.retries,
            provider=run_usage.model.provider if run_usage.model else None,
        )

    def _report(self, ended: Ended, code: str = "", usage: Usage | None = None) -> Report:
        return Report(ended, self._journal.turn.attempt, code, usage or self._usage())


async def _first_of(tasks: set[asyncio.Task[object]], until: float) -> None:
    """Wait for one of the tasks, or until the turn's time is up."""
    await asyncio.wait(tasks, timeout=max(0.0, until - time.monotonic()), return_when=asyncio.FIRST_COMPLETED)


async def fail(
    services: Services, loaded: TurnRead, code: str, *, worker: str, limits: ChatLimits, fallback: Lang
) -> Report:
    """End a turn as failed without reading the conversation, which may be what fails."""
    journal = Journal(services.log, loaded, worker=worker, clock=services.clock, limits=limits)
    error = failures.turn_error(code, loaded.chat.known_lang or fallback)
    try:
        await journal.end(TurnState.FAILED, ChatFailed(turn_id=loaded.turn.id, text="", error=error), error=code)
    except LeaseLost:
        return Report("lost", attempt=loaded.turn.attempt)
    return Report("failed", attempt=loaded.turn.attempt, code=code)
