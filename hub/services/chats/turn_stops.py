"""Ending a turn where it stands, from outside: a stop, a question that interrupts, a person who takes over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from hub.core.errors import NotFound, Unavailable
from hub.domain.chat import Turn, TurnState
from hub.domain.events import ChatStopped
from hub.services.chats.chat_documents import (
    Ending,
    chat_is_busy,
    endings,
    read_so_far,
    read_turn,
    turn_key,
)
from hub.services.stored_documents import load_readable
from hub.store.conflicts import retry_on_conflict

if TYPE_CHECKING:
    from hub.config.limit_settings import ChatLimits
    from hub.services.chats.turn_jobs import TurnQueue
    from hub.store.log import EventLog


class TurnStops:
    """Ends turns from outside, with the words that are in the room; the turn's worker only learns of it."""

    def __init__(self, log: EventLog, queue: TurnQueue, clock: Callable[[], datetime], limits: ChatLimits) -> None:
        self._log = log
        self._queue = queue
        self._clock = clock
        self._limits = limits

    async def stop(self, chat_id: str, turn_id: str, by: str) -> None:
        """End a turn, here and now. Nothing happens if it is over already.

        Raises:
            NotFound: There is no such turn in this chat.
        """

        async def attempt() -> None:
            loaded = await read_turn(self._log, turn_id)
            if loaded is None or loaded.chat.id != chat_id:
                raise NotFound("there is no such turn")
            if loaded.turn.over:
                return
            end = await self._stopped(loaded.turn, loaded.turn_version, by)
            await self._log.commit(endings(loaded, loaded.chat, [end], self._clock(), self._limits))
            await self.tell_workers([end], by)

        await retry_on_conflict(attempt, busy=chat_is_busy)

    async def endings_of(self, turn_ids: Sequence[str], by: str) -> list[Ending]:
        """Return the endings of these turns if they stop now; leave out an unreadable one, which the workers skip."""
        documents = await self._log.documents(map(turn_key, turn_ids))
        ends = []
        for found in documents:
            turn = load_readable(self._log, Turn, found)
            if found is not None and turn is not None and not turn.over:
                ends.append(await self._stopped(turn, found.version, by))
        return ends

    async def tell_workers(self, ends: Sequence[Ending], by: str) -> None:
        """Tell the workers of ended turns to drop them.

        A worker that does not get the message finds out with its next commit.
        """
        for end in ends:
            if end.turn.state is not TurnState.WAITING:
                with suppress(Unavailable):
                    await self._queue.stops.request(end.turn.id, by)

    async def _stopped(self, turn: Turn, version: int, by: str) -> Ending:
        """Return the ending of a turn, with its text so far: read after the version, which more text would move."""
        text = await read_so_far(self._log, turn) if turn.state is not TurnState.WAITING else ""
        event = ChatStopped(turn_id=turn.id, text=text, by=by)
        return Ending(turn, version, TurnState.STOPPED, (event,), {})
