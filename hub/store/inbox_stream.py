"""An inbox: payloads that another service sent, in the order in which they came, until they have been dealt with.

Any process adds to it, and the one with the reader's lease (`ReaderLease`) takes from it. It is bounded in number and
in bytes. What has been dealt with may come again: `unseen` knows it by its own id for as long as it was marked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hub.store.outbound_stream import START
from hub.store.redis.client import Script
from hub.store.redis.reply_pairs import pairs

if TYPE_CHECKING:
    from hub.store.keys import Keys
    from hub.store.redis.client import RedisClient

_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A payload in an inbox; `cursor` is its place."""

    cursor: str
    body: str


@dataclass(frozen=True, slots=True)
class InboxBounds:
    """The most that waits in an inbox."""

    entries: int = 20_000
    size_bytes: int = 16 * 1024 * 1024


class InboxStream:
    """The inbox of one service.

    Every call ends within the deadline of `calls`: with an answer, or with `Unavailable`.

    Args:
        name: The service that sends.
    """

    def __init__(self, calls: RedisClient, keys: Keys, name: str, bounds: InboxBounds = InboxBounds()) -> None:
        self._calls = calls
        self._keys = keys
        self._name = name
        self._bounds = bounds
        self._stream = [keys.inbox(name), keys.inbox_bytes(name)]
        self._add, self._remove = Script("inbox_add"), Script("inbox_remove")

    async def add(self, body: str) -> bool:
        """Append a payload; return False if the inbox is full. A lost answer may leave it there twice."""
        size, bounds = len(body.encode()), self._bounds
        argv: list[str | int] = [body, size, bounds.entries, bounds.size_bytes]
        (added,) = await self._calls.run(self._add, self._stream, argv, again=True)
        return bool(added)

    async def read(self, after: str, count: int, *, wait_s: float = 0) -> tuple[InboxEntry, ...]:
        """Return the entries after a cursor, the oldest first; none if none came within `wait_s` seconds."""
        source = ("STREAMS", self._stream[0], after)
        if wait_s <= 0:
            return _entries(await self._calls.call("XREAD", "COUNT", count, *source, again=True))
        until = time.monotonic() + wait_s
        while (left_s := until - time.monotonic()) > 0:
            block = ("BLOCK", max(1, int(left_s * 1_000)))
            if found := _entries(await self._calls.block("XREAD", "COUNT", count, *block, *source, seconds=left_s)):
                return found
            # fakeredis does not block where a count is given; a real Redis comes here once, when time is up.
            await asyncio.sleep(min(_POLL_S, max(0.0, until - time.monotonic())))
        return ()

    async def last(self) -> str:
        """Return the place at which a new reader begins: before everything."""
        return START

    async def is_whole_after(self, cursor: str) -> bool:
        """Return True: an entry leaves only when it has been dealt with."""
        return True

    async def remove(self, entries: Iterable[InboxEntry]) -> None:
        """Remove entries that have been dealt with."""
        await self._calls.run(self._remove, self._stream, [entry.cursor for entry in entries], again=True)

    async def waiting(self) -> int:
        """Return the number of entries."""
        return int(await self._calls.call("XLEN", self._stream[0], again=True))

    async def unseen(self, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that are not marked."""
        if not ids:
            return set()
        found = await self._calls.call("MGET", *(self._keys.inbox_seen(self._name, each) for each in ids), again=True)
        return {each for each, mark in zip(ids, found, strict=True) if mark is None}

    async def mark(self, id: str, kept_s: int) -> None:
        """Note that what has this id has been dealt with, for `kept_s` seconds."""
        await self._calls.call("SET", self._keys.inbox_seen(self._name, id), 1, "EX", kept_s, again=True)


def _entries(answer: Any) -> tuple[InboxEntry, ...]:
    return tuple(
        InboxEntry(str(cursor), str(dict(pairs(fields))["b"]))
        for _stream, entries in pairs(answer or ())
        for cursor, fields in entries
    )
