"""From the log to the rooms of this process: one connection that listens, and every room's order kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from hub.domain.errors import ComandaError, Unavailable
from hub.domain.rooms import Cursor, Room
from hub.fanout.bus import Bus
from hub.fanout.frames import Frame
from hub.fanout.outage import Pause, tell
from hub.fanout.rooms import Rooms
from hub.fanout.seats import Member, Seat
from hub.fanout.surroundings import Stats, Surroundings
from hub.fanout.watch import Watch

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from hub.eventlog.log import EventLog
    from hub.services.views import RoomView

logger = structlog.get_logger(__name__)

_READS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Joined:
    """A member is in a room, and its events are held back until the answer is on its way.

    Attributes:
        view: The room as of `view.cursor`.
    """

    view: RoomView
    _watch: Watch
    _seat: Seat

    def release(self) -> None:
        """Let through what came past the view's cursor, and everything after it."""
        self._watch.release(self._seat)


class Relay:
    """Hears the rooms that have members here, and passes on what happens in them.

    Args:
        redis: For the pub/sub connection's address and credentials; it takes a connection of its own.
        view: The state of a room as of one cursor, for `room.reset`.
        poll_s: How often the rooms' heads are looked up: a room's last message, lost, leaves no gap to see.
        deadline_s: For an answer on the pub/sub connection, and for a subscription.
        linger_s: How long a room is heard after its last member left.
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
        self._rooms = Rooms()
        self._watches: dict[bytes, Watch] = {}
        self._wanted: list[Watch] = []
        self._want = asyncio.Event()
        self._live = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._stats = Stats()
        self._around = Surroundings(log, view, clock, self._spawn, asyncio.Semaphore(_READS_AT_ONCE), self._stats)

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
        seat = self._sit(member, watch)
        try:
            view = await self._read_subscribed(watch, read)
        except BaseException:
            self._unsit(member, watch, seat)
            raise
        if not seat.gone:
            seat.settle(member, view.cursor, only)
            watch.begin(view.cursor)
        return Joined(view, watch, seat)

    def leave(self, member_id: str, room: Room) -> None:
        """Take a member out of a room; nothing of it reaches the member any more."""
        name = str(room)
        seat = self._rooms.remove(name, member_id)
        if seat is not None:
            self._left(name, seat)

    def leave_all(self, member_id: str) -> None:
        """Take a member out of all its rooms, in the time these take."""
        for name, seat in self._rooms.discard(member_id):
            self._left(name, seat)

    def has_members(self, room: Room) -> bool:
        """Whether anybody here is in the room."""
        return bool(self._rooms.seats(str(room)))

    def rooms_of(self, member_id: str) -> Collection[str]:
        """The names of the rooms a member is in."""
        return self._rooms.of(member_id)

    def tell(self, room: Room, type: str, body: str) -> None:
        """Give a volatile event to the members of this process, and to nobody else's."""
        watch = self._watches.get(self._channel(str(room)))
        if watch is not None:
            watch.receive(Frame(str(room), type, 0, 0, "", body))

    # Members

    def _watch(self, room: Room) -> Watch:
        channel = self._channel(str(room))
        watch = self._watches.get(channel)
        if watch is None:
            watch = self._watches[channel] = Watch(room, self._rooms.seats, self._around)
            self._wanted.append(watch)
            self._want.set()
        return watch

    def _sit(self, member: Member, watch: Watch) -> Seat:
        seat = self._rooms.seats(watch.name).get(member.id)
        if seat is None:
            seat = Seat(member, since=watch.head)
            self._rooms.add(watch.name, seat)
        seat.holds += 1
        return seat

    def _unsit(self, member: Member, watch: Watch, seat: Seat) -> None:
        """The join failed: who was here before stays, as before."""
        if seat.settled or seat.holds > 1:
            watch.release(seat)
        elif not seat.gone:
            self.leave(member.id, watch.room)

    async def _read_subscribed(self, watch: Watch, read: Callable[[], Awaitable[RoomView]]) -> RoomView:
        """A view read while subscribed: what is published after it will be heard."""
        while True:
            subscription = watch.confirmed
            await self._confirmed(watch)
            view = await read()
            if watch.confirmed is subscription:
                return view

    async def _confirmed(self, watch: Watch) -> None:
        if watch.confirmed.done():
            return
        # Not wait_for: it would cancel what others wait for as well.
        await asyncio.wait((watch.confirmed,), timeout=self._deadline_s)
        if not watch.confirmed.done():
            raise Unavailable("live events are not available just now", retry_after_s=1)

    def _left(self, name: str, seat: Seat) -> None:
        seat.close()
        watch = self._watches.get(self._channel(name))
        if watch is not None and not watch.seats:
            watch.empty_since = asyncio.get_running_loop().time()

    def _channel(self, name: str) -> bytes:
        return self._log.keys.channel(name).encode()

    # Listening

    def on_message(self, channel: bytes, payload: bytes) -> None:
        watch = self._watches.get(channel)
        if watch is None:
            return
        try:
            frame = Frame.parse(watch.name, payload)
        except ValueError:
            logger.exception("relay.unreadable", room_kind=str(watch.room.kind))
            return
        if frame.offset:
            self._log.observe(Cursor(frame.epoch, frame.offset))
        watch.receive(frame)

    def on_subscribed(self, channel: bytes) -> None:
        watch = self._watches.get(channel)
        if watch is not None and not watch.confirmed.done():
            watch.confirmed.set_result(None)

    # Living

    async def run(self) -> None:
        """Listen until cancelled, through every outage of Redis."""
        pause, told = Pause(), False
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                try:
                    await self._session()
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
        self._watches = {channel: watch for channel, watch in self._watches.items() if watch.seats}
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
        waiting = [watch.confirmed for watch in self._watches.values()]
        async with asyncio.timeout(self._deadline_s + len(waiting) / 1_000):
            for confirmed in waiting:
                await asyncio.shield(confirmed)
        await self._compare(self._watches.values())
        busy = [watch.task for watch in self._watches.values() if watch.task]
        if busy:
            await asyncio.wait(busy)
        self._live.set()
        logger.info("relay.live", rooms=len(self._watches))
        polled = True
        while True:
            await asyncio.sleep(self._poll_s)
            await self._forget_empty()
            polled = await self._poll(polled)

    async def _poll(self, polled: bool) -> bool:
        """Look for rooms that moved on unheard; whether the log answered."""
        idle = [watch for watch in self._watches.values() if watch.task is None]
        try:
            self._stats.found_by_poll += await self._compare(idle)
        except ComandaError as error:
            if polled:
                logger.warning("relay.poll_failed", code=error.code)
            return False
        return True

    async def _compare(self, watches: Iterable[Watch]) -> int:
        """Have the rooms that are behind catch up; how many there were."""
        known = [watch for watch in watches if watch.epoch is not None and watch.seats]
        if not known:
            return 0
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
        return sum(watch.compare(at.epoch, head) for watch, head in ahead)

    async def _forget_empty(self) -> None:
        before = asyncio.get_running_loop().time() - self._linger_s
        # One not confirmed yet stays: the confirmation still to come must not pass for that of a new one.
        over = [
            channel
            for channel, watch in self._watches.items()
            if not watch.seats and watch.confirmed.done() and watch.empty_since <= before
        ]
        for channel in over:
            del self._watches[channel]
        if over:
            await self._bus.unsubscribe([channel.decode() for channel in over])

    def _deafened(self) -> None:
        self._live.clear()
        loop = asyncio.get_running_loop()
        for watch in self._watches.values():
            if watch.confirmed.done():
                watch.confirmed = loop.create_future()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._tasks is not None
        return self._tasks.create_task(work)
