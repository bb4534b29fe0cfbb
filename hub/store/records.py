"""A branch's records beside its events: documents, indexes, counters, tallies, samples, quotas and holds.

A commit writes them (`Write`). These calls read them one by one, not as of one moment; for that there is
`EventLog.view`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hub.store.decoding import document_of
from hub.store.keys import HOLDER, Keys
from hub.store.redis.reply_pairs import pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.store.redis.client import RedisClient
    from hub.store.types import DocKey, Document

_MEMBERS_A_CALL = 1_000
_HOLDS_A_CALL = 1_000


class Records:
    """Reads the records of one branch.

    Every call ends within the deadline of `calls`: with an answer, or with `Unavailable`.

    Attributes:
        keys: The branch's keys in Redis.
        calls: The client that carries out commands.
    """

    def __init__(self, calls: RedisClient, keys: Keys) -> None:
        self.calls = calls
        self.keys = keys

    # Documents

    async def document(self, key: DocKey) -> Document | None:
        """Return a document; None if there is none."""
        return document_of(key, await self.calls.call("HMGET", self.keys.document(key), "v", "b", again=True))

    async def documents(self, keys: Iterable[DocKey]) -> list[Document | None]:
        """Return several documents in the order asked for, None for each that is missing."""
        return await asyncio.gather(*map(self.document, keys))

    # Indexes

    async def indexed(self, index: str, *, before: int | None, limit: int) -> list[tuple[str, int]]:
        """Return the members of an index with their scores, highest first.

        Args:
            before: Return only members with a lower score; None: all.
            limit: Return at most this many.
        """
        end = "+inf" if before is None else f"({before}"
        key = self.keys.index(index)
        flat = await self.calls.call("ZREVRANGEBYSCORE", key, end, "-inf", "WITHSCORES", "LIMIT", 0, limit, again=True)
        return [(member, int(float(score))) for member, score in pairs(flat)]

    async def earliest(self, index: str, upto: int, limit: int) -> list[str]:
        """Return the members of an index whose score is at most `upto`, lowest first."""
        key = self.keys.index(index)
        found: list[str] = await self.calls.call("ZRANGEBYSCORE", key, "-inf", upto, "LIMIT", 0, limit, again=True)
        return found

    async def enlist(self, index: str, of: str) -> None:
        """Add every missing member of the index `of` to `index`, at its front, with the score 0."""
        into, other = self.keys.index(index), self.keys.index(of)
        await self.calls.call("ZUNIONSTORE", into, 2, into, other, "WEIGHTS", 1, 0, "AGGREGATE", "MAX", again=True)

    async def index_size(self, index: str) -> int:
        """Return the number of members of an index."""
        return int(await self.calls.call("ZCARD", self.keys.index(index), again=True))

    async def members(self, index: str) -> list[str]:
        """Return all members of an index, lowest score first."""
        key, found = self.keys.index(index), list[str]()
        while page := await self.calls.call("ZRANGE", key, len(found), len(found) + _MEMBERS_A_CALL - 1, again=True):
            found += page
        return found

    # Numbers

    async def counters(self) -> dict[str, int]:
        """Return the count of each counter that was ever set."""
        flat = await self.calls.call("HGETALL", self.keys.counters, again=True)
        return {name: int(n) for name, n in pairs(flat)}

    async def seed_counters(self, counts: Mapping[str, int]) -> None:
        """Set the counters that were never set; the others keep their counts.

        Raises:
            Unavailable: Redis did not answer in time. It is safe to call again.
        """
        await asyncio.gather(
            *(self.calls.call("HSETNX", self.keys.counters, name, n, again=True) for name, n in counts.items())
        )

    async def samples(self, name: str) -> list[int]:
        """Return the newest measurements of something, newest first, at most 100."""
        return [int(n) for n in await self.calls.call("LRANGE", self.keys.samples(name), 0, -1, again=True)]

    async def counts(self, name: str) -> dict[str, int]:
        """Return a set of tallies, by field."""
        flat = await self.calls.call("HGETALL", self.keys.counts(name), again=True)
        return {field: int(n) for field, n in pairs(flat)}

    async def used(self, names: Sequence[str]) -> list[int]:
        """Return the amount counted for each quota in its present window."""
        if not names:
            return []
        found = await self.calls.call("MGET", *map(self.keys.quota, names), again=True)
        return [int(n or 0) for n in found]

    async def holders(self, prefix: str, limit: int) -> list[str]:
        """Return holders of places (see `Hold`) whose names begin with a prefix, at most `limit`."""
        key, pattern, found, at = self.keys.holds, f"{HOLDER}{prefix}*", dict[str, None](), "0"
        while len(found) < limit:
            at, flat = await self.calls.call("HSCAN", key, at, "MATCH", pattern, "COUNT", _HOLDS_A_CALL, again=True)
            found |= {field.removeprefix(HOLDER): None for field, _ in pairs(flat)}
            if str(at) == "0":
                break
        return list(found)[:limit]
