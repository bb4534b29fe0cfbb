"""Entries and documents of the log, decoded from Redis's replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.store.types import DocKey, Document, LogEntry

if TYPE_CHECKING:
    from collections.abc import Sequence


def entry_of(room: str, raw: Any) -> LogEntry:
    """Return an event of a room's stream from its id and fields."""
    id, fields = (
        raw  # in the order of commit.lua; lookups by name took twice the time. A newer hub may add fields at the end.
    )
    return LogEntry(int(id.removesuffix("-0")), int(fields[1]), room, fields[3], fields[5])


def document_of(key: DocKey, raw: Sequence[str | None]) -> Document | None:
    """Return a document from the reply to `HMGET key v b`; None if there is none."""
    version, body = raw
    return None if version is None else Document(key, int(version), body or "")
