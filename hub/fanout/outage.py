"""When Redis is away: what counts as that, who is told, and how long to wait before trying again."""

from __future__ import annotations

import asyncio
import random

import structlog
from redis.exceptions import RedisError

from hub.domain.errors import Unavailable

logger = structlog.get_logger(__name__)

_LONGEST_PAUSE_S = 1.0


class Pause:
    """A growing pause between attempts. The relay tells of the outage; a room tells only who debugs."""

    def __init__(self) -> None:
        self._longest_s = 0.02

    async def rest(self) -> None:
        await asyncio.sleep(self._longest_s * random.uniform(0.5, 1))
        self._longest_s = min(self._longest_s * 2, _LONGEST_PAUSE_S)


def tell(failed: ExceptionGroup[Exception], told: bool) -> bool:
    """Log an outage once, and a fault of our own always; whether the outage has been told."""
    outage, fault = failed.split(_is_outage)
    if fault is not None:
        logger.error("relay.failed", exc_info=fault)
    if outage is not None and not told:
        logger.warning("relay.deaf", error=repr(_first(outage)))
    return told or outage is not None


def _is_outage(error: BaseException) -> bool:
    return isinstance(error, RedisError | OSError | TimeoutError | Unavailable)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
