"""The order of delivery: every event once, and the events of all rooms in the log's order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from hub.core.cursor import Cursor
from hub.relay.backlog import Backlog, in_log_order
from hub.relay.effects import Deliver, DeliverBatch, Effect, ReadViews, RoomsRestarted
from hub.relay.frames import Batch, Frame, MissedFrames, Reset
from hub.relay.memberships import Memberships
from hub.relay.read_plan import ReadPlan
from hub.relay.room_state import RoomState
from hub.relay.subscription import Subscription

MAX_DIRECT = 256  # members of a room to which a frame is delivered at once, without an effect


class Sequencer:
    """Put what is heard of many rooms into the log's order, and decide what is to be done about it.

    Pure and synchronous: no I/O, no tasks, no clock. A stock client that comes back names a single cursor, whatever
    rooms it was in. So nothing may overtake here, not even from one room to another. The next event of a small room is
    delivered at once. Anything else (a gap, a new epoch, a room so big that it takes slices) becomes an effect, and
    what is heard meanwhile waits. Effects are carried out one at a time:

        while (effect := sequencer.next_effect()) is not None:
            await carry_out(effect)  # answers ReadMissed with `filled`, ReadViews with `reset`

    Attributes:
        rooms: The rooms that are followed, by name.
        pending_resets: Those of them that wait for a `room.reset`.
        gaps_filled, repeats_dropped, resets: Counts since the beginning.
    """

    def __init__(self, memberships: Memberships) -> None:
        self.rooms: dict[str, RoomState] = {}
        self.gaps_filled = 0
        self.repeats_dropped = 0
        self.resets = 0
        self._memberships = memberships
        self._plan = ReadPlan(self.rooms)
        self.pending_resets = self._plan.pending_resets
        self._backlog = Backlog()
        self._ready: deque[Frame] = deque()  # in order, to be delivered before anything else
        self._delivered_offset = 0  # of the event delivered last
        self._is_connected = self._is_carrying_out = False
        self._is_answer_void = False  # the connection broke while something was read
        self._is_busy = True  # what is heard waits

    @property
    def has_work(self) -> bool:
        """There are effects to be carried out, or one is being carried out."""
        return self._is_busy and self._is_connected

    # Rooms

    def open(self, name: str) -> RoomState:
        """Follow a room; its position is known as soon as somebody joins it."""
        if name not in self.rooms:
            self.rooms[name] = RoomState(name, self._memberships.by_room)
        return self.rooms[name]

    def close(self, name: str) -> None:
        """Follow a room no longer."""
        del self.rooms[name]

    # Inputs

    def heard(self, room: RoomState, frame: Frame) -> Mapping[str, Subscription] | None:
        """Take a frame as heard.

        Returns:
            The subscriptions to offer it to at once, as nearly always; None if it waits.
        """
        if self._is_busy:
            self._enqueue(frame)
            return None
        subscriptions = room.subscriptions
        if len(subscriptions) > MAX_DIRECT:
            self._enqueue(frame)
        elif room.advance(frame):
            self._delivered_offset = frame.offset
            return subscriptions
        elif not frame.offset:
            return subscriptions
        elif room.epoch is None:
            room.keep_early(frame)
        elif subscriptions:
            self._enqueue(frame)
        else:
            room.skip_to(frame)
        return None

    def viewed(self, names: Iterable[str], cursor: Cursor) -> list[Deliver]:
        """Take views of some rooms as of `cursor`, which a member is about to be given. The member is held.

        Returns:
            What is to be delivered at once: frames that were heard before a room's first view.
        """
        early: list[Frame] = []
        for room in (self.rooms[name] for name in names if name in self.rooms):
            if room.epoch not in (None, cursor.epoch):
                if any(subscription.has_snapshot for subscription in room.subscriptions.values()):
                    self._is_busy = True
                    self._plan.lose_all()
                    continue
                room.stop()
            if room.epoch is None:
                early += room.start(cursor)
        # Of all rooms in one order: room by room, an event in one would overtake those before it in another.
        early.sort(key=_log_position)
        return [Deliver(self.rooms[frame.room], frame) for frame in early if self._is_early_due(frame)]

    def head_seen(self, name: str, epoch: str, head: int) -> bool:
        """Compare a room with its stream's head. Return True if it has moved on unheard; then it will catch up."""
        room = self.rooms.get(name)
        if room is None or room.epoch is None or not room.subscriptions:
            return False
        if epoch == room.epoch and head <= room.head:
            return False
        self._is_busy = True
        self._plan.fall_behind(room, head, epoch)
        if epoch != room.epoch:
            self._plan.lose(room)
        return True

    def filled(self, missed: MissedFrames, epoch: str) -> None:
        """Take the answer to `ReadMissed`, with the epoch of the request."""
        if self._is_answer_void:
            return  # other rooms may have lost earlier events: all is compared and read anew
        up_to = missed.cursor.offset
        if self._plan.find_gaps(self._backlog, missed.rooms, epoch, up_to):
            return  # they are to be read together with these
        frames = self._plan.take_missed(missed)
        self._ready.extend(in_log_order([*frames, *self._backlog.take_up_to(epoch, up_to, except_rooms=missed.rooms)]))

    def reset(self, resets: Sequence[Reset]) -> None:
        """Take the answer to `ReadViews`: a reset for each of the rooms."""
        if self._is_answer_void:
            return
        epoch, up_to = resets[0].epoch, max(reset.offset for reset in resets)
        self._backlog.discard_epochs(self._plan.former_epochs(epoch))
        if self._plan.find_gaps(self._backlog, [reset.room for reset in resets], epoch, up_to):
            self._plan.separate_resets()
            return  # they are to be read first
        self.resets += len(resets)
        self._ready.extend(in_log_order([*self._plan.take_resets(resets), *self._backlog.take_up_to(epoch, up_to)]))

    def unreadable(self) -> None:
        """Reset the rooms that are behind: their streams cannot be read."""
        self._plan.lose_behind()

    def disconnected(self) -> None:
        """Let wait what is heard from here on: nobody knows what was missed before it."""
        self._is_connected, self._is_busy, self._is_answer_void = False, True, True
        self._plan.separate_resets()

    def reconnected(self) -> None:
        """Go on: all rooms have been compared with their streams' heads."""
        self._is_connected = True
        self._is_busy = self._is_carrying_out or self._has_pending()

    # Effects

    def next_effect(self) -> Effect | None:
        """Return the next effect; the one before it has been carried out. None if there is nothing left to do."""
        effect: Effect | None = self._next_ready()
        while effect is None and self._is_connected and self._has_pending():
            effect = self._next_read() or self._next_queued()
        self._is_carrying_out, self._is_answer_void = effect is not None, False
        self._is_busy = effect is not None or not self._is_connected
        return effect

    def _has_pending(self) -> bool:
        """Return True if something is to be read or waits. While frames are ready, an effect is being carried out."""
        return bool(self._plan or self._backlog)

    def _next_ready(self) -> Deliver | None:
        while self._ready:
            frame = self._ready.popleft()
            if (room := self.rooms.get(frame.room)) is not None and self._advance(room, frame):
                return Deliver(room, frame)
        return None

    def _advance(self, room: RoomState, frame: Frame) -> bool:
        """Advance the room to the frame. Return False if the frame is not to be delivered."""
        if isinstance(frame, Reset):
            room.restart(frame)
            self.pending_resets.discard(room.name)
            if room.catch_up_to > room.head:  # frames were dropped since
                self._plan.fall_behind(room, room.catch_up_to, frame.epoch)
            return True
        if room.epoch is None:
            room.keep_early(frame)
            return False
        if room.name in self.pending_resets.rooms or not room.advance(frame):
            return False
        self._delivered_offset = frame.offset
        return True

    def _next_read(self) -> Effect | None:
        read = self._plan.next_read()
        if isinstance(read, ReadViews):
            self._backlog.discard_rooms(set(read.rooms))  # what has been heard before the views are read is in them
        if read is None and self._plan.is_restarting:
            self._plan.end_restart()
            return RoomsRestarted()
        return read

    def _next_queued(self) -> Effect | None:
        """Take frames from the backlog until one of them needs an effect."""
        while self._backlog and not self._plan:
            if (room := self.rooms.get(self._backlog.peek().room)) is None:
                self._backlog.pop()
            elif len(room.subscriptions) > MAX_DIRECT and (batch := self._backlog.pop_batch(room)):
                room.advance_to(batch[-1])
                self._delivered_offset = batch[-1].offset
                return DeliverBatch(room, Batch(batch))
            elif self._is_due(room, frame := self._backlog.pop()):
                return Deliver(room, frame)
        return None

    def _is_due(self, room: RoomState, frame: Frame) -> bool:
        """Return True if the backlog's first frame, just taken from it, is to be delivered."""
        if not frame.offset:
            return True
        if room.epoch is None:
            room.keep_early(frame)
        elif room.advance(frame):
            self._delivered_offset = frame.offset
            return True
        elif not room.subscriptions:
            room.skip_to(frame)
        elif frame.epoch != room.epoch:
            self._plan.lose_all()
        elif frame.offset <= room.head:
            self.repeats_dropped += 1
        else:
            self._plan.fall_behind(room, frame.offset, frame.epoch)
            self.gaps_filled += 1
            self._backlog.append_left(frame)
        return False

    # Waiting

    def _enqueue(self, frame: Frame) -> None:
        self._is_busy = True
        if not self._backlog.is_full:
            self._backlog.append(frame)
        elif frame.offset:
            for waiting in (*self._backlog, frame):
                if waiting.offset and (room := self.rooms.get(waiting.room)) is not None:
                    self._plan.fall_behind(room, waiting.offset, waiting.epoch)
            self._backlog.clear()

    def _is_early_due(self, frame: Frame) -> bool:
        """Return True if a frame heard early is to be delivered at once; otherwise it waits where it belongs."""
        room = self.rooms[frame.room]
        if not self._is_busy:
            return self.heard(room, frame) is not None
        if frame.offset <= self._delivered_offset and room.advance(frame):
            return True  # all who are in the room are held, perhaps with later frames: these are put in order there
        if self._backlog.is_full:
            self._enqueue(frame)
        else:
            self._backlog.insert(frame)
        return False


def _log_position(frame: Frame) -> tuple[int, int]:
    return frame.log_position
