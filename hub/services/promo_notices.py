"""Promotions by phone: told to those who asked for them, to each phone at most so many a week."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hub.core.errors import LimitReached
from hub.domain.notices import Notice, channels_of, told_at
from hub.domain.notification_preferences import Channel, Preferences
from hub.services.document_names import PROMO_LISTENERS, notify_key
from hub.services.notice_service import Happening
from hub.services.stored_documents import load_readable
from hub.store.log import EventLog, IndexMove, Quota, Write

if TYPE_CHECKING:
    from hub.config.notice_settings import NoticeSettings
    from hub.services.notice_service import NoticeService
    from hub.services.push_service import PushService
    from hub.store.outbound_stream import OutboundEvent

PROMO = "promo.published"
_WEEK_S = 7 * 86_400
_AT_ONCE = 100  # subjects that are read at the same time


@dataclass(frozen=True, slots=True)
class _Listener:
    """Somebody who asked for promotions, with the digests of the phones on which they come."""

    subject: str
    preferences: Preferences
    phones: frozenset[str]


class PromoNotices:
    """Decides who is told of a promotion.

    A phone may hang on several orders and chats. Each promotion is told to each phone once, by one of them.

    Args:
        able: The channels by which this branch can reach people outside its pages.
    """

    def __init__(
        self,
        log: EventLog,
        notices: NoticeService,
        push: PushService,
        settings: NoticeSettings,
        clock: Callable[[], datetime],
        timezone: str,
        able: frozenset[Channel],
    ) -> None:
        self._log = log
        self._notices = notices
        self._push = push
        self._a_week = settings.promos_a_week
        self._clock = clock
        self._zone = ZoneInfo(timezone)
        self._able = able

    async def decide(self, event: OutboundEvent) -> datetime | None:
        """Decide who is told of a promotion. Deciding twice is as good as once.

        Returns:
            When the first of its notices is due; None if nobody is told.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        happening = Happening.of(event)
        if happening is None or not self._a_week or Channel.PUSH not in self._able:
            return None
        dues = [
            await self._tell(phone, subject, due, happening)
            for phone, (due, subject) in sorted(self._chosen(await self._listeners(), happening.at).items())
        ]
        return min((due for due in dues if due is not None), default=None)

    def _chosen(self, listeners: list[_Listener], at: datetime) -> dict[str, tuple[datetime, str]]:
        """Return for each phone when it is told, and for which of its orders or chats: the last that may be told."""
        chosen: dict[str, tuple[datetime, str]] = {}
        for listener in listeners:
            when = told_at(at, listener.preferences.quiet_hours, self._zone), listener.subject
            for phone in listener.phones:
                chosen[phone] = max(when, chosen.get(phone, when))
        return chosen

    async def _tell(self, phone: str, subject: str, due: datetime, happening: Happening) -> datetime | None:
        new = Notice(
            id=f"{phone}.{happening.id}.{Channel.PUSH}",
            type=PROMO,
            device=phone,
            channel=Channel.PUSH,
            due=due,
            next_try=due,
            fields=dict(happening.fields),
        )
        if new.expires <= due:
            return None  # it is over before the quiet hours are
        quotas = (
            # After a crash, the phone may be found by another of its orders than before.
            Quota(f"promo_once:{happening.id}:{phone}", 1, 1, _WEEK_S, "promo_once"),
            Quota(f"promos_week:{phone}", 1, self._a_week, _WEEK_S, "promos_week"),
        )
        with suppress(LimitReached):  # this phone has had this promotion, or all of its week
            return await self._notices.add(subject, (new,), quotas)
        return None

    async def _listeners(self) -> list[_Listener]:
        subjects, found = await self._log.members(PROMO_LISTENERS), list[_Listener]()
        for at in range(0, len(subjects), _AT_ONCE):
            some = subjects[at : at + _AT_ONCE]
            listeners = await asyncio.gather(*map(self._listener, some))
            found += [listener for listener in listeners if listener is not None and listener.phones]
            gone = [subject for subject, listener in zip(some, listeners, strict=True) if listener is None]
            if gone:
                await self._log.commit(Write(index=tuple(IndexMove(PROMO_LISTENERS, one, False) for one in gone)))
        return found

    async def _listener(self, subject: str) -> _Listener | None:
        """Return who asked for promotions; None if they no longer do, or their choice has expired."""
        preferences = load_readable(self._log, Preferences, await self._log.document(notify_key(subject)))
        if preferences is None or not preferences.wants_promos:
            return None
        phones = frozenset[str]()
        if Channel.PUSH in channels_of(preferences, PROMO, self._able):
            phones = frozenset(device.digest for device in await self._push.of(subject))
        return _Listener(subject, preferences, phones)
