"""The event log: Redis, and the only place that knows its keys and its Lua."""

from hub.eventlog.connect import connect
from hub.eventlog.keys import Keys
from hub.eventlog.log import EventLog
from hub.eventlog.sessions import SessionStore
from hub.eventlog.types import (
    Committed,
    DocKey,
    Document,
    Hold,
    IndexMove,
    LogEntry,
    Missed,
    NewEvent,
    Quota,
    StockMove,
    View,
    ViewQuery,
    Write,
)

__all__ = [
    "Committed",
    "DocKey",
    "Document",
    "EventLog",
    "Hold",
    "IndexMove",
    "Keys",
    "LogEntry",
    "Missed",
    "NewEvent",
    "Quota",
    "SessionStore",
    "StockMove",
    "View",
    "ViewQuery",
    "Write",
    "connect",
]
