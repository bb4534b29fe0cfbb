"""One turn: a question, a run of the agent, and exactly one ending."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import structlog
from llama_index.core.agent.workflow import AgentInput, AgentOutput, AgentStream, FunctionAgent
from llama_index.core.base.llms.types import ToolCallBlock
from pydantic_core import from_json

from agents import failures
from agents.deltas import WINDOW_S, Deltas
from agents.failures import Failure
from agents.journal import Journal, LeaseLost
from agents.language import Lang, detect
from agents.memory import ConversationMemory, recalled
from agents.prompts import system_prompt
from agents.tools import Errand, tools_for
from hub.domain.chat import Chat, ChatMode, TurnState, release
from hub.domain.events import ChatCompleted, ChatFailed, ChatStopped, Usage
from hub.domain.rooms import Room
from hub.eventlog import Document, NewEvent, Write
from hub.eventlog.turns import queued
from hub.services.chat import TurnRead, transcript
from hub.services.documents import chat_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llama_index.core.agent.workflow.agent_context import AgentContext
    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.llms.function_calling import FunctionCallingLLM
    from llama_index.core.memory import BaseMemory
    from llama_index.core.tools import AsyncBaseTool
    from workflows.handler import WorkflowHandler

    from hub.config import Limits
    from hub.domain.chat import Transcript
    from hub.eventlog.turns import Taken
    from hub.services.build import Services

logger = structlog.get_logger(__name__)

MAX_ATTEMPTS = 3
_HISTORY = 1_000  # events of the room that are read back

Ended = Literal["completed", "stopped", "failed", "lost"]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a model may take, in seconds."""

    first_token_s: float = 30.0
    idle_s: float = 30.0
    turn_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Report:
    """What became of an attempt, for the log."""

    ended: Ended
    ttft_ms: int = 0
    duration_ms: int = 0
    attempt: int = 0
    code: str = ""


class TaqueriaAgent(FunctionAgent):
    """LlamaIndex's agent, which refuses half a tool call: LlamaIndex repairs cut-off arguments and runs them."""

    async def take_step(
        self,
        ctx: AgentContext,
        llm_input: list[ChatMessage],
        tools: Sequence[AsyncBaseTool],
        memory: BaseMemory,
    ) -> AgentOutput:
        output = await super().take_step(ctx, llm_input, tools, memory)
        for block in output.response.blocks:
            if isinstance(block, ToolCallBlock) and isinstance(block.tool_kwargs, str) and block.tool_kwargs:
                try:
                    from_json(block.tool_kwargs)
                except ValueError as exc:
                    raise Failure("broken_tool_call") from exc
        return output


