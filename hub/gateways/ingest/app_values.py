"""Values in the forms in which apps write them: numbers as text, times in several units."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from hub.core.errors import BadRequest

Fields = Mapping[str, object]

DEFAULT_ACCURACY_M = 100.0  # of a position whose app does not say
MAX_ACCURACY_M = 100_000.0
_FIRST_MS = 2**31  # a smaller time counts seconds, this one or a larger one milliseconds
_MAX_CHARS = 40


def number(fields: Fields, name: str) -> float | None:
    """Return a number, written as one or as text; None if it is missing or empty.

    Raises:
        BadRequest: It is no number.
    """
    value = fields.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadRequest(f"{name} must be a number", field=name)
    if isinstance(value, str) and len(value) > _MAX_CHARS:
        raise BadRequest(f"{name} must be a number", field=name)
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise BadRequest(f"{name} must be a number", field=name) from None


def known(value: float | None) -> float | None:
    """Return a speed or a heading; None for a negative one, by which apps say that they do not know it."""
    return None if value is None or value < 0 else value


def accuracy(value: float | None) -> float:
    """Return an accuracy in metres; a default if the app does not know it."""
    return DEFAULT_ACCURACY_M if value is None or value < 0 else min(value, MAX_ACCURACY_M)


def time(fields: Fields, name: str, default: datetime | None = None) -> datetime:
    """Return a time: seconds or milliseconds since 1970, or a date and a time, in UTC unless it says otherwise.

    Raises:
        BadRequest: It is missing without a default, or no such time.
    """
    value = fields.get(name)
    if (value is None or value == "") and default is not None:
        return default
    try:
        if isinstance(value, str) and ("T" in value or ":" in value):
            written = datetime.fromisoformat(value[:_MAX_CHARS])
            return written.astimezone(UTC) if written.tzinfo else written.replace(tzinfo=UTC)
        counted = number(fields, name)
        if counted is not None:
            return datetime.fromtimestamp(counted if counted < _FIRST_MS else counted / 1_000, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise BadRequest(f"{name} must be a time", field=name)


def json_of(raw: bytes) -> object:
    """Return the JSON value of a body.

    Raises:
        BadRequest: It is not JSON in UTF-8.
    """
    try:
        value: object = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    return value


def object_of(value: object, what: str) -> Fields:
    """Return a JSON object.

    Raises:
        BadRequest: It is something else.
    """
    if not isinstance(value, dict):
        raise BadRequest(f"{what} must be an object", field=what)
    return value
