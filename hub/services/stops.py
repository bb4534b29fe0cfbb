"""Ending a turn where it stands, from outside: a stop, a question that interrupts, a person who takes over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from hub.domain.chat import Turn, TurnState
from hub.domain.errors import Conflict, NotFound, Unavailable
from hub.domain.events import ChatStopped
from hub.services.stored import load_readable
from hub.services.turns import TRIES, Ending, endings, give_way, read_so_far, read_turn, too_busy, turn_key

if TYPE_CHECKING:
    from hub.config import Limits
    from hub.eventlog.log import EventLog
    from hub.eventlog.turns import TurnQueue

ENDS_AT_ONCE = 6  # turns that end in one commit, beside what is said of it


class Stops:
    """Writes the ending itself, with the words that are in the room; the turn's worker only hears of it."""

    def __init__(self, log: EventLog, queue: TurnQueue, clock: Callable[[], datetime], limits: Limits) -> None:
        self._log = log
        self._queue = queue
        self._clock = clock
        self._limits = limits

    async def stop(self, chat_id: str, turn_id: str, by: str) -> None:
        """End a turn, here and now. Nothing happens if it is over already.

        Raises:
            NotFound: There is no such turn in this chat.
        """
        for tries in range(TRIES):
            await give_way(tries)
            both = await read_turn(self._log, turn_id)
            if both is None or both.chat.id != chat_id:
                raise NotFound("there is no such turn")
            if both.turn.over:
                return
            end = await self._stopped(both.turn, both.turn_version, by)
            try:
                await self._log.commit(endings(both, both.chat, [end], self._clock(), self._limits))
            except Conflict:
                continue  # another word of it came meanwhile, or a worker has just taken it
            await self.tell_workers([end], by)
            return
        raise too_busy()

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
        """The turns are over: whoever works on one may drop it. Who does not hear it finds out by the next word."""
        for end in ends:
            if end.turn.state is not TurnState.WAITING:
                with suppress(Unavailable):
                    await self._queue.request_stop(end.turn.id, by)

    async def _stopped(self, turn: Turn, version: int, by: str) -> Ending:
        """A turn's ending where it stands. Its words are read after its version: if more come, the version moves."""
        text = await read_so_far(self._log, turn) if turn.state is not TurnState.WAITING else ""
        event = ChatStopped(turn_id=turn.id, text=text, by=by)
        return Ending(turn, version, TurnState.STOPPED, (event,), {})
