"""What somebody wants to be told of, where, and when not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from enum import StrEnum
from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints

from hub.domain.values import Stored, Value

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


class StoredQuietHours(Stored):
    """`QuietHours`, as stored in preferences."""

    start: str
    end: str

    def holds(self, at: time) -> bool:
        now, start, end = f"{at:%H:%M}", self.start, self.end
        return start <= now < end if start <= end else now >= start or now < end


class Preferences(Stored):
    """One person's wishes. Who has said nothing is told, on the page, of what changes for them."""

    types: tuple[str, ...] = (
        "order.ready",
        "order.en_route",
        "order.delivered",
        "order.cancelled",
        "order.delayed",
        "notice.sent",
    )
    channels: tuple[Annotated[Channel | str, Field(union_mode="left_to_right")], ...] = (Channel.PAGE,)
    quiet_hours: StoredQuietHours | None = None

    def changed(
        self, types: Sequence[Told], channels: Sequence[Channel], quiet_hours: QuietHours | None
    ) -> Preferences:
        """Return these preferences with new choices. Keep the types and channels that only a newer hub knows."""
        quiet = None if quiet_hours is None else StoredQuietHours(start=quiet_hours.start, end=quiet_hours.end)
        others = tuple(channel for channel in self.channels if not isinstance(channel, Channel))
        return self.model_copy(
            update={
                "types": (*types, *(type_ for type_ in self.types if type_ not in get_args(Told))),
                "channels": (*channels, *others),
                "quiet_hours": quiet,
            }
        )

    @property
    def known_channels(self) -> tuple[Channel, ...]:
        """The channels that this version of the hub can reach somebody by."""
        return tuple(channel for channel in self.channels if isinstance(channel, Channel))

    def ways_for(self, type_: str, at: time) -> Sequence[Channel]:
        """Where to tell of an event at this time of day. A page that is open makes no noise: it is told at any hour."""
        if type_ not in self.types:
            return ()
        quiet = self.quiet_hours is not None and self.quiet_hours.holds(at)
        return tuple(channel for channel in self.known_channels if channel is Channel.PAGE or not quiet)
