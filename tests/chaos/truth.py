"""What really happened: the streams and documents as they stand in Redis, read past every hub and proxy."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hub.domain.events import parse_event
from hub.domain.order_document import Order
from hub.domain.order_fold import apply
from hub.services.document_names import order_key
from hub.store import EventLog, LogEntry

if TYPE_CHECKING:
    from redis.asyncio import Redis

_PAGE = 1_000
_READS_AT_ONCE = 32
ORDER_ROOM = "order:"


@dataclass(slots=True)
class Stream:
    """One room's log: offsets and the offset before each, and what its events add up to."""

    offsets: list[int] = field(default_factory=list)
    prevs: list[int] = field(default_factory=list)
    known: set[int] = field(default_factory=set)
    order: Order | None = None
    titles: Counter[str] = field(default_factory=Counter)

    @property
    def head(self) -> int:
        return self.offsets[-1] if self.offsets else 0

    def take(self, entry: LogEntry) -> None:
        self.offsets.append(entry.offset)
        self.prevs.append(entry.prev)
        self.known.add(entry.offset)
        if entry.room.startswith(ORDER_ROOM):
            self.order = applied(self.order, json.loads(entry.body))
        elif entry.type == "promo.published":
            self.titles[json.loads(entry.body)["data"]["title"]] += 1


class Truth:
    """Reads what is new since the last look; all of it again after Redis was started anew, or the epoch changed."""

    def __init__(self, redis: Redis, branch: str = "centro") -> None:
        self._redis = redis
        self._log = EventLog(redis, branch, deadline_s=10)
        self._life = ("", "")
        self._streams: dict[str, Stream] = {}
        self.documents: dict[str, Order | None] = {}

    async def aclose(self) -> None:
        await self._log.aclose()

    @property
    def epoch(self) -> str:
        return self._life[1]

    def stream(self, room: str) -> Stream:
        return self._streams.setdefault(room, Stream())

    async def look(self, rooms: Iterable[str]) -> None:
        """Read these rooms, and the documents of those that are orders'."""
        life = await self._whose_life()
        if life != self._life:
            self._life, self._streams = life, {}
        turns = asyncio.Semaphore(_READS_AT_ONCE)

        async def read(room: str) -> None:
            async with turns:
                await self._read(room)

        await asyncio.gather(*map(read, rooms))

    async def _whose_life(self) -> tuple[str, str]:
        server: Any = await self._redis.info("server")
        epoch: Any = await self._redis.hget(self._log.keys.meta, "epoch")
        return server["run_id"], epoch or ""

    async def _read(self, room: str) -> None:
        stream = self.stream(room)
        while True:
            entries = await self._log.read(room, stream.head, limit=_PAGE)
            for entry in entries:
                stream.take(entry)
            if len(entries) < _PAGE:
                break
        if room.startswith(ORDER_ROOM):
            document = await self._log.document(order_key(room.removeprefix(ORDER_ROOM)))
            self.documents[room] = Order.model_validate_json(document.body) if document else None


def applied(order: Order | None, event: Any) -> Order | None:
    """The order after an event of its room; one that is about something else changes nothing."""
    if not event["type"].startswith("order."):
        return order
    return apply(order, parse_event(event["type"], event["data"]), datetime.fromisoformat(event["at"]))  # type: ignore[arg-type]
