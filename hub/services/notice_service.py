"""Notices: the decision to tell somebody of an event, what became of it, and the list that staff read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hub.domain.answers.notice_answers import OrderNotices, ShownNotice
from hub.domain.notices import (
    RECALLED,
    STATUS_TYPES,
    UNSEEN,
    Notice,
    Notices,
    channels_of,
    told_at,
)
from hub.domain.notification_preferences import Channel, Preferences
from hub.domain.order_document import Order
from hub.domain.roles import Permission, Principal
from hub.domain.room_retention import ORDER_KEPT_S
from hub.services.document_names import (
    DUE_NOTICES,
    NOTICE_TALLIES,
    notices_key,
    notify_key,
    order_key,
    whatsapp_order_key,
)
from hub.services.stored_documents import load_readable
from hub.store.conflicts import retry_on_conflict
from hub.store.log import Document, EventLog, IndexMove, Quota, Write

if TYPE_CHECKING:
    from hub.config.notice_settings import NoticeSettings
    from hub.store.outbound_stream import OutboundEvent

_ORDER = "order:"
_STAFF = "staff-"
_TEXT_CHARS = 200
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of the outbound stream, parsed.

    Attributes:
        fields: What a notice's words may need of its data, as text.
    """

    id: str
    type: str
    at: datetime
    order_id: str
    fields: Mapping[str, str]

    @classmethod
    def of(cls, event: OutboundEvent) -> Happening | None:
        """Return the event; None if it cannot be read."""
        try:
            body = json.loads(event.body)
            at, data = datetime.fromisoformat(body["at"]), body["data"]
            fields = {
                name: str(data[name])[:_TEXT_CHARS]
                for name in ("reason", "minutes", "message", "title", "expires_at")
                if name in data
            }
        except (ValueError, KeyError, TypeError):
            return None
        order = next((room.removeprefix(_ORDER) for room in event.rooms if room.startswith(_ORDER)), "")
        return cls(event.id, event.type, at, order, fields)


