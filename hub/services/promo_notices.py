"""Promotions by phone: told to those who asked for them, to each phone at most so many a week."""

from __future__ import annotations

import asyncio
import hashlib
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
    """Somebody who asked for promotions, with the phones on which they come."""

    subject: str
    preferences: Preferences
    phones: frozenset[str]


class PromoNotices:
    """Decides who is told of a promotion.

    A phone may hang on several orders and chats: it is told by one of them.

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
        # Those with the most phones come first: a phone of theirs that also hangs on another order is told once.
        listeners = sorted(await self._listeners(), key=lambda each: (-len(each.phones), each.subject))
        reached: set[str] = set()
        dues: list[datetime] = []
        for listener in listeners:
            if listener.phones <= reached:
                continue
            reached |= listener.phones
            if (due := await self._tell(listener, happening)) is not None:
                dues.append(due)
        return min(dues, default=None)

    async def _tell(self, listener: _Listener, happening: Happening) -> datetime | None:
        due = told_at(happening.at, listener.preferences.quiet_hours, self._zone)
        new = Notice(
            id=f"{happening.id}.{Channel.PUSH}",
            type=PROMO,
            channel=Channel.PUSH,
            due=due,
            next_try=due,
            fields=dict(happening.fields),
        )
        if new.expires <= due:
            return None  # it is over before the quiet hours are
        quotas = tuple(
            Quota(f"promos_week:{_digest(phone)}", 1, self._a_week, _WEEK_S, "promos_week") for phone in listener.phones
        )
        with suppress(LimitReached):  # this phone has had its promotions of the week
            return await self._notices.add(listener.subject, (new,), quotas)
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
            phones = frozenset(device.endpoint for device in await self._push.of(subject))
        return _Listener(subject, preferences, phones)


def _digest(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode()).hexdigest()[:24]
