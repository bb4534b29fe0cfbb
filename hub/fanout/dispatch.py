"""From what is heard to who is there: every event passed on once, and all of them in the log's order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

import structlog

from hub.domain.errors import ComandaError
from hub.domain.rooms import Cursor
from hub.fanout.frames import Batch, Frame, Reset
from hub.fanout.offers import SLICE, Offers
from hub.fanout.outage import Pause
from hub.fanout.surroundings import Surroundings
from hub.fanout.watch import Watch

logger = structlog.get_logger(__name__)

MOST_AT_ONCE = 64  # events given in one piece to the members of a big room
_PIECE_BYTES = 32_768  # of their bodies, small against what may be unsent
QUEUE = 10_000  # frames that wait; past it they are forgotten and read from the streams
BATCH = 100  # rooms that begin anew together
BURST_BYTES = 131_072  # of bodies passed on from the streams before the transports get a chance to send them
TURN_S = 0.002  # the longest the queue keeps the loop to itself


class Dispatch:
    """Passes frames on to the seats of their rooms, strictly one after the other.

    A stock client that comes back names a single place in the log, whatever rooms it was in: so nothing may
    overtake here, not even from one room to another. What comes in order to a small room is passed on there
    and then. Anything else (a gap, a new epoch, a room so big that it takes slices) is the work of one task, and
    all that is heard meanwhile waits behind it.

    Args:
        offers: To whoever is in a room.
        watches: The rooms that are heard, by name.
        heard: Returns when all that had been published when it was called has been received.
        doubted: Called on a repeat: the log may have lost its tail.
        restarted: Called when rooms have begun anew.
    """

    def __init__(
        self,
        offers: Offers,
        watches: Mapping[str, Watch],
        around: Surroundings,
        *,
        heard: Callable[[], Awaitable[None]],
        doubted: Callable[[], None],
        restarted: Callable[[], None],
    ) -> None:
        self._offers = offers
        self._watches = watches
        self._around = around
        self._heard = heard
        self._doubted = doubted
        self._restarted = restarted
        self._queue: deque[Frame] = deque()
        self._behind: dict[str, Watch] = {}  # rooms whose streams have more
        self._lost = offers.lost  # these cannot be continued, only begun anew
        self._reached = 0  # the offset of the event that was passed on last
        self._paused = True
        self.task: asyncio.Task[None] | None = None

    # What there is to pass on

    def pause(self) -> None:
        """What is heard from here on waits: it is not known what was missed before it."""
        self._paused = True

    def go_on(self) -> None:
        """All rooms have been compared: those that are behind catch up, and then what has waited follows."""
        self._paused = False
        if self._behind or self._lost or self._queue:
            self._start()

    def receive(self, watch: Watch, frame: Frame) -> None:
        """A frame of a room, as heard."""
        if self._paused or self.task is not None:
            self._enqueue(frame)
        elif watch.follows(frame) and len(seats := watch.seats) <= SLICE:  # as nearly always
            watch.head = self._reached = frame.offset
            self._offers.offer(seats.values(), frame)
        elif not self._pass_at_once(watch, frame):
            self._enqueue(frame)

    def compare(self, watch: Watch, epoch: str, head: int) -> bool:
        """Whether the room has moved on without us; if so, catching up begins."""
        if watch.epoch is None or not watch.seats:
            return False
        if epoch != watch.epoch:
            self._lose(watch)
        elif head > watch.head:
            self._fall_behind(watch, head)
        else:
            return False
        self._start()
        return True

    def begin(self, watches: Iterable[Watch], cursor: Cursor) -> None:
        """Somebody in these rooms has been given views as of this cursor."""
        early: list[Frame] = []
        for watch in watches:
            if watch.epoch not in (None, cursor.epoch):
                if any(seat.settled and seat.epoch == watch.epoch for seat in watch.seats.values()):
                    self._lose_all()
                    self._start()
                    continue
                watch.stop()
            if watch.epoch is None:
                early += watch.begin(cursor)
        # Of all rooms in one order: room by room, an event in one would overtake those before it in another.
        for frame in sorted(early, key=_published):
            watch = self._watches[frame.room]
            if self.task is None and not self._paused:
                self.receive(watch, frame)
            elif frame.offset <= self._reached and watch.follows(frame):
                # All who are in the room are held, and perhaps with what came after this: they sort it out.
                watch.head = frame.offset
                self._offers.offer(watch.seats.values(), frame)
            else:
                self._enqueue_early(frame)

    def _pass_at_once(self, watch: Watch, frame: Frame) -> bool:
        seats = watch.seats
        if len(seats) > SLICE:
            return False
        if not frame.offset:
            self._offers.offer(seats.values(), frame)
            return True
        if watch.epoch is None:
            watch.keep(frame)
        elif seats:
            return False
        else:
            _skip(watch, frame)
        return True

    def _enqueue_early(self, frame: Frame) -> None:
        """Where it belongs among what waits, rather than behind it."""
        at = next((at for at, waiting in enumerate(self._queue) if waiting.offset > frame.offset), None)
        if at is None or len(self._queue) >= QUEUE:
            self._enqueue(frame)
        else:
            self._queue.insert(at, frame)

    def _enqueue(self, frame: Frame) -> None:
        if len(self._queue) < QUEUE:
            self._queue.append(frame)
        elif frame.offset:
            for waiting in (*self._queue, frame):
                watch = self._watches.get(waiting.room)
                if watch is not None and waiting.offset:
                    self._fall_behind(watch, waiting.offset)
            self._queue.clear()
        self._start()

    # The work of the task

    def _start(self) -> None:
        if self.task is None and not self._paused:
            self.task = self._around.spawn(self._work())

    async def _work(self) -> None:
        """Everything that cannot be done on the spot, in order, until there is nothing left."""
        pause = Pause()
        try:
            while not self._paused and (self._behind or self._lost or self._queue):
                try:
                    await self._step()
                    pause = Pause()
                except ComandaError as error:
                    logger.debug("relay.waits", code=error.code)
                    if not error.retryable:
                        self._lose_those_behind()
                    await pause.rest()
                except Exception:
                    logger.exception("relay.dispatch_failed")
                    self._lose_those_behind()
                    await pause.rest()
        finally:
            self.task = None

    async def _step(self) -> None:
        if self._behind:
            await self._catch_up()
        elif self._lost:
            await self._begin_anew()
        else:
            await self._pass_queue()

    async def _pass_queue(self) -> None:
        turn_ends = asyncio.get_running_loop().time() + TURN_S
        while self._queue and not (self._behind or self._lost or self._paused):
            if len(batch := self._next_in_order()) > 1:
                await self._offers.offer_batch(self._watches[batch[0].room], Batch(batch))
            else:
                await self._pass(self._queue.popleft())
            if asyncio.get_running_loop().time() > turn_ends:
                return await asyncio.sleep(0)

    def _next_in_order(self) -> list[Frame]:
        """The next events, if they are several that follow each other in one big room; taken from the queue."""
        first = self._queue[0]
        watch = self._watches.get(first.room)
        if len(self._queue) < 2 or watch is None or len(watch.seats) <= SLICE or not watch.follows(first):
            return []
        batch, size = list[Frame](), 0
        for frame in islice(self._queue, MOST_AT_ONCE):
            size += frame.size
            if not _is_next(frame, batch[-1] if batch else first) or (batch and size > _PIECE_BYTES):
                break
            batch.append(frame)
        if len(batch) > 1:
            watch.head = self._reached = batch[-1].offset
            for _ in batch:
                self._queue.popleft()
        return batch

    async def _pass(self, frame: Frame) -> None:
        watch = self._watches.get(frame.room)
        if watch is None:
            return
        if not frame.offset:
            await self._offers.offer_sliced(watch, frame)
        elif watch.epoch is None:
            watch.keep(frame)
        elif watch.follows(frame):
            watch.head = self._reached = frame.offset
            await self._offers.offer_sliced(watch, frame)
        elif not watch.seats:
            _skip(watch, frame)
        elif frame.epoch != watch.epoch:
            self._lose_all()
        elif frame.offset <= watch.head:
            self._around.stats.repeats_dropped += 1
            self._doubted()
        else:
            self._fall_behind(watch, frame.offset)
            self._around.stats.gaps_filled += 1
            self._queue.appendleft(frame)

    # Catching up

    def _fall_behind(self, watch: Watch, target: int) -> None:
        watch.target = max(watch.target, target)
        if watch.name not in self._lost:
            self._behind[watch.name] = watch

    async def _catch_up(self) -> None:
        """Read what is missing from the streams, and pass it on among what has been heard since."""
        behind = self._worth(self._behind)
        if not behind:
            return
        epoch = next(iter(behind.values())).epoch or ""
        targets = {name: watch.target for name, watch in behind.items()}
        missed = await self._around.log.missed({name: watch.head for name, watch in behind.items()}, epoch)
        await self._heard()
        upto = missed.cursor.offset
        if self._find_gaps(behind, epoch, upto):
            return  # they are to be read together with these
        frames: list[Frame] = []
        for name, watch in behind.items():
            entries = missed.rooms[name]
            reached = entries[-1].offset if entries else watch.head
            # Not all of it there any more; or what was announced is not there.
            if entries is None or reached < targets[name]:
                self._lose(watch)
                continue
            frames += [Frame.of_entry(entry, epoch) for entry in entries]
            if reached >= watch.target:  # and nothing was forgotten meanwhile
                del self._behind[name]
        await self._pass_merged([*frames, *self._take_queued(behind, epoch, upto)])

    def _find_gaps(self, read: Mapping[str, Watch], epoch: str, upto: int) -> bool:
        """Whether among what waits there are rooms that have missed something, too."""
        heads: dict[str, int] = {}
        found = False
        for frame in self._queue:
            watch = self._watches.get(frame.room)
            if watch is None or frame.room in read or frame.epoch != watch.epoch or frame.epoch != epoch:
                continue
            if 0 < frame.offset <= upto and watch.seats:
                if frame.prev > heads.get(frame.room, watch.head):
                    self._fall_behind(watch, frame.offset)
                    found = True
                heads[frame.room] = frame.offset
        return found

    def _take_queued(self, read: Mapping[str, Watch], epoch: str, upto: int) -> list[Frame]:
        """The waiting frames up to an offset; those of rooms that were read need not wait any longer."""
        taken, left = list[Frame](), deque[Frame]()
        for frame in self._queue:
            if not 0 < frame.offset <= upto or frame.epoch != epoch:
                left.append(frame)
            elif frame.room not in read:
                taken.append(frame)
        self._queue = left
        return taken

    async def _pass_merged(self, frames: Iterable[Frame]) -> None:
        """Pass on frames of several rooms in the log's order."""
        written = 0
        for frame in _with_later_copies(sorted(frames, key=_place)):
            watch = self._watches.get(frame.room)
            if watch is None or not self._advance(watch, frame):
                continue
            await self._offers.offer_sliced(watch, frame)
            written += frame.size
            if written > BURST_BYTES:
                written = 0
                await asyncio.sleep(0)

    def _advance(self, watch: Watch, frame: Frame) -> bool:
        """Whether the frame takes its room further."""
        if isinstance(frame, Reset):
            watch.epoch, watch.head, watch.target = frame.epoch, frame.offset, 0
            self._lost.pop(watch.name, None)
        elif watch.epoch is None:
            watch.keep(frame)
            return False
        elif watch.name in self._lost or not watch.follows(frame):
            return False
        else:
            watch.head = self._reached = frame.offset
        return True

    # Beginning anew

    def _lose(self, watch: Watch) -> None:
        if not self._lost:
            self._offers.safe = self._passed(watch.epoch)
        self._behind.pop(watch.name, None)
        self._lost[watch.name] = watch

    def _lose_those_behind(self) -> None:
        for watch in list(self._behind.values()):
            self._lose(watch)

    def _lose_all(self) -> None:
        for watch in self._watches.values():
            if watch.epoch is not None and watch.seats:
                self._lose(watch)

    def _passed(self, epoch: str | None) -> str:
        """How far everything has been passed on in this life of the log."""
        heads = [watch.head for watch in self._watches.values() if watch.epoch == epoch and watch.seats]
        return f"{epoch}-{max(heads)}" if epoch and heads else ""

    async def _begin_anew(self) -> None:
        """The rooms cannot be continued: their members begin anew from views."""
        floor = 0
        while lost := self._worth(self._lost):
            batch = list(lost.values())[:BATCH]
            former = {watch.epoch for watch in batch}
            # What was heard before the views are read is in them.
            names = {watch.name for watch in batch}
            self._queue = deque(frame for frame in self._queue if frame.room not in names)
            resets = await asyncio.gather(*(self.read_reset(watch) for watch in batch))
            await self._heard()
            epoch, upto = resets[0].epoch, max(reset.offset for reset in resets)
            former.discard(epoch)
            self._queue = deque(frame for frame in self._queue if not frame.offset or frame.epoch not in former)
            if self._find_gaps({watch.name: watch for watch in batch}, epoch, upto):
                return  # to be read first
            floor = floor or min(reset.offset for reset in resets)
            self._around.stats.resets += len(resets)
            logger.info("relay.rooms_reset", rooms=len(resets), offset=upto)
            frames = self._take_queued({}, epoch, upto)
            await self._pass_merged([*with_floor(resets, f"{epoch}-{floor}", floor), *frames])
        self._restarted()

    async def read_reset(self, watch: Watch) -> Reset:
        """The room as it stands, for members that cannot go on from where they were."""
        around = self._around
        async with around.reads:
            try:
                view = await around.view(watch.room)
                cursor, snapshot = view.cursor, view.snapshot
            except ComandaError as error:
                if error.retryable:
                    raise
                # What the room was about is gone, as after a flush: its members learn just that.
                cursor, snapshot = await around.log.position(), {}
            except Exception:
                logger.exception("relay.view_failed", room_kind=str(watch.room.kind))
                cursor, snapshot = await around.log.position(), {}
        return Reset.of(watch.name, cursor, snapshot, around.clock())

    def _worth(self, watches: dict[str, Watch]) -> dict[str, Watch]:
        """Those of them that have members; the others are let go of."""
        for name, watch in list(watches.items()):
            if not watch.seats or self._watches.get(name) is not watch:
                del watches[name]
                watch.stop()
        return dict(watches)


