"""The pace of warnings that would otherwise come with every round of housekeeping."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY_S = 3_600.0


class Hourly:
    """Something that is done at most once an hour.

    Args:
        monotonic: Returns the time in seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._done_at: float | None = None

    def is_due(self) -> bool:
        """Return True if an hour has passed since this returned True last."""
        now = self._monotonic()
        if self._done_at is not None and now - self._done_at < EVERY_S:
            return False
        self._done_at = now
        return True