class TurnRun:
    """One attempt at one turn, by one worker."""

    def __init__(
        self,
        services: Services,
        llm: FunctionCallingLLM,
        both: TurnRead,
        *,
        worker: str,
        limits: Limits,
        otherwise: Lang,
        deadlines: Deadlines,
        window_s: float = WINDOW_S,
        max_llm_calls: int = 8,
    ) -> None:
        self._services = services
        self._llm = llm
        self._deadlines = deadlines
        self._max_llm_calls = max_llm_calls
        self._journal = Journal(services.log, both, worker=worker, clock=services.clock, limits=limits)
        self._deltas = Deltas(self._journal, window_s=window_s)
        self._lang: Lang = detect(both.turn.text, both.chat.lang or otherwise)
        self._errand = Errand(both.turn.principal(both.chat), services, self._journal, self._lang)
        self._stop_by = ""
        self._stopped = asyncio.Event()
        self._llm_calls = 0
        self._output_tokens: int | None = None
        self._began = time.monotonic()

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
            return self._report("lost")

    async def _run(self) -> Report:
        turn = self._journal.turn
        entries = await self._services.log.read_back(str(Room.chat(turn.chat_id)), None, _HISTORY)
        said = transcript(entries)
        if self._journal.chat.mode is ChatMode.PERSON:
            self.stop("staff")
        if self._stopped.is_set():
            return await self._end_stopped(_so_far(said, turn.id))
        if turn.attempt >= MAX_ATTEMPTS:
            return await self._end_failed("gave_up", _so_far(said, turn.id))
        await self._journal.begin(self._llm.metadata.model_name)
        code = await self._answered(said)
        await self._errand.settle()
        if self._journal.lost.is_set():
            return self._report("lost")
        if self._stopped.is_set():
            return await self._end_stopped(self._deltas.text)
        if code is None:
            return await self._end_completed()
        return await self._end_failed(code, self._deltas.text)

    # Answering

    async def _answered(self, said: Transcript) -> str | None:
        """Let the agent answer until it has, is stopped, or cannot; the failure's code, if it is one."""
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._deltas.run())
            answer = group.create_task(self._failing(said))
            ends = [
                group.create_task(self._stopped.wait()),
                group.create_task(self._journal.lost.wait()),
            ]
            done, _ = await asyncio.wait(
                [answer, *ends], timeout=self._deadlines.turn_s, return_when=asyncio.FIRST_COMPLETED
            )
            for waiting in ends:
                waiting.cancel()
            if not answer.done():
                answer.cancel()
                await asyncio.wait([answer])
            self._deltas.close()
            await writer
        if not done:
            return "model_timeout"
        return None if answer.cancelled() else answer.result()

    async def _failing(self, said: Transcript) -> str | None:
        try:
            await self._answer(said)
        except Exception as exc:
            code = failures.code_of(exc)
            if code == "internal":
                logger.exception("agent.run_failed", turn_id=self._journal.turn.id)
            return code
        return None if self._deltas.text.strip() else "no_answer"

    async def _answer(self, said: Transcript) -> None:
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
            memory=ConversationMemory.of(recalled(said, turn)),
            max_iterations=self._max_llm_calls,
        )
        try:
            await self._follow(handler)
        finally:
            if not handler.is_done():
                await handler.cancel_run(timeout=1.0)

    async def _follow(self, handler: WorkflowHandler) -> None:
        """Pass on what the model says. Silence past the deadline ends it."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._deadlines.first_token_s) as silence:
            async for event in handler.stream_events():
                silence.reschedule(loop.time() + self._deadlines.idle_s)
                match event:
                    case AgentInput():
                        silence.reschedule(loop.time() + self._deadlines.first_token_s)
                        self._llm_calls += 1
                        self._deltas.part()
                    case AgentStream():
                        # Only the delta: each event also carries the whole text so far.
                        self._deltas.add(event.delta)
                        if self._deltas.full:
                            raise Failure("too_long")
                    case AgentOutput():
                        self._count(event.raw)
            await handler

    def _count(self, raw: Any) -> None:
        usage = raw.get("usage") if isinstance(raw, dict) else None
        tokens = (usage or {}).get("completion_tokens") or (usage or {}).get("output_tokens")
        if isinstance(tokens, int):
            self._output_tokens = (self._output_tokens or 0) + tokens

    # Endings

    async def _end_completed(self) -> Report:
        rest = self._deltas.rest()
        report = self._report("completed")
        usage = Usage(
            ttft_ms=report.ttft_ms,
            duration_ms=report.duration_ms,
            deltas=self._deltas.count,
            llm_calls=self._llm_calls,
            tool_calls=self._errand.calls,
            output_tokens=self._output_tokens,
        )
        event = ChatCompleted(turn_id=self._journal.turn.id, text=self._deltas.text, usage=usage)
        await self._journal.end(TurnState.COMPLETED, *rest, event, lang=self._lang)
        return report

    async def _end_stopped(self, text: str) -> Report:
        event = ChatStopped(turn_id=self._journal.turn.id, text=text, by=self._stop_by)
        await self._journal.end(TurnState.STOPPED, *self._deltas.rest(), event)
        return self._report("stopped")

    async def _end_failed(self, code: str, text: str) -> Report:
        error = failures.told(code, self._lang)
        event = ChatFailed(turn_id=self._journal.turn.id, text=text, error=error)
        await self._journal.end(TurnState.FAILED, *self._deltas.rest(), event)
        return self._report("failed", code)

    def _report(self, ended: Ended, code: str = "") -> Report:
        now = time.monotonic()
        first = self._deltas.first_at or now
        return Report(
            ended=ended,
            ttft_ms=round((first - self._began) * 1_000),
            duration_ms=round((now - self._began) * 1_000),
            attempt=self._journal.turn.attempt,
            code=code,
        )


async def fail(
    services: Services, both: TurnRead, code: str, *, worker: str, limits: Limits, otherwise: Lang
) -> Report:
    """End a turn as failed without looking at what was said: its reading may be what fails."""
    journal = Journal(services.log, both, worker=worker, clock=services.clock, limits=limits)
    error = failures.told(code, both.chat.lang or otherwise)
    try:
        await journal.end(TurnState.FAILED, ChatFailed(turn_id=both.turn.id, text="", error=error))
    except LeaseLost:
        return Report("lost", attempt=both.turn.attempt)
    return Report("failed", attempt=both.turn.attempt, code=code)


async def skip(services: Services, taken: Taken, code: str, *, limits: Limits, otherwise: Lang) -> Report | None:
    """Let a chat go on without a turn whose own document cannot be read; None: it does already, or is no more.

    Raises:
        Conflict: Somebody wrote in the chat meanwhile.
    """
    key = chat_key(taken.chat_id)
    document = await services.log.document(key)
    if document is None:
        return None
    chat = Chat.model_validate_json(document.body)
    if taken.turn_id not in chat.turns:
        return None
    chat, runnable = release(chat, taken.turn_id, at_once=limits.turns)
    event = ChatFailed(turn_id=taken.turn_id, text="", error=failures.told(code, chat.lang or otherwise))
    room = str(Room.chat(chat.id))
    await services.log.commit(
        Write(
            events=(NewEvent(event.type, event.body(services.clock()), (room,)),),
            expects=((key, document.version),),
            documents=(Document(key, document.version + 1, chat.model_dump_json()),),
            queue=tuple(queued(turn_id, chat.id) for turn_id in runnable),
        )
    )
    return Report("failed", code=code)


def _so_far(said: Transcript, turn_id: str) -> str:
    """What an earlier attempt got into the room."""
    return said.turn.text if said.turn and said.turn.turn_id == turn_id else ""
