"""The values that go into the log and come out of it. Bodies are JSON text, which the log does not parse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from hub.core.cursor import Cursor
from hub.store.counters import CounterMove
from hub.store.idempotency import IdempotencyKey

MAX_DOCUMENTS = 16
MAX_EVENTS = 8
MAX_ROOMS = 8
MAX_BODY_BYTES = 65_536
SAMPLES_KEPT = 100
INDEX_KEPT = 10_000
COUNTS_KEPT_S = 40 * 86_400
OUTBOUND_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class DocKey:
    """The name of a document: `DocKey("score", "final")`."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Document:
    """A document at a version, as it is stored or shall be. `body` is JSON text."""

    key: DocKey
    version: int
    body: str


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event for the log.

    Attributes:
        type: One word, `goal.scored`.
        body: The whole event as one line of JSON, `{"type": …, "at": …, "data": {…}}`; the same in all its rooms.
        rooms: The rooms that get it, in this order; at most eight.
        outbound: The branch's outbound stream gets it too (see `OutboundStream`).
    """

    type: str
    body: str
    rooms: tuple[str, ...]
    outbound: bool = False


@dataclass(frozen=True, slots=True)
class IndexMove:
    """The entry of a member into an index, or its removal.

    Attributes:
        present: True to enter it, False to remove it.
        keep: The most members of the index; those with the lowest scores leave; 0: no limit.
        score: The member's place in the index; None: the write's first offset.
    """

    index: str
    member: str
    present: bool
    keep: int = INDEX_KEPT
    score: int | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit on the amount counted under one name, in a window of time that begins with the first count.

    A write past it is refused whole; an accepted one counts `amount`. A repeat of a known command counts nothing.

    Attributes:
        name: The subject of the count: `messages-hour:203.0.113.7`.
        amount: The amount that this write counts; 0: it only checks that something is left.
        limit: The most in one window; 0: no limit, but the write is counted.
        window_s: The length of the window, in seconds.
        label: The name of the limit in the error's `values`: `messages_hour`.
        passing: Refuse with `RateLimited`, because the caller may try again when the window is over, instead of with
            `LimitReached`.
    """

    name: str
    amount: int
    limit: int
    window_s: int
    label: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """A place in some pools, taken until its holder gives it back, as with a semaphore.

    Attributes:
        holder: The name by which `Write.release` gives the places back.
        pools: Each pool's name, its number of places (0: no limit), and its name in the error's `values`.
        retry_after_s: Refuse with `RateLimited` and this time to wait, in seconds; None: with `LimitReached`.
    """

    holder: str
    pools: tuple[tuple[str, int, str], ...]
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """One write: all of it happens, or none of it.

    Example:
        Write(
            events=(NewEvent("goal", body, ("match:final",)),),
            expects=((DocKey("score", "final"), 4),),
            documents=(Document(DocKey("score", "final"), 5, '{"home":3,"away":2}'),),
        )

    Attributes:
        events: At most eight.
        expects: Documents with the versions that they must be at; 0: it must not exist.
        same: Documents that must be stored exactly like this, for a decision made from memory. A version alone does
            not prove it: a log that lost its tail may have reached the same version with another body.
        documents: Documents to write, at most 16.
        counters: Changes of counters, at most 64. If one would fall below zero, the write is refused whole.
        samples: `(name, value)`: measurements; the newest 100 of each name are kept.
        counts: `(name, field, difference)`: tallies; they expire 40 days after their last change.
        queue: Payloads of jobs for workers (`JobQueue`).
        quotas: Limits that are checked before anything is written, and counted with the write.
        hold: Places to take; if none is left, the write is refused.
        release: Holders whose places are given back before `hold` takes its own.
        expire: `(what, seconds)`: the time after which a document, the result of a command, or a room by its name, is
            deleted; 0: never; a negative time: at once.
        idempotency: The key under which a repeat of the write is known; None: a repeat is another write.
        result: The result that a repeat gets: any text.
    """

    events: tuple[NewEvent, ...] = ()
    expects: tuple[tuple[DocKey, int], ...] = ()
    same: tuple[Document, ...] = ()
    documents: tuple[Document, ...] = ()
    counters: tuple[CounterMove, ...] = ()
    index: tuple[IndexMove, ...] = ()
    samples: tuple[tuple[str, int], ...] = ()
    counts: tuple[tuple[str, str, int], ...] = ()
    queue: tuple[str, ...] = ()
    quotas: tuple[Quota, ...] = ()
    hold: Hold | None = None
    release: tuple[str, ...] = ()
    expire: tuple[tuple[DocKey | IdempotencyKey | str, int], ...] = ()
    idempotency: IdempotencyKey | None = None
    result: str = ""


