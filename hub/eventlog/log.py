"""A branch's event log: the one way to change anything, and the ways to read what happened."""

from __future__ import annotations

import asyncio
import secrets
import string
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import structlog

from hub.domain.errors import ComandaError
from hub.domain.rooms import Cursor
from hub.eventlog import commit as commits
from hub.eventlog.calls import Calls, Script
from hub.eventlog.condition import Condition
from hub.eventlog.keys import HOLDER, Keys
from hub.eventlog.seen import Seen
from hub.eventlog.types import (
    Committed,
    DocKey,
    Document,
    Hold,
    IndexMove,
    LogEntry,
    Missed,
    NewEvent,
    Quota,
    StockMove,
    View,
    ViewQuery,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from redis.asyncio import Redis

logger = structlog.get_logger(__name__)

_EPOCH_ALPHABET = string.ascii_lowercase + string.digits
_HEADS_A_CALL = 1_000
_ROOMS_A_CALL = 200
_MEMBERS_A_CALL = 1_000
_HOLDS_A_CALL = 1_000
_REPORTS_KEPT = 1_000  # unreadable documents that were logged already


__all__ = [
    "Committed",
    "DocKey",
    "Document",
    "EventLog",
    "Hold",
    "IndexMove",
    "LogEntry",
    "Missed",
    "NewEvent",
    "Quota",
    "StockMove",
    "View",
    "ViewQuery",
    "Write",
]


def random_epoch() -> str:
    """Eight characters: a name for one life of the log."""
    return "".join(secrets.choice(_EPOCH_ALPHABET) for _ in range(8))


class EventLog:
    """The events of one branch, in one order.

    Every call ends within `deadline_s`: with an answer, or with `Unavailable`.

    Args:
        redis: From `connect`; it must decode its responses. Whoever made it closes it.
        room_events: About so many events are kept a room; an order's are all kept.
        missed_bytes: At most so many bytes of missed events are read of a room; 0: no bound.
        command_ttl_s: So long a command's result is known.
        new_epoch: Names for lives of the log.
        seen: What is known of the log from before this process; its reads and commits add to it.
        on_cursor_ahead: Called when a reader brings a cursor that the log has not reached in that cursor's own epoch.
        on_unreadable: Called each time that a stored document or event cannot be read.

    Attributes:
        calls: The way to Redis, for others who keep something of the branch there.
        condition: The state of Redis as commits see it.
    """

    def __init__(
        self,
        redis: Redis,
        branch: str,
        *,
        room_events: int = 1000,
        missed_bytes: int = 0,
        command_ttl_s: int = 86_400,
        deadline_s: float = 2.0,
        new_epoch: Callable[[], str] = random_epoch,
        seen: Seen | None = None,
        on_cursor_ahead: Callable[[], None] | None = None,
        on_unreadable: Callable[[], None] | None = None,
    ) -> None:
        self.branch = branch
        self.keys = Keys(branch)
        self.room_events = room_events
        self.missed_bytes = missed_bytes
        self.command_ttl_s = command_ttl_s
        self.deadline_s = deadline_s
        self.calls = Calls(redis, deadline_s=deadline_s)
        self.condition = Condition()
        self._seen = Seen() if seen is None else seen
        self._on_cursor_ahead = on_cursor_ahead
        self._on_unreadable = on_unreadable
        self._reported: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._new_epoch = new_epoch
        self._spare_epoch = new_epoch()
        self._commit, self._publish = Script("commit"), Script("publish")
        self._view, self._heads, self._missed = Script("view"), Script("heads"), Script("missed")

    @property
    def highest(self) -> Cursor:
        """The furthest place that this process has seen in the log's present life."""
        return self._seen.latest

    async def aclose(self) -> None:
        """Drop what is under way."""
        await self.calls.aclose()

    # Writing

    async def commit(self, write: Write) -> Committed:
        """Commit one write, atomically: all of it is in the log and on its way to the rooms, or none of it.

        Args:
            write: At most 16 documents and 8 events, each body at most 64 KiB of JSON.

        Returns:
            The offsets given, in order; for a known command id, those of the first time.

        Raises:
            Conflict: A document is not at its expected version (`document`, `version`); read again.
            OutOfStock: There is not enough of something (`items`: each `sku` and what is `left`).
            LimitReached, RateLimited: A quota is used up, or a counter has no place left (`limit`, `most`, `used`).
            IdempotencyMismatch: The command id was used before, with another body.
            Unavailable: Redis did not answer in time. The outcome is unknown: retry with the same command id.
            ValueError: The write is past the limits.

        Source: the append-and-publish script of Centrifugo's Redis broker, widened to several rooms.
        """
        commits.check(write)
        keys, argv = commits.arguments(
            write,
            self.keys,
            spare_epoch=self._spare_epoch,
            seen=self._seen.offsets,
            room_events=self.room_events,
            command_ttl_s=self.command_ttl_s,
        )
        # A lost reply may be asked for again only where the script knows the command again.
        try:
            reply = await self.calls.run(self._commit, keys, argv, again=bool(write.command_id))
        except ComandaError as error:
            self.condition.failed(error)
            raise
        self.condition.taken()
        committed = commits.answer(write, reply)
        # A first answer of long ago may be of an epoch that is over.
        if not committed.repeated or committed.epoch == self.highest.epoch:
            self.observe(committed.cursor)
        return committed

    async def remembered(self, command_id: str, fingerprint: str) -> Committed | None:
        """What a command was answered with, if it has been committed before.

        Raises:
            IdempotencyMismatch: It was, with another body.
        """
        known = await self.calls.call("GET", self.keys.command(command_id), again=True)
        if known is None:
            return None
        found, _, rest = known.partition("\n")
        return commits.answer(Write(), ["KNOWN", rest] if found == fingerprint else ["MISMATCH"])

    async def seed_stock(self, counts: Mapping[str, int]) -> None:
        """Count the dishes that nobody has counted yet; the others keep their numbers."""
        await asyncio.gather(
            *(self.calls.call("HSETNX", self.keys.stock, sku, left, again=True) for sku, left in counts.items())
        )

    async def publish(self, room: str, type: str, body: str, subject: str = "-") -> None:
        """Tell whoever is in the room now, and nobody else: no offset, nothing stored.

        Args:
            subject: What it is about, in one word: who reads slowly gets the newest event of a type about each.
        """
        await self.calls.run(self._publish, [self.keys.meta], [self.keys.channel(room), type, body, subject])

    def observe(self, cursor: Cursor) -> None:
        """Remember that the log has been this far; a log that later stands before it has lost its tail."""
        self.heard(cursor.epoch, cursor.offset)

    def heard(self, epoch: str, offset: int) -> None:
        """The same, for every event that is heard."""
        if self._seen.note(epoch, offset) and epoch == self._spare_epoch:
            self._spare_epoch = self._new_epoch()

    # Reading

    async def position(self) -> Cursor:
        """Where the branch stands. Names the log's epoch if it has none, or a new one if it lost its tail."""
        cursor, _ = await self._as_of(self._heads, [self.keys.meta], [])
        return cursor

    async def begin_anew(self) -> Cursor:
        """End the log's epoch, so that every reader gets its rooms anew. Return the place where the next one begins."""
        at = await self.position()
        self._seen.end(at.epoch, at.offset)
        return await self.position()

    async def read(self, room: str, after: int, *, limit: int = 1000, upto: int | None = None) -> list[LogEntry]:
        """The room's events after an offset, up to another, oldest first."""
        end = "+" if upto is None else str(upto)
        entries = await self.calls.call("XRANGE", self.keys.room(room), str(after + 1), end, "COUNT", limit, again=True)
        return [_entry(room, raw) for raw in entries]

    async def read_back(self, room: str, before: int | None, limit: int) -> list[LogEntry]:
        """The room's newest events before an offset, or of all; oldest first."""
        if before is not None and before <= 0:
            return []
        end = "+" if before is None else str(before - 1)
        entries = await self.calls.call("XREVRANGE", self.keys.room(room), end, "-", "COUNT", limit, again=True)
        return [_entry(room, raw) for raw in reversed(entries)]

    async def view(self, query: ViewQuery) -> View:
        """A room's state and history as of one moment."""
        keys = self.keys
        room, index = query.room, query.index or ""
        at = [keys.meta, keys.room(room), keys.head(room), keys.stock, keys.index(index), keys.index(query.first or "")]
        at += map(keys.document, query.documents)
        argv: list[str | int] = [
            "" if query.after is None else query.after,
            query.epoch or "",
            query.limit,
            query.index_limit if index else 0,
            keys.documents(query.index_kind),
            int(query.stock),
            int(query.oldest),
            query.index_bytes,
            int(query.first is not None),
            "" if query.index_after is None else query.index_after,
            query.event_bytes,
            int(query.partly),
        ]
        cursor, reply = await self._as_of(self._view, at, argv)
        whole, entries, documents, indexed, stock, total, first_total, go_on, cut = reply
        if query.after is not None and query.epoch is not None:
            self._check_ahead(Cursor(query.epoch, query.after), cursor)
        return View(
            cursor=cursor,
            whole=bool(whole),
            events=tuple(_entry(room, raw) for raw in entries),
            documents=tuple(map(_document, query.documents, documents)),
            indexed=tuple(Document(DocKey(query.index_kind, id), int(v), body) for id, v, body in indexed),
            stock={sku: int(left) for sku, left in _pairs(stock)},
            total=int(total),
            first_total=int(first_total),
            go_on=int(float(go_on)) if go_on else None,
            cut=bool(cut),
        )

    async def missed(self, after: Mapping[str, int], epoch: str, *, limit: int = 1000) -> Missed:
        """Return the events that a reader missed in some rooms, all as of one moment.

        Args:
            after: By room, the offset up to which the reader has its events.
            epoch: The epoch of these offsets.
            limit: The most events of one room. A room with more of them, or with more bytes than `missed_bytes`,
                yields none.
        """
        rooms, found = list(after), dict[str, tuple[LogEntry, ...] | None]()
        first: Cursor | None = None
        for start in range(0, len(rooms) or 1, _ROOMS_A_CALL):
            chunk = rooms[start : start + _ROOMS_A_CALL]
            at = [self.keys.meta]
            for room in chunk:
                at += (self.keys.room(room), self.keys.head(room))
            argv = [epoch, first.offset if first else "", limit, self.missed_bytes, *(after[room] for room in chunk)]
            cursor, reply = await self._as_of(self._missed, at, argv)
            if cursor.epoch != epoch:
                return Missed(cursor, dict.fromkeys(rooms))
            if first is None:
                self._check_ahead(Cursor(epoch, max(after.values(), default=0)), cursor)
            first = first or cursor
            for room, entries in zip(chunk, reply, strict=True):
                found[room] = None if entries is None else tuple(_entry(room, raw) for raw in entries)
        return Missed(first or self.highest, found)

    async def heads(self, rooms: Sequence[str]) -> tuple[Cursor, list[int]]:
        """Where the branch stands, and where each room ends: no head is behind that position."""
        heads: list[int] = []
        first: Cursor | None = None
        for start in range(0, len(rooms) or 1, _HEADS_A_CALL):
            at = [self.keys.meta, *map(self.keys.head, rooms[start : start + _HEADS_A_CALL])]
            cursor, reply = await self._as_of(self._heads, at, [])
            first = first or cursor
            heads += map(int, reply)
        return first or self.highest, heads

    async def document(self, key: DocKey) -> Document | None:
        """The document as it stands."""
        return _document(key, await self.calls.call("HMGET", self.keys.document(key), "v", "b", again=True))

    async def documents(self, keys: Iterable[DocKey]) -> list[Document | None]:
        """Each of these documents as it stands; not all of one moment."""
        return await asyncio.gather(*map(self.document, keys))

    async def indexed(self, index: str, *, before: int | None, limit: int) -> list[tuple[str, int]]:
        """An index's members that came in before an offset, newest first, each with its offset."""
        end = "+inf" if before is None else f"({before}"
        key = self.keys.index(index)
        flat = await self.calls.call("ZREVRANGEBYSCORE", key, end, "-inf", "WITHSCORES", "LIMIT", 0, limit, again=True)
        return [(member, int(float(score))) for member, score in _pairs(flat)]

    async def earliest(self, index: str, upto: int, limit: int) -> list[str]:
        """Return an index's members whose score is at most `upto`, the lowest first."""
        key = self.keys.index(index)
        found: list[str] = await self.calls.call("ZRANGEBYSCORE", key, "-inf", upto, "LIMIT", 0, limit, again=True)
        return found

    async def enlist(self, index: str, of: str) -> None:
        """Add every missing member of another index to this one, at its front, with the score 0."""
        into, other = self.keys.index(index), self.keys.index(of)
        await self.calls.call("ZUNIONSTORE", into, 2, into, other, "WEIGHTS", 1, 0, "AGGREGATE", "MAX", again=True)

    async def index_size(self, index: str) -> int:
        """Return the number of members of an index."""
        return int(await self.calls.call("ZCARD", self.keys.index(index), again=True))

    async def members(self, index: str) -> list[str]:
        """Return all members of an index, the oldest first; not as of one moment."""
        key, found = self.keys.index(index), list[str]()
        while page := await self.calls.call("ZRANGE", key, len(found), len(found) + _MEMBERS_A_CALL - 1, again=True):
            found += page
        return found

    async def stock(self) -> dict[str, int]:
        """How many are left of each dish that is counted."""
        left = await self.calls.call("HGETALL", self.keys.stock, again=True)
        return {sku: int(n) for sku, n in _pairs(left)}

    async def samples(self, name: str) -> list[int]:
        """The newest measurements, newest first, at most 100."""
        return [int(n) for n in await self.calls.call("LRANGE", self.keys.samples(name), 0, -1, again=True)]

    async def counts(self, name: str) -> dict[str, int]:
        """A set of tallies, by field."""
        flat = await self.calls.call("HGETALL", self.keys.counts(name), again=True)
        return {field: int(n) for field, n in _pairs(flat)}

    async def used(self, names: Sequence[str]) -> list[int]:
        """Return the amount counted for each quota in its present window."""
        if not names:
            return []
        found = await self.calls.call("MGET", *map(self.keys.quota, names), again=True)
        return [int(n or 0) for n in found]

    async def holders(self, prefix: str, limit: int) -> list[str]:
        """Return at most so many of the holders of places whose names begin with this; not all of one moment."""
        key, pattern, found, at = self.keys.holds, f"{HOLDER}{prefix}*", dict[str, None](), "0"
        while len(found) < limit:
            at, flat = await self.calls.call("HSCAN", key, at, "MATCH", pattern, "COUNT", _HOLDS_A_CALL, again=True)
            found |= {field.removeprefix(HOLDER): None for field, _ in _pairs(flat)}
            if str(at) == "0":
                break
        return list(found)[:limit]

    async def forget(self, room: str, before: int) -> None:
        """Drop a room's events up to this offset, itself not included. Whoever comes back from one before those that
        are left begins anew."""
        await self.calls.call("XTRIM", self.keys.room(room), "MINID", f"{before}-0", again=True)

    def report_unreadable(self, at: DocKey | LogEntry, reason: str) -> None:
        """Count a document or event that cannot be read, and log its key the first time.

        Args:
            at: The document, or the event's entry.
            reason: The field and the kind of fault, never a value.
        """
        if self._on_unreadable is not None:
            self._on_unreadable()
        key = self.keys.document(at) if isinstance(at, DocKey) else f"{self.keys.room(at.room)} {at.offset}"
        if (key, reason) in self._reported:
            return
        self._reported[key, reason] = None
        if len(self._reported) > _REPORTS_KEPT:
            self._reported.popitem(last=False)
        logger.error("log.document_unreadable", key=key, reason=reason)

    async def ping(self) -> None:
        """Is Redis there?"""
        await self.calls.call("PING")

    async def _as_of(self, script: Script, keys: Sequence[str], argv: Sequence[str | int]) -> tuple[Cursor, list[Any]]:
        """A reading script's reply, and the moment it is of; never of a log that lost its tail unnoticed."""
        reply = await self.calls.run(script, keys, argv, again=True)
        if not self._trusts(Cursor(reply[0], int(reply[1]))):
            await self.commit(Write())  # names a new epoch: only a commit may
            reply = await self.calls.run(script, keys, argv, again=True)
        cursor = Cursor(reply[0], int(reply[1]))
        self.observe(cursor)
        return cursor, reply[2:]

    def _check_ahead(self, cursor: Cursor, at: Cursor) -> None:
        """Report a cursor past the log's end: the reader holds events that this log does not have."""
        if cursor.epoch == at.epoch and cursor.offset > at.offset:
            logger.warning("log.cursor_ahead", cursor=str(cursor), log=str(at))
            if self._on_cursor_ahead is not None:
                self._on_cursor_ahead()

    def _trusts(self, cursor: Cursor) -> bool:
        """Whether the log has an epoch, and is not behind what was seen of it."""
        return bool(cursor.epoch) and not self._seen.past(cursor)


def _entry(room: str, raw: Any) -> LogEntry:
    id, fields = raw  # as commit.lua adds it; by name they took twice the time. A newer hub may add more at the end.
    return LogEntry(int(id.removesuffix("-0")), int(fields[1]), room, fields[3], fields[5])


def _document(key: DocKey, raw: Sequence[str | None]) -> Document | None:
    version, body = raw
    return None if version is None else Document(key, int(version), body or "")


def _pairs(reply: Any) -> Iterable[tuple[Any, Any]]:
    """Redis answers with pairs in three shapes, by protocol and command."""
    if isinstance(reply, dict):
        return reply.items()
    if reply and isinstance(reply[0], list | tuple):
        return ((first, second) for first, second in reply)
    return zip(reply[::2], reply[1::2], strict=True)
