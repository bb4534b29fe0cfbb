"""Deadlines for answers. They count only the time in which this process could have received one."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_STEPS = 8  # in which a deadline is counted


class AnswerClock:
    """A clock that stands still while the event loop is held up.

    A loop that is late finds its timers due before it has sent what it was asked to send, or read what has arrived
    meanwhile. By the wall clock, a busy hub would call a healthy Redis unavailable. So whoever waits looks at this
    clock in steps, and each step counts for no more than its length, however late it comes.

    Args:
        deadline_s: The deadline to be counted, in steps of an eighth.

    Attributes:
        step_s: The longest time until somebody has to look, while an answer is waited for.
    """

    __slots__ = ("_counted", "_looked_at", "_time", "step_s")

    def __init__(self, time: Callable[[], float], deadline_s: float) -> None:
        self.step_s = deadline_s / _STEPS
        self._time = time
        self._counted = 0.0
        self._looked_at = time()

    def now(self) -> float:
        """Return the seconds that count."""
        return self._counted + min(self._time() - self._looked_at, self.step_s)

    def look(self) -> float:
        """Begin another step; return the seconds that count."""
        self._counted = self.now()
        self._looked_at = self._time()
        return self._counted


@asynccontextmanager
async def answer_timeout(seconds: float, *, after_s: float = 0.0) -> AsyncIterator[None]:
    """Wait for answers within the context for this many seconds of an `AnswerClock`.

    Args:
        after_s: Seconds that pass first, as for a command that waits in Redis.

    Raises:
        TimeoutError: The time is over.
    """
    loop = asyncio.get_running_loop()
    clock, due = AnswerClock(time.monotonic, seconds), 0.0
    timer: asyncio.TimerHandle
    async with asyncio.timeout(None) as timeout:

        def begin() -> None:
            nonlocal due
            due = clock.look() + seconds
            look()

        def look() -> None:
            nonlocal timer
            left_s = due - clock.look()
            if left_s > 0:
                timer = loop.call_later(min(left_s, clock.step_s), look)
            else:
                timeout.reschedule(loop.time())

        timer = loop.call_later(after_s, begin)
        try:
            yield
        finally:
            timer.cancel()
