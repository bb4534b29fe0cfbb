"""Who is asking, and which rooms they may enter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hub.domain.errors import Forbidden, NotFound, Unauthorized
from hub.domain.models import ENDED, StoredStatus
from hub.domain.roles import ANONYMOUS, Kind, Permission, Principal
from hub.domain.rooms import Room, RoomKind
from hub.domain.values import Stored, Time
from hub.eventlog.log import DocKey, EventLog
from hub.services.documents import chat_key, order_key
from hub.services.revocations import Revocations
from hub.services.roster import Roster
from hub.services.stored import load, load_part
from hub.services.tokens import Tokens

AFTER_END = timedelta(hours=24)  # how long a tracking link outlives its order


class Access:
    """Turns tokens into principals, and principals into yes or no."""

    def __init__(
        self,
        log: EventLog,
        tokens: Tokens,
        clock: Callable[[], datetime],
        roster: Roster,
        revocations: Revocations,
    ) -> None:
        self._log = log
        self._tokens = tokens
        self._clock = clock
        self._roster = roster
        self._revocations = revocations

    async def principal(self, token: str | None) -> Principal:
        """Who holds this token; without one, anybody.

        Raises:
            Unauthorized: The token is wrong, expired, or of somebody who works here no more.
        """
        if not token:
            return ANONYMOUS
        if token.count(".") == 1:
            known = await self.with_capability(ANONYMOUS, token)
            if known is ANONYMOUS:
                raise Unauthorized("the token is not valid")
            return known
        return await self.current(self._tokens.read(token, self._clock()))

    async def current(self, principal: Principal) -> Principal:
        """Return a principal with the roles it has now; its connection may be older than they are.

        Raises:
            Unauthorized: The token has ended or was revoked, or the account was removed: log in again.
        """
        if principal.until is not None and principal.until <= self._clock().timestamp():
            raise Unauthorized("the token has expired")
        await self._revocations.require_good(principal)
        if principal.kind is Kind.STAFF:
            return await self._roster.current(principal)
        return principal

    async def with_capability(self, principal: Principal, token: str | None) -> Principal:
        """The same principal, and what this one token opens besides. A token that opens nothing adds nothing.

        Raises:
            Unauthorized: The token was good, and its order ended too long ago.
        """
        shown, order_id = self.shown(principal, token)
        if order_id is not None:
            await self.require_open(order_id)
        return shown

    def shown(self, principal: Principal, token: str | None) -> tuple[Principal, str | None]:
        """The same for one who is about to read the order: it is named, and `check_open` is still to be asked of it."""
        if not token:
            return principal, None
        if order_id := self._tokens.order_of(token):
            return _customer(replace(principal, orders=principal.orders | {order_id})), order_id
        if chat_id := self._tokens.chat_of(token):
            return _customer(replace(principal, chats=principal.chats | {chat_id})), None
        return principal, None

    async def holding(self, principal: Principal, orders: Iterable[str], chats: Iterable[str]) -> Principal:
        """The same principal with capabilities that it has shown before.

        Raises:
            Unauthorized: One of these orders ended too long ago.
        """
        held, shown = frozenset(orders) - principal.orders, frozenset(chats)
        checks = [self.require_open(order_id) for order_id in held]
        await (checks[0] if len(checks) == 1 else asyncio.gather(*checks))  # one, as nearly always, needs no task
        if not held | shown:
            return principal
        return _customer(replace(principal, orders=principal.orders | held, chats=principal.chats | shown))

    async def require_open(self, order_id: str) -> None:
        """Whether a link to this order is still good.

        Raises:
            Unauthorized: It ended too long ago.
        """
        document = await self._log.document(order_key(order_id))
        self._check_standing(load(self._log, _Standing, document) if document else None)

    def check_open(self, order: Mapping[str, Any] | None) -> None:
        """The same for an order that has been read; None: it is gone."""
        self._check_standing(_standing(self._log, order) if order else None)

    def _check_standing(self, order: _Standing | None) -> None:
        if order is None or order.expired(self._clock()):
            raise Unauthorized("the link has expired")

    async def require_room(self, principal: Principal, room: Room) -> None:
        """Let a principal into a room, or not.

        Raises:
            NotFound: There is no such order or chat, or it is not theirs.
            Forbidden: The room is for staff of another role.
        """
        self.check_room(principal, room)
        subject = _subject(room)
        if subject is not None and await self._log.document(subject) is None:
            raise _no_room(room)

    def check_room(self, principal: Principal, room: Room) -> None:
        """The same for one who is about to read the room, and so finds out whether there is such an order or chat.

        Raises:
            NotFound: It is not theirs.
            Forbidden: The room is for staff of another role.
        """
        match room.kind:
            case RoomKind.PROMOS | RoomKind.STOCK:
                return
            case RoomKind.KITCHEN:
                principal.require(Permission.JOIN_KITCHEN)
            case RoomKind.FLOOR:
                principal.require(Permission.JOIN_FLOOR)
            case RoomKind.ORDER:
                if room.id not in principal.orders and not principal.may(Permission.READ_ORDERS):
                    raise _no_room(room)
            case RoomKind.CHAT:
                if room.id not in principal.chats and not principal.may(Permission.READ_CHATS):
                    raise _no_room(room)
            case RoomKind.CUSTOMER:
                if principal.id != room.id:
                    raise _no_room(room)
            case RoomKind.SUPPORT:
                raise Forbidden("support rooms are not open in this version")


class _Standing(Stored):
    """What of an order decides how long a link to it is good: to read all of it takes four times as long."""

    status: StoredStatus
    status_since: Time

    def expired(self, now: datetime) -> bool:
        return self.status in ENDED and self.status_since + AFTER_END < now


def link_expired(log: EventLog, order: Mapping[str, Any], now: datetime) -> bool:
    """Return True if the order ended so long ago that its customer's link no longer opens it.

    Raises:
        UnreadableDocument: The order's document cannot be read.
    """
    return _standing(log, order).expired(now)


def _standing(log: EventLog, order: Mapping[str, Any]) -> _Standing:
    return load_part(log, _Standing, order_key(str(order.get("id"))), order)


def _subject(room: Room) -> DocKey | None:
    """The document without which there is no such room."""
    match room.kind:
        case RoomKind.ORDER:
            return order_key(room.id)
        case RoomKind.CHAT:
            return chat_key(room.id)
        case _:
            return None


def _no_room(room: Room) -> NotFound:
    return NotFound(f"there is no room {room}")


def _customer(principal: Principal) -> Principal:
    return replace(principal, kind=Kind.CUSTOMER) if principal.kind is Kind.ANONYMOUS else principal
