"""The event log: Redis, and the only place that knows its keys and its Lua."""

from hub.eventlog.connect import connect
from hub.eventlog.keys import Keys
from hub.eventlog.log import EventLog
from hub.eventlog.types import (
    Committed,
    DocKey,
    Document,
    IndexMove,
    LogEntry,
    NewEvent,
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
    "IndexMove",
    "Keys",
    "LogEntry",
    "NewEvent",
    "StockMove",
    "View",
    "ViewQuery",
    "Write",
    "connect",
]
