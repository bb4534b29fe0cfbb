"""Checks periodically if Redis accepts commits again, evicts keys, or has other durability settings."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from hub.core.errors import ComandaError, Internal
from hub.store.redis.error_translation import Refusal, WritesRefused
from hub.store.types import Write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hub.store.log import EventLog
    from hub.store.redis.client import RedisClient
    from hub.store.redis.durability import Durability
    from hub.store.redis.memory_use import MemoryUse

logger = structlog.get_logger(__name__)

PROBE_S = 1.0  # between empty commits that test Redis while it refuses writes
LOOK_S = 30.0  # between checks of its configuration


class RedisWatch:
    """Logs each change of a running Redis once.

    Args:
        memory: Reads its memory and policy (`MemoryWatch.look`).
        durability: Reads its durability settings (`durability_of`).
        private: True if the Redis is the hub's own, whose eviction policy the hub resets.
    """

    def __init__(
        self,
        log: EventLog,
        memory: Callable[[], Awaitable[MemoryUse | None]],
        durability: Callable[[], Awaitable[Durability]],
        *,
        private: bool = False,
        probe_s: float = PROBE_S,
        look_s: float = LOOK_S,
    ) -> None:
        self._log = log
        self._memory = memory
        self._durability = durability
        self._private = private
        self._probe_s = probe_s
        self._look_s = look_s
        self._kept: Durability | None = None
        self._evicted: int | None = None

    async def run(self) -> None:
        """Check until cancelled."""
        looked_at = -self._look_s
        while True:
            try:
                if self._log.condition.refusal is not None:
                    await self._log.commit(Write())
                if time.monotonic() - looked_at >= self._look_s:
                    looked_at = time.monotonic()
                    await self.look()
            except ComandaError:
                pass  # logged by the store's Condition
            except Exception:  # the task's root
                logger.exception("redis.watch_failed")
            await asyncio.sleep(self._probe_s)

    async def look(self) -> None:
        """Check Redis's eviction policy, evicted keys and durability settings.

        Raises:
            Unavailable: Redis does not answer.
        """
        use = await self._memory()
        if use is not None:
            self._log.condition.evicts_by(use.policy if use.evicts else "")
            if use.evicts and self._private:
                await self._log.calls.call("CONFIG", "SET", "maxmemory-policy", "noeviction", again=True)
                self._log.condition.evicts_by("")
        await self._count_evicted()
        self._compare(await self._durability())

    async def _count_evicted(self) -> None:
        evicted = await read_evicted(self._log.calls)
        if evicted is None:
            return
        # A restarted Redis counts from 0.
        if self._evicted is not None and evicted > self._evicted:
            logger.error("redis.keys_evicted", keys=evicted - self._evicted, effect="orders and chats may be lost")
        self._evicted = evicted

    def _compare(self, found: Durability) -> None:
        before, self._kept = self._kept, found
        if before is None or before == found:
            return
        if found.unsafe or found.doubtful:
            logger.warning("redis.durability_changed", reason="; ".join(found.unsafe + found.doubtful))
        else:
            logger.info("redis.durability_restored")


async def read_evicted(calls: RedisClient) -> int | None:
    """Return the number of keys that Redis has evicted since it started; None where it does not report it.

    Raises:
        Unavailable: Redis does not answer.
    """
    try:
        text = str(await calls.call("INFO", "stats", again=True))
    except WritesRefused as error:
        if error.refusal is not Refusal.PERMISSION:
            raise
        return None
    except Internal:  # a service that has no such command
        return None
    said = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return int(said["evicted_keys"]) if "evicted_keys" in said else None
