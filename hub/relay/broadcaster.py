"""Offers frames to the subscriptions of their room: in few calls and few writes, and not to all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import structlog

from hub.relay.direct_writer import DirectWriter
from hub.relay.frames import Batch, Frame, Reset
from hub.relay.member import Member
from hub.relay.memberships import Memberships
from hub.relay.room_state import PendingResets, RoomState
from hub.relay.subscription import Subscription

logger = structlog.get_logger(__name__)

MAX_SLICE = 256  # members written to before others get a turn: about 1 ms
MAX_OFFERS = 1_024  # events × members before others get a turn

FrameListener = Callable[[Frame, Sequence[Member]], None]


class Broadcaster:
    """Offers frames in the order of the calls; the sequencer decides on that order.

    Args:
        pending_resets: The sequencer's: it says where a connection in such a room resumes.
        listeners: By type of event: called with each such event, and the members to whom it is offered. They neither
            wait nor raise.

    Attributes:
        deliveries: The number of frames that members got.
    """

    def __init__(
        self, memberships: Memberships, pending_resets: PendingResets, listeners: Mapping[str, FrameListener]
    ) -> None:
        self.deliveries = 0
        self._memberships = memberships
        self._pending_resets = pending_resets
        self._listeners = listeners
        self._corked: list[DirectWriter] | None = None  # those with something pending, while several events are heard

    def cork(self) -> None:
        """Collect what the next events bring each member, so that it leaves in one write."""
        self._corked = []

    def uncork(self) -> None:
        """Write what was collected. To be called in the same turn of the loop: nothing else may be written between."""
        writers, self._corked = self._corked or (), None
        for writer in writers:
            writer.flush()

    def offer(self, subscriptions: Iterable[Subscription], frame: Frame) -> None:
        """Offer a frame to these subscriptions, now."""
        present = tuple(subscriptions)
        if frame.type in self._listeners:
            self._call_listener(frame, present)
        remaining = iter(present)
        is_plain = (
            not self._pending_resets.rooms and frame.extra == "-" and frame.offset and not isinstance(frame, Reset)
        )
        while True:
            try:
                if is_plain:
                    self.deliveries += Subscription.offer_to_each(remaining, frame, self._corked)
                else:
                    self.deliveries += self._offer_copies(frame, remaining)
                return
            except Exception:
                _log_failure(frame)

    async def broadcast_in_slices(self, room: RoomState, frame: Frame) -> None:
        """Offer a frame to a whole room, a slice of it at a time; to nobody more when the room is in another epoch."""
        subscriptions = tuple(room.subscriptions.values())
        for start in range(0, len(subscriptions), MAX_SLICE):
            if start:
                await asyncio.sleep(0)
                if not room.is_current(frame):
                    return
            self.offer(subscriptions[start : start + MAX_SLICE], frame)

    async def broadcast_batch(self, room: RoomState, batch: Batch) -> None:
        """Offer several events to each member before the next one's turn: what goes to one leaves in one write."""
        subscriptions = tuple(room.subscriptions.values())
        step = max(1, min(MAX_SLICE, MAX_OFFERS // len(batch.frames)))
        for start in range(0, len(subscriptions), step):
            if start:
                await asyncio.sleep(0)
                if not room.is_current(batch.frames[0]):
                    return
            some = subscriptions[start : start + step]
            if self._pending_resets.rooms:  # meanwhile: each event says where its connection resumes
                for frame in batch.frames:
                    self.offer(some, frame)
            else:
                self._offer_batch(some, batch)

    def _call_listener(self, frame: Frame, subscriptions: Iterable[Subscription]) -> None:
        self._listeners[frame.type](frame, [subscription.owner.member for subscription in subscriptions])

    def _offer_copies(self, frame: Frame, subscriptions: Iterator[Subscription]) -> int:
        """Offer each the copy with the cursor from which its connection resumes, should it break now."""
        later = [room for room in frame.later_rooms if room in self._memberships.by_room]
        resets, memberships = self._pending_resets, self._memberships
        count = 0
        for subscription in subscriptions:
            member_id, copy = subscription.owner.member.id, frame
            subscription.direct_writer.flush()
            if resets.rooms and memberships.is_in_any(member_id, resets.rooms):
                copy = frame.resuming_from(resets.resume_cursor) if resets.resume_cursor and frame.offset else frame
            elif later and memberships.is_in_any(member_id, later):
                copy = frame.earlier_copy
            count += subscription.offer(copy)
        return count

    def _offer_batch(self, subscriptions: Sequence[Subscription], batch: Batch) -> None:
        for frame in batch.frames:
            if frame.type in self._listeners:
                self._call_listener(frame, subscriptions)
        remaining = iter(subscriptions)
        while True:
            try:
                self.deliveries += Subscription.offer_batch_to_each(remaining, batch)
                return
            except Exception:
                _log_failure(batch.frames[0])


def _log_failure(frame: Frame) -> None:
    """Log that a member raised. It promised not to; the others must get their event all the same."""
    logger.exception("relay.member_failed", room_kind=frame.room.partition(":")[0], type=frame.type)
