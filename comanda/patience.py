"""Repeating what brought no answer, up to a deadline, with pauses that grow."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from comanda.errors import Unreachable, lost

ATTEMPT_S = 10.0  # one attempt
MAX_BACKOFF_S = 5.0

T = TypeVar("T")


async def repeated(
    attempt: Callable[[], Awaitable[T]], *, timeout_s: float, what: str, on_retry: Callable[[], None]
) -> T:
    """Call `attempt` until it brings a result or a refusal.

    Args:
        attempt: Raises `Unreachable` for what may succeed later. It gets `ATTEMPT_S` each time.
        timeout_s: For all attempts together.
        what: Names it in the error.
        on_retry: Called before each attempt but the first.

    Raises:
        Refused: It will not succeed.
        Unreachable: No attempt succeeded in time.
    """
    clock = asyncio.get_running_loop()
    until = clock.time() + timeout_s
    failures = 0
    while True:
        try:
            async with asyncio.timeout(max(0.1, min(ATTEMPT_S, until - clock.time()))):
                return await attempt()
        except TimeoutError:
            problem = lost("no answer")
        except Unreachable as exc:
            problem = exc
        wait_s = max(problem.retry_after_s or 0.0, backoff_s(failures))
        if clock.time() + wait_s > until:
            raise Unreachable(
                problem.code,
                f"{what}: {problem.message}",
                retryable=True,
                retry_after_s=problem.retry_after_s,
                values=problem.values,
            ) from problem
        on_retry()
        failures += 1
        await asyncio.sleep(wait_s)


def backoff_s(failures: int) -> float:
    """Return a pause that doubles with each failure, up to `MAX_BACKOFF_S`.

    Half of it is random, so that those who lost the hub together do not return together.
    """
    longest = min(MAX_BACKOFF_S, 0.2 * 2.0 ** min(failures, 10))
    return random.uniform(longest / 2, longest)
