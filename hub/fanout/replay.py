"""What one member missed: read from the streams of all its rooms, and given at the pace at which it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import structlog

from hub.domain.errors import ComandaError
from hub.domain.rooms import Cursor
from hub.fanout.dispatch import Dispatch, with_floor
from hub.fanout.frames import Batch, Frame, Reset
from hub.fanout.outage import Pause
from hub.fanout.recent import MissedFrames, Recent
from hub.fanout.seats import Member, Presence, Seat
from hub.fanout.surroundings import Surroundings
from hub.fanout.watch import Watch

logger = structlog.get_logger(__name__)

# A member is given more once it has read all but this much; it is a quarter of what closes a connection.
PACE_BYTES = 262_144
BURST_BYTES = 131_072  # given without looking
_PIECE_BYTES = 32_768  # given in one write: that is a system call, 3 µs at the least, and an event has 300 bytes
LOOK_S = 0.02  # how often a member that does not read is looked at; its connection's pings bound how long

Given = tuple[Seat, Frame]


@dataclass(frozen=True, slots=True)
class Place:
    """How a member stood in a room on a connection that broke.

    Attributes:
        since: The offset of the view it was given.
        floor: One that resumes from before this offset has not been given that view.
        only: The types of event it wants; all if None.
    """

    since: int
    floor: int = 0
    only: frozenset[str] | None = None


class Replay:
    """Brings members up to where the log is."""

    def __init__(self, around: Surroundings, dispatch: Dispatch, watches: Mapping[str, Watch], limit: int) -> None:
        self._around = around
        self._dispatch = dispatch
        self._watches = watches
        self._limit = limit
        self._recent = Recent(around.log)

    async def missed(self, after: Mapping[str, int], epoch: str) -> MissedFrames:
        """What happened in some rooms after a member's place in each, all as of one moment."""
        return await self._recent.missed(after, epoch, limit=self._limit)

    def forget(self) -> None:
        """The log may have become another one."""
        self._recent.forget()

    def release(self, presence: Presence) -> None:
        """One reason less to hold the member: what waited follows now."""
        presence.holds -= 1
        if presence.holds:
            return
        if presence.missed and presence.seats:
            presence.holds = 1
            self._around.spawn(self._catch_up(presence))
        else:
            presence.drain()

    def play(self, presence: Presence, given: Sequence[Given]) -> None:
        """Give a held member what it missed, then let go of it."""
        if sum(frame.size for _, frame in given) <= BURST_BYTES:
            _take_all(presence.member, given)
            self.release(presence)
        else:
            self._around.spawn(self._play_slowly(presence, given))

    def show(self, seat: Seat, reset: Reset) -> None:
        """Give a held member a room that it has just been brought into, then let go of it.

        Other rooms' events from before the view may still be on their way to it: if its connection breaks before
        what follows, it goes on from where it was.
        """
        presence = seat.presence
        others = [other.after for other in presence.seats.values() if other is not seat and other.epoch == reset.epoch]
        seat.wait_for_reset()
        if presence.holds > 1 or presence.missed:
            presence.missed = True  # nothing may be given now; whoever lets go of the member reads it
            self.release(presence)
        else:
            before = f"{reset.epoch}-{max(others)}" if others else ""
            self.play(presence, [(seat, reset.together(before, seat.floor))])

    def missed_of(self, seats: Mapping[str, Seat], rooms: Mapping[str, Sequence[Frame] | None]) -> list[Given]:
        """What was missed in several rooms, in the log's order; only an event's last copy is a place to go on from."""
        every: list[Given] = []
        for name, frames in rooms.items():
            seat = seats[name]
            every += [(seat, frame) for frame in frames or () if seat.only is None or frame.type in seat.only]
        every.sort(key=_offset)
        for index, ((seat, frame), (_, following)) in enumerate(pairwise(every)):
            if frame.offset == following.offset:
                every[index] = seat, frame.earlier_copy
        return every

    async def resets_of(self, seats: Sequence[Seat], before: str, floor: Cursor) -> list[Given]:
        """All these rooms as they stand.

        Args:
            before: Where the connection goes on if it breaks before the last of them.
            floor: Where it goes on after that.
        """
        watches = [(seat, self._watches[seat.room]) for seat in seats if seat.room in self._watches]
        resets = await asyncio.gather(*(self._dispatch.read_reset(watch) for _, watch in watches))
        last = len(resets) - 1
        return [
            (seat, with_floor([reset], str(floor) if index == last else before, floor.offset)[0])
            for index, ((seat, _), reset) in enumerate(zip(watches, resets, strict=True))
        ]

    async def _play_slowly(self, presence: Presence, given: Sequence[Given]) -> None:
        await self._give(presence, given)
        self.release(presence)

    async def _give(self, presence: Presence, given: Sequence[Given]) -> None:
        """Give a member what it missed, unless it joins a room meanwhile.

        Until that is answered nothing may be given to it; whoever releases it then goes on from where it has got to.
        """
        written = 0
        for seat, frame in given:
            if presence.holds > 1:
                presence.missed = True
                return
            seat.take(frame)
            written += frame.size
            if written > BURST_BYTES:
                written = 0
                await asyncio.sleep(0)
                await self._read_by(presence)

    async def _read_by(self, presence: Presence) -> None:
        """Wait until the member has read most of what it was given, or is gone."""
        while presence.seats and presence.member.unsent_bytes > PACE_BYTES:  # noqa: ASYNC110 - a pace, of transports
            await asyncio.sleep(LOOK_S)

    async def _catch_up(self, presence: Presence) -> None:
        """Read for one member what could not be held; then it is like any other."""
        pause = Pause()
        while presence.seats and presence.holds == 1:
            try:
                await self._read_for(presence)
                if not presence.missed:
                    break
            except ComandaError as error:
                logger.debug("relay.member_waits", code=error.code)
                presence.missed = True
                await pause.rest()
            except Exception:
                logger.exception("relay.member_failed")
                presence.missed = True
                await pause.rest()
        self.release(presence)

    async def _read_for(self, presence: Presence) -> None:
        """One read: what it missed, as far as it has not come back to what it holds."""
        presence.hold_anew()
        seats = {name: seat for name, seat in presence.seats.items() if seat.settled}
        if not seats:
            return
        epoch = next((seat.epoch for seat in seats.values() if seat.epoch), "")
        missed = await self.missed({name: seat.after for name, seat in seats.items()}, epoch)
        lost = [seat for name, seat in seats.items() if missed.rooms[name] is None or seat.epoch != missed.cursor.epoch]
        there = {name: frames for name, frames in missed.rooms.items() if seats[name] not in lost}
        await self._give(presence, self.missed_of(seats, there))
        if lost:
            before = f"{epoch}-{max(seat.after for seat in seats.values())}"
            await self._give(presence, await self.resets_of(lost, before, missed.cursor))


def _take_all(member: Member, given: Sequence[Given]) -> None:
    """What `Seat.take` does with each of them, in as few writes as will do: 50 events cost 6 µs instead of 80."""
    piece, size = list[Frame](), 0
    for seat, frame in given:
        if not seat.lets(frame):
            continue
        piece.append(frame)
        size += frame.size
        if size > _PIECE_BYTES:
            member.deliver_all(Batch(piece))
            piece, size = [], 0
    if piece:
        member.deliver_all(Batch(piece))


def _offset(given: Given) -> int:
    return given[1].offset
