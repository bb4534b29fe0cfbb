"""The context of a turn's tools: the asker, the language, and the changes made so far."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import structlog

from agents.journal import LeaseLost
from hub.core.errors import Unavailable
from hub.domain.events import NoticeSent
from hub.services.chats.chat_documents import chat_is_busy, read_chat, read_turn, turn_key, written
from hub.services.document_names import chat_key
from hub.services.orders.order_writes import InChat
from hub.store import Document, IdempotencyKey, Write
from hub.store.conflicts import retry_on_conflict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from agents.journal import Journal
    from agents.tools.results import ToolResult
    from hub.domain.roles import Principal
    from hub.domain.texts import Lang, Text
    from hub.services.build import Services
    from hub.services.chats.chat_documents import TurnRead

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class ToolContext:
    """The context of a tool call: its turn, and the asker's identity and services.

    Attributes:
        principal: The asker. No tool takes an identity from the model.
        calls: Tool calls so far, including refused ones.
        changes: By tool, the number of changes that it has made.
        placed: The orders that this turn has placed.
        tasks: Running changes; the turn does not end before they have ended.
        outcome: The change made, for the case that the answer is stopped before it reports it.
        closing: The end that the answer must have: the proposal's summary, and the question for a yes.
        last_word: Publishes everything written so far; the given text, if nothing was written.
    """

    principal: Principal
    services: Services
    journal: Journal
    lang: Lang
    calls: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)
    tasks: set[asyncio.Task[ToolResult]] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    outcome: str = ""
    closing: str = ""
    flush: Callable[[str], Awaitable[None]] | None = None

    @property
    def turn_id(self) -> str:
        return self.journal.turn.id

    @property
    def chat_id(self) -> str:
        return self.journal.turn.chat_id

    @property
    def in_chat(self) -> InChat:
        """The chat and the turn in which an order is placed."""
        return InChat(self.chat_id, self.turn_id)

    @property
    def holder(self) -> Principal:
        """The asker, with the orders placed in this turn."""
        return replace(self.principal, orders=self.principal.orders | self.placed)

    def say(self, text: Text, **values: object) -> str:
        """Return a text in the reader's language, with the values that its names in braces stand for."""
        said = text.in_(self.lang)
        return said.format(**values) if values else said

    async def finish(self, doing: Coroutine[Any, Any, ToolResult]) -> ToolResult:
        """Finish a change even if the turn is stopped meanwhile."""
        task = asyncio.create_task(doing, name=f"errand-{self.turn_id}")
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[ToolResult]) -> None:
        """Log the failure of a change whose caller was stopped."""
        if not task.cancelled() and (exc := task.exception()) is not None and not isinstance(exc, LeaseLost):
            logger.error("agent.change_report_failed", turn_id=self.turn_id, exc_info=exc)

    async def settle(self) -> None:
        """Wait for running changes, and tell the chat what was done if its answer was stopped."""
        if self.tasks:
            await asyncio.wait(self.tasks)
        if self.outcome:
            try:
                await self._report_after_end(self.outcome)
            except Unavailable:
                logger.warning("agent.change_report_failed", turn_id=self.turn_id)

    async def own(self, order_id: str) -> None:
        """Let the chat speak about an order that was placed in it, even if the turn has been stopped meanwhile."""
        self.placed.add(order_id)
        await self.services.notifications.inherit(order_id, self.chat_id)
        await self.services.push.inherit(order_id, self.chat_id)

        async def attempt() -> None:
            read = await read_chat(self.services.log, self.chat_id)
            if read is None or order_id in read.chat.order_ids:
                return
            chat = read.chat.model_copy(update={"order_ids": (*read.chat.order_ids, order_id)})
            key = chat_key(chat.id)
            document = Document(key, read.chat_version + 1, chat.model_dump_json())
            await self.services.log.commit(Write(expects=((key, read.chat_version),), documents=(document,)))

        await retry_on_conflict(attempt, busy=chat_is_busy)

    async def _report_after_end(self, text: str) -> None:
        """Tell the chat of what was done, if the answer is over: nobody will say it any more.

        Not if the turn is another worker's by now, which tells of it in its own answer.
        """

        async def attempt() -> None:
            loaded = await read_turn(self.services.log, self.turn_id)
            if loaded is None or not loaded.turn.over:
                return
            now = self.services.clock()
            notice = NoticeSent(notice_id=f"{self.turn_id}-afterwards", message=text, level="warning")
            write = replace(
                written(loaded, loaded.chat, now, notice), idempotency=IdempotencyKey(f"notice:{notice.notice_id}")
            )
            await self.services.log.commit(write)

        await retry_on_conflict(attempt, busy=chat_is_busy)

    async def commit(self, build: Callable[[TurnRead], Write | None]) -> None:
        """Commit something about this chat, unless the turn is another worker's by now.

        Args:
            build: Makes the write from the documents as they stand; None: there is nothing to write any more.

        Raises:
            LeaseLost: It is; nothing was written.
            Unavailable: Redis does not answer, or others keep writing.
        """
        ours = self.journal.turn

        async def attempt() -> None:
            loaded = await read_turn(self.services.log, self.turn_id)
            if (
                loaded is None
                or loaded.turn.over
                or (loaded.turn.worker, loaded.turn.attempt) != (ours.worker, ours.attempt)
            ):
                raise LeaseLost(self.turn_id)
            write = build(loaded)
            if write is None:
                return
            fence = (turn_key(self.turn_id), loaded.turn_version)
            await self.services.log.commit(replace(write, expects=(*write.expects, fence)))

        await retry_on_conflict(attempt, busy=chat_is_busy)
