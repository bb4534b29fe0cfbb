"""What one client saw, in the order it saw it.

Clients in other processes tell it as JSON arrays, the kind first: `["seen", "promos", 7, 5, "promo.published", "e-7"]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Snapshot = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """A durable event; `cursor` is what stood beside it, `event` the whole of it where somebody wants to fold it."""

    room: str
    offset: int
    prev: int
    type: str
    cursor: str
    event: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """The answer to a join. `recovered`: `events` is everything after the cursor that the client brought."""

    room: str
    cursor: str
    recovered: bool
    events: tuple[ReceivedEvent, ...]
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Reset:
    """`room.reset`: begin anew from here."""

    room: str
    cursor: str
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Up:
    """Connected; `recovered` is what the client's library says of it."""

    at_ms: float
    recovered: bool


@dataclass(frozen=True, slots=True)
class Whole:
    """In all its rooms, `away_ms` after it lost its connection; None: it had none before."""

    at_ms: float
    away_ms: float | None


@dataclass(frozen=True, slots=True)
class Down:
    """The connection is lost."""

    at_ms: float
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A CONNECT (no room) or a join was answered with an error."""

    at_ms: float
    room: str
    code: str


Entry = ReceivedEvent | Entered | Reset | Up | Whole | Down | Refused

_KINDS: Mapping[str, type[Entry]] = {
    "seen": ReceivedEvent,
    "reset": Reset,
    "up": Up,
    "whole": Whole,
    "down": Down,
    "refused": Refused,
}


@dataclass(slots=True)
class Record:
    """One client's entries, oldest first.

    Attributes:
        volatile: How many events it got that have no place in the log.
        stock: Its library recovers by itself.
    """

    client: str
    entries: list[Entry] = field(default_factory=list)
    volatile: int = 0
    stock: bool = False


def entry(told: list[Any]) -> Entry:
    """One entry from its array."""
    kind, *fields = told
    if kind == "entered":
        room, cursor, recovered, events, snapshot = fields
        return Entered(room, cursor, recovered, tuple(ReceivedEvent(*event) for event in events), snapshot)
    return _KINDS[kind](*fields)


def record(client: str, told: Iterable[list[Any]], volatile: int = 0) -> Record:
    """A record as npm's client in another process dumped it."""
    return Record(client, [entry(each) for each in told], volatile, stock=True)


def entered(data: Mapping[str, Any], *, bodies: bool) -> Entered:
    """A join's answer as it stands on the wire; its events have no cursor beside them, theirs is their offset."""
    epoch = data["cursor"].rpartition("-")[0]
    events = tuple(seen(event, f"{epoch}-{event['offset']}", bodies=bodies) for event in data["events"])
    return Entered(data["room"], data["cursor"], data["recovered"], events, data["snapshot"])


def seen(event: Mapping[str, Any], cursor: str, *, bodies: bool) -> ReceivedEvent:
    return ReceivedEvent(
        event["room"], event["offset"], event["prev"], event["type"], cursor, dict(event) if bodies else None
    )


def foldable(room: str) -> bool:
    """Whether the room's events are worth keeping whole: they make up a document."""
    return room.startswith("order:")
