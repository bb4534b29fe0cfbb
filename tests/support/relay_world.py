"""A sequencer between a log and clients, without Redis and without a loop: whatever takes time goes on step by step."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hub.core.cursor import Cursor
from hub.relay.broadcaster import Broadcaster
from hub.relay.effects import Deliver, DeliverBatch, ReadMissed, ReadViews
from hub.relay.frames import Batch, Frame, MissedFrames, Reset
from hub.relay.joiner import is_recoverable
from hub.relay.memberships import Memberships
from hub.relay.replay import in_order
from hub.relay.sequencer import Sequencer
from hub.relay.subscription import MemberSubscriptions, SavedSubscription, Subscription

BODY = b'{"type":"x","at":"","data":{}}'
Activity = Iterator[None]  # pauses wherever something else may happen


class Log:
    """The streams of all rooms, in the present epoch and in those before.

    Attributes:
        events: By epoch and room: the offsets of all events that there ever were.
        trimmed: By epoch and room: the offset up to which nothing is left.
    """

    def __init__(self) -> None:
        self.epoch = "epoch0"
        self.head = 0
        self.events: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.trimmed: dict[tuple[str, str], int] = defaultdict(int)

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.epoch, self.head)

    def commit(self, rooms: Sequence[str]) -> list[Frame]:
        """Add an event; return its messages, as they are published."""
        self.head += 1
        frames = []
        for index, room in enumerate(rooms):
            offsets = self.events[self.epoch, room]
            later = ",".join(rooms[index + 1 :]) or "-"
            frames.append(Frame(room, "x", self.head, offsets[-1] if offsets else 0, self.epoch, BODY, later))
            offsets.append(self.head)
        return frames

    def begin_epoch(self) -> None:
        """Lose everything; the offsets go on."""
        self.epoch = f"epoch{int(self.epoch[5:]) + 1}"

    def trim(self, room: str, keep: int) -> None:
        """Forget all but the last events of a room."""
        gone = self.events[self.epoch, room][: -keep or None]
        self.trimmed[self.epoch, room] = max([self.trimmed[self.epoch, room], *gone])

    def room_head(self, room: str) -> int:
        return max(self.events[self.epoch, room], default=0)

    def missed(self, after: Mapping[str, int], epoch: str) -> MissedFrames:
        """Answer as `EventLog.missed`."""
        rooms = {room: self._after(room, offset) if epoch == self.epoch else None for room, offset in after.items()}
        return MissedFrames(self.cursor, rooms)

    def _after(self, room: str, offset: int) -> list[Frame] | None:
        if offset < self.trimmed[self.epoch, room]:
            return None
        offsets = self.events[self.epoch, room]
        pairs = zip([0, *offsets], offsets, strict=False)
        return [Frame(room, "x", at, prev, self.epoch, BODY) for prev, at in pairs if at > offset]

    def reset(self, room: str) -> Reset:
        return Reset(room, self.head, self.epoch, BODY, self.head)

    def following(self, cursor: Cursor, room: str) -> int:
        """Return the offset of the room's event after a cursor; 0 if there is none."""
        return next((at for at in self.events[cursor.epoch, room] if at > cursor.offset), 0)


@dataclass
class Client:
    """A client that reconnects, and checks what each connection brings it.

    Attributes:
        cursor: From where it resumes: of the last frame that it got on any connection.
        shown: By room, how far it has seen the room; None if it waits for a `room.reset`.
        may_repeat: The last frame said that events from before it have to come again.
        failures: What was wrong with frames that it got.
    """

    name: str
    log: Log
    cursor: Cursor
    shown: dict[str, Cursor | None] = field(default_factory=dict)
    may_repeat: bool = False
    saved: dict[str, SavedSubscription] = field(default_factory=dict)
    saved_epoch: str = ""
    failures: list[AssertionError] = field(default_factory=list)

    def get(self, frame: Frame, before: Cursor | None) -> None:
        """Take a frame; fail if it is not the next event of its room, or goes back behind `before`.

        Args:
            before: The event that came last on the same connection.
        """
        self.cursor = Cursor.parse(frame.cursor or "")
        self.may_repeat = self.cursor != Cursor(frame.epoch, frame.offset)
        if not isinstance(frame, Reset):
            shown = self.shown[frame.room]
            assert shown is not None, f"{self.name} got {frame}: no reset before"
            assert shown.epoch == frame.epoch, f"{self.name} got {frame} after {shown}: another epoch, and no reset"
            assert self.log.following(shown, frame.room) == frame.offset, f"{self.name} got {frame} after {shown}"
            if before is not None and before.epoch == frame.epoch:
                assert frame.offset >= before.offset, f"{self.name} got {frame} after {before}: offsets go back"
        self.shown[frame.room] = Cursor(frame.epoch, frame.offset)