@dataclass(frozen=True, slots=True)
class Committed:
    """The outcome of a write.

    Attributes:
        offsets: The offsets of the events, in order, then those of the counters' events.
        head: The last offset of the log after the write.
        repeated: The idempotency key was known; this is the outcome of the first write.
        result: The `result` of the write, or of the first one.
    """

    epoch: str
    offsets: tuple[int, ...]
    head: int
    repeated: bool
    result: str

    @property
    def cursor(self) -> Cursor:
        """The place in the log after the write."""
        return Cursor(self.epoch, self.head)


class LogEntry(NamedTuple):
    """An event in one room's log; `prev` is the offset of the event before it in the room.

    A frozen dataclass takes three times as long to make, and entries are read by the thousand.
    """

    offset: int
    prev: int
    room: str
    type: str
    body: str


@dataclass(frozen=True, slots=True)
class Missed:
    """The events of some rooms after a reader's place in each, up to one moment, `cursor`.

    Attributes:
        rooms: By room, its events up to the cursor, oldest first; None if the reader must begin anew, because events
            are missing, or too many, or the place does not exist.
    """

    cursor: Cursor
    rooms: Mapping[str, tuple[LogEntry, ...] | None]


@dataclass(frozen=True, slots=True)
class ViewQuery:
    """The parts of a room to read, all as of one moment.

    Example:
        ViewQuery("match:final", after=None, epoch=None, limit=20, documents=(DocKey("score", "final"),))

    Attributes:
        room: The room's name.
        after, epoch: Read the events after this offset of this epoch; None: the newest events.
        limit: The most events.
        event_bytes: The most bytes of events; 0: no limit.
        partly: If more events follow `after` than fit, read the first ones. Otherwise, such a reader begins anew.
        documents: Documents to read.
        index: Read the documents of this index's members, of the kind `index_kind`, and its size.
        index_limit: The most members; the newest ones, newest first.
        index_bytes: The most bytes of their documents, but one document in any case; 0: no limit.
        oldest: Read the oldest members instead, oldest first.
        index_after: With `oldest`: only the members past this score.
        first: Members of this index that are also in `index` come before the others, newest first, in up to three
            quarters of the space.
        counters: Read all counters.
    """

    room: str
    after: int | None
    epoch: str | None
    limit: int
    documents: tuple[DocKey, ...] = ()
    index: str | None = None
    index_kind: str = ""
    index_limit: int = 0
    oldest: bool = False
    counters: bool = False
    event_bytes: int = 0
    partly: bool = False
    index_bytes: int = 0
    index_after: int | None = None
    first: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """The state and history of a room as of one moment, `cursor`.

    Attributes:
        whole: `after` was honoured: `events` has everything after it. Otherwise, `events` has the newest.
        events: Oldest first.
        documents: The documents asked for, in that order; None for each that is missing.
        indexed: The documents of the index's members, in the order asked for.
        counters: The count of each counter.
        total: The size of the index.
        first_total: The size of the index whose members come first.
        go_on: All members up to this score are in `indexed`, and others follow; None: no others follow.
        cut: More events follow those in `events`.
    """

    cursor: Cursor
    whole: bool
    events: tuple[LogEntry, ...]
    documents: tuple[Document | None, ...]
    indexed: tuple[Document, ...]
    counters: dict[str, int]
    total: int
    first_total: int = 0
    go_on: int | None = None
    cut: bool = False
