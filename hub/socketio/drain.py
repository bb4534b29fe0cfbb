"""Staggered closing of many connections, so that their clients do not all reconnect in the same instant."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

_PER_SECOND = 500  # connections that another process can take at once without noticeable load
_SLICE = 256

Connection = TypeVar("Connection")


async def staggered(
    connections: Sequence[Connection],
    over_s: float,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Connection]:
    """Yield each connection when its turn has come: a handful at once, thousands spread over `over_s` seconds."""
    began = monotonic()
    apart_s = min(over_s / max(len(connections), 1), 1 / _PER_SECOND)
    for number, connection in enumerate(connections):
        early_s = began + number * apart_s - monotonic()
        if early_s > 0 or number % _SLICE == _SLICE - 1:
            await sleep(max(early_s, 0))
        yield connection
