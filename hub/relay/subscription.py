"""A member's subscriptions: one in each of its rooms, and the frames that are held until they may be delivered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from hub.core.cursor import Cursor
from hub.relay.direct_writer import NO_DIRECT_WRITER, DirectWriter
from hub.relay.frames import Batch, Frame, Reset
from hub.relay.member import Member

MAX_HELD_FRAMES = 512
MAX_HELD_BYTES = 262_144  # all of it is written at once: well below what a connection may have unsent


@dataclass(frozen=True, slots=True)
class SavedSubscription:
    """A subscription as it is stored, for a connection that breaks and comes back.

    Attributes:
        snapshot_offset: The offset of the snapshot that the member was given.
        min_resume_offset: A connection that resumes from before this offset has not been given that snapshot.
        only: The types of event that the member wants; all if None.
    """

    snapshot_offset: int
    min_resume_offset: int = 0
    only: frozenset[str] | None = None


class MemberSubscriptions:
    """All subscriptions of one member. They share one hold.

    While the member is held (a join is not answered yet, or it is being given what it missed), the events of all its
    rooms wait here, because a member that comes back names a single cursor for all its rooms: nothing may overtake.
    The buffer is bounded. Past the bound it is dropped, and the member must catch up from the log.

    Attributes:
        by_room: The subscriptions, by room.
        holds: The number of reasons to hold the member.
        needs_catch_up: The buffer does not have all that the member missed: read the log before releasing it.
    """

    __slots__ = ("_buffer", "_buffer_bytes", "by_room", "holds", "member", "needs_catch_up")

    def __init__(self, member: Member) -> None:
        self.member = member
        self.by_room: dict[str, Subscription] = {}
        self.holds = 0
        self.needs_catch_up = False
        self._buffer: deque[tuple[Subscription, Frame]] | None = None
        self._buffer_bytes = 0

    def add(self, room: str, offered_offset: int) -> Subscription:
        """Subscribe to a room; everything past `offered_offset` will be offered there."""
        subscription = self.by_room[room] = Subscription(room, self, offered_offset)
        return subscription

    def remove(self, room: str) -> bool:
        """Unsubscribe from a room. Return False if there is no such subscription."""
        subscription = self.by_room.pop(room, None)
        if subscription is not None:
            subscription.close()
        return subscription is not None

    def hold(self) -> None:
        """Hold the member's events back, for one more reason."""
        self.holds += 1

    def release(self) -> bool:
        """End one hold; with the last one, deliver what was held.

        Returns:
            True if the member must catch up from the log first. It stays held, for this one reason.
        """
        self.holds -= 1
        if self.holds:
            return False
        if self.needs_catch_up and self.by_room:
            self.holds = 1
            return True
        held, self._buffer = self._buffer or (), None
        # What was heard before a room's first view was held last.
        for subscription, frame in sorted(held, key=_log_position):
            subscription.deliver_if_new(frame)
        return False

    def buffer(self, subscription: Subscription, frame: Frame) -> None:
        """Hold a frame back. A volatile one is dropped: it would be worth nothing by the time it is delivered."""
        if self.needs_catch_up or not (frame.offset or isinstance(frame, Reset)):
            return
        if self._buffer is None:
            self._buffer, self._buffer_bytes = deque(), 0
        if len(self._buffer) >= MAX_HELD_FRAMES or self._buffer_bytes > MAX_HELD_BYTES:
            self._buffer = None
            self.needs_catch_up = True
            return
        self._buffer.append((subscription, frame))
        self._buffer_bytes += frame.size

    def begin_catch_up(self) -> None:
        """Forget what was held, because it is about to be read from the log. What comes from here on is held again."""
        self._buffer = None
        self.needs_catch_up = False

    def require_catch_up(self) -> None:
        """Have whoever releases the member read the log first."""
        self.needs_catch_up = True


def _log_position(held: tuple[Subscription, Frame]) -> tuple[int, int]:
    return held[1].log_position