class NoticeService:
    """Decides who is told, and records what became of it.

    Args:
        able: The channels by which this branch can reach people outside its pages.
    """

    def __init__(
        self,
        log: EventLog,
        settings: NoticeSettings,
        clock: Callable[[], datetime],
        timezone: str,
        able: frozenset[Channel],
    ) -> None:
        self._log = log
        self._settings = settings
        self._clock = clock
        self._zone = ZoneInfo(timezone)
        self._able = able

    @property
    def unseen_s(self) -> int:
        """The age, in seconds, at which an order that nobody has acknowledged wakes staff; 0: it does not."""
        return self._settings.notice_unseen_s if Channel.PUSH in self._able else 0

    # Decisions

    async def decide(self, event: OutboundEvent) -> datetime | None:
        """Decide who is told of an event. Deciding twice is as good as once.

        Returns:
            When the first of its notices is due; None if nobody is told.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        happening = Happening.of(event)
        if happening is None or not happening.order_id:
            return None
        if happening.type == RECALLED:
            await self._change(
                f"order-{happening.order_id}", lambda notices: notices.dropping_states(self._clock(), "undone")
            )
            return None
        if happening.type == "order.received":
            return await self._watch_unseen(happening)
        return await self._tell_customer(happening)

    async def _tell_customer(self, happening: Happening) -> datetime | None:
        subject = f"order-{happening.order_id}"
        preferences = await self.preferences_of(subject) or Preferences()
        undo_s = self._settings.notice_undo_s if happening.type in STATUS_TYPES else 0
        due = told_at(happening.at + timedelta(seconds=undo_s), preferences.quiet_hours, self._zone)
        channels = channels_of(preferences, happening.type, self._able)
        if happening.type in preferences.types and await self._is_by_whatsapp(happening.order_id):
            channels = tuple(dict.fromkeys((*channels, Channel.WHATSAPP)))
        return await self._add(subject, happening, channels, due)

    async def _is_by_whatsapp(self, order_id: str) -> bool:
        """Return True for an order placed by WhatsApp: whoever wrote there is told there, unless they opt out."""
        return Channel.WHATSAPP in self._able and await self._log.document(whatsapp_order_key(order_id)) is not None

    async def _watch_unseen(self, happening: Happening) -> datetime | None:
        """Wake staff, unless somebody has acknowledged the order by then."""
        if not self.unseen_s:
            return None
        due = happening.at + timedelta(seconds=self.unseen_s)
        return await self._add(f"{_STAFF}{happening.order_id}", happening, (Channel.PUSH,), due, type_=UNSEEN)

    async def _add(
        self, subject: str, happening: Happening, channels: tuple[Channel, ...], due: datetime, *, type_: str = ""
    ) -> datetime | None:
        if not channels:
            return None
        new = [
            Notice(
                id=f"{happening.id}.{channel}",
                type=type_ or happening.type,
                channel=channel,
                due=due,
                next_try=due,
                fields=dict(happening.fields),
            )
            for channel in channels
        ]

        return await self.add(subject, new)

    async def add(self, subject: str, new: Sequence[Notice], quotas: tuple[Quota, ...] = ()) -> datetime | None:
        """Add notices to those of a subject, unless they are there. Return when the subject's next one is due.

        Args:
            quotas: Checked and counted in the same commit, if there is one.

        Raises:
            LimitReached: A quota is used up; nothing was added.
        """

        def added(notices: Notices) -> Notices:
            for notice in new:
                notices = notices.adding(notice, self._clock())
            return notices

        return (await self._change(subject, added, quotas=quotas)).next_due

    # Sending

    async def due(self) -> list[str]:
        """Return subjects with a notice that is due, the longest overdue first."""
        return await self._log.earliest(DUE_NOTICES, _ms(self._clock()), _AT_ONCE)

    async def of(self, subject: str) -> Notices:
        """Return the notices of a subject."""
        return load_readable(self._log, Notices, await self._log.document(notices_key(subject))) or Notices()

    async def order_of(self, subject: str) -> Order | None:
        """Return the order that a subject's notices are about; None if there is none, or it cannot be read."""
        return load_readable(self._log, Order, await self._log.document(order_key(subject.partition("-")[2])))

    async def preferences_of(self, subject: str) -> Preferences | None:
        """Return what a customer has chosen by now; None for staff, who choose nothing."""
        if subject.startswith(_STAFF):
            return None
        return load_readable(self._log, Preferences, await self._log.document(notify_key(subject))) or Preferences()

    def may_be_told(self, notice: Notice, preferences: Preferences) -> datetime | None:
        """Return when a notice may be told by what its person has chosen by now; None: they no longer want it."""
        # WhatsApp is the channel of whoever ordered by it, chosen or not.
        by = {Channel.WHATSAPP, *channels_of(preferences, notice.type, self._able)}
        if notice.type not in preferences.types or notice.channel not in by:
            return None
        return told_at(self._clock(), preferences.quiet_hours, self._zone)

    async def settle(self, subject: str, outcomes: Mapping[str, Notice]) -> datetime | None:
        """Record what became of some notices, by id. Return when the subject's next one is due."""
        return (await self._change(subject, lambda notices: notices.with_outcomes(outcomes))).next_due

    # Reading

    async def shown(self, principal: Principal, order_id: str) -> OrderNotices:
        """Return the notices about an order: the customer's, and those that were to wake staff.

        Raises:
            Forbidden: The caller is no manager.
        """
        principal.require(Permission.READ_NOTICES)
        customer, staff = await self.of(f"order-{order_id}"), await self.of(f"{_STAFF}{order_id}")
        return OrderNotices(
            notices=(
                *(ShownNotice(to="customer", **_shown(notice)) for notice in customer.notices),
                *(ShownNotice(to="staff", **_shown(notice)) for notice in staff.notices),
            )
        )

    async def _change(
        self,
        subject: str,
        changed: Callable[[Notices], Notices],
        quotas: tuple[Quota, ...] = (),
    ) -> Notices:
        key = notices_key(subject)

        async def attempt() -> Notices:
            found = await self._log.document(key)
            before = load_readable(self._log, Notices, found) or Notices()
            after = changed(before)
            due = after.next_due
            if after != before or (found is None and after.notices):
                version = 0 if found is None else found.version
                score = None if due is None else _ms(due)
                await self._log.commit(
                    Write(
                        expects=((key, version),),
                        documents=(Document(key, version + 1, after.model_dump_json()),),
                        index=(IndexMove(DUE_NOTICES, subject, due is not None, keep=0, score=score),),
                        expire=((key, ORDER_KEPT_S),),
                        quotas=quotas,
                        counts=tuple((NOTICE_TALLIES, field, 1) for field in after.news_since(before)),
                    )
                )
            elif due is None:
                await self._log.commit(Write(index=(IndexMove(DUE_NOTICES, subject, False),)))
            return after

        return await retry_on_conflict(attempt)


def _shown(notice: Notice) -> dict[str, Any]:
    names = ("id", "type", "channel", "state", "due", "tries", "settled_at", "detail")
    return {name: getattr(notice, name) for name in names}


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