def _is_next(frame: Frame, before: Frame) -> bool:
    """Whether a durable event is the one after another of its room, or that one itself, and in no room after it."""
    same_chain = frame.room == before.room and frame.epoch == before.epoch and frame.rest == "-"
    return same_chain and (frame is before or frame.prev <= before.offset < frame.offset)


def _skip(watch: Watch, frame: Frame) -> None:
    """Nobody is here: only remember how far the room has got."""
    watch.head = max(watch.head, frame.offset) if frame.epoch == watch.epoch else frame.offset
    watch.epoch = frame.epoch


def _published(frame: Frame) -> tuple[int, int]:
    return frame.offset, -len(frame.later)


def _place(frame: Frame) -> tuple[int, int]:
    return frame.offset, isinstance(frame, Reset)


def with_floor(resets: Sequence[Reset], resume: str, floor: int) -> list[Reset]:
    """Resets that belong together: a connection that goes on from before `floor` has not been given all of them."""
    return [reset.together(resume, floor) for reset in resets]


def _with_later_copies(frames: list[Frame]) -> Iterator[Frame]:
    """Frames in the log's order, each saying in which of the others its event comes again."""
    for index, frame in enumerate(frames):
        later = []
        for other in frames[index + 1 :]:
            if other.offset != frame.offset:
                break
            later.append(other.room)
        if later and not isinstance(frame, Reset):
            yield frame.followed_by(later)
        else:
            yield frame
