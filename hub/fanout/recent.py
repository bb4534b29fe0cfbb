"""What rooms' streams said a moment ago: members that come back in the same moment have it read and encoded once."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.rooms import Cursor
from hub.eventlog.types import LogEntry
from hub.fanout.frames import Frame

if TYPE_CHECKING:
    from hub.eventlog.log import EventLog

KEPT_S = 2.0
KEPT_BYTES = 16_777_216  # of all rooms
_FRAME_BYTES = 512  # what a frame takes besides its body, which it holds twice: as it is, and encoded


@dataclass(frozen=True, slots=True)
class MissedFrames:
    """What happened in some rooms after a reader's place in each, up to one moment, `cursor`.

    Attributes:
        rooms: By room, oldest first; None: not all of it is there any more, and the reader must begin anew.
    """

    cursor: Cursor
    rooms: Mapping[str, Sequence[Frame] | None]


class Recent:
    """Reads what was missed, and remembers it for a moment: within one life of the log, what has happened stays so.

    Where a room's past is known, the log is asked only for what followed it; which moment that is, in which life, and
    whether all of it is there, it is asked each time.
    """

    def __init__(self, log: EventLog, *, kept_s: float = KEPT_S, kept_bytes: int = KEPT_BYTES) -> None:
        self._log = log
        self._kept_s = kept_s
        self._kept_bytes = kept_bytes
        self._chains: dict[str, Chain] = {}
        self._bytes = 0
        self._over: asyncio.TimerHandle | None = None

    async def missed(self, after: Mapping[str, int], epoch: str, *, limit: int) -> MissedFrames:
        """As `EventLog.missed`, in frames that others share."""
        places, known = dict(after), dict[str, Sequence[Frame]]()
        for room, place in after.items():
            chain = self._chain(room, place, epoch)
            if chain is not None and chain.end > place:
                known[room], places[room] = chain.between(place, chain.end), chain.end
        missed = await self._log.missed(places, epoch, limit=limit)
        rooms: dict[str, Sequence[Frame] | None] = {}
        for room, entries in missed.rooms.items():
            if entries is None:
                rooms[room] = None
                continue
            frames = [*known.get(room, ()), *self._frames(room, places[room], epoch, entries)]
            rooms[room] = frames if len(frames) <= limit else None
        return MissedFrames(missed.cursor, rooms)

    def forget(self) -> None:
        """What is there now may be another log."""
        if self._over is not None:
            self._over.cancel()
            self._over = None
        self._chains.clear()
        self._bytes = 0

    def _chain(self, room: str, place: int, epoch: str) -> Chain | None:
        """What is known of a room, if it begins no later than there."""
        chain = self._chains.get(room)
        return chain if chain is not None and chain.epoch == epoch and chain.since <= place else None

    def _frames(self, room: str, place: int, epoch: str, entries: Sequence[LogEntry]) -> Sequence[Frame]:
        """These entries, the ones right after a place; somebody else may have made them frames meanwhile."""
        if not entries:
            return ()
        chain = self._chain(room, place, epoch)
        if chain is None or entries[0].prev > chain.end:  # not even known to follow what is known
            chain = self._chains[room] = Chain(epoch, place)
        self._remember(chain.extend(entries))
        return chain.between(place, entries[-1].offset)

    def _remember(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._kept_bytes:
            self.forget()
        elif self._over is None:
            self._over = asyncio.get_running_loop().call_later(self._kept_s, self.forget)


class Chain:
    """All events of one room between two places, as frames.

    Attributes:
        since: Where it begins: that event itself is not in it.
    """

    def __init__(self, epoch: str, since: int) -> None:
        self.epoch = epoch
        self.since = since
        self._offsets: list[int] = []
        self._frames: list[Frame] = []

    @property
    def end(self) -> int:
        return self._offsets[-1] if self._offsets else self.since

    def between(self, after: int, upto: int) -> Sequence[Frame]:
        return self._frames[bisect_right(self._offsets, after) : bisect_right(self._offsets, upto)]

    def extend(self, entries: Sequence[LogEntry]) -> int:
        """Take in what is past the end, of entries without a hole from before it on; how many bytes that is."""
        end = self.end
        frames = [Frame.of_entry(entry, self.epoch) for entry in entries if entry.offset > end]
        self._frames += frames
        self._offsets += [frame.offset for frame in frames]
        return sum(2 * frame.size + _FRAME_BYTES for frame in frames)
