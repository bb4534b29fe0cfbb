"""The jobs of the agent workers: one for each turn of a chat that is to be answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.store.job_queue import JobQueue, Lease

if TYPE_CHECKING:
    from hub.store.keys import Keys
    from hub.store.redis.client import RedisClient


@dataclass(frozen=True, slots=True)
class TurnJob:
    """A turn to answer."""

    turn_id: str
    chat_id: str

    @property
    def id(self) -> str:
        """The turn's id."""
        return self.turn_id

    def payload(self) -> str:
        """Return the job as `Write.queue` takes it."""
        return json.dumps({"turn_id": self.turn_id, "chat_id": self.chat_id}, separators=(",", ":"))


TurnQueue = JobQueue[TurnJob]
TurnLease = Lease[TurnJob]


def turn_queue(calls: RedisClient, keys: Keys, *, lease_s: float = 6.0) -> TurnQueue:
    """Return the queue of turns; see `JobQueue` for the arguments."""
    return JobQueue(calls, keys, _parse, id_field="turn_id", lease_s=lease_s)


def _parse(payload: str) -> TurnJob | None:
    try:
        found = json.loads(payload)
        turn_id, chat_id = found["turn_id"], found["chat_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not (isinstance(turn_id, str) and isinstance(chat_id, str)):
        return None
    return TurnJob(turn_id, chat_id)
