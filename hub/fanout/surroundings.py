"""What all watched rooms of one relay have around them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hub.domain.rooms import Room

if TYPE_CHECKING:
    from hub.eventlog.log import EventLog
    from hub.services.views import RoomView


@dataclass(slots=True)
class Stats:
    """What the relay has done since it began, and what it holds now."""

    rooms: int = 0
    members: int = 0
    deliveries: int = 0
    repeats_dropped: int = 0
    gaps_filled: int = 0
    found_by_poll: int = 0
    resets: int = 0
    resubscriptions: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all watches of a relay share.

    Attributes:
        view: A room's state as of one cursor.
        spawn: Start a task that the relay owns.
        reads: How many rooms may read from the log at once; the others wait their turn.
    """

    log: EventLog
    view: Callable[[Room], Awaitable[RoomView]]
    clock: Callable[[], datetime]
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    reads: asyncio.Semaphore
    stats: Stats
