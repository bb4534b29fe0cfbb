"""A sequencer with readers: the tests say what is heard, what is read, and what the reads find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.core.cursor import Cursor
from hub.relay.broadcaster import Broadcaster
from hub.relay.effects import Deliver, DeliverBatch, ReadMissed, ReadViews, RoomsRestarted
from hub.relay.frames import Batch, Frame, MissedFrames, Reset
from hub.relay.memberships import Memberships
from hub.relay.sequencer import Sequencer
from hub.relay.subscription import MemberSubscriptions

E = "epoch001"
NEW = "epoch002"


class Reader:
    """A member.

    Attributes:
        got: Room and offset of each frame, such as `a1`; of a reset, `reset a1`.
        cursors: The cursor that came with each frame.
    """

    unsent_bytes = 0

    def __init__(self, id: str) -> None:
        self.id = id
        self.got: list[str] = []
        self.cursors: list[str | None] = []

    def deliver(self, frame: Frame) -> None:
        kind = "reset " if isinstance(frame, Reset) else ""
        self.got.append(f"{kind}{frame.room}{frame.offset}")
        self.cursors.append(frame.cursor)

    def deliver_all(self, batch: Batch) -> None:
        for frame in batch.frames:
            self.deliver(frame)


def frame(room: str, offset: int, prev: int = 0, *, later: str = "-", epoch: str = E) -> Frame:
    return Frame(room, "x", offset, prev, epoch, b'{"type":"x"}', later)


def reset(room: str, offset: int, epoch: str = E) -> Reset:
    return Reset(room, offset, epoch, b"{}", offset)


class Rooms:
    """A sequencer with readers; the tests say what is heard and what is read."""

    def __init__(self) -> None:
        self.memberships = Memberships()
        self.sequencer = Sequencer(self.memberships)
        self.broadcaster = Broadcaster(self.memberships, self.sequencer.pending_resets, {})
        self.sequencer.reconnected()

    def reader(self, rooms: str, id: str = "x") -> Reader:
        """Let a reader join rooms as of the log's beginning."""
        reader = Reader(id)
        for room in rooms:
            self.view(room, self.begin_join(reader, room))
        return reader

    def begin_join(self, reader: Reader, room: str) -> MemberSubscriptions:
        subscription = self.memberships.subscribe(reader, room, self.sequencer.open(room).head)
        subscription.join_started()
        return subscription.owner

    def view(self, room: str, owner: MemberSubscriptions, offset: int = 0, *, epoch: str = E) -> None:
        """Answer a join with the room as of an offset, and release the member."""
        owner.by_room[room].join_read()
        early = self.sequencer.viewed((room,), Cursor(epoch, offset))
        owner.by_room[room].start(Cursor(epoch, offset), None)
        self.deliver(early)
        owner.release()

    def hear(self, *frames: Frame) -> None:
        for one in frames:
            subscriptions = self.sequencer.heard(self.sequencer.rooms[one.room], one)
            if subscriptions is not None:
                self.broadcaster.offer(subscriptions.values(), one)

    def leave(self, reader: Reader, room: str) -> None:
        self.memberships.unsubscribe(room, reader.id)

    def deliver(self, deliveries: Sequence[Deliver]) -> None:
        for delivery in deliveries:
            self.broadcaster.offer(delivery.room.subscriptions.values(), delivery.frame)

    def next_read(self) -> ReadMissed | ReadViews | RoomsRestarted | None:
        """Deliver what there is to be delivered; return what is to be done next."""
        while True:
            match effect := self.sequencer.next_effect():
                case Deliver():
                    self.deliver([effect])
                case DeliverBatch(room, batch):
                    for one in batch.frames:
                        self.broadcaster.offer(room.subscriptions.values(), one)
                case _:
                    return effect

    def fill(self, as_of: int, rooms: Mapping[str, Sequence[Frame] | None], *, epoch: str = E) -> None:
        """Answer `ReadMissed`."""
        self.sequencer.filled(MissedFrames(Cursor(epoch, as_of), rooms), epoch)
