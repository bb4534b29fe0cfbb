"""What one worker writes about one turn: every commit fenced, in order, and repeated safely."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from hub.domain.chat import Chat, OpenTurn, Turn, TurnState
from hub.domain.errors import Conflict, Unavailable
from hub.domain.events import ChatEvent, ChatStarted
from hub.domain.rooms import Room
from hub.eventlog import Document, NewEvent, Write
from hub.services.turns import (
    CHECKPOINT_EVERY,
    KEPT_S,
    TRIES,
    TurnRead,
    accounted,
    checkpoint,
    ending,
    read_turn,
    turn_key,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from datetime import datetime

    from hub.config import Limits
    from hub.domain.events import Usage
    from hub.eventlog import EventLog, Quota

_T = TypeVar("_T")

_PATIENCE_S = 30.0  # a Redis that is away for longer costs this attempt, not the turn


class LeaseLost(Exception):
    """The turn is somebody else's, or over: write nothing more about it."""


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
        both: TurnRead,
        *,
        worker: str,
        clock: Callable[[], datetime],
        limits: Limits,
    ) -> None:
        self.turn: Turn = both.turn
        self.chat: Chat = both.chat
        self.worker = worker
        self.lost = asyncio.Event()
        self._log = log
        self._version = both.turn_version
        self._clock = clock
        self._limits = limits
        self._lock = asyncio.Lock()
        self._writing: set[asyncio.Task[None]] = set()
        self._so_far = OpenTurn(both.turn.id)
        self._unsaved = 0  # events since the last checkpoint
        self._room = str(Room.chat(both.chat.id))

    async def begin(self, model: str) -> None:
        """Take the turn: from here on no other worker can write about it."""
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
        await self._whole(self._record(events, changes))

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
        await self._whole(self._end(state, events, lang, quotas, changes))

    async def account(self, usage: Usage, model: str, quotas: Sequence[Quota] = ()) -> bool:
        """Count the usage of this attempt, although it did not write the turn's ending.

        If the turn was stopped from outside, its document is given the figures as well.

        Returns:
            True if the turn was stopped from outside.
        """
        try:
            both = await read_turn(self._log, self.turn.id)
            if both is None or both.turn.state is not TurnState.STOPPED or both.turn.attempt != self.turn.attempt:
                await self._log.commit(Write(quotas=tuple(quotas)))
                return False
            if both.turn.usage is None and both.turn.worker == self.worker:
                await self._log.commit(accounted(both, usage, model, quotas))
        except (Conflict, Unavailable):  # forgotten meanwhile, or Redis is away: figures are not worth waiting for
            return False
        return True

    # How

    async def _whole(self, writing: Coroutine[Any, Any, None]) -> None:
        """Finish a write also if its caller is cancelled: half a write would leave us unsure of the version."""
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
            so_far, saved = self._grown(events)
            write = Write(
                events=tuple(NewEvent(event.type, event.body(now), (self._room,)) for event in events),
                expects=((turn_key(turn.id), self._version),),
                documents=(document, *saved),
                expire=tuple((saved_one.key, KEPT_S) for saved_one in saved),
            )
            try:
                await self._settle(write, document)
            except Conflict as exc:
                raise self._lose() from exc
            self.turn, self._version, self._so_far = turn, document.version, so_far
            self._unsaved = 0 if saved else self._unsaved + len(events)

    def _grown(self, events: Sequence[ChatEvent]) -> tuple[OpenTurn, tuple[Document, ...]]:
        """What the turn has said with these events; and now and then, that as a document: the room may be trimmed
        before those come back who want all of it."""
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
            for _ in range(TRIES):
                both = await self._read()
                write = ending(both, state, events, self._clock(), self._limits, lang=lang, **changes)
                write = replace(write, quotas=tuple(quotas))
                ours = next(document for document in write.documents if document.key == turn_key(self.turn.id))
                try:
                    await self._settle(write, ours)
                except Conflict:
                    continue
                self.turn = self.turn.model_copy(update={"state": state})
                self._version += 1
                return
            raise self._lose()

    async def _read(self) -> TurnRead:
        """The documents as they stand, if the turn is still ours."""
        both = await self._patiently(lambda: read_turn(self._log, self.turn.id))
        if both is None or both.turn_version != self._version:
            raise self._lose()
        return both

    async def _patiently(self, read: Callable[[], Awaitable[_T]]) -> _T:
        """What is read, once Redis answers."""
        for _ in range(TRIES - 1):
            try:
                return await read()
            except Unavailable:
                await asyncio.sleep(random.uniform(0.1, 0.5))
        try:
            return await read()
        except Unavailable as exc:
            raise self._lose() from exc

    async def _settle(self, write: Write, ours: Document) -> None:
        """Commit until it is certain that it happened once.

        Raises:
            Conflict: A document has moved, and not by an earlier try of this write.
        """
        try:
            await self._log.commit(write)  # the log keeps a deadline itself
        except Unavailable:
            await self._settle_unsure(write, ours)

    async def _settle_unsure(self, write: Write, ours: Document) -> None:
        """The same, after a try whose outcome is unknown."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
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
            raise self._lose() from exc

    def _check(self) -> None:
        if self.lost.is_set() or self.turn.over:
            raise LeaseLost(self.turn.id)

    def _lose(self) -> LeaseLost:
        self.lost.set()
        return LeaseLost(self.turn.id)
