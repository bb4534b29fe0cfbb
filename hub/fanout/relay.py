"""From the log to the rooms of this process: one connection that listens, and every room's order kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from redis.exceptions import RedisError

from hub.domain.errors import ComandaError, Unavailable
from hub.domain.rooms import Cursor, Room
from hub.fanout.bus import Bus
from hub.fanout.dispatch import Dispatch
from hub.fanout.entries import Brought, Joined, Resumed
from hub.fanout.frames import Frame, Reset
from hub.fanout.offers import Listener, Offers
from hub.fanout.outage import Pause, tell
from hub.fanout.replay import Place, Replay
from hub.fanout.rooms import Rooms
from hub.fanout.seats import Member, Presence, Seat
from hub.fanout.surroundings import Stats, Surroundings
from hub.fanout.watch import Watch

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from hub.eventlog.log import EventLog
    from hub.services.views import RoomView

logger = structlog.get_logger(__name__)

_READS_AT_ONCE = 16
_ROUND_S = 1.0  # at most so often the log is asked where it stands; repeats are common while many join
_LEAST_REPLAYED = 1_000  # events of a room


T = TypeVar("T")


class Relay:
    """Hears the rooms that have members here, and passes on what happens in them.

    Args:
        redis: For the pub/sub connection's address and credentials; it takes a connection of its own.
        view: The state of a room as of one cursor, for `room.reset`.
        poll_s: How often it is looked up how far the log and the rooms are: a room's last message, lost, leaves no
            gap to see.
        deadline_s: For an answer on the pub/sub connection, and for a subscription.
        linger_s: How long a room is heard after its last member left.

    Attributes:
        restarted: Set whenever rooms have begun anew.
    """

    def __init__(
        self,
        log: EventLog,
        redis: Redis,
        *,
        view: Callable[[Room], Awaitable[RoomView]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        poll_s: float = 5.0,
        deadline_s: float = 2.0,
        linger_s: float = 5.0,
    ) -> None:
        self._log = log
        self._bus = Bus(redis, deadline_s)
        self._poll_s = poll_s
        self._deadline_s = deadline_s
        self._linger_s = linger_s
        self._clock = clock
        self._rooms = Rooms()
        self._watches: dict[str, Watch] = {}
        self._by_channel: dict[bytes, Watch] = {}
        self._wanted: list[Watch] = []
        self._want = asyncio.Event()
        self._live = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._stats = Stats()
        self._doubt = asyncio.Event()
        self.restarted = asyncio.Event()
        around = Surroundings(log, view, clock, self._spawn, asyncio.Semaphore(_READS_AT_ONCE), self._stats)
        self._listeners: dict[str, Listener] = {}
        self._offers = Offers(self._rooms, self._watches, self._stats, self._listeners)
        self._dispatch = Dispatch(
            self._offers,
            self._watches,
            around,
            heard=self._heard,
            doubted=self._doubt.set,
            restarted=self.restarted.set,
        )
        self._replay = Replay(around, self._dispatch, self._watches, max(log.room_events, _LEAST_REPLAYED))

    # What others see

    @property
    def live(self) -> bool:
        """Whether everything published reaches the members of this process now."""
        return self._live.is_set()

    async def wait_live(self) -> None:
        await self._live.wait()

    @property
    def stats(self) -> Stats:
        self._stats.rooms = len(self._rooms)
        self._stats.members = self._rooms.members
        return self._stats

    async def join(
        self,
        member: Member,
        room: Room,
        *,
        read: Callable[[], Awaitable[RoomView]],
        only: frozenset[str] | None = None,
    ) -> Joined:
        """Bring a member into a room: its view now, and on release what followed, with no window between.

        To join again replaces the filter and the cursor; if that fails, the member stays as it was.

        Args:
            read: Reads the room atomically, as of the cursor it returns; called when we are subscribed, and
                again if the subscription broke under it.
            only: The types of event the member wants; all if None.

        Raises:
            Unavailable: The room cannot be heard just now.
        """
        watch = self._watch(room)
        seat, view = await self._seated(member, watch, read)
        if not seat.gone:
            seat.settle(view.cursor, only)
            self._dispatch.begin([watch], view.cursor)
        return Joined(view, self._replay, seat.presence)

    async def bring(self, member: Member, room: Room, *, read: Callable[[], Awaitable[RoomView]]) -> Brought | None:
        """Bring a member into a room that it did not ask for; None if it is there, or left, or entered meanwhile.

        Raises:
            Unavailable: The room cannot be heard just now.
        """
        watch = self._watch(room)
        seat, view = await self._seated(member, watch, read)
        if seat.gone or seat.settled:
            self._replay.release(seat.presence)
            return None
        seat.settle(view.cursor, None)
        # Whoever goes on from the view's own place may have got there before it was given the view.
        seat.floor = view.cursor.offset + 1
        self._dispatch.begin([watch], view.cursor)
        return Brought(seat, Reset.of(watch.name, view.cursor, view.snapshot, self._clock()), self._replay)

    async def resume(self, member: Member, places: Mapping[Room, Place], cursor: Cursor, *, epoch: str) -> Resumed:
        """Bring a member back into all its rooms, from one place in the log on, with no window between.

        Args:
            cursor: The last event that its former connection brought it.
            epoch: The life of the log in which it was given the views of these rooms.

        Raises:
            Unavailable: The rooms cannot be heard or read just now; the member is in none of them.
        """
        watches = [self._watch(room) for room in places]
        if not watches:
            position = await self._log.position()
            there = cursor.epoch == position.epoch and cursor.offset <= position.offset
            return Resumed(there, position, self._replay, None, ())
        seats = {watch.name: self._rooms.sit(member, watch.name, watch.head) for watch in watches}
        presence = next(iter(seats.values())).presence
        presence.holds += 1
        try:
            named = {str(room): place for room, place in places.items()}
            return await self._resume(presence, seats, named, cursor, epoch)
        except BaseException:
            self.leave_all(member.id)
            raise

    async def _resume(
        self, presence: Presence, seats: Mapping[str, Seat], places: Mapping[str, Place], cursor: Cursor, epoch: str
    ) -> Resumed:
        after = {name: max(cursor.offset, place.since) for name, place in places.items()}
        watches = [self._watches[name] for name in seats]
        missed = await self._read_subscribed(watches, lambda: self._replay.missed(after, epoch))
        whole = None not in missed.rooms.values() and cursor.epoch == epoch
        recovered = whole and all(cursor.offset >= place.floor for place in places.values())
        for name, seat in seats.items():
            place = places[name]
            seat.settle(missed.cursor, place.only)
            # Held as it is, it has been given nothing past these yet.
            seat.after, seat.since, seat.floor = after[name], place.since, place.floor
        self._dispatch.begin(watches, missed.cursor)
        if recovered:
            given = self._replay.missed_of(seats, missed.rooms)
        else:
            given = await self._replay.resets_of(list(seats.values()), str(cursor), missed.cursor)
            for seat, reset in given:
                seat.after, seat.since, seat.floor = -1, reset.offset, missed.cursor.offset
        return Resumed(recovered, missed.cursor, self._replay, presence, given)

    def leave(self, member_id: str, room: Room) -> None:
        """Take a member out of a room; nothing of it reaches the member any more."""
        if self._rooms.remove(str(room), member_id):
            self._left(str(room))

    def leave_all(self, member_id: str) -> None:
        """Take a member out of all its rooms, in the time these take."""
        for name in self._rooms.discard(member_id):
            self._left(name)

    def has_members(self, room: Room) -> bool:
        """Whether anybody here is in the room."""
        return bool(self._rooms.seats(str(room)))

    def rooms_of(self, member_id: str) -> Mapping[str, Seat]:
        """The rooms a member is in, by name."""
        return self._rooms.of(member_id)

    def listen(self, type: str, listener: Listener) -> None:
        """Have somebody told of each event of a type, as it is passed on to a room's members here."""
        self._listeners[type] = listener

    def tell(self, room: Room, type: str, body: str) -> None:
        """Give a volatile event to the members of this process, and to nobody else's."""
        watch = self._watches.get(str(room))
        if watch is not None:
            self._dispatch.receive(watch, Frame(watch.name, type, 0, 0, "", body.encode()))

    # Members

    def _watch(self, room: Room) -> Watch:
        name = str(room)
        watch = self._watches.get(name)
        if watch is None:
            watch = self._watches[name] = Watch(room, self._log.keys.channel(name), self._rooms.taken)
            self._by_channel[watch.channel.encode()] = watch
            self._wanted.append(watch)
            self._want.set()
        return watch

    async def _seated(
        self, member: Member, watch: Watch, read: Callable[[], Awaitable[RoomView]]
    ) -> tuple[Seat, RoomView]:
        """A member's seat, its events held, and the room as it is; at its seat at once, before anything is read."""
        seat = self._rooms.sit(member, watch.name, watch.head)
        seat.presence.holds += 1
        seat.joins += 1
        try:
            view = await self._read_subscribed([watch], read)
        except BaseException:
            seat.joins -= 1
            self._unsit(seat)
            raise
        seat.joins -= 1
        return seat, view

    def _unsit(self, seat: Seat) -> None:
        """The join failed: who was here before stays, as before."""
        presence = seat.presence
        if not (seat.settled or seat.gone or seat.joins):
            self._rooms.remove(seat.room, presence.member.id)
            self._left(seat.room)
        self._replay.release(presence)

    async def _read_subscribed(self, watches: Sequence[Watch], read: Callable[[], Awaitable[T]]) -> T:
        """Something read while subscribed: what is published after it will be heard."""
        while True:
            subscriptions = [watch.confirmed for watch in watches]
            await self._confirmed(subscriptions)
            view = await read()
            if all(watch.confirmed is known for watch, known in zip(watches, subscriptions, strict=True)):
                return view

    async def _confirmed(self, subscriptions: Iterable[asyncio.Future[None]]) -> None:
        missing = [subscription for subscription in subscriptions if not subscription.done()]
        if not missing:
            return
        # Not wait_for: it would cancel what others wait for as well.
        _, pending = await asyncio.wait(missing, timeout=self._deadline_s)
        if pending:
            raise Unavailable("live events are not available just now", retry_after_s=1)

    def _left(self, name: str) -> None:
        watch = self._watches.get(name)
        if watch is not None and not watch.seats:
            watch.empty_since = asyncio.get_running_loop().time()

    async def _heard(self) -> None:
        """Everything that had been published by now has been received.

        Raises:
            Unavailable: Nothing is received just now.
        """
        try:
            await self._bus.ping()
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            raise Unavailable("live events are not available just now", retry_after_s=1) from error

    # Listening

    def on_message(self, channel: bytes, payload: bytes) -> None:
        watch = self._by_channel.get(channel)
        if watch is None:
            return
        try:
            frame = Frame.parse(watch.name, payload)
        except ValueError:
            logger.exception("relay.unreadable", room_kind=str(watch.room.kind))
            return
        if frame.offset:
            self._log.heard(frame.epoch, frame.offset)
        self._dispatch.receive(watch, frame)

    def on_several(self) -> None:
        self._offers.cork()

    def on_heard(self) -> None:
        self._offers.uncork()

    def on_subscribed(self, channel: bytes) -> None:
        watch = self._by_channel.get(channel)
        if watch is not None and not watch.confirmed.done():
            watch.confirmed.set_result(None)

    # Living

    async def run(self) -> None:
        """Listen until cancelled, through every outage of Redis."""
        pause, told = Pause(), False
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                try:
                    await _by_itself(self._session())
                except* Exception as failed:
                    if self.live:
                        pause, told = Pause(), False
                        self._stats.resubscriptions += 1
                    told = tell(failed, told)
                self._deafened()
                await pause.rest()

    async def _session(self) -> None:
        """One connection's life, from subscribing to the moment it breaks."""
        self._wanted = self._worth_hearing()
        self._want.set()
        try:
            await self._bus.connect()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._bus.read(self))
                tasks.create_task(self._keep_asking())
                tasks.create_task(self._subscribe())
                tasks.create_task(self._follow())
        finally:
            await self._bus.close()

    def _worth_hearing(self) -> list[Watch]:
        """The rooms that have members; the others are forgotten."""
        for watch in [watch for watch in self._watches.values() if not watch.seats]:
            self._forget(watch)
        return list(self._watches.values())

    async def _keep_asking(self) -> None:
        while True:
            await asyncio.sleep(self._deadline_s / 2)
            await self._bus.ping()

    async def _subscribe(self) -> None:
        """Subscribe as rooms are wanted; those wanted in one turn of the loop go in one command."""
        while True:
            await self._want.wait()
            self._want.clear()
            wanted, self._wanted = self._wanted, []
            await self._bus.subscribe([watch.channel for watch in wanted])

    async def _follow(self) -> None:
        """Catch up with what was missed while nobody listened; then look now and then."""
        await self._log.position()  # if it has lost its tail, let it be known before anything is added to it
        waiting = [watch.confirmed for watch in self._watches.values()]
        async with asyncio.timeout(self._deadline_s + len(waiting) / 1_000):
            for confirmed in waiting:
                await asyncio.shield(confirmed)
        await self._compare(self._watches.values())
        self._dispatch.go_on()
        if self._dispatch.task is not None:
            await asyncio.wait((self._dispatch.task,))
        self._live.set()
        logger.info("relay.live", rooms=len(self._watches))
        loop = asyncio.get_running_loop()
        polled, looked_at = True, loop.time()
        while True:
            await asyncio.sleep(min(_ROUND_S, self._poll_s))
            await self._forget_empty()
            whole = loop.time() - looked_at >= self._poll_s
            if whole or self._doubt.is_set():
                self._doubt.clear()
                polled = await self._poll(polled, whole=whole)
                looked_at = loop.time() if whole else looked_at

    async def _poll(self, polled: bool, *, whole: bool) -> bool:
        """Look for rooms that moved on unheard, and for a log that lost its tail; whether it answered."""
        try:
            if whole and self._dispatch.task is None:
                self._stats.found_by_poll += await self._compare(self._watches.values())
            else:
                await self._log.position()
        except ComandaError as error:
            if polled:
                logger.warning("relay.poll_failed", code=error.code)
            return False
        return True

    async def _compare(self, watches: Iterable[Watch]) -> int:
        """Have the rooms that are behind catch up; how many there were."""
        known = [watch for watch in watches if watch.epoch is not None and watch.seats]
        at, heads = await self._log.heads([watch.name for watch in known])
        ahead = [
            (watch, head)
            for watch, head in zip(known, heads, strict=True)
            if head > watch.head or at.epoch != watch.epoch
        ]
        if not ahead:
            return 0
        # What is on its way here is not lost: a pong comes after it.
        await self._bus.ping()
        return sum(self._dispatch.compare(watch, at.epoch, head) for watch, head in ahead)

    async def _forget_empty(self) -> None:
        before = asyncio.get_running_loop().time() - self._linger_s
        # One not confirmed yet stays: the confirmation still to come must not pass for that of a new one.
        over = [
            watch
            for watch in self._watches.values()
            if not watch.seats and watch.confirmed.done() and watch.empty_since <= before
        ]
        for watch in over:
            self._forget(watch)
        if over:
            await self._bus.unsubscribe([watch.channel for watch in over])

    def _forget(self, watch: Watch) -> None:
        del self._watches[watch.name]
        del self._by_channel[watch.channel.encode()]

    def _deafened(self) -> None:
        self._live.clear()
        self._dispatch.pause()
        self._replay.forget()
        loop = asyncio.get_running_loop()
        for watch in self._watches.values():
            if watch.confirmed.done():
                watch.confirmed = loop.create_future()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._tasks is not None
        return self._tasks.create_task(work)


async def _by_itself(work: Coroutine[Any, Any, None]) -> None:
    """Await this in a task of its own.

    A task group that fails in the moment in which its task is cancelled tells of the failure alone (Python 3.11 and
    3.12): who would go on after a failure would not have heard that it is to end.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task])
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    task.result()
