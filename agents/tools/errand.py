"""One turn, as its tools see it: for whom, in which language, and what has been done so far."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import structlog

from agents.journal import LeaseLost
from hub.domain.errors import Conflict, Unavailable
from hub.domain.events import NoticeSent
from hub.eventlog import Document, Write
from hub.services.documents import chat_key
from hub.services.order_writes import InChat
from hub.services.turns import TRIES, read_chat, read_turn, too_busy, turn_key, written

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from agents.journal import Journal
    from agents.language import Lang
    from hub.domain.roles import Principal
    from hub.services.build import Services
    from hub.services.turns import TurnRead

logger = structlog.get_logger(__name__)

Result = dict[str, Any]


@dataclass(slots=True)
class Errand:
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
    tasks: set[asyncio.Task[Result]] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    outcome: str = ""
    closing: str = ""
    last_word: Callable[[str], Awaitable[None]] | None = None

    @property
    def turn_id(self) -> str:
        return self.journal.turn.id

    @property
    def chat_id(self) -> str:
        return self.journal.turn.chat_id

    @property
    def in_chat(self) -> InChat:
        """Where what is ordered was asked for."""
        return InChat(self.chat_id, self.turn_id)

    @property
    def holder(self) -> Principal:
        """The asker, with what has been ordered in this very turn."""
        return replace(self.principal, orders=self.principal.orders | self.placed)

    def say(self, es: str, en: str) -> str:
        return es if self.lang == "es" else en

    async def finish(self, doing: Coroutine[Any, Any, Result]) -> Result:
        """Do something to its end, also if the turn is stopped meanwhile: what is ordered is ordered."""
        task = asyncio.create_task(doing, name=f"errand-{self.turn_id}")
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[Result]) -> None:
        """Heard of by its caller, unless the answer was stopped meanwhile."""
        if not task.cancelled() and (exc := task.exception()) is not None and not isinstance(exc, LeaseLost):
            logger.error("agent.change_not_told", turn_id=self.turn_id, exc_info=exc)

    async def settle(self) -> None:
        """Wait for what must be done to its end; and tell the chat what was done, if its answer was stopped."""
        if self.tasks:
            await asyncio.wait(self.tasks)
        if self.outcome:
            try:
                await self._tell_afterwards(self.outcome)
            except Unavailable:
                logger.warning("agent.change_not_told", turn_id=self.turn_id)

    async def own(self, order_id: str) -> None:
        """The chat may speak about an order that was placed in it; also if the turn has been stopped meanwhile."""
        self.placed.add(order_id)
        await self.services.notifications.inherit(order_id, self.chat_id)
        for _ in range(TRIES):
            read = await read_chat(self.services.log, self.chat_id)
            if read is None or order_id in read.chat.order_ids:
                return
            chat = read.chat.model_copy(update={"order_ids": (*read.chat.order_ids, order_id)})
            key = chat_key(chat.id)
            document = Document(key, read.chat_version + 1, chat.model_dump_json())
            try:
                await self.services.log.commit(Write(expects=((key, read.chat_version),), documents=(document,)))
            except Conflict:
                continue
            return
        raise too_busy()

    async def _tell_afterwards(self, text: str) -> None:
        """Tell the chat of what was done, if the answer is over: nobody will say it any more.

        Not if the turn is another worker's by now, which tells of it in its own answer.
        """
        for _ in range(TRIES):
            both = await read_turn(self.services.log, self.turn_id)
            if both is None or not both.turn.over:
                return
            now = self.services.clock()
            notice = NoticeSent(notice_id=f"{self.turn_id}-afterwards", message=text, level="warning")
            write = replace(written(both, both.chat, now, notice), command_id=f"notice:{notice.notice_id}")
            try:
                await self.services.log.commit(write)
            except Conflict:
                continue
            return
        raise too_busy()

    async def commit(self, build: Callable[[TurnRead], Write | None]) -> None:
        """Commit something about this chat, unless the turn is another worker's by now.

        Args:
            build: Makes the write from the documents as they stand; None: there is nothing to write any more.

        Raises:
            LeaseLost: It is; nothing was written.
            Unavailable: Redis does not answer, or others keep writing.
        """
        ours = self.journal.turn
        for _ in range(TRIES):
            both = await read_turn(self.services.log, self.turn_id)
            if both is None or both.turn.over or (both.turn.worker, both.turn.attempt) != (ours.worker, ours.attempt):
                raise LeaseLost(self.turn_id)
            write = build(both)
            if write is None:
                return
            fence = (turn_key(self.turn_id), both.turn_version)
            try:
                await self.services.log.commit(replace(write, expects=(*write.expects, fence)))
            except Conflict:
                continue
            return
        raise too_busy()