class Subscription:
    """One member in one room. It delivers exactly the events after its cursor: each durable one once, in order.

    Its fields are written by its own methods only.

    Attributes:
        owner: All subscriptions of its member.
        only: The types of event that its member wants; all if None.
        takes_all: It is open, and its member wants all types.
        epoch, delivered_offset: The cursor: of the last event delivered, or of the snapshot before any.
        snapshot_offset: The offset of the last snapshot that its member was given.
        min_resume_offset: A connection that resumes from before this offset has not been given that snapshot.
        offered_offset: Everything past this offset has been offered here.
        has_snapshot: Its member has been given a snapshot.
        closed: Its member has left the room; a broadcast under way may still come by.
        pending_joins: Joins under way of this member in this room.
    """

    __slots__ = (
        "closed",
        "deliver",
        "delivered_offset",
        "direct_writer",
        "epoch",
        "has_snapshot",
        "min_resume_offset",
        "offered_offset",
        "only",
        "owner",
        "pending_joins",
        "room",
        "snapshot_offset",
        "takes_all",
    )

    def __init__(self, room: str, owner: MemberSubscriptions, offered_offset: int = 0) -> None:
        self.room = room
        self.owner = owner
        self.deliver = owner.member.deliver
        self.direct_writer: DirectWriter = getattr(owner.member, "direct_writer", NO_DIRECT_WRITER)
        self.only: frozenset[str] | None = None
        self.takes_all = True
        self.epoch = ""
        self.delivered_offset = 0
        self.snapshot_offset = 0
        self.min_resume_offset = 0
        self.offered_offset = offered_offset
        self.has_snapshot = False
        self.closed = False
        self.pending_joins = 0

    # Offering

    @staticmethod
    def offer_to_each(subscriptions: Iterator[Subscription], frame: Frame, corked: list[DirectWriter] | None) -> int:
        """Offer a durable frame to each; return the number of members that got it.

        The same as `offer` and the member's own `deliver`, in one loop and, for most members, without a call but the
        transport's own. A delivery by WebSocket costs 0.3 µs here besides the system call; with the calls it was 0.9.

        Args:
            corked: Collects the writers with something pending, while several events are heard at once.
        """
        count, offset, epoch = 0, frame.offset, frame.epoch
        encode: Callable[[Frame], bytes] | None = None
        data = b""
        for subscription in subscriptions:
            writer = subscription.direct_writer
            if (
                subscription.owner.holds
                or not subscription.takes_all
                or offset <= subscription.delivered_offset
                or epoch != subscription.epoch
            ):
                writer.flush()
                count += subscription.offer(frame)
                continue
            subscription.delivered_offset = offset
            count += 1
            write = writer.write
            if write is None:
                subscription.deliver(frame)
                continue
            if writer.encode is not encode:  # most rooms have members of one kind
                encode = writer.encode
                data = encode(frame)
            if corked is None:
                try:
                    write(data)
                except RuntimeError:  # uvloop raises it when the connection is gone: its member deals with it
                    subscription.deliver(frame)
            elif writer.pending:
                writer.pending.append(data)
            else:
                writer.pending = [data]
                corked.append(writer)
        return count

    @staticmethod
    def offer_batch_to_each(subscriptions: Iterator[Subscription], batch: Batch) -> int:
        """Offer frames that follow each other to each; return the number of frames that the members got.

        The same as `offer_all` in one loop, as `offer_to_each` is the same as `offer`.
        """
        count, size, first, last = 0, len(batch.frames), batch.frames[0], batch.frames[-1]
        encode: Callable[[Frame], bytes] | None = None
        data = b""
        for subscription in subscriptions:
            writer = subscription.direct_writer
            write = writer.write
            if write is None or not subscription.follows_on(first):
                count += subscription.offer_all(batch)
                continue
            subscription.delivered_offset = last.offset
            count += size
            if writer.encode is not encode:
                encode = writer.encode
                data = batch.encoded(encode)
            try:
                write(data)
            except RuntimeError:
                subscription.owner.member.deliver_all(batch)
        return count

    def offer(self, frame: Frame) -> bool:
        """Offer a frame of this room, in the log's order. Return True if the member got it now."""
        if not self.owner.holds:
            return self.deliver_if_new(frame)
        if isinstance(frame, Reset) and not self.has_snapshot:
            self.offered_up_to(frame.offset)  # its join shows the room, in whatever epoch; of the rest it is caught up
        else:
            self.owner.buffer(self, frame)
        return False

    def offer_all(self, batch: Batch) -> int:
        """Offer frames that follow each other in this room; return the number that the member got now."""
        if not self.follows_on(batch.frames[0]):
            return sum(map(self.offer, batch.frames))
        self.delivered_offset = batch.frames[-1].offset
        self.owner.member.deliver_all(batch)
        return len(batch.frames)

    def follows_on(self, frame: Frame) -> bool:
        """Return True if a durable frame, and those after it in the room, may be delivered without a closer look."""
        is_free = self.takes_all and not self.owner.holds
        return is_free and self.delivered_offset < frame.offset and self.epoch == frame.epoch

    def deliver_if_new(self, frame: Frame) -> bool:
        """Deliver a frame, held or not, unless the member has it or does not want it."""
        if not self.accept(frame):
            return False
        self.deliver(frame)
        return True

    def accept(self, frame: Frame) -> bool:
        """Return True if the member, held or not, may receive this frame now, and mark it as delivered."""
        if self.closed:
            return False
        if isinstance(frame, Reset):
            return self._accept_reset(frame)
        if frame.offset:
            if frame.offset <= self.delivered_offset or frame.epoch != self.epoch:
                return False
            self.delivered_offset = frame.offset
        return self.only is None or frame.type in self.only

    def _accept_reset(self, reset: Reset) -> bool:
        if reset.epoch == self.epoch and reset.offset <= self.delivered_offset:
            return False  # the member has been shown as much already
        self.epoch, self.delivered_offset = reset.epoch, reset.offset
        self.snapshot_offset, self.min_resume_offset = reset.offset, reset.min_resume_offset
        return True

    # Joining and leaving

    def join_started(self) -> None:
        """Hold the member until its join is answered."""
        self.pending_joins += 1
        self.owner.hold()

    def join_read(self) -> None:
        """The join has read the room, or has failed to. The member is still held."""
        self.pending_joins -= 1

    @property
    def is_unused(self) -> bool:
        """True if the member has no view of the room, and no join under way that may bring it one."""
        return not (self.has_snapshot or self.closed or self.pending_joins)

    def start(self, cursor: Cursor, only: frozenset[str] | None, *, min_resume_offset: int = 0) -> None:
        """Deliver what follows a snapshot as of `cursor`, which the member is given."""
        self.only = only
        self.takes_all = only is None and not self.closed
        self.epoch, self.delivered_offset = cursor.epoch, cursor.offset
        self.snapshot_offset, self.min_resume_offset = cursor.offset, min_resume_offset
        self.has_snapshot = True
        if cursor.offset < self.offered_offset:
            self.owner.require_catch_up()

    def resume(self, saved: SavedSubscription, after: int, now: Cursor) -> None:
        """Deliver what follows the offset `after`. The member is held, and has been given nothing past it yet.

        Args:
            now: The log's position as of which the missed events were read.
        """
        self.start(now, saved.only, min_resume_offset=saved.min_resume_offset)
        self.delivered_offset = after
        self.snapshot_offset = saved.snapshot_offset

    def restart(self, snapshot_offset: int, min_resume_offset: int) -> None:
        """Let the next `room.reset` through, whatever its offset; save it as given already."""
        self.delivered_offset = -1
        self.snapshot_offset, self.min_resume_offset = snapshot_offset, min_resume_offset

    def wait_for_reset(self) -> None:
        """Deliver nothing until the next `room.reset`."""
        self.epoch, self.delivered_offset = "", 0

    def offered_up_to(self, offset: int) -> None:
        """Record that what is offered here begins after `offset`."""
        self.offered_offset = max(self.offered_offset, offset)

    def save(self) -> SavedSubscription:
        """Return what has to be stored for this member to resume."""
        return SavedSubscription(self.snapshot_offset, self.min_resume_offset, self.only)

    def close(self) -> None:
        """Deliver nothing any more."""
        self.closed, self.takes_all = True, False


NO_SUBSCRIPTIONS: Mapping[str, Subscription] = {}
