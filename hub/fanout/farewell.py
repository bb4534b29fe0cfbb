"""Goodbye to many connections: a few at a time, so that not all of them knock elsewhere in the same instant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

_A_SECOND = 500  # connections that another process takes in without noticing
_SLICE = 256

Connection = TypeVar("Connection")


async def one_by_one(connections: Sequence[Connection], over_s: float) -> AsyncIterator[Connection]:
    """Each connection when its turn has come: a handful at once, thousands over all of `over_s`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    apart_s = min(over_s / max(len(connections), 1), 1 / _A_SECOND)
    for number, connection in enumerate(connections):
        early_s = began + number * apart_s - loop.time()
        if early_s > 0 or number % _SLICE == _SLICE - 1:
            await asyncio.sleep(max(early_s, 0))
        yield connection
