"""Warnings that a hub leaves in Redis for `comanda doctor`, which runs in another process."""

from __future__ import annotations

from hub.store.keys import Keys
from hub.store.redis.client import RedisClient

KEPT_S = 7_200


class WarningBoard:
    """Keeps one warning for each subject. It expires two hours after it was last written."""

    def __init__(self, calls: RedisClient, keys: Keys) -> None:
        self._calls = calls
        self._keys = keys

    async def put(self, subject: str, text: str) -> None:
        """Write the warning of a subject.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        await self._calls.call("SET", self._keys.warning(subject), text, "EX", KEPT_S, again=True)

    async def read(self, subject: str) -> str | None:
        """Return the warning of a subject; None if there is none.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        found: str | None = await self._calls.call("GET", self._keys.warning(subject), again=True)
        return found
