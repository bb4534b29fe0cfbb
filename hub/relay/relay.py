"""The relay: delivers the log's events to the members of rooms in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from hub.core.cursor import Cursor
from hub.relay.broadcaster import Broadcaster, FrameListener
from hub.relay.catch_up import CatchUp
from hub.relay.channels import Channels
from hub.relay.effect_loop import EffectLoop
from hub.relay.effects import Deliver
from hub.relay.frames import Frame
from hub.relay.join import Join, Resume, RoomSnapshot, ServerJoin, SnapshotT
from hub.relay.joiner import Joiner
from hub.relay.listener import LogListener
from hub.relay.member import Member
from hub.relay.memberships import Memberships
from hub.relay.replay import Replay
from hub.relay.replay_cache import ReplayCache
from hub.relay.sequencer import Sequencer
from hub.relay.stats import Stats
from hub.relay.subscription import SavedSubscription, Subscription
from hub.store.redis.pubsub import PubSub

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from hub.store.log import EventLog

logger = structlog.get_logger(__name__)

_MIN_REPLAYED = 1_000  # events of a room


class Relay:
    """Listens to the rooms that have members here, and delivers what happens in them, complete and in order.

    Args:
        redis: For the pub/sub connection's address and credentials; it takes a connection of its own.
        view: Reads a room's state as of one cursor, for `room.reset`.
        poll_s, deadline_s, linger_s: See `LogListener`. The deadline holds for subscriptions, too.

    Attributes:
        restarted: Set whenever rooms have been reset.
    """

    def __init__(
        self,
        log: EventLog,
        redis: Redis,
        *,
        view: Callable[[str], Awaitable[RoomSnapshot]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        poll_s: float = 5.0,
        deadline_s: float = 2.0,
        linger_s: float = 5.0,
    ) -> None:
        self.restarted = asyncio.Event()
        self._log = log
        self._clock = clock
        self._tasks: asyncio.TaskGroup | None = None
        self._listeners: dict[str, FrameListener] = {}
        self._memberships = Memberships()
        self._sequencer = Sequencer(self._memberships)
        self._broadcaster = Broadcaster(self._memberships, self._sequencer.pending_resets, self._listeners)
        self._channels = Channels(self._sequencer, log.keys.channel, deadline_s)
        self._cache = ReplayCache(log)
        catch_up = CatchUp(log, view, clock, lambda: self._listener.confirm_heard())
        self._effects = EffectLoop(
            self._sequencer, self._broadcaster, catch_up, spawn=self._spawn, restarted=self.restarted.set
        )
        self._replay = Replay(self._cache, catch_up, max(log.room_events, _MIN_REPLAYED), self._spawn)
        self._joiner = Joiner(
            self._memberships, self._channels, self._sequencer, self._replay, self._deliver, log.position, clock
        )
        self._listener = LogListener(
            log,
            PubSub(redis, deadline_s),
            self._channels,
            self._sequencer,
            self._effects,
            poll_s=poll_s,
            deadline_s=deadline_s,
            linger_s=linger_s,
            disconnected=self._cache.clear,
        )

    async def run(self) -> None:
        """Listen until cancelled, through every outage of Redis."""
        async with asyncio.TaskGroup() as self._tasks:
            await self._listener.run(self)

    @property
    def live(self) -> bool:
        """True while everything published reaches the members of this process."""
        return self._listener.live.is_set()

    async def wait_live(self) -> None:
        """Wait until everything published reaches the members of this process."""
        await self._listener.live.wait()

    @property
    def stats(self) -> Stats:
        """Counts, as of now."""
        return Stats(
            rooms=len(self._memberships),
            members=self._memberships.members,
            deliveries=self._broadcaster.deliveries,
            repeats_dropped=self._sequencer.repeats_dropped,
            gaps_filled=self._sequencer.gaps_filled,
            found_by_poll=self._listener.found_by_poll,
            resets=self._sequencer.resets,
            resubscriptions=self._listener.resubscriptions,
        )

    # Joining and leaving

    async def join(
        self,
        member: Member,
        room: str,
        *,
        read: Callable[[], Awaitable[SnapshotT]],
        only: frozenset[str] | None = None,
    ) -> Join[SnapshotT]:
        """Bring a member into a room: its view now, and on release what followed, with no window between.

        To join again replaces the filter and the cursor; if that fails, the member stays as it was.

        Args:
            read: Reads the room atomically, as of the cursor it returns. Called while we are subscribed, and again if
                the subscription broke meanwhile.
            only: The types of event that the member wants; all if None.

        Raises:
            Unavailable: The room cannot be heard just now.
        """
        return await self._joiner.join(member, room, read, only)

    async def server_join(
        self, member: Member, room: str, *, read: Callable[[], Awaitable[RoomSnapshot]]
    ) -> ServerJoin | None:
        """Bring a member into a room for which it did not ask.

        Args:
            read: As for `join`.

        Returns:
            None if the member is in the room already, or has left or joined it meanwhile.

        Raises:
            Unavailable: The room cannot be heard just now.
        """
        return await self._joiner.server_join(member, room, read)

    async def resume(
        self, member: Member, saved: Mapping[str, SavedSubscription], cursor: Cursor, *, epoch: str
    ) -> Resume:
        """Bring a member back into all its rooms, from one cursor on, with no window between.

        Args:
            saved: Its subscriptions, by room.
            cursor: Of the last event that its former connection brought it.
            epoch: The epoch in which it was given the snapshots of these rooms.

        Raises:
            Unavailable: The rooms cannot be heard or read just now; the member is in none of them.
        """
        return await self._joiner.resume(member, saved, cursor, epoch)

    def leave(self, member_id: str, room: str) -> None:
        """Take a member out of a room; nothing of it reaches the member any more."""
        self._joiner.leave(member_id, room)

    def leave_all(self, member_id: str) -> None:
        """Take a member out of all its rooms, in the time these take."""
        self._joiner.leave_all(member_id)

    def has_members(self, room: str) -> bool:
        """Return True if anybody here is in the room."""
        return bool(self._memberships.of_room(room))

    def rooms_of(self, member_id: str) -> Mapping[str, Subscription]:
        """Return a member's subscriptions, by room."""
        return self._memberships.of_member(member_id)

    # Delivering

    def listen(self, type: str, listener: FrameListener) -> None:
        """Call a listener with each event of a type, as it is offered to a room's members here."""
        self._listeners[type] = listener

    def publish_locally(self, room: str, type: str, body: str) -> None:
        """Deliver a volatile event to the members of this process only."""
        state = self._sequencer.rooms.get(room)
        if state is not None:
            frame = Frame(room, type, 0, 0, "", body.encode())
            if (subscriptions := self._sequencer.heard(state, frame)) is not None:
                self._broadcaster.offer(subscriptions.values(), frame)
            self._effects.start()

    def on_message(self, channel: bytes, payload: bytes) -> None:
        """Take a message of a room's channel."""
        known = self._channels.by_name.get(channel)
        if known is None:
            return
        room = known.room
        try:
            frame = Frame.parse(room.name, payload)
        except ValueError:
            logger.exception("relay.message_unreadable", room_kind=room.name.partition(":")[0])
            return
        if frame.offset:
            self._log.heard(frame.epoch, frame.offset)
        subscriptions = self._sequencer.heard(room, frame)
        if subscriptions is not None:
            self._broadcaster.offer(subscriptions.values(), frame)
        else:
            self._effects.start()

    def on_several(self) -> None:
        """Take several messages next, and then `on_heard`."""
        self._broadcaster.cork()

    def on_heard(self) -> None:
        """Write what several messages brought the members."""
        self._broadcaster.uncork()

    def on_subscribed(self, channel: bytes) -> None:
        """Take Redis's confirmation of a subscription."""
        known = self._channels.by_name.get(channel)
        if known is not None:
            known.confirm()

    def _deliver(self, deliveries: Iterable[Deliver]) -> None:
        for delivery in deliveries:
            self._broadcaster.offer(delivery.room.subscriptions.values(), delivery.frame)
        self._effects.start()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._tasks is not None
        return self._tasks.create_task(work)
