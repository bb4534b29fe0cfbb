"""Reads what the sequencer asks for: the rest of rooms' streams, and rooms as they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from hub.core.errors import ComandaError
from hub.relay.effects import ReadMissed, ReadViews
from hub.relay.frames import Frame, MissedFrames, Reset
from hub.relay.join import RoomSnapshot

if TYPE_CHECKING:
    from hub.store.log import EventLog

logger = structlog.get_logger(__name__)

_MAX_READS = 16  # rooms read at once; the others wait their turn


class CatchUp:
    """Reads from the log for whoever is behind it.

    Args:
        view: Reads a room's state as of one cursor.
        confirm_heard: Returns when everything published before it was called has been heard.
    """

    def __init__(
        self,
        log: EventLog,
        view: Callable[[str], Awaitable[RoomSnapshot]],
        clock: Callable[[], datetime],
        confirm_heard: Callable[[], Awaitable[None]],
    ) -> None:
        self._log = log
        self._view = view
        self._clock = clock
        self._confirm_heard = confirm_heard
        self._slots = asyncio.Semaphore(_MAX_READS)

    async def read_missed(self, request: ReadMissed) -> MissedFrames:
        """Read what some rooms' streams have after an offset each.

        Raises:
            ComandaError: The streams cannot be read; later, if it is retryable.
        """
        missed = await self._log.missed(request.after, request.epoch)
        await self._confirm_heard()
        return MissedFrames(
            missed.cursor,
            {
                room: None if entries is None else [Frame.of_entry(entry, request.epoch) for entry in entries]
                for room, entries in missed.rooms.items()
            },
        )

    async def read_views(self, request: ReadViews) -> list[Reset]:
        """Read some rooms as they stand.

        Raises:
            ComandaError: Redis does not answer just now.
        """
        resets = await self.read_resets(request.rooms)
        await self._confirm_heard()
        return resets

    async def read_resets(self, rooms: Iterable[str]) -> list[Reset]:
        """Read rooms as they stand, for members that cannot go on from where they were.

        Raises:
            ComandaError: Redis does not answer just now.
        """
        return list(await asyncio.gather(*map(self._read_reset, rooms)))

    async def _read_reset(self, room: str) -> Reset:
        async with self._slots:
            try:
                view = await self._view(room)
                return Reset.of(room, view.cursor, view.snapshot, self._clock())
            except ComandaError as error:
                if error.retryable:
                    raise
                # The room's subject is gone, as after a flush: its members are shown just that.
            except Exception:
                logger.exception("relay.view_failed", room_kind=room.partition(":")[0])
            return Reset.of(room, await self._log.position(), {}, self._clock())