class Connection:
    """A member: one connection of a client.

    Attributes:
        is_ready: It is open, and not about to resume: it may join rooms.
        may_go_back: Events of one room may come after later ones of another.
    """

    unsent_bytes = 0

    def __init__(self, client: Client, number: int) -> None:
        self.id = f"{client.name}-{number}"
        self.client = client
        self.is_open = True
        self.is_ready = True
        self.may_go_back = False
        self._last: Cursor | None = None

    def deliver(self, frame: Frame) -> None:
        try:
            assert self.is_open, f"{self.id} got {frame}, and is closed"
            self.client.get(frame, None if self.may_go_back else self._last)
        except AssertionError as error:  # the broadcaster only logs what a member raises
            self.client.failures.append(error)
        if not isinstance(frame, Reset):
            self._last = Cursor(frame.epoch, frame.offset)

    def deliver_all(self, batch: Batch) -> None:
        for frame in batch.frames:
            self.deliver(frame)


class World:
    """All of it. Published messages arrive when a step says so, or not at all.

    Attributes:
        sent: Messages on their way.
        activities: What is under way: joins, resumes, and whatever carries out effects.
        recovered, resets: Resumes, by how they ended.
    """

    def __init__(self) -> None:
        self.log = Log()
        self.memberships = Memberships()
        self.sequencer = Sequencer(self.memberships)
        self.broadcaster = Broadcaster(self.memberships, self.sequencer.pending_resets, {})
        self.sent: deque[Frame] = deque()
        self.heard: list[Frame] = []
        self.clients = [Client(name, self.log, self.log.cursor) for name in "xyz"]
        self.connections = [Connection(client, 0) for client in self.clients]
        self.activities: list[Activity] = [self._carry_out()]
        self.session = 0
        self.is_connected = False
        self.recovered = self.resets = 0
        self.reconnect()

    # The log, and the connection to it

    def say(self, rooms: Sequence[str]) -> None:
        frames = self.log.commit(rooms)
        if self.is_connected:
            self.sent.extend(frames)

    def hear(self, count: int, *, lost: bool = False) -> None:
        """Let the next messages arrive, or get lost."""
        for _ in range(min(count, len(self.sent))):
            frame = self.sent.popleft()
            if lost:
                self._lose(frame)
            else:
                self.heard.append(frame)
                self._receive(frame)

    def _lose(self, frame: Frame) -> None:
        """Lose one message, which a connection never does: rooms then differ until a gap shows or the poll comes."""
        for connection in self.connections:
            connection.may_go_back = True

    def hear_again(self, back: int) -> None:
        if self.is_connected and len(self.heard) >= back:
            self._receive(self.heard[-back])

    def _receive(self, frame: Frame) -> None:
        room = self.sequencer.rooms.get(frame.room)
        if room is not None:
            subscriptions = self.sequencer.heard(room, frame)
            if subscriptions is not None:
                self.broadcaster.offer(subscriptions.values(), frame)

    def disconnect(self) -> None:
        self.is_connected = False
        self.session += 1
        self.sent.clear()
        self.sequencer.disconnected()

    def reconnect(self) -> None:
        if not self.is_connected:
            self.is_connected = True
            self.compare()
            self.sequencer.reconnected()

    def flap(self) -> None:
        """Lose the connection while something is read, and have it back at once."""
        self.go_on(0)
        self.disconnect()
        self.go_on(0)
        self.reconnect()

    def compare(self) -> None:
        """Compare all rooms with the log, as the poll does: what is on its way arrives first."""
        heads, epoch = {room: self.log.room_head(room) for room in self.sequencer.rooms}, self.log.epoch
        self.hear(len(self.sent))
        for room, head in heads.items():
            self.sequencer.head_seen(room, epoch, head)

    # Activities

    def check(self) -> None:
        """Raise what a client has found wrong."""
        for client in self.clients:
            for failure in client.failures:
                raise failure

    def go_on(self, which: int) -> None:
        """Let one activity do its next piece."""
        activity = self.activities[which % len(self.activities)]
        if next(activity, self) is self:
            self.activities.remove(activity)

    def _begin(self, activity: Activity) -> None:
        next(activity)
        self.activities.append(activity)

    def join(self, which: int, room: str) -> None:
        connection = self.connections[which]
        if connection.is_ready:
            self._begin(self._join(connection, room))

    def leave(self, which: int, room: str) -> None:
        connection = self.connections[which]
        if connection.is_ready:
            self.memberships.unsubscribe(room, connection.id)
            connection.client.shown.pop(room, None)

    def break_connection(self, which: int) -> None:
        """A connection breaks; its client comes back later, on another one."""
        connection = self.connections[which]
        client = connection.client
        if not connection.is_open:
            return
        rooms = {room: one for room, one in self.memberships.of_member(connection.id).items() if one.has_snapshot}
        if rooms:  # otherwise what was saved before a resume that did not end
            epochs = {one.epoch for one in rooms.values()}
            client.saved = {room: one.save() for room, one in rooms.items()}
            client.saved_epoch = epochs.pop() if len(epochs) == 1 else ""
        connection.is_open = connection.is_ready = False
        self.memberships.unsubscribe_all(connection.id)

    def come_back(self, which: int) -> None:
        old = self.connections[which]
        if not old.is_open:
            client = old.client
            number = int(old.id.partition("-")[2]) + 1
            connection = self.connections[which] = Connection(client, number)
            if client.saved:
                self._begin(self._resume(connection, client.saved, client.saved_epoch))
            else:
                client.shown.clear()
                client.cursor = self.log.cursor

    def _read(self) -> Iterator[None]:
        """Pause until the log can be read while subscribed."""
        while not self.is_connected:
            yield

    def _join(self, connection: Connection, room: str) -> Activity:
        subscription = self.memberships.subscribe(connection, room, self.sequencer.open(room).head)
        subscription.join_started()
        while True:
            yield from self._read()
            session, cursor = self.session, self.log.cursor
            yield
            if session == self.session:
                break
        subscription.join_read()
        if not subscription.closed:
            early = self.sequencer.viewed((room,), cursor)
            subscription.start(cursor, None)
            connection.client.shown[room] = cursor
            self._deliver(early)
        yield  # the answer is on its way, and the member is held
        yield from self._release(subscription.owner)

    def _resume(self, connection: Connection, saved: Mapping[str, SavedSubscription], epoch: str) -> Activity:
        client, cursor = connection.client, connection.client.cursor
        connection.is_ready = False
        subscriptions = {
            room: self.memberships.subscribe(connection, room, self.sequencer.open(room).head) for room in saved
        }
        owner = next(iter(subscriptions.values())).owner
        owner.hold()
        after = {room: max(cursor.offset, one.snapshot_offset) for room, one in saved.items()}
        while True:
            yield from self._read()
            session, missed = self.session, self.log.missed(after, epoch)
            yield
            if session == self.session:
                break
        early = self.sequencer.viewed(saved, missed.cursor)
        for room, one in subscriptions.items():
            one.resume(saved[room], after[room], missed.cursor)
        self._deliver(early)
        if not connection.is_open:
            return
        if is_recoverable(missed, saved, cursor, epoch):
            self.recovered += 1
            assert epoch == missed.cursor.epoch
            frames = in_order(subscriptions, missed.rooms)
            for room in saved:
                self._check_resumed(client, room, Cursor(epoch, after[room]))
        else:
            self.resets += 1
            frames = self._resets(subscriptions, str(cursor), missed.cursor)
            for one, reset in frames:
                one.restart(reset.offset, missed.cursor.offset)
            client.shown |= dict.fromkeys(saved)
        yield  # the member is told so
        if connection.is_open:
            connection.is_ready, client.saved = True, {}
        for one, frame in frames:
            one.deliver_if_new(frame)
        yield from self._release(owner)

    def _check_resumed(self, client: Client, room: str, after: Cursor) -> None:
        """A client that recovers goes on where it was in a room, or gets again what it was told to expect again."""
        shown = client.shown[room]
        assert shown is not None
        assert shown.epoch == after.epoch
        assert self.log.following(shown, room) in (0, self.log.following(after, room)) or shown.offset >= after.offset
        if not client.may_repeat:
            assert self.log.following(after, room) in (0, self.log.following(shown, room))
        client.shown[room] = after

    def _resets(
        self, subscriptions: Mapping[str, Subscription], before: str, now: Cursor
    ) -> list[tuple[Subscription, Frame]]:
        rooms = [one for one in subscriptions.values() if not one.closed]
        resets = [self.log.reset(one.room) for one in rooms]
        return [
            (one, reset.together(str(now) if one is rooms[-1] else before, now.offset))
            for one, reset in zip(rooms, resets, strict=True)
        ]

    def _release(self, member: MemberSubscriptions) -> Activity:
        """Release a member, as `Replay.release`."""
        while member.release():
            while member.by_room and member.holds == 1:
                yield from self._read_for(member)
                if not member.needs_catch_up:
                    break

    def _read_for(self, member: MemberSubscriptions) -> Activity:
        member.begin_catch_up()
        rooms = {room: one for room, one in member.by_room.items() if one.has_snapshot}
        if not rooms:
            return
        epoch = next((one.epoch for one in rooms.values() if one.epoch), "")
        missed = self.log.missed({room: one.delivered_offset for room, one in rooms.items()}, epoch)
        lost = {
            room: one for room, one in rooms.items() if missed.rooms[room] is None or one.epoch != missed.cursor.epoch
        }
        frames = in_order(rooms, {room: found for room, found in missed.rooms.items() if room not in lost})
        before = f"{epoch}-{max(one.delivered_offset for one in rooms.values())}"
        yield
        for one, frame in (*frames, *self._resets(lost, before, missed.cursor)):
            if member.holds > 1:
                member.require_catch_up()
                return
            one.deliver_if_new(frame)

    def _deliver(self, deliveries: Sequence[Deliver]) -> None:
        for delivery in deliveries:
            self.broadcaster.offer(delivery.room.subscriptions.values(), delivery.frame)

    def _carry_out(self) -> Activity:
        """Carry out effects, as `EffectLoop`; a frame goes to one member at a time."""
        while True:
            if not self.sequencer.has_work:
                yield
                continue
            match self.sequencer.next_effect():
                case Deliver(room, frame):
                    for one in tuple(room.subscriptions.values()):
                        if room.is_current(frame):
                            self.broadcaster.offer((one,), frame)
                            yield
                case DeliverBatch(room, batch):
                    for one in tuple(room.subscriptions.values()):
                        for frame in filter(room.is_current, batch.frames):
                            self.broadcaster.offer((one,), frame)
                        yield
                case ReadMissed(after, epoch):
                    missed = self.log.missed(after, epoch)
                    yield
                    self.hear(len(self.sent))  # what was published before the read has been heard
                    self.sequencer.filled(missed, epoch)
                case ReadViews(rooms):
                    resets = [self.log.reset(room) for room in rooms]
                    yield
                    self.hear(len(self.sent))
                    self.sequencer.reset(resets)

    # The end

    def settle(self) -> None:
        """Let everything arrive and come to its end; then everybody has seen all there is."""
        for which in range(len(self.connections)):
            self.come_back(which)
        self.reconnect()
        for _ in range(2):
            self.compare()
            self._finish()
        self.check()
        for connection in self.connections:
            for room in self.memberships.of_member(connection.id):
                shown = connection.client.shown[room]
                assert shown is not None, f"{connection.id} waits for a reset of {room}"
                assert shown.epoch == self.log.epoch, f"{connection.id} is in another epoch"
                assert not self.log.following(shown, room), f"{connection.id} has not seen all of {room}: {shown}"

    def _finish(self) -> None:
        for _ in range(1_000):
            if len(self.activities) == 1 and not self.sequencer.has_work:
                return
            for which in reversed(range(len(self.activities))):
                self.go_on(which)
        raise AssertionError("it never comes to an end")
