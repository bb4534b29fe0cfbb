"""Missed events of one member: read from the streams of all its rooms, and delivered at the pace at which it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from itertools import pairwise
from typing import Any

import structlog

from hub.core.cursor import Cursor
from hub.core.errors import ComandaError
from hub.relay.backoff import Backoff
from hub.relay.catch_up import CatchUp
from hub.relay.frames import Batch, Frame, MissedFrames, Reset
from hub.relay.member import Member
from hub.relay.replay_cache import ReplayCache
from hub.relay.subscription import MemberSubscriptions, Subscription

logger = structlog.get_logger(__name__)

# A member is given more once it has read all but this much; it is a quarter of what closes a connection.
MAX_UNREAD_BYTES = 262_144
MAX_BURST_BYTES = 131_072  # delivered without looking
_MAX_PIECE_BYTES = (
    32_768  # delivered in one write: that is a system call, 3 µs at the least, and an event has 300 bytes
)
_POLL_S = 0.02  # how often a member that does not read is looked at; its connection's pings bound how long

Missed = tuple[Subscription, Frame]


class Replay:
    """Brings single members up to where the log is.

    Args:
        limit: The most events of one room that are replayed; a room with more is reset.
        spawn: Starts a task that the relay owns.
    """

    def __init__(
        self,
        cache: ReplayCache,
        catch_up: CatchUp,
        limit: int,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._cache = cache
        self._catch_up = catch_up
        self._limit = limit
        self._spawn = spawn

    async def missed(self, after: Mapping[str, int], epoch: str) -> MissedFrames:
        """Read the events of some rooms after an offset each, all as of one moment."""
        return await self._cache.missed(after, epoch, limit=self._limit)

    def release(self, subscriptions: MemberSubscriptions) -> None:
        """End one hold of a member; with the last one, deliver what was held, or what it missed."""
        if subscriptions.release():
            self._spawn(self._catch_up_member(subscriptions))

    def play(self, subscriptions: MemberSubscriptions, missed: Sequence[Missed], size_bytes: int) -> None:
        """Deliver to a held member what it missed, then release it.

        Args:
            size_bytes: Bytes of all that it missed.
        """
        if size_bytes <= MAX_BURST_BYTES:
            _deliver_in_pieces(subscriptions.member, missed)
            self.release(subscriptions)
        else:
            self._spawn(self._play_slowly(subscriptions, missed))

    def show(self, subscription: Subscription, reset: Reset) -> None:
        """Deliver to a held member a room that it has just been brought into, then release it.

        Events of other rooms from before the view may still be on their way to it: if its connection breaks before
        the next event, it resumes from where it was.
        """
        owner = subscription.owner
        others = [
            other.delivered_offset
            for other in owner.by_room.values()
            if other is not subscription and other.epoch == reset.epoch
        ]
        subscription.wait_for_reset()
        if owner.holds > 1 or owner.needs_catch_up:
            owner.require_catch_up()  # nothing may be delivered now; whoever releases the member reads the room
            self.release(owner)
        else:
            before = f"{reset.epoch}-{max(others)}" if others else ""
            shown = reset.together(before, subscription.min_resume_offset)
            self.play(owner, [(subscription, shown)], shown.size)

    async def resets_of(self, subscriptions: Sequence[Subscription], before: str, now: Cursor) -> list[Missed]:
        """Read all these rooms as they stand.

        Args:
            before: The cursor from which a connection resumes that breaks before the last reset.
            now: The cursor from which it resumes after that.
        """
        present = [subscription for subscription in subscriptions if not subscription.closed]
        resets = await self._catch_up.read_resets(subscription.room for subscription in present)
        last = len(resets) - 1
        return [
            (subscription, reset.together(str(now) if index == last else before, now.offset))
            for index, (subscription, reset) in enumerate(zip(present, resets, strict=True))
        ]

    async def _play_slowly(self, subscriptions: MemberSubscriptions, missed: Sequence[Missed]) -> None:
        await self._deliver_at_pace(subscriptions, missed)
        self.release(subscriptions)

    async def _deliver_at_pace(self, subscriptions: MemberSubscriptions, missed: Sequence[Missed]) -> None:
        """Deliver to a member what it missed, unless it joins a room meanwhile.

        Until that join is answered nothing may be delivered to it; whoever releases it goes on from there.
        """
        burst_bytes = 0
        for subscription, frame in missed:
            if subscriptions.holds > 1:
                subscriptions.require_catch_up()
                return
            subscription.deliver_if_new(frame)
            burst_bytes += frame.size
            if burst_bytes > MAX_BURST_BYTES:
                burst_bytes = 0
                await asyncio.sleep(0)
                await self._wait_read(subscriptions)

    async def _wait_read(self, subscriptions: MemberSubscriptions) -> None:
        """Wait until the member has read most of what it was given, or is gone."""
        member = subscriptions.member
        while subscriptions.by_room and member.unsent_bytes > MAX_UNREAD_BYTES:  # noqa: ASYNC110 - transports have no event
            await asyncio.sleep(_POLL_S)

    async def _catch_up_member(self, subscriptions: MemberSubscriptions) -> None:
        """Read for one member what could not be held, then release it."""
        backoff = Backoff()
        while subscriptions.by_room and subscriptions.holds == 1:
            try:
                await self._read_for(subscriptions)
                if not subscriptions.needs_catch_up:
                    break
            except ComandaError as error:
                logger.debug("relay.member_read_failed", code=error.code)
                subscriptions.require_catch_up()
                await backoff.sleep()
            except Exception:
                logger.exception("relay.member_failed")
                subscriptions.require_catch_up()
                await backoff.sleep()
        self.release(subscriptions)

    async def _read_for(self, subscriptions: MemberSubscriptions) -> None:
        """Read and deliver what a member missed. It may miss more meanwhile."""
        subscriptions.begin_catch_up()
        rooms = {name: one for name, one in subscriptions.by_room.items() if one.has_snapshot}
        if not rooms:
            return
        epoch = next((one.epoch for one in rooms.values() if one.epoch), "")
        missed = await self.missed({name: one.delivered_offset for name, one in rooms.items()}, epoch)
        lost = [one for name, one in rooms.items() if missed.rooms[name] is None or one.epoch != missed.cursor.epoch]
        kept = {name: frames for name, frames in missed.rooms.items() if rooms[name] not in lost}
        await self._deliver_at_pace(subscriptions, in_order(rooms, kept))
        if lost:
            before = f"{epoch}-{max(one.delivered_offset for one in rooms.values())}"
            await self._deliver_at_pace(subscriptions, await self.resets_of(lost, before, missed.cursor))


def in_order(subscriptions: Mapping[str, Subscription], rooms: Mapping[str, Sequence[Frame] | None]) -> list[Missed]:
    """Return the missed events of several rooms in the log's order; only an event's last copy has its cursor."""
    missed: list[Missed] = []
    for name, frames in rooms.items():
        subscription = subscriptions[name]
        only = subscription.only
        missed += [(subscription, frame) for frame in frames or () if only is None or frame.type in only]
    missed.sort(key=_offset)
    for index, ((subscription, frame), (_, following)) in enumerate(pairwise(missed)):
        if frame.offset == following.offset:
            missed[index] = subscription, frame.earlier_copy
    return missed


def _deliver_in_pieces(member: Member, missed: Sequence[Missed]) -> None:
    """Deliver in as few writes as will do: 50 events cost 6 µs instead of 80."""
    piece, size = list[Frame](), 0
    for subscription, frame in missed:
        if not subscription.accept(frame):
            continue
        piece.append(frame)
        size += frame.size
        if size > _MAX_PIECE_BYTES:
            member.deliver_all(Batch(piece))
            piece, size = [], 0
    if piece:
        member.deliver_all(Batch(piece))


def _offset(missed: Missed) -> int:
    return missed[1].offset
