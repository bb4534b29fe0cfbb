"""Turns that nobody answers: a customer is told so, and does not wait for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import structlog

from hub.domain import failures
from hub.domain.chat import TurnState
from hub.domain.errors import Conflict, UnreadableDocument
from hub.domain.events import ChatFailed
from hub.services.turns import ending, read_so_far, read_turn, skip

if TYPE_CHECKING:
    from hub.config import Limits
    from hub.eventlog.log import EventLog
    from hub.eventlog.turns import Taken, TurnQueue

logger = structlog.get_logger(__name__)


class Unattended:
    """Looks after the queue of turns in the workers' stead."""

    def __init__(
        self,
        log: EventLog,
        queue: TurnQueue,
        clock: Callable[[], datetime],
        limits: Limits,
        lang: Literal["es", "en"] = "es",
    ) -> None:
        self._log = log
        self._queue = queue
        self._clock = clock
        self._limits = limits
        self._lang: Literal["es", "en"] = lang

    async def end(self, wait_s: float) -> int:
        """Fail the turns that no agent worker has looked at for so long: nobody waits for ever.

        Returns:
            How many were ended.
        """
        ended = 0
        left = await self._queue.unattended(wait_s)
        if not left:
            return 0
        heard_s = (await self._queue.attendance()).heard_s
        code = "no_agent" if heard_s is None or heard_s >= wait_s else "agent_busy"
        for taken in left:
            try:
                ended += await self._fail(taken, code)
            except Conflict:
                continue  # a worker has just taken it
            except UnreadableDocument:  # nor can its chat be read: nobody can ever end it
                logger.error("turns.not_ended", turn_id=taken.turn_id, chat_id=taken.chat_id)
            await self._queue.finish(taken)
        return ended

    async def _fail(self, taken: Taken, code: str) -> bool:
        """End a turn as failed, with what it has said; False if it is over already."""
        try:
            both = await read_turn(self._log, taken.turn_id)
        except UnreadableDocument:  # a turn that nobody can read: its chat goes on without it
            return await skip(self._log, taken, failures.told(code, self._lang), self._clock(), self._limits)
        if both is None or both.turn.over:
            return False
        event = ChatFailed(
            turn_id=taken.turn_id,
            text=await read_so_far(self._log, both.turn),
            error=failures.told(code, both.chat.known_lang or self._lang),
        )
        write = ending(both, TurnState.FAILED, (event,), self._clock(), self._limits, error=code)
        await self._log.commit(write)
        return True
