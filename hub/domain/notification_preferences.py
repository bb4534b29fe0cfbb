"""A person's choice of notifications: the events, the channels and the quiet hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from enum import StrEnum
from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints

from hub.domain.lifecycle import RULES, event_type
from hub.domain.texts import Text
from hub.domain.values import Stored, Value

NotificationType = Literal[
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

_STATUS_TEXTS = {event_type(status): rule.notify_when for status, rule in RULES.items() if rule.notify_when}
_OTHER_TEXTS = {
    "order.delayed": Text("si se retrasa", "if it is late"),
    "order.eta_changed": Text("si cambia la hora", "if the time changes"),
    "notice.sent": Text("avisos de la taquería", "notices from us"),
    "promo.published": Text("promociones", "promotions"),
}
# Each type as a person reads it, in the order in which they are listed.
NOTIFICATION_TEXTS: Mapping[NotificationType, Text] = {
    type_: ({**_STATUS_TEXTS, **_OTHER_TEXTS})[type_] for type_ in get_args(NotificationType)
}
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Channel(StrEnum):
    """A way to reach somebody."""

    PAGE = "page"  # while it is open
    PUSH = "push"  # the browser's, also when it is not
    WHATSAPP = "whatsapp"


# Each channel as a person reads it: "avisarte en la página".
CHANNEL_TEXTS: Mapping[Channel, Text] = {
    Channel.PAGE: Text("en la página", "on the page"),
    Channel.PUSH: Text("con notificaciones", "by push notification"),
    Channel.WHATSAPP: Text("por WhatsApp", "by WhatsApp"),
}


class QuietHours(Value):
    """The hours without noise, by the branch's clock; `22:00` to `07:00` goes past midnight."""

    start: ClockTime
    end: ClockTime


class StoredQuietHours(Stored):
    """`QuietHours`, as stored in preferences."""

    start: str
    end: str

    def holds(self, at: time) -> bool:
        """Return True if this time of day is within the quiet hours."""
        now, start, end = f"{at:%H:%M}", self.start, self.end
        return start <= now < end if start <= end else now >= start or now < end


class Preferences(Stored):
    """The preferences of one person; the defaults are those of people who have chosen nothing."""

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
        self, types: Sequence[NotificationType], channels: Sequence[Channel], quiet_hours: QuietHours | None
    ) -> Preferences:
        """Return these preferences with new choices. Keep the types and channels that only a newer hub knows."""
        quiet = None if quiet_hours is None else StoredQuietHours(start=quiet_hours.start, end=quiet_hours.end)
        others = tuple(channel for channel in self.channels if not isinstance(channel, Channel))
        return self.model_copy(
            update={
                "types": (*types, *(type_ for type_ in self.types if type_ not in get_args(NotificationType))),
                "channels": (*channels, *others),
                "quiet_hours": quiet,
            }
        )

    @property
    def known_channels(self) -> tuple[Channel, ...]:
        """The channels that this version of the hub can reach somebody by."""
        return tuple(channel for channel in self.channels if isinstance(channel, Channel))

    @property
    def wants_promos(self) -> bool:
        """True if promotions are to come by another channel than an open page."""
        return "promo.published" in self.types and any(channel is not Channel.PAGE for channel in self.known_channels)

    def channels_for(self, type_: str, at: time) -> Sequence[Channel]:
        """Return the channels for an event at this time of day; quiet hours do not apply to an open page."""
        if type_ not in self.types:
            return ()
        quiet = self.quiet_hours is not None and self.quiet_hours.holds(at)
        return tuple(channel for channel in self.known_channels if channel is Channel.PAGE or not quiet)
