"""What goes into the log and what comes out: plain values; bodies are JSON text that nobody here parses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from hub.domain.rooms import Cursor

MAX_DOCUMENTS = 16
MAX_EVENTS = 8
MAX_ROOMS = 8
MAX_STOCK_MOVES = 64
MAX_BODY_BYTES = 65_536
SAMPLES_KEPT = 100
INDEX_KEPT = 10_000
COUNTS_KEPT_S = 40 * 86_400


@dataclass(frozen=True, slots=True)
class DocKey:
    """Which document: `DocKey("order", "PED7K3Q9X")`."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it stands, or as it shall stand; `body` is JSON text."""

    key: DocKey
    version: int
    body: str


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event for the log. `body` is what `Event.body(at)` gives: one for all its rooms.

    Attributes:
        rooms: They hear of it in this order.
    """

    type: str
    body: str
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StockMove:
    """A change of how many of a dish are left. The log itself tells the rooms `kitchen` and `stock` of it.

    Attributes:
        mode: `take` refuses the whole write when short; `give` puts back; `set` counts anew. Taking and
            giving leave a SKU alone that nobody has counted.
        low: At this many or fewer, the dish is running out.
        data_prefix: The event's `data` up to the number: `{"sku":"pastor","name":"Taco al pastor","left":`.
        at: The event's time, as on the wire.
    """

    sku: str
    mode: Literal["take", "give", "set"]
    amount: int
    low: int
    data_prefix: str
    at: str


@dataclass(frozen=True, slots=True)
class IndexMove:
    """A member enters an index or leaves it.

    Attributes:
        keep: The index holds so many members, the oldest leave; 0: it is never trimmed.
        score: Its place in the index; None: the write's first offset.
    """

    index: str
    member: str
    present: bool
    keep: int = INDEX_KEPT
    score: int | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """A bound on the amount counted under one name, in a window of time that begins with the first count.

    A write past it is refused whole; an accepted one counts `amount`. Repeats of a known command count nothing.

    Attributes:
        name: What is counted, for whom: `orders-hour:203.0.113.7`.
        amount: What this write counts; 0: it only checks that something is left.
        limit: The most in one window; 0: no limit, the write is counted all the same.
        window_s: The length of the window, in seconds.
        label: The bound's name in the error's `values`: `orders_hour`.
        passing: The caller may try again when the window is over: `rate_limited` instead of `limit_reached`.
    """

    name: str
    amount: int
    limit: int
    window_s: int
    label: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """A place in some counters that is taken until its holder gives it back: an open order of an address.

    Attributes:
        holder: Who gives the places back, by `Write.release`: an order's id.
        counters: Each counter's name, the most it may count (0: no limit), and its name in the error's `values`.
        retry_after_s: The caller may try again so soon: `rate_limited` instead of `limit_reached`.
    """

    holder: str
    counters: tuple[tuple[str, int, str], ...]
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """One write: all of it happens, or none of it.

    Attributes:
        expects: Documents that must be at a version; 0: must not exist.
        same: Documents that must still be just so, bodies included: for what was decided from memory. A log that lost
            its tail may have gone on elsewhere, up to the same version.
        documents: Written as they are.
        samples: `(name, value)`: recent measurements, of which the newest 100 are kept.
        counts: `(name, field, difference)`: tallies, forgotten 40 days after their last change.
        queue: Payloads for the agent workers.
        quotas: Checked before anything is written; counted with the write.
        hold: Places that are taken with the write, if there are any left.
        release: Holders whose places are given back, before `hold` takes its own; one that has none is passed over.
        expire: A document, or a room by its name, goes after so many seconds; 0: stays after all; below: goes now.
        command_id: The caller's idempotency key, scoped (`"<scope>:<id>"`); empty: none.
        fingerprint: Of the command's body: the same id with another fingerprint is refused.
        result: What a repeat of the command id is answered with.
    """

    events: tuple[NewEvent, ...] = ()
    expects: tuple[tuple[DocKey, int], ...] = ()
    same: tuple[Document, ...] = ()
    documents: tuple[Document, ...] = ()
    stock: tuple[StockMove, ...] = ()
    index: tuple[IndexMove, ...] = ()
    samples: tuple[tuple[str, int], ...] = ()
    counts: tuple[tuple[str, str, int], ...] = ()
    queue: tuple[str, ...] = ()
    quotas: tuple[Quota, ...] = ()
    hold: Hold | None = None
    release: tuple[str, ...] = ()
    expire: tuple[tuple[DocKey | str, int], ...] = ()
    command_id: str = ""
    fingerprint: str = ""
    result: str = ""


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of a write.

    Attributes:
        offsets: Those of the events, in order, then those of the stock's events.
        head: The branch's counter after it.
        repeated: The command id was known: all of this is from the first time.
    """

    epoch: str
    offsets: tuple[int, ...]
    head: int
    repeated: bool
    result: str

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.epoch, self.head)


class LogEntry(NamedTuple):
    """An event in one room's log. Read by the thousand: a frozen dataclass takes three times as long to make."""

    offset: int
    prev: int
    room: str
    type: str
    body: str


@dataclass(frozen=True, slots=True)
class Missed:
    """What happened in some rooms after a reader's place in each, up to one moment, `cursor`.

    Attributes:
        rooms: By room, its events from there to the cursor, oldest first; None: not all of them are there any
            more, or they are too many, or there is no such place: the reader must begin anew.
    """

    cursor: Cursor
    rooms: Mapping[str, tuple[LogEntry, ...] | None]


@dataclass(frozen=True, slots=True)
class ViewQuery:
    """The parts of a room to read as of one moment.

    Attributes:
        after: Give the events after this offset of `epoch`; None: the newest events.
        limit: At most so many events.
        event_bytes: At most so many bytes of events; 0: no bound.
        partly: Of more events after `after` than fit, give the first ones; otherwise such a reader begins anew.
        index: Give the documents of this index's members, of the kind `index_kind`, and how many it has.
        index_limit: So many of the newest, newest first.
        index_bytes: At most so many bytes of documents, but one document in any case; 0: no bound.
        oldest: The oldest instead, oldest first.
        index_after: Only the members past this score, of the oldest.
        first: The members of this index that are also in `index` come before the others, newest first. They may fill
            three quarters of the room.
        stock: Give what is left of each dish.
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
    stock: bool = False
    event_bytes: int = 0
    partly: bool = False
    index_bytes: int = 0
    index_after: int | None = None
    first: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """State and history as of one moment, `cursor`.

    Attributes:
        whole: `after` was honoured: `events` holds everything in the room after it. Otherwise, the newest.
        documents: One for each asked for; None where there is none.
        indexed: The index's documents, in the order asked for.
        total: How many members the index has, those past the limit included.
        first_total: The same of the index whose members come first.
        go_on: All members up to this score are in `indexed`, and others follow; None: all are given.
        cut: More events follow those in `events`.
    """

    cursor: Cursor
    whole: bool
    events: tuple[LogEntry, ...]
    documents: tuple[Document | None, ...]
    indexed: tuple[Document, ...]
    stock: dict[str, int]
    total: int
    first_total: int = 0
    go_on: int | None = None
    cut: bool = False
