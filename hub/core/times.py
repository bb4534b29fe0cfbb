"""Times in their form on the wire."""

from __future__ import annotations

from datetime import UTC, datetime


def format_time(at: datetime) -> str:
    """Return a time as RFC 3339 in UTC with milliseconds: `2026-11-20T21:30:00.123Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
