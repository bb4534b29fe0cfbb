"""The outbound stream: the events of a branch that readers outside want, in the order of the log.

`commit.lua` writes it, in the same step as the log. It is bounded in number (`OUTBOUND_KEPT`) and in age (`trim`). Each
reader has a name and a cursor of its own in Redis; of the processes that read under one name, the one with the lease
moves the cursor.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hub.store.redis.client import Script
from hub.store.redis.reply_pairs import pairs

if TYPE_CHECKING:
    from datetime import datetime

    from hub.core.cursor import Cursor
    from hub.store.keys import Keys
    from hub.store.redis.client import RedisClient

_POLL_S = 0.02
_FORGET_AT_ONCE = 500  # entries that one call looks at
_DELETED_KEPT_S = 30 * 86_400  # longer than any entry is kept
_CLOCKS_DIFFER = timedelta(minutes=5)  # of hubs and Redis, at most
START = "0-0"  # the cursor before the first entry


@dataclass(frozen=True, slots=True)
class OutboundEvent:
    """An event of the outbound stream.

    Attributes:
        cursor: Its place in the stream.
        id: `<epoch>.<offset>`, which no other event of the branch has.
        type: As `NewEvent.type`.
        body: As `NewEvent.body`.
        rooms: The rooms that got it.
    """

    cursor: str
    id: str
    type: str
    body: str
    rooms: tuple[str, ...]


class OutboundStream:
    """Reads the outbound stream of one branch.

    Every call ends within the deadline of `calls`: with an answer, or with `Unavailable`.
    """

    def __init__(self, calls: RedisClient, keys: Keys) -> None:
        self._calls = calls
        self._keys = keys
        self._forget = Script("outbound_forget")

    async def read(self, after: str, count: int, *, wait_s: float = 0) -> tuple[OutboundEvent, ...]:
        """Return the events after a cursor, the oldest first; none if none came within `wait_s` seconds."""
        source = ("STREAMS", self._keys.outbound, after)
        if wait_s <= 0:
            return _events(await self._calls.call("XREAD", "COUNT", count, *source, again=True))
        until = time.monotonic() + wait_s
        while (left_s := until - time.monotonic()) > 0:
            block = ("BLOCK", max(1, int(left_s * 1_000)))
            if found := _events(await self._calls.block("XREAD", "COUNT", count, *block, *source, seconds=left_s)):
                return found
            # fakeredis does not block where a count is given; a real Redis comes here once, when time is up.
            await asyncio.sleep(min(_POLL_S, max(0.0, until - time.monotonic())))
        return ()

    async def last(self) -> str:
        """Return the cursor after the newest event."""
        newest: Any = await self._calls.call("XREVRANGE", self._keys.outbound, "+", "-", "COUNT", 1, again=True)
        return str(newest[0][0]) if newest else START

    async def is_whole_after(self, cursor: str) -> bool:
        """Return False if events after a cursor have left the stream."""
        after: Any = await self._calls.call("XRANGE", self._keys.outbound, f"({cursor}", "+", "COUNT", 1, again=True)
        return not after or await self._follows(str(dict(pairs(after[0][1]))["p"]), cursor)

    async def _follows(self, before: str, cursor: str) -> bool:
        """Return True if all entries between a cursor and an entry, of which `before` was the last, were forgotten."""
        if _place(before) <= _place(cursor):
            return True
        deleted: Any = dict(pairs(await self._calls.call("HGETALL", self._keys.outbound_deleted, again=True)))
        while _place(before) > _place(cursor):
            if before not in deleted:
                return False
            before = str(deleted[before])
        return True

    async def forget(self, room: str, before: Cursor, since: datetime) -> None:
        """Delete the events of a room before a place in the log. Readers miss nothing else by it.

        Args:
            since: When the room began, by a hub's clock.
        """
        keys = [self._keys.outbound, self._keys.outbound_deleted]
        start = str(max(0, int((since - _CLOCKS_DIFFER).timestamp() * 1_000)))
        while start:
            argv: list[str | int] = [start, _FORGET_AT_ONCE, room, before.epoch, before.offset, _DELETED_KEPT_S]
            (start,) = await self._calls.run(self._forget, keys, argv, again=True)

    async def lag(self, cursor: str) -> tuple[int, float]:
        """Return the number of events after a cursor, counted to 1,000, and the age of the oldest in seconds."""
        waiting: Any = await self._calls.call(
            "XRANGE", self._keys.outbound, f"({cursor}", "+", "COUNT", 1_000, again=True
        )
        if not waiting:
            return 0, 0.0
        return len(waiting), max(0.0, await self._now_ms() - _place(waiting[0][0])[0]) / 1_000

    async def has_reader(self, name: str) -> bool:
        """Return True if a process has the lease on a name now, or had it seconds ago."""
        return bool(await self._calls.call("EXISTS", self._keys.reader_lease(name), again=True))

    async def behind(self, reader: str) -> tuple[int, float]:
        """Return the same for the cursor of a reader; 0 for one that has never read."""
        cursor = await self._calls.call("GET", self._keys.reader_cursor(reader), again=True)
        return await self.lag(str(cursor)) if cursor else (0, 0.0)

    async def trim(self, kept_s: int) -> None:
        """Remove the events that are older than `kept_s` seconds, but never the newest one."""
        oldest, last = int(await self._now_ms()) - kept_s * 1_000, await self.last()
        if _place(last)[0] < oldest:
            await self._calls.call("XTRIM", self._keys.outbound, "MINID", last, again=True)
        else:
            await self._calls.call("XTRIM", self._keys.outbound, "MINID", "~", oldest, again=True)
        deleted: Any = await self._calls.call("HKEYS", self._keys.outbound_deleted, again=True)
        if gone := [place for place in deleted if _place(place)[0] < oldest]:
            await self._calls.call("HDEL", self._keys.outbound_deleted, *gone, again=True)

    async def _now_ms(self) -> float:
        """Return the time by Redis's clock, which entries are dated by."""
        seconds, microseconds = await self._calls.call("TIME", again=True)
        return int(seconds) * 1_000 + int(microseconds) / 1_000


