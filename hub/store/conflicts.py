"""Optimistic concurrency: read, decide, commit; and start again if a document has changed meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hub.core.errors import Conflict, Unavailable

TRIES = 8
_PAUSE_S = 0.01  # before the second try, at most; twice as long before each further one
_MAX_PAUSE_S = 2.0

T = TypeVar("T")


class VersionConflict(Conflict):
    """A document of a write is not at its expected version. Nothing of the write happened: read again.

    Its values name the `document` and the `version` that it is at.
    """


class TryAgain(Exception):
    """Raised by an attempt of `retry_on_conflict` that wants another one for a reason of its own."""


def _busy() -> Exception:
    return Unavailable("others are changing this; try again")


async def retry_on_conflict(attempt: Callable[[], Awaitable[T]], *, busy: Callable[[], Exception] = _busy) -> T:
    """Run an attempt until its commit meets no version conflict, at most eight times.

    A random pause before each further try lets every one of many concurrent writers succeed. It grows with the tries,
    and with the time that an attempt takes: on a busy machine, writers need more room between each other.

    Args:
        attempt: Reads, decides and commits. It starts from nothing each time, because the decision may differ.
        busy: Return the error to raise after the last try; by default `Unavailable`.

    Example:
        async def attempt() -> Committed:
            game = await read(log, key)
            return await log.commit(replace(scored(game), expects=((key, game.version),)))

        committed = await retry_on_conflict(attempt)
    """
    loop, pause_s = asyncio.get_running_loop(), _PAUSE_S
    for tries in range(TRIES):
        if tries:
            await asyncio.sleep(random.uniform(0, min(pause_s * 2 ** (tries - 1), _MAX_PAUSE_S)))
        began = loop.time()
        try:
            return await attempt()
        except (VersionConflict, TryAgain):
            pause_s = max(pause_s, loop.time() - began)
    raise busy()
