"""The event log in Redis: events in rooms, documents with versions, counters, a job queue and stored sessions.

It knows nothing of what a hub is for. `EventLog` is the way in.
"""

from hub.store.conflicts import VersionConflict, retry_on_conflict
from hub.store.counters import CounterEvents, CounterMove, CounterTooLow
from hub.store.idempotency import IdempotencyKey
from hub.store.keys import Keys
from hub.store.log import EventLog
from hub.store.redis.connect import connect
from hub.store.retention import Retention
from hub.store.session_store import SessionStore
from hub.store.types import (
    Committed,
    DocKey,
    Document,
    Hold,
    IndexMove,
    LogEntry,
    Missed,
    NewEvent,
    Quota,
    View,
    ViewQuery,
    Write,
)

__all__ = [
    "Committed",
    "CounterEvents",
    "CounterMove",
    "CounterTooLow",
    "DocKey",
    "Document",
    "EventLog",
    "Hold",
    "IdempotencyKey",
    "IndexMove",
    "Keys",
    "LogEntry",
    "Missed",
    "NewEvent",
    "Quota",
    "Retention",
    "SessionStore",
    "VersionConflict",
    "View",
    "ViewQuery",
    "Write",
    "connect",
    "retry_on_conflict",
]
