"""Failures of the connection to Redis: outages are logged once each, the relay's own faults always."""

from __future__ import annotations

import structlog
from redis.exceptions import RedisError

from hub.core.errors import Unavailable

logger = structlog.get_logger(__name__)


class OutageLog:
    """Logs the failures of one connection, and each outage only once."""

    def __init__(self) -> None:
        self._is_logged = False

    def failed(self, failure: ExceptionGroup[Exception]) -> None:
        """Log why the connection has ended."""
        outage, fault = failure.split(_is_outage)
        if fault is not None:
            logger.error("relay.failed", exc_info=fault)
        if outage is not None and not self._is_logged:
            logger.warning("relay.subscription_lost", error=repr(_first(outage)))
            self._is_logged = True

    def ended(self) -> None:
        """Log the next outage again: this one is over."""
        self._is_logged = False


def _is_outage(error: BaseException) -> bool:
    return isinstance(error, RedisError | OSError | TimeoutError | Unavailable)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
