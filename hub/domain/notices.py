"""Notices that reach people who look at no page: what each kind is for, and which of them are due when. No I/O.

A notice belongs to a subject: `order-<id>` for a customer, or `staff-<order id>` for whoever works here. The notices
of a subject are one document, so that a decision and its outcome are each one commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from hub.domain.lifecycle import OrderStatus, event_type
from hub.domain.notification_preferences import Channel, Preferences, StoredQuietHours
from hub.domain.texts import Text
from hub.domain.values import Stored, Time

MAX_NOTICES = 60  # of one subject; those that are settled leave first, the oldest of them before the others
UNSEEN = "order.unseen"  # the type of the notice that wakes staff; no event has it
DISPLACED = "displaced"  # in tallies: it still waited, and newer ones of its subject took its place

STATUS_TYPES: Mapping[str, OrderStatus] = {event_type(status): status for status in OrderStatus}
RECALLED = "order.recalled"


class NoticeState(StrEnum):
    """What became of a notice."""

    WAITING = "waiting"  # until it is due, or until the next try
    SENT = "sent"
    FAILED = "failed"  # refused, or too late
    DROPPED = "dropped"  # no longer true, or told by a newer one, or nobody is reached by this channel


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """How a type of notice is told.

    Attributes:
        title, body: The words. `{code}` and `{name}` are those of the order; other fields are the event's.
        ttl_s: Seconds after it is due for which it is worth telling.
        urgent: It may wake a phone that is saving its battery.
    """

    title: Text
    body: Text
    ttl_s: int
    urgent: bool = False


_HOUR_S = 3_600
KINDS: Mapping[str, NoticeKind] = {
    "order.preparing": NoticeKind(
        Text("Ya lo preparamos", "We are preparing it"),
        Text("Tu pedido {code} está en la plancha.", "Your order {code} is on the grill."),
        1_800,
    ),
    "order.ready": NoticeKind(
        Text("Está listo", "It is ready"),
        Text("Tu pedido {code} está listo.", "Your order {code} is ready."),
        _HOUR_S,
        True,
    ),
    "order.en_route": NoticeKind(
        Text("Va en camino", "It is on its way"),
        Text("Tu pedido {code} salió hacia ti.", "Your order {code} has left for you."),
        _HOUR_S,
        True,
    ),
    "order.delivered": NoticeKind(
        Text("Entregado", "Delivered"),
        Text("Tu pedido {code} se entregó. ¡Buen provecho!", "Your order {code} was delivered. Enjoy!"),
        2 * _HOUR_S,
    ),
    "order.cancelled": NoticeKind(
        Text("Pedido cancelado", "Order cancelled"),
        Text("Tu pedido {code} se canceló: {reason}", "Your order {code} was cancelled: {reason}"),
        4 * _HOUR_S,
        True,
    ),
    "order.delayed": NoticeKind(
        Text("Tu pedido tarda un poco más", "Your order takes a little longer"),
        Text("{code}: unos {minutes} minutos más. {reason}", "{code}: about {minutes} minutes more. {reason}"),
        1_800,
    ),
    "order.eta_changed": NoticeKind(
        Text("Nueva hora", "New time"),
        Text("Cambió la hora de tu pedido {code}.", "The time of your order {code} has changed."),
        600,
    ),
    "notice.sent": NoticeKind(
        Text("Un aviso de la taquería", "A notice from the taquería"), Text("{message}", "{message}"), _HOUR_S, True
    ),
    "promo.published": NoticeKind(Text("{title}", "{title}"), Text("{message}", "{message}"), 12 * _HOUR_S),
    UNSEEN: NoticeKind(
        Text("Pedido sin ver", "Unseen order"),
        Text("Nadie ha visto el pedido {code} de {name}.", "Nobody has seen the order {code} of {name}."),
        1_800,
        True,
    ),
}


class Notice(Stored):
    """One notice by one channel, as stored.

    Attributes:
        id: Of the event, the channel and the device, if it is for one: a second try to send it has the same.
        due: When it may be told first.
        next_try: When it is to be tried next.
        fields: What its words need of the event.
        detail: Why it failed or was dropped: one word.
        device: The digest of the only device that it is for; empty: it is for every device of its subject.
    """

    id: str
    type: str
    channel: Annotated[Channel | str, Field(union_mode="left_to_right")]
    due: Time
    next_try: Time
    state: Annotated[NoticeState | str, Field(union_mode="left_to_right")] = NoticeState.WAITING
    tries: int = 0
    settled_at: Time | None = None
    detail: str = ""
    device: str = ""
    fields: dict[str, str] = Field(default_factory=dict)

    @property
    def waiting(self) -> bool:
        """True if it may still be told."""
        return self.state == NoticeState.WAITING

    @property
    def expires(self) -> datetime:
        """The time after which it is not worth telling."""
        kind = KINDS.get(self.type)
        worth_until = self.due + timedelta(seconds=kind.ttl_s if kind else 0)
        over = self.fields.get("expires_at", "")  # of a promotion that ends sooner
        return min(worth_until, datetime.fromisoformat(over)) if over else worth_until

    def settled(self, state: NoticeState, at: datetime, detail: str = "") -> Notice:
        """Return the notice with what became of it."""
        return self.model_copy(update={"state": state, "settled_at": at, "detail": detail})

    def postponed(self, until: datetime) -> Notice:
        """Return the notice, to be told later than it was thought: it is worth as much then."""
        return self.model_copy(update={"due": until, "next_try": until})

    def tried(self, next_try: datetime, detail: str) -> Notice:
        """Return the notice after a try that is worth another one."""
        return self.model_copy(update={"tries": self.tries + 1, "next_try": next_try, "detail": detail})


class Notices(Stored):
    """The notices of one subject, the oldest first."""

    notices: tuple[Notice, ...] = ()

    @property
    def next_due(self) -> datetime | None:
        """The time of the next try of any of them; None if none is waiting."""
        return min((notice.next_try for notice in self.notices if notice.waiting), default=None)

    def due(self, at: datetime) -> tuple[Notice, ...]:
        """Return those that are to be told at a time."""
        return tuple(notice for notice in self.notices if notice.waiting and notice.next_try <= at)

    def adding(self, new: Notice, at: datetime) -> Notices:
        """Return the notices with one more, unless it is there. A newer state replaces one that still waits."""
        if any(notice.id == new.id for notice in self.notices):
            return self
        kept = self.notices
        if new.type in STATUS_TYPES:
            kept = self.dropping_states(at, "replaced", new.channel).notices
        return self.model_copy(update={"notices": _newest((*kept, new))})

    def dropping_states(self, at: datetime, detail: str, channel: str | None = None) -> Notices:
        """Return the notices without those of an order's status that still wait, of one channel or of all."""
        return self.model_copy(
            update={
                "notices": tuple(
                    notice.settled(NoticeState.DROPPED, at, detail)
                    if notice.waiting and notice.type in STATUS_TYPES and channel in (None, notice.channel)
                    else notice
                    for notice in self.notices
                )
            }
        )

    def with_outcomes(self, outcomes: Mapping[str, Notice]) -> Notices:
        """Return the notices with what became of some, by id. One that was settled meanwhile stays as it is."""
        return self.model_copy(
            update={
                "notices": tuple(
                    outcomes.get(notice.id, notice) if notice.waiting else notice for notice in self.notices
                )
            }
        )

    def news_since(self, before: Notices) -> tuple[str, ...]:
        """Return what has become of notices since an earlier state, for tallies: `push decided`, `push sent`."""
        known = {notice.id: notice for notice in before.notices}
        new = [notice for notice in self.notices if notice.id not in known]
        decided = [f"{notice.channel} decided" for notice in new]
        settled = [
            f"{notice.channel} {notice.state}"
            for notice in self.notices
            if not notice.waiting and (notice.id not in known or known[notice.id].waiting)
        ]
        return (*decided, *settled, *self._gone_since(before, new))

    def _gone_since(self, before: Notices, new: list[Notice]) -> list[str]:
        """Return what became of notices that waited, and for which there was no more room."""
        left = {notice.id for notice in self.notices}
        states = {notice.channel for notice in new if notice.type in STATUS_TYPES}
        return [
            # A newer state has replaced it, and it left at once.
            f"{notice.channel} {NoticeState.DROPPED}"
            if notice.type in STATUS_TYPES and notice.channel in states
            else f"{notice.channel} {DISPLACED}"
            for notice in before.notices
            if notice.waiting and notice.id not in left
        ]


