"""Brings members into rooms, and out of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime

from hub.core.cursor import Cursor
from hub.relay.channels import Channels
from hub.relay.effects import Deliver
from hub.relay.frames import MissedFrames, Reset
from hub.relay.join import Join, Resume, RoomSnapshot, ServerJoin, SnapshotT
from hub.relay.member import Member
from hub.relay.memberships import Memberships
from hub.relay.replay import Replay, in_order
from hub.relay.sequencer import Sequencer
from hub.relay.subscription import SavedSubscription, Subscription


class Joiner:
    """Carries out `Relay.join`, `server_join` and `resume`: subscribe, hold, read, and let the sequencer know.

    Args:
        deliver: Offers frames to their rooms at once.
        position: Reads the log's position.
    """

    def __init__(
        self,
        memberships: Memberships,
        channels: Channels,
        sequencer: Sequencer,
        replay: Replay,
        deliver: Callable[[Iterable[Deliver]], None],
        position: Callable[[], Awaitable[Cursor]],
        clock: Callable[[], datetime],
    ) -> None:
        self._memberships = memberships
        self._channels = channels
        self._sequencer = sequencer
        self._replay = replay
        self._deliver = deliver
        self._position = position
        self._clock = clock

    async def join(
        self, member: Member, room: str, read: Callable[[], Awaitable[SnapshotT]], only: frozenset[str] | None
    ) -> Join[SnapshotT]:
        """Bring a member into a room, as `Relay.join`."""
        subscription, view = await self._subscribe(member, room, read)
        if not subscription.closed:
            early = self._sequencer.viewed((room,), view.cursor)
            subscription.start(view.cursor, only)
            self._deliver(early)
        return Join(view, self._replay, subscription.owner)

    async def server_join(
        self, member: Member, room: str, read: Callable[[], Awaitable[RoomSnapshot]]
    ) -> ServerJoin | None:
        """Bring a member into a room for which it did not ask, as `Relay.server_join`."""
        subscription, view = await self._subscribe(member, room, read)
        if subscription.closed or subscription.has_snapshot:
            self._replay.release(subscription.owner)
            return None
        early = self._sequencer.viewed((room,), view.cursor)
        # Whoever resumes from the view's own cursor may have got that before it was given the view.
        subscription.start(view.cursor, None, min_resume_offset=view.cursor.offset + 1)
        self._deliver(early)
        return ServerJoin(subscription, Reset.of(room, view.cursor, view.snapshot, self._clock()), self._replay)

    async def resume(
        self, member: Member, saved: Mapping[str, SavedSubscription], cursor: Cursor, epoch: str
    ) -> Resume:
        """Bring a member back into all its rooms, as `Relay.resume`."""
        if not saved:
            now = await self._position()
            is_known = cursor.epoch == now.epoch and cursor.offset <= now.offset
            return Resume(is_known, now, self._replay, None, ())
        subscriptions = {
            room: self._memberships.subscribe(member, room, self._channels.open(room).head) for room in saved
        }
        next(iter(subscriptions.values())).owner.hold()
        try:
            return await self._resume(subscriptions, saved, cursor, epoch)
        except BaseException:
            self.leave_all(member.id)
            raise

    def leave(self, member_id: str, room: str) -> None:
        """Take a member out of a room."""
        if self._memberships.unsubscribe(room, member_id):
            self._channels.left(room)

    def leave_all(self, member_id: str) -> None:
        """Take a member out of all its rooms."""
        for room in self._memberships.unsubscribe_all(member_id):
            self._channels.left(room)

    async def _subscribe(
        self, member: Member, room: str, read: Callable[[], Awaitable[SnapshotT]]
    ) -> tuple[Subscription, SnapshotT]:
        """Subscribe a member at once, its events held; then read the room."""
        subscription = self._memberships.subscribe(member, room, self._channels.open(room).head)
        subscription.join_started()
        try:
            view = await self._channels.read_subscribed((room,), read)
        except BaseException:
            subscription.join_read()
            if subscription.is_unused:
                self.leave(member.id, room)
            self._replay.release(subscription.owner)
            raise
        subscription.join_read()
        return subscription, view

    async def _resume(
        self,
        subscriptions: Mapping[str, Subscription],
        saved: Mapping[str, SavedSubscription],
        cursor: Cursor,
        epoch: str,
    ) -> Resume:
        after = {room: max(cursor.offset, place.snapshot_offset) for room, place in saved.items()}
        missed = await self._channels.read_subscribed(saved, lambda: self._replay.missed(after, epoch))
        early = self._sequencer.viewed(saved, missed.cursor)
        for room, subscription in subscriptions.items():
            subscription.resume(saved[room], after[room], missed.cursor)
        self._deliver(early)
        recovered = is_recoverable(missed, saved, cursor, epoch)
        if recovered:
            frames = in_order(subscriptions, missed.rooms)
        else:
            frames = await self._replay.resets_of(list(subscriptions.values()), str(cursor), missed.cursor)
            for subscription, reset in frames:
                subscription.restart(reset.offset, missed.cursor.offset)
        owner = next(iter(subscriptions.values())).owner
        size_bytes = sum([len(frame.raw) for _, frame in frames])
        return Resume(recovered, missed.cursor, self._replay, owner, frames, size_bytes)


def is_recoverable(missed: MissedFrames, saved: Mapping[str, SavedSubscription], cursor: Cursor, epoch: str) -> bool:
    """Return True if a member that comes back gets everything it missed; otherwise its rooms are reset.

    Args:
        cursor: Of the last event that its former connection brought it.
        epoch: In which it was given its snapshots.
    """
    is_complete = None not in missed.rooms.values() and cursor.epoch == epoch
    return is_complete and all(cursor.offset >= place.min_resume_offset for place in saved.values())
