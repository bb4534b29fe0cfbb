"""Turns that no worker answers: they end as failed, so that no customer waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import structlog

from hub.core.errors import Conflict, UnreadableDocument
from hub.domain import failures
from hub.domain.chat import TurnState
from hub.domain.events import ChatFailed
from hub.services.chats.chat_documents import ending, read_so_far, read_turn, skip

if TYPE_CHECKING:
    from hub.config.limit_settings import ChatLimits
    from hub.services.chats.turn_jobs import TurnLease, TurnQueue
    from hub.store.log import EventLog

logger = structlog.get_logger(__name__)


class StaleTurns:
    """Ends turns that no agent worker takes."""

    def __init__(
        self,
        log: EventLog,
        queue: TurnQueue,
        clock: Callable[[], datetime],
        limits: ChatLimits,
        lang: Literal["es", "en"] = "es",
    ) -> None:
        self._log = log
        self._queue = queue
        self._clock = clock
        self._limits = limits
        self._lang: Literal["es", "en"] = lang

    async def end(self, wait_s: float) -> int:
        """Fail the turns that no agent worker has looked at for `wait_s` seconds.

        Returns:
            How many were ended.
        """
        ended = 0
        left = await self._queue.stale(wait_s)
        if not left:
            return 0
        heard_s = (await self._queue.status()).heartbeat_age_s
        code = "no_agent" if heard_s is None or heard_s >= wait_s else "agent_busy"
        for taken in left:
            try:
                ended += await self._fail(taken, code)
            except Conflict:
                continue  # a worker has just taken it
            except UnreadableDocument:  # its chat cannot be read either: no process can end it
                logger.error("turns.not_ended", turn_id=taken.job.turn_id, chat_id=taken.job.chat_id)
            await self._queue.finish(taken)
        return ended

    async def _fail(self, taken: TurnLease, code: str) -> bool:
        """End a turn as failed, with its answer so far. Return False if it is over already."""
        try:
            loaded = await read_turn(self._log, taken.job.turn_id)
        except UnreadableDocument:  # the turn cannot be read: its chat goes on without it
            return await skip(self._log, taken, failures.turn_error(code, self._lang), self._clock(), self._limits)
        if loaded is None or loaded.turn.over:
            return False
        event = ChatFailed(
            turn_id=taken.job.turn_id,
            text=await read_so_far(self._log, loaded.turn),
            error=failures.turn_error(code, loaded.chat.known_lang or self._lang),
        )
        write = ending(loaded, TurnState.FAILED, (event,), self._clock(), self._limits, error=code)
        await self._log.commit(write)
        return True
