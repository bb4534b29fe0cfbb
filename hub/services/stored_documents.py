"""Reads what the log keeps, which another version of the hub may have written, or which may be damaged.

`load` and `load_object` are for the one document that a request is about: the error is ours, not the caller's.
`load_readable` and `load_objects` are for lists and for work in the background: what cannot be read is left out there.
Each unreadable document is reported to the log (`EventLog.report_unreadable`), which names its key and counts it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from hub.core.errors import UnreadableDocument
from hub.domain.events import parse_event
from hub.domain.values import Stored

if TYPE_CHECKING:
    from hub.domain.events import ReadEvent
    from hub.store.log import DocKey, Document, EventLog, LogEntry

T = TypeVar("T", bound=Stored)


def load(log: EventLog, model: type[T], document: Document) -> T:
    """Read a document as a model, with all its fields, also those that this version does not know.

    Raises:
        UnreadableDocument: It is damaged, or its schema is newer than this version can read.
    """
    try:
        stored = model.model_validate_json(document.body)
    except ValidationError as exc:
        # Not chained: pydantic's message quotes the document.
        raise _unreadable(log, document.key, reason_of(exc)) from None
    _check_schema(log, document.key, getattr(stored, "schema_version", 1), model.newest_schema)
    return stored


def load_readable(log: EventLog, model: type[T], document: Document | None) -> T | None:
    """Read a document as a model; None if there is none, or if it cannot be read."""
    try:
        return None if document is None else load(log, model, document)
    except UnreadableDocument:
        return None


def load_object(log: EventLog, document: Document, *fields: str) -> dict[str, Any]:
    """Read a document as a JSON object.

    Args:
        fields: It must have these, each a string.

    Raises:
        UnreadableDocument: It is damaged, or its schema is newer than this version can read.
    """
    try:
        found = json.loads(document.body)
    except (ValueError, RecursionError):
        raise _unreadable(log, document.key, "no JSON") from None
    if not isinstance(found, dict):
        raise _unreadable(log, document.key, "no object")
    for field in fields:
        if not isinstance(found.get(field), str):
            raise _unreadable(log, document.key, f"{field}: missing" if field not in found else f"{field}: no string")
    _check_schema(log, document.key, found.get("schema_version", 1), Stored.newest_schema)
    return found


def load_objects(log: EventLog, documents: Iterable[Document | None], *fields: str) -> list[dict[str, Any]]:
    """Read documents as JSON objects, without those that are gone or cannot be read."""
    found = (readable_object(log, document, *fields) for document in documents)
    return [each for each in found if each is not None]


def readable_object(log: EventLog, document: Document | None, *fields: str) -> dict[str, Any] | None:
    """Read a document as a JSON object; None if there is none, or if it cannot be read."""
    try:
        return None if document is None else load_object(log, document, *fields)
    except UnreadableDocument:
        return None


def read_event(log: EventLog, entry: LogEntry) -> ReadEvent | None:
    """Read an event of a room; None if it cannot be read."""
    if (body := read_body(log, entry)) is None:
        return None
    try:
        return parse_event(entry.type, body["data"])
    except ValidationError as exc:
        log.report_unreadable(entry, reason_of(exc))
        return None


def read_body(log: EventLog, entry: LogEntry) -> dict[str, Any] | None:
    """Read an event of a room as a JSON object with its `at` and `data`; None if it cannot be read."""
    try:
        body = json.loads(entry.body)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict) and isinstance(body.get("data"), dict) and isinstance(body.get("at"), str):
        return body
    log.report_unreadable(entry, "no event")
    return None


def reason_of(exc: ValidationError) -> str:
    """Return the field and the kind of fault, never a value."""
    first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{first['loc'][0] if first['loc'] else 'document'}: {first['type']}"


def _check_schema(log: EventLog, key: DocKey, version: object, newest: int) -> None:
    if not isinstance(version, int) or version > newest:
        raise _unreadable(log, key, "schema_version: newer")


def _unreadable(log: EventLog, key: DocKey, reason: str) -> UnreadableDocument:
    log.report_unreadable(key, reason)
    return UnreadableDocument("what is stored of this cannot be read")
