"""Whether the promises were kept: each client's record against what is in Redis.

`follow` walks a record: its events must hang together, each once, in order, whatever became of its connections.
`compare` looks at the log: nothing there that a client should have and has not, nothing with a client that is not
there; every acknowledged write is in it, once; documents are what their events add up to. Both may be called again
and again, with what is new since the last time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from hub.domain.order_document import Order
from tests.chaos.record import Down, Entered, Entry, ReceivedEvent, Record, Refused, Reset, Snapshot, Up, Whole
from tests.chaos.truth import ORDER_ROOM, Stream, applied

_SHOWN = 12


class Broken(StrEnum):
    """The promises, by how they are broken."""

    GAP = "gap"  # an event that hangs on one the client has not seen
    REPEAT = "repeat"  # an event the client has seen before
    ORDER = "order"  # an event before one that is older, in the room or over all of the client's rooms
    CURSOR = "cursor"  # a place to resume from that would skip or repeat something
    MISSING = "missing"  # in the log, and not with the client
    PHANTOM = "phantom"  # with the client, and not in the log
    STATE = "state"  # a document that is not what its events add up to
    ACK = "ack"  # acknowledged, and not in the log
    TWICE = "twice"  # asked for once, and in the log twice
    CHAIN = "chain"  # the log itself does not hang together


@dataclass(frozen=True, slots=True)
class Breach:
    """One promise that was not kept: to whom, in which room, and how."""

    broken: Broken
    client: str
    room: str
    detail: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.broken}: client {self.client}, room {self.room}: {self.detail}"


class Log(Protocol):
    """What the log holds; see `Truth`."""

    @property
    def epoch(self) -> str: ...

    @property
    def documents(self) -> Mapping[str, Order | None]: ...

    def stream(self, room: str) -> Stream: ...


@dataclass(frozen=True, slots=True)
class Acked:
    """A write that was answered with "committed, at this cursor"."""

    room: str
    cursor: str
    title: str = ""


@dataclass(slots=True)
class Place:
    """Where a client stands in one room.

    Attributes:
        since: What it was told, or has been compared with, up to here.
        last: The last event it has, or the cursor of the state it began from.
        linked: `last` is an event of this room: the next one must say so.
        got: Events past `since`.
    """

    epoch: str
    since: int
    last: int
    linked: bool = False
    got: set[int] = field(default_factory=set)
    order: Order | None = None


@dataclass(slots=True)
class Client:
    stock: bool
    known: bool = False  # it was connected before
    places: dict[str, Place] = field(default_factory=dict)
    newest: int = 0  # offset of the newest live event on this connection
    held: int = 0  # offset of the cursor it would come back with


@dataclass(slots=True)
class TrialCounts:
    """The counts of a trial.

    Attributes:
        returns: Returns of clients that recover by themselves; `recovered`: those that were recovered.
        slowest: The client that took longest to come back.
        anew: Rooms entered with their state instead of the missed events.
    """

    deliveries: int = 0
    volatile: int = 0
    returns: int = 0
    recovered: int = 0
    downs: int = 0
    refused: int = 0
    resets: int = 0
    anew: int = 0
    slowest_ms: float = 0.0
    slowest: str = ""


class Checker:
    """Keeps where every client stands.

    Args:
        in_order: Whether events come in the log's order over all rooms of a client, and cursors are held to it.
    """

    def __init__(self, *, in_order: bool = True) -> None:
        self.tally = TrialCounts()
        self.breaches: list[Breach] = []
        self._in_order = in_order
        self._clients: dict[str, Client] = {}

    def count(self, *kinds: Broken) -> int:
        return sum(breach.count for breach in self.breaches if breach.broken in kinds)

    @property
    def gaps(self) -> int:
        return self.count(Broken.GAP, Broken.MISSING)

    @property
    def repeats(self) -> int:
        return self.count(Broken.REPEAT, Broken.TWICE)

    def rooms(self) -> set[str]:
        """Every room that a client is in."""
        return {room for client in self._clients.values() for room in client.places}

    # A client's record

    def follow(self, record: Record) -> None:
        client = self._clients.setdefault(record.client, Client(record.stock))
        self.tally.volatile += record.volatile
        for entry in record.entries:
            self._take(record.client, client, entry)

    def _take(self, name: str, client: Client, entry: Entry) -> None:
        match entry:
            case ReceivedEvent():
                self.tally.deliveries += 1
                self._live(name, client, entry)
                self._event(name, client, entry)
            case Entered():
                self._entered(name, client, entry)
            case Reset():
                self.tally.resets += entry.room in client.places  # a stream without a cursor begins with one
                self._begin(client, entry.room, entry.cursor, entry.snapshot)
                client.held = client.newest = _offset(entry.cursor)
            case Up():
                self.tally.returns += client.stock and client.known
                self.tally.recovered += entry.recovered
                client.known = True
            case Whole():
                if (entry.away_ms or 0) > self.tally.slowest_ms:
                    self.tally.slowest_ms, self.tally.slowest = entry.away_ms or 0, name
            case Down():
                self.tally.downs += 1
                client.newest = client.held = 0
            case Refused():
                self.tally.refused += 1

    def _live(self, name: str, client: Client, seen: ReceivedEvent) -> None:
        """What holds over all rooms of a connection, so that one cursor is enough to come back with."""
        epoch, offset = _epoch(seen.cursor), _offset(seen.cursor)
        if offset not in (seen.offset, seen.offset - 1):
            self._broken(Broken.CURSOR, name, seen.room, f"cursor {seen.cursor} beside offset {seen.offset}")
        place = client.places.get(seen.room)
        if place is not None and epoch != place.epoch:
            self._broken(Broken.CURSOR, name, seen.room, f"cursor {seen.cursor}, but the room is in {place.epoch}")
        if not self._in_order:
            return
        if seen.offset < client.newest:
            self._broken(Broken.ORDER, name, seen.room, f"{seen.offset} came after {client.newest} of another room")
        elif seen.offset <= client.held:
            self._broken(
                Broken.CURSOR, name, seen.room, f"{seen.offset} came when the cursor was {client.held} already"
            )
        client.newest, client.held = max(client.newest, seen.offset), max(client.held, offset)

    def _event(self, name: str, client: Client, seen: ReceivedEvent) -> None:
        place = client.places.get(seen.room)
        if place is None:
            self._broken(Broken.PHANTOM, name, seen.room, f"{seen.offset} of a room it never entered")
            return
        if seen.offset <= place.last:
            known = seen.offset in place.got or seen.offset <= place.since
            kind = Broken.REPEAT if known else Broken.ORDER
            self._broken(kind, name, seen.room, f"{seen.offset} came when {place.last} was there already")
            place.got.add(seen.offset)
            return
        if seen.prev > place.last or (place.linked and seen.prev != place.last):
            self._broken(Broken.GAP, name, seen.room, f"{seen.offset} follows {seen.prev}; it has {place.last}")
        place.last, place.linked = seen.offset, True
        place.got.add(seen.offset)
        if seen.event is not None:
            place.order = applied(place.order, seen.event)

    def _entered(self, name: str, client: Client, entered: Entered) -> None:
        place = client.places.get(entered.room)
        if not entered.recovered or place is None:
            self.tally.anew += place is not None
            self._begin(client, entered.room, entered.cursor, entered.snapshot)
            return
        if _epoch(entered.cursor) != place.epoch:
            self._broken(Broken.CURSOR, name, entered.room, f"recovered into {entered.cursor} from {place.epoch}")
        for seen in entered.events:
            self.tally.deliveries += 1
            self._event(name, client, seen)
        self._state(name, entered.room, place.order, _order(entered.snapshot), "snapshot of its return")
        if place.last < _offset(entered.cursor):
            place.last, place.linked = _offset(entered.cursor), False

    def _begin(self, client: Client, room: str, cursor: str, snapshot: Snapshot) -> None:
        at = _offset(cursor)
        client.places[room] = Place(_epoch(cursor), at, at, order=_order(snapshot))

    # The log

    def compare(self, log: Log, acks: Iterable[Acked] = (), writes: Mapping[str, int] | None = None) -> None:
        """Everything is quiet: whoever is in a room has all of it, and the log has all that was acknowledged.

        Args:
            acks: All there ever were.
            writes: By room: how many acknowledged writes an order had since it was placed.
        """
        for name, client in self._clients.items():
            for room, place in client.places.items():
                self._compare_place(name, room, place, log)
        for room in self.rooms() | set(writes or ()):
            self._compare_stream(room, log, (writes or {}).get(room))
        self._compare_acks(log, acks)

    def _compare_place(self, name: str, room: str, place: Place, log: Log) -> None:
        stream = log.stream(room)
        if place.epoch != log.epoch:
            self._broken(Broken.MISSING, name, room, f"it is in the epoch {place.epoch}, the log in {log.epoch}")
            return
        expected = {offset for offset in _past(stream.offsets, place.since)}
        if missing := sorted(expected - place.got):
            self._broken(Broken.MISSING, name, room, f"never came: {_some(missing)}", len(missing))
        if strange := sorted(place.got - expected - stream.known):
            self._broken(Broken.PHANTOM, name, room, f"not in the log: {_some(strange)}", len(strange))
        if room.startswith(ORDER_ROOM):
            self._state(name, room, place.order, log.documents.get(room), "document")
        place.since = max(place.since, stream.head)
        place.got.clear()

    def _compare_stream(self, room: str, log: Log, writes: int | None) -> None:
        stream = log.stream(room)
        before = stream.prevs[0] if stream.prevs else 0
        for offset, prev in zip(stream.offsets, stream.prevs, strict=True):
            if prev != before:
                self._broken(Broken.CHAIN, "log", room, f"{offset} names {prev}, but follows {before}")
            before = offset
        if not room.startswith(ORDER_ROOM):
            return
        document = log.documents.get(room)
        self._state("log", room, stream.order, document, "document")
        if writes is not None and document is not None and document.version != 1 + writes:
            kind = Broken.TWICE if document.version > 1 + writes else Broken.ACK
            self._broken(kind, "log", room, f"version {document.version} after {writes} acknowledged writes")

    def _compare_acks(self, log: Log, acks: Iterable[Acked]) -> None:
        titles: set[tuple[str, str]] = set()
        for ack in acks:
            if _epoch(ack.cursor) != log.epoch:
                continue
            if _offset(ack.cursor) not in log.stream(ack.room).known:
                self._broken(Broken.ACK, "log", ack.room, f"{ack.cursor} was acknowledged, and is not there")
            if ack.title:
                titles.add((ack.room, ack.title))
        for room, title in sorted(titles):
            if (times := log.stream(room).titles[title]) > 1:
                self._broken(Broken.TWICE, "log", room, f"{title!r} is there {times} times")

    def _state(self, name: str, room: str, has: Order | None, should: Order | None, what: str) -> None:
        if has != should:
            self._broken(
                Broken.STATE, name, room, f"its events add up to {_short(has)}, the {what} is {_short(should)}"
            )

    def _broken(self, broken: Broken, client: str, room: str, detail: str, count: int = 1) -> None:
        self.breaches.append(Breach(broken, client, room, detail, count))


def _past(offsets: list[int], since: int) -> Iterable[int]:
    """Those past an offset; they are looked for from the end, for the log is long and news are few."""
    for offset in reversed(offsets):
        if offset <= since:
            return
        yield offset


def _order(snapshot: Snapshot) -> Order | None:
    order = snapshot.get("order")
    return Order.model_validate(order) if order else None


def _epoch(cursor: str) -> str:
    return cursor.rpartition("-")[0]


def _offset(cursor: str) -> int:
    return int(cursor.rpartition("-")[2])


def _some(offsets: list[int]) -> str:
    shown = ", ".join(map(str, offsets[:_SHOWN]))
    return shown if len(offsets) <= _SHOWN else f"{shown}… ({len(offsets)}, up to {offsets[-1]})"


def _short(order: Order | None) -> str:
    return f"version {order.version}, {order.status}" if order else "nothing"
