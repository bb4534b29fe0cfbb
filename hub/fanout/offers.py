"""A frame, offered to the seats of its room: in as few calls and writes as will do, and not to all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import structlog

from hub.fanout.frames import Batch, Frame, Reset
from hub.fanout.rooms import Rooms
from hub.fanout.seats import Line, Member, Seat
from hub.fanout.surroundings import Stats
from hub.fanout.watch import Watch

logger = structlog.get_logger(__name__)

SLICE = 256  # members written to before others get a turn: about 1 ms
_OFFERS = 1_024  # events × members before others get a turn

Listener = Callable[[Frame, Sequence[Member]], None]


class Offers:
    """Offers frames in the order in which it is called; what is in order, its caller knows.

    Args:
        watches: The rooms that are heard, by name.
        listeners: Told, by type, of an event that is offered, and to whom; they neither wait nor raise.

    Attributes:
        lost: Rooms that are about to begin anew.
        safe: While there are any: where a connection in one of them goes on if it breaks now.
    """

    def __init__(
        self, rooms: Rooms, watches: Mapping[str, Watch], stats: Stats, listeners: Mapping[str, Listener]
    ) -> None:
        self.lost: dict[str, Watch] = {}
        self.safe = ""
        self._rooms = rooms
        self._watches = watches
        self._stats = stats
        self._listeners = listeners
        self._corked: list[Line] | None = None  # lines with something pending, while several events are heard at once

    def cork(self) -> None:
        """Several events are there at once: what they bring one member is to leave together."""
        self._corked = []

    def uncork(self) -> None:
        """They have been passed on. To be called in the same turn of the loop: nothing else may be written between."""
        lines, self._corked = self._corked or (), None
        for line in lines:
            line.flush()

    def offer(self, seats: Iterable[Seat], frame: Frame) -> None:
        """Offer a frame to these seats, now."""
        there = tuple(seats)
        if frame.type in self._listeners:
            self._notify(frame, there)
        remaining = iter(there)
        plain = not self.lost and frame.rest == "-" and frame.offset and not isinstance(frame, Reset)
        while True:
            try:
                given = _offer_plain(frame, remaining, self._corked) if plain else self._offer_each(frame, remaining)
                break
            except Exception:
                _log_failure(frame)
        self._stats.deliveries += given

    async def offer_sliced(self, watch: Watch, frame: Frame) -> None:
        """The same to a whole room, a slice of it at a time."""
        seats = tuple(watch.seats.values())
        for start in range(0, len(seats), SLICE):
            if start:
                await asyncio.sleep(0)
            self.offer(seats[start : start + SLICE], frame)

    async def offer_batch(self, watch: Watch, batch: Batch) -> None:
        """Several events to each member before the next one's turn: what goes to one leaves in one system call."""
        seats = tuple(watch.seats.values())
        step = max(1, min(SLICE, _OFFERS // len(batch.frames)))
        for start in range(0, len(seats), step):
            if start:
                await asyncio.sleep(0)
            some = seats[start : start + step]
            if self.lost:  # meanwhile: each event says where its connection may go on
                for frame in batch.frames:
                    self.offer(some, frame)
            else:
                self._offer_all(some, batch)

    # How

    def _notify(self, frame: Frame, seats: Iterable[Seat]) -> None:
        self._listeners[frame.type](frame, [seat.presence.member for seat in seats])

    def _offer_each(self, frame: Frame, seats: Iterator[Seat]) -> int:
        """To each with the place from which its connection may go on, should it break now."""
        later = [room for room in frame.later if room in self._watches]
        given = 0
        for seat in seats:
            member_id, copy = seat.presence.member.id, frame
            seat.line.flush()
            if self.lost and self._rooms.among(member_id, self.lost):
                copy = frame.resuming_from(self.safe) if self.safe and frame.offset else frame
            elif later and self._rooms.among(member_id, later):
                copy = frame.earlier_copy
            given += seat.offer(copy)
        return given

    def _offer_all(self, seats: Sequence[Seat], batch: Batch) -> None:
        for frame in batch.frames:
            if frame.type in self._listeners:
                self._notify(frame, seats)
        for seat in seats:
            try:
                self._stats.deliveries += seat.offer_all(batch)
            except Exception:
                _log_failure(batch.frames[0])


def _offer_plain(frame: Frame, seats: Iterator[Seat], corked: list[Line] | None) -> int:
    """What `Seat.offer` and its member do for most, without a call but the transport's own.

    A delivery by WebSocket costs 0.3 µs here besides the system call; with the calls it was 0.9.
    """
    given, offset, epoch, data = 0, frame.offset, frame.epoch, frame.engineio_frame
    for seat in seats:
        line = seat.line
        if seat.presence.holds or seat.gone or seat.only is not None or offset <= seat.after or epoch != seat.epoch:
            line.flush()
            given += seat.offer(frame)
            continue
        seat.after = offset
        given += 1
        write = line.write
        if write is None:
            seat.deliver(frame)
        elif corked is None:
            try:
                write(data)
            except RuntimeError:  # uvloop's, when the connection is gone: its member deals with it
                seat.deliver(frame)
        elif line.pending is None:
            line.pending = [data]
            corked.append(line)
        else:
            line.pending.append(data)
    return given


def _log_failure(frame: Frame) -> None:
    """Members promise not to raise; one that does must not cost the others their event."""
    logger.exception("relay.member_failed", room=frame.room.partition(":")[0], type=frame.type)
