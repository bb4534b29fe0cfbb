"""Notifications: the preferences of customers, and notices from staff to one customer."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hub.core.errors import Conflict, Forbidden, NotFound
from hub.domain.answers.branch_answers import ChosenNotifications, SentNotice
from hub.domain.commands import SendNotice, SetNotifications
from hub.domain.events import NoticeSent
from hub.domain.notification_preferences import Channel, Preferences
from hub.domain.roles import Permission, Principal
from hub.domain.room_retention import NOTIFICATION_PREFERENCES_KEPT_S
from hub.services.auth.command_identity import idempotency_key
from hub.services.command_answers import answer_of
from hub.services.document_names import PROMO_LISTENERS, notify_key, order_key
from hub.services.log_events import new_event
from hub.services.service_bounds import MAX_PROMO_LISTENERS
from hub.services.stored_documents import load, load_readable
from hub.services.subjects import subjects_of
from hub.store.conflicts import retry_on_conflict
from hub.store.log import DocKey, Document, EventLog, IndexMove, NewEvent, Quota, Write

if TYPE_CHECKING:
    from hub.config.limit_settings import ChatLimits
    from hub.services.auth.digests import Digests

_HOUR_S = 3_600


class NotificationService:
    """Keeps preferences by account, or by the orders and chats whose tokens a caller holds; sends notices."""

    def __init__(
        self,
        log: EventLog,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        limits: ChatLimits,
        digests: Digests,
        timezone: str = "UTC",
    ) -> None:
        self._log = log
        self._limits = limits
        self._digests = digests
        self._clock = clock
        self._new_id = new_id
        self._zone = ZoneInfo(timezone)

    async def set(self, principal: Principal, command: SetNotifications) -> ChosenNotifications:
        """Choose the events and channels of the caller's notifications.

        Raises:
            NotFound: The caller holds no order or chat.
            RateLimited: The preferences were set too often from this address within an hour.
        """
        keys = _keys_of(principal)

        async def attempt() -> ChosenNotifications:
            found = await self._log.documents(keys)
            wanted = [self._wanted(command, document) for document in found]
            versions = [0 if document is None else document.version for document in found]
            write = Write(
                expects=tuple(zip(keys, versions, strict=True)),
                documents=tuple(
                    Document(key, version + 1, each.model_dump_json())
                    for key, version, each in zip(keys, versions, wanted, strict=True)
                ),
                expire=tuple((key, NOTIFICATION_PREFERENCES_KEPT_S) for key in keys),
                index=tuple(self._listening(key, each) for key, each in zip(keys, wanted, strict=True)),
                quotas=self._quotas(principal),
                result=json.dumps({"preferences": wanted[0].model_dump(mode="json")}),
                idempotency=idempotency_key(principal, command),
            )
            committed = await self._log.commit(write)
            return answer_of(ChosenNotifications, committed)

        return await retry_on_conflict(attempt)

    async def of(self, principal: Principal) -> Preferences:
        """Return the preferences of a caller; the defaults if they have chosen nothing."""
        return await self._first(_keys_of(principal))

    async def inherit(self, order_id: str, chat_id: str) -> None:
        """Copy the preferences of a chat to an order that was placed in it, unless the order has its own."""
        theirs = await self._log.document(notify_key(f"chat-{chat_id}"))
        if theirs is None:
            return
        key = notify_key(f"order-{order_id}")
        with suppress(Conflict):
            documents = (Document(key, 1, theirs.body),)
            await self._log.commit(
                Write(expects=((key, 0),), documents=documents, expire=((key, NOTIFICATION_PREFERENCES_KEPT_S),))
            )

    async def channels_for(self, order_id: str, type_: str) -> tuple[Channel, ...]:
        """Return the channels by which an order's customer is notified of an event now."""
        preferences = await self._first([notify_key(f"order-{order_id}")])
        return tuple(preferences.channels_for(type_, self._clock().astimezone(self._zone).time()))

    async def send(self, principal: Principal, command: SendNotice) -> SentNotice:
        """Send a notice to everybody who follows an order, as staff or as its customer.

        Raises:
            NotFound: There is no such order, or it is not theirs.
            Forbidden: Staff of another role.
        """
        if not principal.may(Permission.SEND_NOTICE) and command.order_id not in principal.orders:
            if principal.is_staff:
                raise Forbidden("your role may not do this", permission=str(Permission.SEND_NOTICE))
            raise NotFound("there is no such order")
        if await self._log.document(order_key(command.order_id)) is None:
            raise NotFound("there is no such order")
        return await self._tell(principal, command)

    def call_staff(self, message: str) -> NewEvent:
        """Return the event that calls a member of staff, for the write of another service."""
        notice = NoticeSent(notice_id=self._new_id(), message=message, level="urgent")
        return new_event(notice, self._clock())

    def _listening(self, key: DocKey, wanted: Preferences) -> IndexMove:
        """Keep the list of those who want promotions by phone."""
        score = int(self._clock().timestamp() * 1_000)
        return IndexMove(PROMO_LISTENERS, key.id, wanted.wants_promos, keep=MAX_PROMO_LISTENERS, score=score)

    def _quotas(self, principal: Principal) -> tuple[Quota, ...]:
        """Each command that is carried out is remembered for a day. Staff are not bounded."""
        most = self._limits.notify_hour
        if principal.is_staff or not principal.address or not most:
            return ()
        address = self._digests.address(principal.address)
        return (Quota(f"notify_hour:{address}", 1, most, _HOUR_S, "notify_hour", passing=True),)

    async def _tell(self, principal: Principal, command: SendNotice) -> SentNotice:
        notice = NoticeSent(notice_id=self._new_id(), message=command.message, level=command.level)
        committed = await self._log.commit(
            Write(
                events=(new_event(notice, self._clock(), order=command.order_id),),
                result=json.dumps({"notice_id": notice.notice_id}),
                idempotency=idempotency_key(principal, command),
            )
        )
        return answer_of(SentNotice, committed)

    async def _first(self, keys: list[DocKey]) -> Preferences:
        for document in await self._log.documents(keys):
            if document is not None:
                return load(self._log, Preferences, document)
        return Preferences()

    def _wanted(self, command: SetNotifications, before: Document | None) -> Preferences:
        """Return the new preferences, with the fields that only a newer hub knows. Replace unreadable preferences."""
        known = load_readable(self._log, Preferences, before) or Preferences()
        return known.changed(command.types, command.channels, command.quiet_hours)


def _keys_of(principal: Principal) -> list[DocKey]:
    return [notify_key(subject) for subject in subjects_of(principal)]
