"""Words that say when they left the model, so that whoever hears one knows how long it was on its way.

Comparing the clocks of two processes is meant: on one machine `perf_counter` is the same for all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

_TICKS_S = 100_000


def word(asked: float | None = None) -> str:
    """One that leaves now; the first of an answer says when the model was asked as well."""
    said = f"{_ticks(time.perf_counter()):x} "
    return said if asked is None else f"{_ticks(asked):x}+{said}"


def moments(text: str) -> Iterator[float]:
    """When each word of a text left."""
    for each in text.split():
        yield int(each.rpartition("+")[2], 16) / _TICKS_S


def asked_at(text: str) -> float:
    """When the model was asked for an answer that begins like this."""
    return int(text.partition("+")[0], 16) / _TICKS_S


def _ticks(moment: float) -> int:
    return round(moment * _TICKS_S)
