"""Growing pauses between attempts."""

from __future__ import annotations

import asyncio
import random

_FIRST_S = 0.02


class Backoff:
    """A pause between attempts that doubles with each failure, with jitter.

    Args:
        max_s: The longest pause.
    """

    def __init__(self, max_s: float = 1.0) -> None:
        self._max_s = max_s
        self._longest_s = _FIRST_S

    async def sleep(self) -> None:
        """Pause; the next pause is twice as long."""
        await asyncio.sleep(self._longest_s * random.uniform(0.5, 1))
        self._longest_s = min(self._longest_s * 2, self._max_s)

    def reset(self) -> None:
        """Begin with the shortest pause again: an attempt has succeeded."""
        self._longest_s = _FIRST_S
