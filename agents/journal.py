"""The commits of one worker about one turn: fenced, in order, and safe to repeat."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from hub.core.errors import Conflict, Unavailable
from hub.domain.chat import Chat, Turn, TurnState
from hub.domain.events import ChatEvent, ChatStarted
from hub.domain.open_turn import OpenTurn
from hub.domain.room_retention import CHAT_KEPT_S
from hub.domain.rooms import Room
from hub.services.chats.chat_documents import (
    CHECKPOINT_EVERY,
    TurnRead,
    accounted,
    checkpoint,
    ending,
    read_turn,
    turn_key,
)
from hub.store import Document, NewEvent, Write
from hub.store.conflicts import retry_on_conflict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from datetime import datetime

    from hub.config.limit_settings import ChatLimits
    from hub.domain.events import Usage
    from hub.store import EventLog, Quota

_T = TypeVar("_T")

_UNSURE_TIMEOUT_S = 30.0  # a longer outage of Redis fails this attempt, not the turn
_READ_TRIES = 8


class LeaseLost(Exception):
    """Raised when another worker has the turn or it has ended: write nothing more about it."""


class Journal:
    """The events of one attempt at a turn.

    Each commit moves the turn's document on by one version and expects the one before. So a worker
    that was given up for dead cannot write a word more, and a commit whose reply was lost is
    recognised instead of being made twice.

    Attributes:
        lost: Set when the turn was lost to another worker, or Redis for too long.
    """

    def __init__(
        self,
        log: EventLog,
        loaded: TurnRead,
        *,
        worker: str,
        clock: Callable[[], datetime],
        limits: ChatLimits,
    ) -> None:
        self.turn: Turn = loaded.turn
        self.chat: Chat = loaded.chat
        self.worker = worker
        self.lost = asyncio.Event()
        self._log = log
        self._version = loaded.turn_version
        self._clock = clock
        self._limits = limits
        self._lock = asyncio.Lock()
        self._writing: set[asyncio.Task[None]] = set()
        self._so_far = OpenTurn(loaded.turn.id)
        self._unsaved = 0  # events since the last checkpoint
        self._room = str(Room.chat(loaded.chat.id))

    async def begin(self, model: str) -> None:
        """Begin an attempt at the turn. From here on no other worker can write about it."""
        attempt = self.turn.attempt + 1
        event = ChatStarted(turn_id=self.turn.id, attempt=attempt, model=model)
        await self.record(
            event, state=TurnState.RUNNING, attempt=attempt, worker=self.worker, model=model, next_index=0
        )

    async def record(self, *events: ChatEvent, **changes: Any) -> None:
        """Commit events, and changes of the turn's document, in one step.

        Raises:
            LeaseLost: Nothing was written, and nothing more will be.
        """
        await self._shielded(self._record(events, changes))

    async def end(
        self,
        state: TurnState,
        *events: ChatEvent,
        lang: str | None = None,
        quotas: Sequence[Quota] = (),
        **changes: Any,
    ) -> None:
        """Write the turn's only ending, and queue the chat's next turn in the same commit.

        Args:
            lang: The chat's language, if this turn made it known.
            quotas: Count what the turn has used.
            changes: What else the turn's document shall say.
        """
        await self._shielded(self._end(state, events, lang, quotas, changes))

    async def account(self, usage: Usage, model: str, quotas: Sequence[Quota] = ()) -> bool:
        """Count the usage of this attempt, although it did not write the turn's ending.

        If the turn was stopped from outside, its document is given the figures as well.

        Returns:
            True if the turn was stopped from outside.
        """
        try:
            loaded = await read_turn(self._log, self.turn.id)
            if loaded is None or loaded.turn.state is not TurnState.STOPPED or loaded.turn.attempt != self.turn.attempt:
                await self._log.commit(Write(quotas=tuple(quotas)))
                return False
            if loaded.turn.usage is None and loaded.turn.worker == self.worker:
                await self._log.commit(accounted(loaded, usage, model, quotas))
        except (Conflict, Unavailable):  # deleted meanwhile, or Redis does not answer: figures are not worth a wait
            return False
        return True

    # How

    async def _shielded(self, writing: Coroutine[Any, Any, None]) -> None:
        """Finish a write even if its caller is cancelled, so that the version stays known."""
        task = asyncio.create_task(writing, name=f"journal-{self.turn.id}")
        self._writing.add(task)
        task.add_done_callback(self._written)
        await asyncio.shield(task)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        if not task.cancelled():
            task.exception()  # heard of by the caller, if there still is one; `lost` tells the others

    async def _record(self, events: Sequence[ChatEvent], changes: dict[str, Any]) -> None:
        async with self._lock:
            self._check()
            now = self._clock()
            turn = self.turn.model_copy(update={**changes, "updated_at": now})
            document = Document(turn_key(turn.id), self._version + 1, turn.model_dump_json())
            so_far, saved = self._accumulated(events)
            write = Write(
                events=tuple(NewEvent(event.type, event.body(now), (self._room,)) for event in events),
                expects=((turn_key(turn.id), self._version),),
                documents=(document, *saved),
                expire=tuple((saved_one.key, CHAT_KEPT_S) for saved_one in saved),
            )
            try:
                await self._settle(write, document)
            except Conflict as exc:
                raise self._mark_lost() from exc
            self.turn, self._version, self._so_far = turn, document.version, so_far
            self._unsaved = 0 if saved else self._unsaved + len(events)

    def _accumulated(self, events: Sequence[ChatEvent]) -> tuple[OpenTurn, tuple[Document, ...]]:
        """Return the turn's answer with these events, and from time to time a checkpoint document of it.

        A reader that comes back after the room was trimmed needs the checkpoint."""
        so_far = replace(self._so_far, steps=dict(self._so_far.steps))
        for event in events:
            so_far.apply(event)
        due = self._unsaved + len(events) >= CHECKPOINT_EVERY
        return so_far, (checkpoint(self.chat.id, so_far),) if due else ()

    async def _end(
        self,
        state: TurnState,
        events: Sequence[ChatEvent],
        lang: str | None,
        quotas: Sequence[Quota],
        changes: dict[str, Any],
    ) -> None:
        async with self._lock:
            self._check()

            async def attempt() -> None:
                loaded = await self._read()
                write = ending(loaded, state, events, self._clock(), self._limits, lang=lang, **changes)
                write = replace(write, quotas=tuple(quotas))
                ours = next(document for document in write.documents if document.key == turn_key(self.turn.id))
                await self._settle(write, ours)
                self.turn = self.turn.model_copy(update={"state": state})
                self._version += 1

            await retry_on_conflict(attempt, busy=self._mark_lost)

    async def _read(self) -> TurnRead:
        """Read the documents, provided the turn is still this worker's."""
        loaded = await self._retrying(lambda: read_turn(self._log, self.turn.id))
        if loaded is None or loaded.turn_version != self._version:
            raise self._mark_lost()
        return loaded

    async def _retrying(self, read: Callable[[], Awaitable[_T]]) -> _T:
        """Return the result of a read, retrying while Redis does not answer."""
        for _ in range(_READ_TRIES - 1):
            try:
                return await read()
            except Unavailable:
                await asyncio.sleep(random.uniform(0.1, 0.5))
        try:
            return await read()
        except Unavailable as exc:
            raise self._mark_lost() from exc

    async def _settle(self, write: Write, ours: Document) -> None:
        """Commit a write exactly once, also when a reply is lost.

        Raises:
            Conflict: A document has moved, and not by an earlier try of this write.
        """
        try:
            await self._log.commit(write)  # the log keeps a deadline itself
        except Unavailable:
            await self._commit_until_sure(write, ours)

    async def _commit_until_sure(self, write: Write, ours: Document) -> None:
        """Repeat a commit whose outcome is unknown until it is certain."""
        try:
            async with asyncio.timeout(_UNSURE_TIMEOUT_S):
                while True:
                    await asyncio.sleep(random.uniform(0.1, 0.5))
                    try:
                        await self._log.commit(write)
                        return
                    except Unavailable:
                        continue
                    except Conflict:
                        if await self._log.document(ours.key) == ours:
                            return
                        raise
        except (TimeoutError, Unavailable) as exc:
            raise self._mark_lost() from exc

    def _check(self) -> None:
        if self.lost.is_set() or self.turn.over:
            raise LeaseLost(self.turn.id)

    def _mark_lost(self) -> LeaseLost:
        self.lost.set()
        return LeaseLost(self.turn.id)
