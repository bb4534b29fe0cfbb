"""Places of open turns: an address has so many, and each ending of a turn gives one back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hub.domain.chat import Turn
from hub.services.chats.chat_documents import PLACE, place_of, turn_key
from hub.services.service_bounds import MAX_SLOTS_AT_ONCE
from hub.services.stored_documents import load_readable
from hub.store.log import Document, Write

if TYPE_CHECKING:
    from hub.store.log import EventLog

_EVERY = timedelta(minutes=1)


class TurnSlots:
    """Gives back the places of ended or expired turns, if the turn's ending did not do it.

    A chat in which nobody writes expires after a week, with its waiting turns, and a hub of an earlier version ends
    turns without knowing of places. Any number of hubs may do this at a time.
    """

    def __init__(self, log: EventLog, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._clock = clock
        self._looked_at: datetime | None = None

    async def give_back_lost(self) -> int:
        """Look through the places, once a minute at the most.

        Returns:
            The number of places given back.
        """
        now = self._clock()
        if self._looked_at is not None and now - self._looked_at < _EVERY:
            return 0
        self._looked_at = now
        turn_ids = [holder.removeprefix(PLACE) for holder in await self._log.holders(PLACE, MAX_SLOTS_AT_ONCE)]
        found = await self._log.documents(map(turn_key, turn_ids))
        lost = [turn_id for turn_id, document in zip(turn_ids, found, strict=True) if self._is_lost(document)]
        if lost:
            await self._log.commit(Write(release=tuple(map(place_of, lost))))
        return len(lost)

    def _is_lost(self, document: Document | None) -> bool:
        """Return True if a turn can no longer end. A newer hub may still end an unreadable one."""
        turn = load_readable(self._log, Turn, document)
        return document is None or (turn is not None and turn.over)
