"""The OsmAnd protocol, in the forms of Traccar Client and of OsmAnd itself.

- One position in the query or in a form: `id`, `lat`, `lon`, `timestamp`, `speed` (knots), `bearing`, `altitude`,
  `accuracy`, `batt`.
- One as JSON: `{location: {timestamp, coords: {latitude, longitude, speed, heading, accuracy}}, device_id}`; its
  speed is in m/s.
- Several as JSON: `location` is a list, or the body is a list of objects with the fields of the query.

Source: the documentation of the protocol at traccar.org/osmand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from pydantic import ValidationError

from hub.core.errors import BadRequest
from hub.domain.positions import Fix
from hub.gateways.ingest.app_values import Fields, accuracy, json_of, known, number, object_of, time

KNOT_M_S = 1852 / 3600
MAX_BATCH = 500
_MAX_FIELDS = 64
_NO = ("false", "0")


@dataclass(frozen=True, slots=True)
class Batch:
    """The positions of one request.

    Attributes:
        malformed: The number of those of a batch that could not be read. A phone would send them again for ever.
    """

    fixes: Sequence[Fix]
    malformed: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """One request: the device that it names, and its positions as they were sent."""

    device: str
    entries: Sequence[object]
    read: Callable[[object, datetime], Fix | None]

    def fixes(self, now: datetime) -> Batch:
        """Return the positions.

        Args:
            now: The time of a position that has none.

        Raises:
            BadRequest: The only one is malformed.
            pydantic.ValidationError: The only one is out of range.
        """
        if len(self.entries) == 1:
            fix = self.read(self.entries[0], now)
            return Batch(() if fix is None else (fix,))
        found: list[Fix | None] = []
        for entry in self.entries:
            try:
                found.append(self.read(entry, now))
            except (BadRequest, ValidationError):
                continue
        return Batch([fix for fix in found if fix is not None], len(self.entries) - len(found))


def read(query: Mapping[str, str], raw: bytes) -> Sent:
    """Return what a request sends.

    Raises:
        BadRequest: The body is neither JSON nor a form, or a batch is too long.
    """
    if raw.lstrip()[:1] not in (b"{", b"["):
        form = {**query, **_form(raw)}
        return Sent(_device(form), (form,), _flat)
    body = json_of(raw)
    if isinstance(body, list):
        first = body[0] if body and isinstance(body[0], dict) else {}
        return Sent(_device({**query, **first}), _batch(body), _flat)
    fields = object_of(body, "body")
    if "location" not in fields:
        return Sent(_device({**query, **fields}), (fields,), _flat)
    location = fields["location"]
    return Sent(_device({**query, **fields}), _batch(location) if isinstance(location, list) else (location,), _nested)


def _form(raw: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw.decode(), max_num_fields=_MAX_FIELDS))
    except ValueError:  # not UTF-8, or too many fields
        raise BadRequest("the body is no form") from None


def _device(fields: Fields) -> str:
    found = next((fields[name] for name in ("device_id", "id", "deviceid") if fields.get(name)), "")
    return found if isinstance(found, str) else ""


def _batch(entries: list[object]) -> list[object]:
    if len(entries) > MAX_BATCH:
        raise BadRequest(f"at most {MAX_BATCH} positions at once", field="location")
    return entries


def _flat(entry: object, now: datetime) -> Fix | None:
    """Return the position of a query, a form, or one object of a list; None if it has none, or says it is not valid."""
    fields = object_of(entry, "position")
    lat, lon = number(fields, "lat"), number(fields, "lon")
    if str(fields.get("valid", "")).lower() in _NO or (lat is None and lon is None):
        return None
    speed = known(number(fields, "speed"))
    heading = number(fields, "bearing" if fields.get("bearing") else "heading")
    return Fix.model_validate(
        {
            "at": time(fields, "timestamp", now),
            "lat": lat,
            "lon": lon,
            "accuracy_m": accuracy(number(fields, "accuracy")),
            "heading": known(heading),
            "speed_m_s": None if speed is None else speed * KNOT_M_S,
        }
    )


def _nested(entry: object, now: datetime) -> Fix:
    """Return the position of a `location`."""
    location = object_of(entry, "location")
    coords = object_of(location.get("coords"), "coords")
    return Fix.model_validate(
        {
            "at": time(location, "timestamp", now),
            "lat": number(coords, "latitude"),
            "lon": number(coords, "longitude"),
            "accuracy_m": accuracy(number(coords, "accuracy")),
            "heading": known(number(coords, "heading")),
            "speed_m_s": known(number(coords, "speed")),
        }
    )
