"""A core for the server alone: who fans out is not put aside in the middle of it by those whom it wakes up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Pin = Callable[[int], None]


@contextmanager
def apart() -> Iterator[Pin]:
    """Until the context ends, this process and whatever it starts keep off the first core.

    Yields what puts a process, with all its threads, there and nowhere else. Where there is one core, or a system
    that does not let itself be told, nothing happens.
    """
    if not separate():
        yield lambda _pid: None
        return
    cores = os.sched_getaffinity(0)
    first = min(cores)

    def pin(pid: int) -> None:
        for task in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(task), {first})

    os.sched_setaffinity(0, cores - {first})
    try:
        yield pin
    finally:
        os.sched_setaffinity(0, cores)


def separate() -> bool:
    """Whether servers can be given a core here."""
    return hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1
