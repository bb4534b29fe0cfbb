"""The time of everybody's newest position: in Redis, for all processes. The positions themselves are kept nowhere."""

from __future__ import annotations

from datetime import datetime

from hub.store.keys import Keys
from hub.store.redis.client import RedisClient

_KEPT_S = 3_600  # since the last position of anybody


class PositionTimes:
    """Tells whether a position is the newest one of its name.

    Every call ends within the deadline of `calls`: with an answer, or with `Unavailable`.
    """

    def __init__(self, calls: RedisClient, keys: Keys) -> None:
        self._calls = calls
        self._keys = keys

    async def advance(self, name: str, at: datetime) -> bool:
        """Return True if nothing newer is known of this name; remember the time of its position.

        If the reply is lost on the way, the answer is False although it was the newest one: it is left out.
        """
        key = self._keys.newest_positions
        changed = await self._calls.call("ZADD", key, "GT", "CH", round(at.timestamp() * 1_000), name, again=True)
        await self._calls.call("EXPIRE", key, _KEPT_S, again=True)
        return bool(changed)
