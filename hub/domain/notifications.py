"""What somebody wants to be told of, where, and when not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hub.domain.values import Value

Told = Literal[
    "order.preparing",
    "order.ready",
    "order.en_route",
    "order.delivered",
    "order.cancelled",
    "order.delayed",
    "order.eta_changed",
    "notice.sent",
    "promo.published",
]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Channel(StrEnum):
    """A way to reach somebody."""

    PAGE = "page"  # while it is open
    PUSH = "push"  # the browser's, also when it is not
    WHATSAPP = "whatsapp"


class QuietHours(Value):
    """From when until when, by the branch's clock; `22:00` to `07:00` goes past midnight."""

    start: ClockTime
    end: ClockTime

    def holds(self, at: time) -> bool:
        now, start, end = f"{at:%H:%M}", self.start, self.end
        return start <= now < end if start <= end else now >= start or now < end


class Preferences(Value):
    """One person's wishes. Who has said nothing is told, on the page, of what changes for them."""

    types: Annotated[tuple[Told, ...], Field(max_length=16)] = (
        "order.ready",
        "order.en_route",
        "order.delivered",
        "order.cancelled",
        "order.delayed",
        "notice.sent",
    )
    channels: Annotated[tuple[Channel, ...], Field(max_length=3)] = (Channel.PAGE,)
    quiet_hours: QuietHours | None = None

    def ways_for(self, type_: str, at: time) -> Sequence[Channel]:
        """Where to tell of an event at this time of day. A page that is open makes no noise: it is told at any hour."""
        if type_ not in self.types:
            return ()
        quiet = self.quiet_hours is not None and self.quiet_hours.holds(at)
        return tuple(channel for channel in self.channels if channel is Channel.PAGE or not quiet)