class ReaderLease:
    """The right of one process to read the outbound stream under a name, and the cursor of that name.

    Args:
        name: The reader: `notifier`, `webhooks`.
        owner: This process, by a name that no other has.
        ttl_s: The time after which another process takes the lease, unless it is renewed.
    """

    def __init__(self, calls: RedisClient, keys: Keys, name: str, owner: str, *, ttl_s: float = 6.0) -> None:
        self.name = name
        self.owner = owner
        self.ttl_s = ttl_s
        self._calls = calls
        self._keys = [keys.reader_lease(name), keys.reader_cursor(name)]
        self._take, self._leave = Script("reader"), Script("reader_leave")

    async def take(self) -> str | None:
        """Take or renew the lease. Return the cursor (empty: the name has never read); None: another process has it.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        has, cursor = await self._run("", "")
        return cursor if has else None

    async def move(self, known: str, cursor: str) -> bool:
        """Move the cursor, and renew the lease.

        Args:
            known: Where the owner knows it to be.

        Returns:
            False if another process has the lease, or had it meanwhile and moved the cursor; nothing was moved then.
        """
        has, now = await self._run(known, cursor)
        return has or now == cursor  # a lost answer: it had been moved before this try

    async def end(self) -> None:
        """Give the lease back, so that another process takes it at once."""
        await self._calls.run(self._leave, self._keys[:1], [self.owner], again=True)

    async def _run(self, known: str, cursor: str) -> tuple[bool, str]:
        argv: list[str | int] = [self.owner, int(self.ttl_s * 1_000), known, cursor]
        has, now = await self._calls.run(self._take, self._keys, argv, again=True)
        return bool(has), str(now)


def _events(answer: Any) -> tuple[OutboundEvent, ...]:
    return tuple(_event(*entry) for _stream, entries in pairs(answer or ()) for entry in entries)


def _event(cursor: str, fields: Any) -> OutboundEvent:
    found = dict(pairs(fields))
    return OutboundEvent(cursor, found["e"], found["t"], found["b"], tuple(found["r"].split(",")))


def _place(cursor: str) -> tuple[int, int]:
    ms, _, number = cursor.partition("-")
    return int(ms), int(number or 0)