def _newest(notices: tuple[Notice, ...]) -> tuple[Notice, ...]:
    spare = len(notices) - MAX_NOTICES
    if spare <= 0:
        return notices
    settled = [notice.id for notice in notices if not notice.waiting][:spare]
    left = tuple(notice for notice in notices if notice.id not in settled)
    return left[-MAX_NOTICES:]


def channels_of(preferences: Preferences, type_: str, able: frozenset[Channel]) -> tuple[Channel, ...]:
    """Return the channels by which a person wants to be told of a type, of those that this hub can use."""
    if type_ not in preferences.types or type_ not in KINDS:
        return ()
    return tuple(channel for channel in preferences.known_channels if channel in able)


def told_at(at: datetime, quiet: StoredQuietHours | None, zone: ZoneInfo) -> datetime:
    """Return when a person may be told: at that time, or at the end of the quiet hours that it is in."""
    while quiet is not None and quiet.holds(at.astimezone(zone).time()):
        # Once, but for a night in which the clocks skip the time between the end of the quiet hours and their start.
        local = at.astimezone(zone)
        hour, minute = map(int, quiet.end.split(":"))
        end = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        at = (end if end > local else end + timedelta(days=1)).astimezone(at.tzinfo)
    return at


def is_still_true(type_: str, status: str, *, acknowledged: bool) -> bool:
    """Return False if an order has moved on from what a notice says of it."""
    if type_ == UNSEEN:
        return not acknowledged and status == OrderStatus.RECEIVED
    return type_ not in STATUS_TYPES or status == STATUS_TYPES[type_]
