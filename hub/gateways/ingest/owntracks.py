"""The messages of OwnTracks in its HTTP mode: `{_type: "location", lat, lon, tst, vel?, cog?, acc?, batt?}`.

Source: the pages "HTTP" and "JSON" of the OwnTracks Booklet.
"""

from __future__ import annotations

from hub.domain.positions import Fix
from hub.gateways.ingest.app_values import accuracy, json_of, known, number, object_of, time

_KM_H = 1 / 3.6


def read(raw: bytes) -> Fix | None:
    """Return the position of a message; None for a message of another type, or an empty one.

    Raises:
        BadRequest: It is no JSON object, or a field is malformed.
        pydantic.ValidationError: A field is out of range.
    """
    if not raw.strip():
        return None  # a contact was deleted
    message = object_of(json_of(raw), "body")
    if message.get("_type") != "location":
        return None
    speed = known(number(message, "vel"))
    return Fix.model_validate(
        {
            "at": time(message, "tst"),
            "lat": number(message, "lat"),
            "lon": number(message, "lon"),
            "accuracy_m": accuracy(number(message, "acc")),
            "heading": known(number(message, "cog")),
            "speed_m_s": None if speed is None else speed * _KM_H,
        }
    )
