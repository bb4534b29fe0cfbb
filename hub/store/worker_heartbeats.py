"""Heartbeats of a queue's workers, in Redis: the time at which any of them was last alive."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.store.keys import Keys
    from hub.store.redis.client import RedisClient

_KEPT_MS = 3_600_000


class WorkerHeartbeats:
    """Keeps the last heartbeat of all workers together.

    Redis's own record of consumers does not serve: before version 7.2, a worker that waits for a job looks as if it had
    gone.
    """

    def __init__(self, calls: RedisClient, keys: Keys) -> None:
        self._calls = calls
        self._keys = keys

    async def beat(self, worker: str) -> None:
        """Report that a worker is alive.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        await self._calls.call("SET", self._keys.worker_heartbeat, worker, "PX", _KEPT_MS, again=True)

    async def end(self, worker: str) -> None:
        """Drop the last heartbeat if it is this worker's; the next one of another worker replaces it.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        if await self._calls.call("GET", self._keys.worker_heartbeat, again=True) == worker:
            await self._calls.call("DEL", self._keys.worker_heartbeat, again=True)

    async def age_s(self) -> float | None:
        """Return the seconds since the last heartbeat; None if there was none in the last hour, or its worker left.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        left_ms = int(await self._calls.call("PTTL", self._keys.worker_heartbeat, again=True))
        return None if left_ms < 0 else (_KEPT_MS - left_ms) / 1_000
