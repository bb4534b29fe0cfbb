"""Takes a payload apart: several messages and statuses may be in one, of several numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hub.outbound.whatsapp_inbox.incoming import Incoming, Payload, Status

if TYPE_CHECKING:
    from hub.outbound.whatsapp_inbox.message_reader import MessageReader

_ID = re.compile(r"[\x21-\x7e]{1,128}")
_NUMBER = re.compile(r"\d{5,20}", re.ASCII)
Object = Mapping[str, Any]


class MalformedPayload(ValueError):
    """A payload that is not one of the Cloud API."""


def read_payload(body: str, phone_id: str, reader: MessageReader) -> Payload:
    """Return what a payload says.

    Args:
        phone_id: The number that it must be about; what is about others is counted.

    Raises:
        MalformedPayload: It is not JSON, or has not the shape of a payload.
    """
    try:
        values = list(_values(json.loads(body)))
    except (ValueError, RecursionError) as exc:
        raise MalformedPayload("the payload is not JSON") from exc
    ours = [value for value in values if _phone_of(value) == phone_id]
    sent = [(each, value) for value in ours for each in _objects(value.get("messages"))]
    shown = [pair for pair in sent if pair[0].get("from") or not pair[0].get("from_user_id")]
    messages = [_message(*pair, reader) for pair in shown]
    statuses = [_status(each) for value in ours for each in _objects(value.get("statuses"))]
    read = tuple(each for each in messages if each), tuple(each for each in statuses if each)
    malformed = len(messages) + len(statuses) - len(read[0]) - len(read[1])
    return Payload(*read, others=len(values) - len(ours), malformed=malformed, hidden=len(sent) - len(shown))


def _values(payload: Any) -> Iterator[Object]:
    if not isinstance(payload, dict) or not isinstance(payload.get("entry"), list):
        raise MalformedPayload("the payload has no entries")
    for entry in _objects(payload["entry"]):
        for change in _objects(entry.get("changes")):
            value = change.get("value")
            yield value if change.get("field") == "messages" and isinstance(value, dict) else {}


def _phone_of(value: Object) -> str | None:
    metadata = value.get("metadata")
    return metadata.get("phone_number_id") if isinstance(metadata, dict) else None


def _message(message: Object, value: Object, reader: MessageReader) -> Incoming | None:
    """Return a message; None if it has no id, number or time."""
    wa_id, at = message.get("from"), _time(message.get("timestamp"))
    if not _is(_ID, message.get("id")) or not _is(_NUMBER, wa_id) or at is None:
        return None
    contact = next((each for each in _objects(value.get("contacts")) if each.get("wa_id") == wa_id), {"wa_id": wa_id})
    profile = contact.get("profile")
    name = profile.get("name") if isinstance(profile, dict) else None
    kind, text, place = reader.read(message, contact, value)
    return Incoming(message["id"], str(wa_id), name if isinstance(name, str) else "", at, kind, text, place)


def _status(status: Object) -> Status | None:
    """Return a status; None if it has no id, recipient, time or name."""
    wa_id, at = status.get("recipient_id"), _time(status.get("timestamp"))
    named = _is(_ID, status.get("id")) and isinstance(status.get("status"), str)
    if not named or not _is(_NUMBER, wa_id) or at is None:
        return None
    data = status.get("biz_opaque_callback_data")
    codes = [error.get("code") for error in _objects(status.get("errors"))]
    code = next((code for code in codes if isinstance(code, int)), None)
    return Status(str(wa_id), status["id"], status["status"], at, data if isinstance(data, str) else "", code)


def _objects(found: Any) -> list[Object]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and bool(pattern.fullmatch(value))


def _time(seconds: object) -> datetime | None:
    """Return the time of a number of seconds, which is written as a text."""
    try:
        return datetime.fromtimestamp(int(str(seconds)), UTC)
    except (ValueError, OverflowError, OSError):
        return None
