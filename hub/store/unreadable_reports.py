"""Reports of stored documents and events that cannot be read: each is counted, and logged once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import structlog

logger = structlog.get_logger(__name__)

_MAX_KEPT = 1_000  # reports that are known to be logged already


class UnreadableReports:
    """Logs each key with each reason once.

    Args:
        counted: Called for every report, also for one that was logged before.
    """

    def __init__(self, counted: Callable[[], None] | None) -> None:
        self._counted = counted
        self._logged: OrderedDict[tuple[str, str], None] = OrderedDict()

    def add(self, key: str, reason: str) -> None:
        """Report what is stored under a key of Redis.

        Args:
            reason: The field and the kind of fault, never a value.
        """
        if self._counted is not None:
            self._counted()
        if (key, reason) in self._logged:
            return
        self._logged[key, reason] = None
        if len(self._logged) > _MAX_KEPT:
            self._logged.popitem(last=False)
        logger.error("log.document_unreadable", key=key, reason=reason)
