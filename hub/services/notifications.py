"""Being told: what somebody wants to hear of, and a notice to one customer."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from hub.domain.commands import SendNotice, SetNotifications
from hub.domain.errors import Conflict, Forbidden, NotFound, Unavailable
from hub.domain.events import NoticeSent
from hub.domain.notifications import Channel, Preferences
from hub.domain.roles import Permission, Principal
from hub.domain.rooms import FLOOR, Room
from hub.eventlog.log import DocKey, Document, EventLog, NewEvent, Quota, Write
from hub.services.documents import notify_key, order_key
from hub.services.identity import identity
from hub.services.stored import load, load_readable

if TYPE_CHECKING:
    from hub.config import Limits
    from hub.services.digests import Digests

KEPT_S = 30 * 86_400
_HOUR_S = 3_600
_MOST_SUBJECTS = 15  # a write has at most sixteen documents
_TRIES = 8  # re-reads of what another tab is changing

Answer = dict[str, Any]
Level = Literal["info", "warning", "urgent"]


class NotificationService:
    """Preferences hang on what somebody holds: an account, or the orders and chats whose tokens they have."""

    def __init__(
        self,
        log: EventLog,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        limits: Limits,
        digests: Digests,
        timezone: str = "UTC",
    ) -> None:
        self._log = log
        self._limits = limits
        self._digests = digests
        self._clock = clock
        self._new_id = new_id
        self._zone = ZoneInfo(timezone)

    async def set(self, principal: Principal, command: SetNotifications) -> Answer:
        """From now on tell them of these events, on these channels: `{preferences, cursor}`.

        Raises:
            NotFound: They hold nothing that could be told of.
            RateLimited: The preferences were set too often from this address within an hour.
        """
        keys = _subjects(principal)
        for _ in range(_TRIES):
            found = await self._log.documents(keys)
            wanted = [self._wanted(command, document) for document in found]
            versions = [0 if document is None else document.version for document in found]
            write = Write(
                expects=tuple(zip(keys, versions, strict=True)),
                documents=tuple(
                    Document(key, version + 1, each.model_dump_json())
                    for key, version, each in zip(keys, versions, wanted, strict=True)
                ),
                expire=tuple((key, KEPT_S) for key in keys),
                quotas=self._quotas(principal),
                result=json.dumps({"preferences": wanted[0].model_dump(mode="json")}),
                **identity(principal, command),
            )
            try:
                committed = await self._log.commit(write)
            except Conflict:
                continue
            return {**json.loads(committed.result), "cursor": str(committed.cursor)}
        raise Unavailable("too many hands on these preferences; try again")

    async def of(self, principal: Principal) -> Preferences:
        """What they want to be told of; the default if they have never said."""
        return await self._first(_subjects(principal))

    async def inherit(self, order_id: str, chat_id: str) -> None:
        """What was wished for in a chat holds for an order that is placed in it, unless it has wishes of its own."""
        theirs = await self._log.document(notify_key(f"chat-{chat_id}"))
        if theirs is None:
            return
        key = notify_key(f"order-{order_id}")
        with suppress(Conflict):
            documents = (Document(key, 1, theirs.body),)
            await self._log.commit(Write(expects=((key, 0),), documents=documents, expire=((key, KEPT_S),)))

    async def ways_for(self, order_id: str, type_: str) -> tuple[Channel, ...]:
        """Where to tell an order's customer of an event, now."""
        preferences = await self._first([notify_key(f"order-{order_id}")])
        return tuple(preferences.ways_for(type_, self._clock().astimezone(self._zone).time()))

    async def send(self, principal: Principal, command: SendNotice) -> Answer:
        """Tell whoever follows one order something: `{notice_id, cursor}`. Staff, or the order's own customer.

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
        return await self._tell(principal, command, str(Room.order(command.order_id)), command.message, command.level)

    def call_staff(self, message: str) -> NewEvent:
        """The event that tells the floor that somebody is needed; for another's write."""
        notice = NoticeSent(notice_id=self._new_id(), message=message, level="urgent")
        return NewEvent(notice.type, notice.body(self._clock()), (str(FLOOR),))

    def _quotas(self, principal: Principal) -> tuple[Quota, ...]:
        """Each command that is carried out is remembered for a day. Staff are not bounded."""
        most = self._limits.notify_hour
        if principal.is_staff or not principal.address or not most:
            return ()
        address = self._digests.address(principal.address)
        return (Quota(f"notify_hour:{address}", 1, most, _HOUR_S, "notify_hour", passing=True),)

    async def _tell(self, principal: Principal, command: SendNotice, room: str, message: str, level: Level) -> Answer:
        notice = NoticeSent(notice_id=self._new_id(), message=message, level=level)
        committed = await self._log.commit(
            Write(
                events=(NewEvent(notice.type, notice.body(self._clock()), (room,)),),
                result=json.dumps({"notice_id": notice.notice_id}),
                **identity(principal, command),
            )
        )
        return {**json.loads(committed.result), "cursor": str(committed.cursor)}

    async def _first(self, keys: list[DocKey]) -> Preferences:
        for document in await self._log.documents(keys):
            if document is not None:
                return load(self._log, Preferences, document)
        return Preferences()

    def _wanted(self, command: SetNotifications, before: Document | None) -> Preferences:
        """Return the new preferences, with the fields that only a newer hub knows. Replace unreadable preferences."""
        known = load_readable(self._log, Preferences, before) or Preferences()
        return known.changed(command.types, command.channels, command.quiet_hours)


def _subjects(principal: Principal) -> list[DocKey]:
    if principal.id:
        return [notify_key(f"person-{principal.id}")]
    held = [f"order-{order}" for order in sorted(principal.orders)]
    held += [f"chat-{chat}" for chat in sorted(principal.chats)]
    if not held:
        raise NotFound("show the token of an order or a chat to be told of it")
    return [notify_key(name) for name in held[:_MOST_SUBJECTS]]
