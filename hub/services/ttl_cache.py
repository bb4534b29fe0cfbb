"""A cache of answers from Redis that are needed often, and may be a few seconds old."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from hub.core.errors import Unavailable
from hub.services.service_bounds import MAX_CACHED

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FRESH_S = 5.0


class TtlCache(Generic[K, V]):
    """The answer to each key, read again when it is older than `FRESH_S`.

    While Redis is away, the last answer stays valid.

    Args:
        read: Reads the answer to a key.
        most: So many answers are kept, those asked for last.
    """

    def __init__(
        self,
        read: Callable[[K], Awaitable[V]],
        monotonic: Callable[[], float] = time.monotonic,
        most: int = MAX_CACHED,
    ) -> None:
        self._read = read
        self._monotonic = monotonic
        self._most = most
        self._kept: OrderedDict[K, tuple[V, float]] = OrderedDict()

    async def get(self, key: K) -> V:
        """Return the answer to a key, at most `FRESH_S` old.

        Raises:
            Unavailable: Redis is away, and nothing is known.
        """
        kept = self._kept.get(key)
        if kept is not None and self._monotonic() - kept[1] <= FRESH_S:
            self._kept.move_to_end(key)
            return kept[0]
        try:
            return await self.renew(key)
        except Unavailable:
            if kept is None:
                raise
            self.put(key, kept[0])  # and read again later, not with every request
            return kept[0]

    async def renew(self, key: K) -> V:
        """Read the answer again, and return it."""
        value = await self._read(key)
        self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Set the answer to a key."""
        self._kept[key] = (value, self._monotonic())
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
