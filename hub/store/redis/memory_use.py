"""Redis's memory use, compared with the ceiling."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from hub.core.errors import ComandaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.store.redis.client import RedisClient

logger = structlog.get_logger(__name__)

MEGABYTE = 1_048_576
_GOOD_S = 5.0  # how long a reading is valid
_BACK_PERCENT = 2  # the level falls only this far below a bound, so that a wavering share is logged once


class MemoryLevel(StrEnum):
    """The levels of Redis's memory use."""

    NORMAL = "normal"
    HIGH = "high"  # an operator should look at it
    NEARLY_FULL = "nearly_full"  # what is left is kept for finishing what was begun


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """One reading of Redis's memory.

    Attributes:
        used_bytes: The bytes that count towards the ceiling.
        ceiling_bytes: Past it Redis refuses writes; 0: there is none.
        policy: The value of `maxmemory-policy`; empty if Redis does not report it.
        evicts: True if Redis evicts keys when it has reached its `maxmemory`.
    """

    used_bytes: int
    ceiling_bytes: int
    policy: str = ""
    evicts: bool = False

    @property
    def percent(self) -> float:
        """The share of the ceiling in use; 0 without a ceiling."""
        return 100 * self.used_bytes / self.ceiling_bytes if self.ceiling_bytes else 0.0


async def read_memory(calls: RedisClient, ceiling_mb: int | None) -> MemoryUse | None:
    """Read Redis's memory use and policy.

    Args:
        ceiling_mb: The ceiling in our own settings; None or 0: Redis's `maxmemory` alone counts.

    Returns:
        The reading; None where Redis does not report it: fakeredis has no INFO, and an ACL may forbid it.

    Raises:
        Unavailable: Redis does not answer.
    """
    try:
        text = str(await calls.call("INFO", "memory", again=True))
    except ComandaError as error:
        if error.retryable and not _is_forbidden(error):
            raise
        return None
    said = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    if "used_memory" not in said:
        return None
    # Redis does not count its buffers for replicas and the append-only file when it decides that it is full.
    used = int(said["used_memory"]) - int(said.get("mem_not_counted_for_evict", 0))
    ceilings = [int(said.get("maxmemory", 0)), (ceiling_mb or 0) * MEGABYTE]
    policy = said.get("maxmemory_policy", "")
    evicts = ceilings[0] > 0 and policy not in ("", "noeviction")
    return MemoryUse(max(0, used), min((one for one in ceilings if one > 0), default=0), policy, evicts)


def _is_forbidden(error: ComandaError) -> bool:
    return type(error.__cause__).__name__ == "NoPermissionError"


class MemoryWatch:
    """Keeps the level of Redis's memory use, and logs each change once.

    Args:
        high_percent, nearly_full_percent: Of the ceiling; 0 switches a level off.

    Attributes:
        use: The last reading; None: there is none.
        level: As of that reading.
    """

    def __init__(
        self,
        calls: RedisClient,
        *,
        ceiling_mb: int | None,
        high_percent: int,
        nearly_full_percent: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.use: MemoryUse | None = None
        self.level = MemoryLevel.NORMAL
        self._calls = calls
        self._ceiling_mb = ceiling_mb
        self._bounds = {MemoryLevel.HIGH: high_percent, MemoryLevel.NEARLY_FULL: nearly_full_percent}
        self._monotonic = monotonic
        self._good_until = -1.0

    async def look(self) -> MemoryUse | None:
        """Read the memory use now.

        Raises:
            Unavailable: Redis does not answer; the last reading stands.
        """
        self._good_until = self._monotonic() + _GOOD_S  # also for those who ask meanwhile
        self.use = await read_memory(self._calls, self._ceiling_mb)
        self._become(self._level_of(self.use.percent if self.use else 0.0))
        return self.use

    async def current_level(self) -> MemoryLevel:
        """Return the level, from a reading of the last few seconds; from the last reading if Redis does not answer."""
        if self._monotonic() >= self._good_until:
            with suppress(ComandaError):  # the next write raises
                await self.look()
        return self.level

    def _level_of(self, percent: float) -> MemoryLevel:
        found = MemoryLevel.NORMAL
        for level, bound in self._bounds.items():
            reached = list(MemoryLevel).index(self.level) >= list(MemoryLevel).index(level)
            if bound and percent >= bound - (_BACK_PERCENT if reached else 0):
                found = level
        return found

    def _become(self, level: MemoryLevel) -> None:
        if level is self.level:
            return
        self.level = level
        use = self.use or MemoryUse(0, 0)
        log = {MemoryLevel.NORMAL: logger.info, MemoryLevel.HIGH: logger.warning, MemoryLevel.NEARLY_FULL: logger.error}
        log[level](
            f"redis.memory_{level}",
            percent=round(use.percent),
            used_mb=use.used_bytes // MEGABYTE,
            ceiling_mb=use.ceiling_bytes // MEGABYTE,
        )
