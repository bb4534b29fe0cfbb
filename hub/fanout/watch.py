"""One room as this process follows it: where it has got to, and what it does when it falls behind."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping

import structlog

from hub.domain.errors import ComandaError
from hub.domain.rooms import Cursor, Room
from hub.fanout.frames import Frame, Reset
from hub.fanout.outage import Pause
from hub.fanout.seats import Seat
from hub.fanout.surroundings import Surroundings

logger = structlog.get_logger(__name__)

SLICE = 256  # members written to before others get a turn: about 2 ms
BACKLOG = 1_000  # frames that wait in a room; past it they are forgotten and read from the stream
PAGE = 500  # events a read
SEAT_PAGE = 100  # events a read for one seat alone
BURST_BYTES = 131_072  # written to a member before its transport gets a chance to send them


class Watch:
    """Passes a room's events to its seats: each once, in order, none missing.

    What comes in order to a small room is passed on there and then. Anything else (a gap, a new epoch, a room
    so big that it takes slices) is the work of one task, and what comes meanwhile waits behind it.

    Attributes:
        epoch: None until a first view says where the room stands.
        head: Everything of the room up to here has been passed on.
        confirmed: Done while Redis has us subscribed.
        empty_since: Loop time at which the last member left.
    """

    __slots__ = (
        "_around",
        "_backlog",
        "_lost",
        "_seats",
        "_target",
        "channel",
        "confirmed",
        "empty_since",
        "epoch",
        "head",
        "name",
        "room",
        "task",
    )

    def __init__(self, room: Room, seats: Callable[[str], Mapping[str, Seat]], around: Surroundings) -> None:
        self.room = room
        self.name = str(room)
        self.channel = around.log.keys.channel(self.name)
        self.epoch: str | None = None
        self.head = 0
        self.confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.empty_since = 0.0
        self.task: asyncio.Task[None] | None = None
        self._seats = seats
        self._around = around
        self._backlog: deque[Frame] = deque()
        self._target = 0  # the stream is known to reach this far
        self._lost = False  # the room cannot be continued, only begun anew

    @property
    def seats(self) -> Mapping[str, Seat]:
        return self._seats(self.name)

    def begin(self, cursor: Cursor) -> None:
        """A first view is here: what it does not show follows from its cursor on."""
        if self.epoch is not None:
            return
        self.epoch, self.head = cursor.epoch, cursor.offset
        for seat in self.seats.values():
            seat.since = max(seat.since, cursor.offset)
        if self._behind or self._backlog:
            self._start()

    def receive(self, frame: Frame) -> None:
        """A frame heard on the bus."""
        seats = self.seats
        if not seats and self.task is None:
            self._skip(frame)
        elif self.task is None and len(seats) <= SLICE and self._follows(frame):
            self.head = frame.offset or self.head
            self._offer(iter(tuple(seats.values())), frame)
        else:
            self._queue(frame)

    def compare(self, epoch: str, head: int) -> bool:
        """Whether the room has moved on without us; if so, catching up begins."""
        if self.epoch is None or not self.seats:
            return False
        if epoch != self.epoch:
            self._lost = True
        elif head > self.head:
            self._target = max(self._target, head)
        else:
            return False
        self._start()
        return True

    def release(self, seat: Seat) -> None:
        """A join has been answered: what was held follows now."""
        seat.holds -= 1
        if seat.holds or seat.gone:
            return
        if seat.missed:
            seat.holds = 1
            self._around.spawn(self._catch_up(seat))
        else:
            seat.drain()

    # Passing on

    def _follows(self, frame: Frame) -> bool:
        if not frame.offset:
            return True
        return frame.epoch == self.epoch and frame.prev <= self.head < frame.offset

    def _offer(self, seats: Iterator[Seat], frame: Frame) -> None:
        given = 0
        while True:
            try:
                for seat in seats:
                    if seat.offer(frame):
                        given += 1
                break
            except Exception:
                # Members promise not to raise; one that does must not cost the others their event.
                logger.exception("relay.member_failed", room_kind=str(self.room.kind), type=frame.type)
        self._around.stats.deliveries += given

    async def _offer_sliced(self, frame: Frame) -> None:
        seats = tuple(self.seats.values())
        for start in range(0, len(seats), SLICE):
            if start:
                await asyncio.sleep(0)
            self._offer(iter(seats[start : start + SLICE]), frame)

    def _skip(self, frame: Frame) -> None:
        """Nobody is here: only remember how far the room has got."""
        if frame.offset and self.epoch is not None:
            self.head = max(self.head, frame.offset) if frame.epoch == self.epoch else frame.offset
            self.epoch = frame.epoch

    def _queue(self, frame: Frame) -> None:
        if len(self._backlog) < BACKLOG:
            self._backlog.append(frame)
        elif frame.offset:
            self._target = max(self._target, frame.offset, *(waiting.offset for waiting in self._backlog))
            self._backlog.clear()
        self._start()

    # Catching up

    @property
    def _behind(self) -> bool:
        return self._lost or self._target > self.head

    def _start(self) -> None:
        if self.task is None and self.epoch is not None:
            self.task = self._around.spawn(self._work())

    async def _work(self) -> None:
        """Everything that cannot be done on the spot, in order, until there is nothing left."""
        pause = Pause()
        try:
            while self._behind or self._backlog:
                try:
                    await self._step()
                    pause = Pause()
                except ComandaError as error:
                    logger.debug("relay.room_waits", room_kind=str(self.room.kind), code=error.code)
                    await pause.rest()
                except Exception:
                    logger.exception("relay.room_failed", room_kind=str(self.room.kind))
                    self._lost = True
                    await pause.rest()
        finally:
            self.task = None

    async def _step(self) -> None:
        if not self.seats:
            self._give_up()
        elif self._lost:
            await self._reset()
        elif self._behind:
            await self._fill()
        else:
            await self._pass_on(self._backlog.popleft())

    def _give_up(self) -> None:
        """All have left in the middle of it: whoever comes next begins from a view."""
        self.epoch, self.head = None, 0
        self._target, self._lost = 0, False
        self._backlog.clear()

    async def _pass_on(self, frame: Frame) -> None:
        if not frame.offset:
            await self._offer_sliced(frame)
        elif frame.epoch != self.epoch:
            self._lost = True
        elif frame.offset <= self.head:
            self._around.stats.repeats_dropped += 1
        elif frame.prev > self.head:
            self._target = max(self._target, frame.offset)
            self._around.stats.gaps_filled += 1
        else:
            self.head = frame.offset
            await self._offer_sliced(frame)

    async def _fill(self) -> None:
        """Read what is missing from the stream."""
        target = self._target
        async with self._around.reads:
            entries = await self._around.log.read(self.name, self.head, limit=PAGE)
        written = 0
        for entry in entries:
            if entry.prev > self.head:  # trimmed past us
                self._lost = True
                return
            self.head = entry.offset
            await self._offer_sliced(Frame.of_entry(entry, self.epoch or ""))
            written += len(entry.body)
            if written > BURST_BYTES:
                written = 0
                await asyncio.sleep(0)
        if len(entries) < PAGE and self.head < target:  # what was announced is not there
            self._lost = True

    async def _reset(self) -> None:
        """The room cannot be continued: its members begin anew from a view."""
        self._lost, self._target = False, 0
        # What was heard before the view is read is in it.
        self._backlog.clear()
        try:
            frame = await self._read_reset()
        except BaseException:
            self._lost = True
            raise
        self.epoch, self.head = frame.epoch, frame.offset
        self._around.stats.resets += 1
        logger.info("relay.room_reset", room_kind=str(self.room.kind), offset=frame.offset)
        await self._offer_sliced(frame)

    async def _read_reset(self) -> Reset:
        around = self._around
        async with around.reads:
            try:
                view = await around.view(self.room)
                cursor, snapshot = view.cursor, view.snapshot
            except ComandaError as error:
                if error.retryable:
                    raise
                # What the room was about is gone, as after a flush: its members learn just that.
                cursor, snapshot = await around.log.position(), {}
        return Reset.of(self.name, cursor, snapshot, around.clock())

    async def _catch_up(self, seat: Seat) -> None:
        """Read for one seat what it could not hold; then it is open like any other."""
        pause = Pause()
        while not seat.gone:
            try:
                if await self._read_for(seat):
                    break
            except ComandaError as error:
                logger.debug("relay.seat_waits", room_kind=str(self.room.kind), code=error.code)
                await pause.rest()
            except Exception:
                logger.exception("relay.seat_failed", room_kind=str(self.room.kind))
                seat.missed = True
                await pause.rest()
        seat.holds -= 1
        if not seat.holds:
            seat.drain()

    async def _read_for(self, seat: Seat) -> bool:
        """One read; whether the seat now has, or holds, all there is."""
        seat.hold_anew()
        if seat.epoch != self.epoch:
            return await self._restart(seat)
        async with self._around.reads:
            entries = await self._around.log.read(self.name, seat.after, limit=SEAT_PAGE)
        if _joining_again(seat):
            return _leave_to_the_join(seat)
        for entry in entries:
            if entry.prev > seat.after:  # trimmed past it
                return await self._restart(seat)
            seat.take(Frame.of_entry(entry, seat.epoch))
        return len(entries) < SEAT_PAGE and not seat.missed

    async def _restart(self, seat: Seat) -> bool:
        frame = await self._read_reset()
        if _joining_again(seat):
            return _leave_to_the_join(seat)
        seat.take(frame)
        return not seat.missed


def _joining_again(seat: Seat) -> bool:
    """Its member has asked to join once more, or has left: nothing may be given to it now."""
    return seat.holds > 1


def _leave_to_the_join(seat: Seat) -> bool:
    """Whoever releases the seat next reads what it missed, from a newer cursor."""
    seat.missed = True
    return True
