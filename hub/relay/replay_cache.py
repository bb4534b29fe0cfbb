"""Events of rooms' streams as read a moment ago: for members that come back together they are read and encoded once."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hub.relay.frames import Frame, MissedFrames
from hub.store.types import LogEntry

if TYPE_CHECKING:
    from hub.store.log import EventLog

MAX_AGE_S = 2.0
MAX_BYTES = 16_777_216  # of all rooms
_FRAME_BYTES = 512  # what a frame takes besides its body, which it holds twice: as it is, and encoded


class ReplayCache:
    """Reads missed events, and keeps them for a moment: within one epoch, what has happened stays so.

    Where a room's past is known, the log is asked only for what followed it. Each time the log is asked for its
    position, its epoch, and whether all events are still there.
    """

    def __init__(self, log: EventLog, *, max_age_s: float = MAX_AGE_S, max_bytes: int = MAX_BYTES) -> None:
        self._log = log
        self._max_age_s = max_age_s
        self._max_bytes = max_bytes
        self._pieces: dict[str, CachedPiece] = {}
        self._bytes = 0
        self._expiry: asyncio.TimerHandle | None = None

    async def missed(self, after: Mapping[str, int], epoch: str, *, limit: int) -> MissedFrames:
        """Do as `EventLog.missed`, in frames that others share."""
        unread_after, known = dict(after), dict[str, Sequence[Frame]]()
        for room, offset in after.items():
            piece = self._piece(room, offset, epoch)
            if piece is not None and piece.end > offset:
                known[room], unread_after[room] = piece.between(offset, piece.end), piece.end
        missed = await self._log.missed(unread_after, epoch, limit=limit)
        rooms: dict[str, Sequence[Frame] | None] = {}
        for room, entries in missed.rooms.items():
            if entries is None:
                rooms[room] = None
                continue
            frames = [*known.get(room, ()), *self._frames(room, unread_after[room], epoch, entries)]
            rooms[room] = frames if len(frames) <= limit else None
        return MissedFrames(missed.cursor, rooms)

    def clear(self) -> None:
        """Forget everything: the log may have become another one."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self._pieces.clear()
        self._bytes = 0

    def _piece(self, room: str, offset: int, epoch: str) -> CachedPiece | None:
        """Return the room's cached piece if it begins no later than an offset."""
        piece = self._pieces.get(room)
        return piece if piece is not None and piece.epoch == epoch and piece.start <= offset else None

    def _frames(self, room: str, offset: int, epoch: str, entries: Sequence[LogEntry]) -> Sequence[Frame]:
        """Return frames of these entries, the first after an offset; another reader may have made them meanwhile."""
        if not entries:
            return ()
        piece = self._piece(room, offset, epoch)
        if piece is None or entries[0].prev > piece.end:  # they are not even known to follow the piece
            piece = self._pieces[room] = CachedPiece(epoch, offset)
        self._count(piece.extend(entries))
        return piece.between(offset, entries[-1].offset)

    def _count(self, size_bytes: int) -> None:
        self._bytes += size_bytes
        if self._bytes > self._max_bytes:
            self.clear()
        elif self._expiry is None:
            self._expiry = asyncio.get_running_loop().call_later(self._max_age_s, self.clear)


class CachedPiece:
    """All events of one room between two offsets, as frames.

    Attributes:
        start: The offset before the first event.
    """

    def __init__(self, epoch: str, start: int) -> None:
        self.epoch = epoch
        self.start = start
        self._offsets: list[int] = []
        self._frames: list[Frame] = []

    @property
    def end(self) -> int:
        """The offset of the last event."""
        return self._offsets[-1] if self._offsets else self.start

    def between(self, after: int, up_to: int) -> Sequence[Frame]:
        """Return the frames after one offset, up to another."""
        return self._frames[bisect_right(self._offsets, after) : bisect_right(self._offsets, up_to)]

    def extend(self, entries: Sequence[LogEntry]) -> int:
        """Add entries past the end, of a run without a hole that begins no later; return the bytes that they take."""
        end = self.end
        frames = [Frame.of_entry(entry, self.epoch) for entry in entries if entry.offset > end]
        self._frames += frames
        self._offsets += [frame.offset for frame in frames]
        return sum(2 * frame.size + _FRAME_BYTES for frame in frames)
