"""A branch's event log: the one place that changes anything, and the reads of its events."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING, Any

import structlog

from hub.core.cursor import Cursor
from hub.core.errors import ComandaError
from hub.store import commit as commits
from hub.store import view as views
from hub.store.counters import CounterMove
from hub.store.decoding import entry_of
from hub.store.high_water_mark import HighWaterMark
from hub.store.idempotency import IdempotencyKey
from hub.store.keys import Keys
from hub.store.outbound_stream import OutboundStream
from hub.store.records import Records
from hub.store.redis.client import RedisClient, ReplicaWait, Script
from hub.store.redis.condition import Condition
from hub.store.redis.reply_pairs import pairs
from hub.store.retention import Retention
from hub.store.types import (
    Committed,
    DocKey,
    Document,
    Hold,
    IndexMove,
    LogEntry,
    Missed,
    NewEvent,
    Quota,
    View,
    ViewQuery,
    Write,
)
from hub.store.unreadable_reports import UnreadableReports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from redis.asyncio import Redis

logger = structlog.get_logger(__name__)

_EPOCH_ALPHABET = string.ascii_lowercase + string.digits
_CONFIRMED_S = 60
_HEADS_A_CALL = 1_000
_ROOMS_A_CALL = 200

__all__ = [
    "Committed",
    "CounterMove",
    "DocKey",
    "Document",
    "EventLog",
    "Hold",
    "IndexMove",
    "LogEntry",
    "Missed",
    "NewEvent",
    "Quota",
    "View",
    "ViewQuery",
    "Write",
]


def random_epoch() -> str:
    """Return a random name for an epoch: eight letters and digits."""
    return "".join(secrets.choice(_EPOCH_ALPHABET) for _ in range(8))


class EventLog(Records):
    """The events of one branch in one order, and its records.

    All changes go through `commit`. Every call ends within `deadline_s`: with an answer, or with `Unavailable`.

    Example:
        redis = connect("redis://127.0.0.1:6379")
        log = EventLog(redis, "league")
        goal = NewEvent("goal", '{"type":"goal","at":"2026-11-20T21:30:00.123Z","data":{"by":"Ana"}}', ("match:1",))
        committed = await log.commit(Write(events=(goal,)))
        entries = await log.read("match:1", after=0)

    Args:
        redis: From `connect`; it must decode its responses. Its owner closes it.
        branch: The name under which the log is kept in Redis.
        retention: The number of events that each room keeps.
        missed_bytes: The most bytes of missed events that are read of one room; 0: no limit.
        command_ttl_s: The time for which the result of a write is kept under its idempotency key, in seconds.
        deadline_s: The time that one call may take, in seconds.
        wait: The replicas that have to confirm a commit before it is acknowledged; None: none have to.
        new_epoch: Return the name of a new epoch.
        seen: The places in the log that this process knows of already; its reads and commits add to it.
        on_cursor_ahead: Called when a reader brings a cursor that the log has not reached in that cursor's own epoch.
        on_unreadable: Called each time that a stored document or event cannot be read.

    Attributes:
        condition: The state of Redis as commits see it.
        unreadable: Reports of stored documents and events that cannot be read.
    """

    def __init__(
        self,
        redis: Redis,
        branch: str,
        *,
        retention: Retention = Retention(),  # noqa: B008 - frozen
        missed_bytes: int = 0,
        command_ttl_s: int = 86_400,
        deadline_s: float = 2.0,
        wait: ReplicaWait | None = None,
        new_epoch: Callable[[], str] = random_epoch,
        seen: HighWaterMark | None = None,
        on_cursor_ahead: Callable[[], None] | None = None,
        on_unreadable: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(RedisClient(redis, deadline_s=deadline_s), Keys(branch))
        self.branch = branch
        self.retention = retention
        self.missed_bytes = missed_bytes
        self.command_ttl_s = command_ttl_s
        self.deadline_s = deadline_s
        self.condition = Condition()
        self._seen = HighWaterMark() if seen is None else seen
        self._on_cursor_ahead = on_cursor_ahead
        self.unreadable = UnreadableReports(on_unreadable)
        self._wait = wait
        self._new_epoch = new_epoch
        self._spare_epoch = new_epoch()
        self._commit, self._publish = Script("commit"), Script("publish")
        self._outbound = OutboundStream(self.calls, self.keys)
        self._view, self._heads, self._missed = Script("view"), Script("heads"), Script("missed")

    @property
    def highest(self) -> Cursor:
        """The furthest place that this process has seen in the log's present epoch."""
        return self._seen.latest

    @property
    def room_events(self) -> int:
        """The number of events that a room keeps, unless it keeps all."""
        return self.retention.events

    async def aclose(self) -> None:
        """Drop the calls that are under way."""
        await self.calls.aclose()

    # Writing

    async def commit(self, write: Write) -> Committed:
        """Commit one write, atomically: all of it is in the log and on its way to the rooms, or none of it.

        Args:
            write: At most 16 documents and 8 events, each body at most 64 KiB of JSON.

        Returns:
            The offsets given, in order; for a known command id, those of the first time.

        Raises:
            VersionConflict: A document is not at its expected version (`document`, `version`); read again.
            CounterTooLow: A counter has less than the write takes.
            LimitReached, RateLimited: A quota is used up, or a pool has no place left (`limit`, `most`, `used`).
            IdempotencyMismatch: The command id was used before, with another body.
            Unavailable: Redis did not answer in time, or too few replicas confirmed the commit. The outcome is
                unknown: retry with the same command id.
            ValueError: The write is past the limits.

        Source: the append-and-publish script of Centrifugo's Redis broker, widened to several rooms.
        """
        commits.check(write)
        keys, argv = commits.arguments(
            write,
            self.keys,
            spare_epoch=self._spare_epoch,
            seen=self._seen.offsets,
            retention=self.retention,
            command_ttl_s=self.command_ttl_s,
            publish_command=self.calls.publish_command,
        )
        # Retry after a lost reply only if the script recognises the repeated command.
        try:
            again = write.idempotency is not None
            reply = await self.calls.run(self._commit, keys, argv, again=again, wait=self._wait)
            if self._wait is not None and (reply[0] == "KNOWN" or write == Write()):
                await self._confirm()
        except ComandaError as error:
            self.condition.failed(error)
            raise
        self.condition.taken()
        committed = commits.answer(write, reply)
        # A remembered answer may belong to an epoch that has ended.
        if not committed.repeated or committed.epoch == self.highest.epoch:
            self.observe(committed.cursor)
        return committed

    async def remembered(self, key: IdempotencyKey | None) -> Committed | None:
        """Return the outcome of the write that was committed under a key; None if there was none, or without a key.

        Raises:
            IdempotencyMismatch: A write with another fingerprint was committed under this command id.
            Unavailable: Redis did not answer in time, or too few replicas have confirmed the commit.
        """
        if key is None:
            return None
        known = await self.calls.call("GET", self.keys.command(key.command_id), again=True)
        if known is None:
            return None
        await self._confirm()
        found, _, rest = known.partition("\n")
        if key.last_only and found != key.fingerprint:
            return None
        return commits.answer(Write(), ["KNOWN", rest] if found == key.fingerprint else ["MISMATCH"])

    async def publish(self, room: str, type: str, body: str, subject: str = "-") -> None:
        """Publish a volatile event: it reaches the room's present members, has no offset, and is not stored.

        Args:
            body: The whole event, one line of JSON.
            subject: One word for the subject of the event. A member that reads slowly gets only the newest event of
                each type and subject.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        argv = [self.keys.channel(room), type, body, subject, self.calls.publish_command]
        await self.calls.run(self._publish, [self.keys.meta], argv)

    async def _confirm(self) -> None:
        """Wait for the replicas after a commit that wrote nothing: what it relies on may not be replicated yet.

        WAIT counts the replicas that have a connection's last write, so there has to be one.

        Raises:
            Unavailable: Too few replicas confirmed it.
        """
        if self._wait is not None:
            await self.calls.call("SET", self.keys.confirmed, 1, "EX", _CONFIRMED_S, again=True, wait=self._wait)

    def observe(self, cursor: Cursor) -> None:
        """Note that the log has reached a place. If it is found before that place later, it has lost its tail."""
        self.heard(cursor.epoch, cursor.offset)

    def heard(self, epoch: str, offset: int) -> None:
        """Note the place of an event that was heard; see `observe`."""
        if self._seen.note(epoch, offset) and epoch == self._spare_epoch:
            self._spare_epoch = self._new_epoch()

    # Reading

    async def position(self) -> Cursor:
        """Return the end of the log. Begin a new epoch if it has none, or has lost its tail."""
        cursor, _ = await self._as_of(self._heads, [self.keys.meta], [])
        return cursor

    async def begin_anew(self) -> Cursor:
        """Begin a new epoch, so that every reader has to reload its rooms. Return the cursor at which it begins."""
        at = await self.position()
        self._seen.end(at.epoch, at.offset)
        return await self.position()

    async def read(self, room: str, after: int, *, limit: int = 1000, upto: int | None = None) -> list[LogEntry]:
        """Return a room's events after an offset, oldest first.

        Args:
            limit: Return at most this many.
            upto: The last offset to return; None: no limit.
        """
        end = "+" if upto is None else str(upto)
        entries = await self.calls.call("XRANGE", self.keys.room(room), str(after + 1), end, "COUNT", limit, again=True)
        return [entry_of(room, raw) for raw in entries]

    async def read_back(self, room: str, before: int | None, limit: int) -> list[LogEntry]:
        """Return a room's newest events, oldest first.

        Args:
            before: Return only events before this offset; None: all.
        """
        if before is not None and before <= 0:
            return []
        end = "+" if before is None else str(before - 1)
        entries = await self.calls.call("XREVRANGE", self.keys.room(room), end, "-", "COUNT", limit, again=True)
        return [entry_of(room, raw) for raw in reversed(entries)]

    async def view(self, query: ViewQuery) -> View:
        """Return the state and history of a room, all as of one moment."""
        keys, argv = views.arguments(query, self.keys)
        cursor, reply = await self._as_of(self._view, keys, argv)
        if query.after is not None and query.epoch is not None:
            self._check_ahead(Cursor(query.epoch, query.after), cursor)
        return views.answer(query, cursor, reply)

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
                found[room] = None if entries is None else tuple(entry_of(room, raw) for raw in entries)
        return Missed(first or self.highest, found)

    async def heads(self, rooms: Sequence[str]) -> tuple[Cursor, list[int]]:
        """Return the end of the log and of each room, in the order asked for. No room's end is before the log's was."""
        heads: list[int] = []
        first: Cursor | None = None
        for start in range(0, len(rooms) or 1, _HEADS_A_CALL):
            at = [self.keys.meta, *map(self.keys.head, rooms[start : start + _HEADS_A_CALL])]
            cursor, reply = await self._as_of(self._heads, at, [])
            first = first or cursor
            heads += map(int, reply)
        return first or self.highest, heads

    async def forget(self, room: str, before: Cursor, since: datetime) -> None:
        """Drop a room's events before the one at a place, also those that wait for readers outside.

        A reader with a cursor before that place must begin anew. If this fails, it may be done again.

        Args:
            since: When the room began.
        """
        key, place = self.keys.room(room), f"{before.offset}-0"
        earlier: Any = await self.calls.call("XRANGE", key, "-", place, "COUNT", 3, again=True)
        types = [dict(pairs(entry[1]))["t"] for entry in earlier]
        # Nothing was said since the room was last forgotten: nothing waits either, and the search is spared.
        if len(types) != 2 or types[0] != types[1]:
            await self._outbound.forget(room, before, since)
        await self.calls.call("XTRIM", key, "MINID", place, again=True)

    def report_unreadable(self, at: DocKey | LogEntry, reason: str) -> None:
        """Count a document or event that cannot be read, and log its key the first time.

        Args:
            at: The document's key, or the event's entry.
            reason: The field and the kind of fault, never a value.
        """
        key = self.keys.document(at) if isinstance(at, DocKey) else f"{self.keys.room(at.room)} {at.offset}"
        self.unreadable.add(key, reason)

    async def ping(self) -> None:
        """Return when Redis answers.

        Raises:
            Unavailable: It did not answer in time.
        """
        await self.calls.call("PING")

    async def _as_of(self, script: Script, keys: Sequence[str], argv: Sequence[str | int]) -> tuple[Cursor, list[Any]]:
        """Run a reading script; return the place in the log as of which it read, and the rest of its reply.

        A log that has lost its tail begins a new epoch first.
        """
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
        """Return True if the log has an epoch, and reaches as far as it was seen."""
        return bool(cursor.epoch) and not self._seen.past(cursor)
