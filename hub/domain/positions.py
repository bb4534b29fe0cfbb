"""Positions that phones report: their ranges, and the check that they make sense."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from hub.domain.values import Real, Value

Latitude = Annotated[Real, Field(ge=-90, le=90)]
Longitude = Annotated[Real, Field(ge=-180, le=180)]
Accuracy = Annotated[Real, Field(ge=0, le=100_000)]
Heading = Annotated[Real, Field(ge=0, le=360)]
Speed = Annotated[Real, Field(ge=0, le=200)]

MAX_AGE = timedelta(minutes=2)  # an older position says where the courier was, not where they are
MAX_AHEAD = timedelta(minutes=1)  # by which a phone's clock may be fast
MAX_SPEED_M_S = 60.0
MAX_FROM_ADDRESS_M = 100_000.0  # from the address of the order that the courier carries
_EARTH_RADIUS_M = 6_371_000.0


class Fix(Value):
    """A position of a phone. `at` is when the phone measured it, by its own clock."""

    at: AwareDatetime
    lat: Latitude
    lon: Longitude
    accuracy_m: Accuracy
    heading: Heading | None = None
    speed_m_s: Speed | None = None


class Verdict(StrEnum):
    """What becomes of a reported position."""

    TAKEN = "taken"  # it is the courier's newest one
    EARLIER = "earlier"  # a newer one is known: the marker must not jump back
    STALE = "stale"  # older than `MAX_AGE`: the phone was offline
    FUTURE = "future"  # the phone's clock is wrong
    TOO_FAST = "too_fast"  # nobody gets there from the last position in that time
    MALFORMED = "malformed"  # one of a batch that is no position


@dataclass(slots=True)
class Track:
    """A courier's newest position, and one beside it that was too far away to be believed at once."""

    newest: Fix | None = None
    doubted: Fix | None = None

    def judge(self, fix: Fix, now: datetime) -> Verdict:
        """Return what becomes of a position; remember it if it is the newest one.

        One that is too far from the last one is not taken, unless one before it agrees: then the last one was wrong.
        """
        if fix.at > now + MAX_AHEAD:
            return Verdict.FUTURE
        if fix.at < now - MAX_AGE:
            return Verdict.STALE
        if self.newest is not None and fix.at <= self.newest.at:
            return Verdict.EARLIER
        if (fix.speed_m_s or 0) > MAX_SPEED_M_S or not self._believable(fix):
            self.doubted = fix
            return Verdict.TOO_FAST
        self.newest, self.doubted = fix, None
        return Verdict.TAKEN

    def _believable(self, fix: Fix) -> bool:
        if self.newest is None or _reachable(self.newest, fix):
            return True
        return self.doubted is not None and self.doubted.at < fix.at and _reachable(self.doubted, fix)


def distance_m(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return the distance of two places on the globe, in metres, by the haversine formula."""
    south, north = math.radians(lat), math.radians(other_lat)
    across = math.sin(math.radians(other_lon - lon) / 2) ** 2
    half = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * across
    return 2 * _EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, half)))


def _reachable(start: Fix, end: Fix) -> bool:
    """Return True if somebody can have gone from one position to the other in the time between them."""
    metres = distance_m(start.lat, start.lon, end.lat, end.lon) - start.accuracy_m - end.accuracy_m
    return metres <= MAX_SPEED_M_S * max(1.0, (end.at - start.at).total_seconds())
