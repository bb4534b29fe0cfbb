"""Authentication of callers, and the check of the rooms that they may join."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import ConfigDict

from hub.core.errors import Forbidden, NotFound, Unauthorized
from hub.domain.lifecycle import ENDED, StoredStatus
from hub.domain.order_document import Order
from hub.domain.roles import ANONYMOUS, Kind, Permission, Principal, Scope
from hub.domain.rooms import ROOM_RULES, Room, RoomKind
from hub.domain.values import Stored, Time
from hub.services.auth.api_keys import KEY_PREFIX, ApiKeys, key_id_of
from hub.services.auth.revocations import Revocations
from hub.services.auth.roster import Roster
from hub.services.auth.tokens import Tokens, TokenUse
from hub.services.document_names import chat_key, contact_key, order_key
from hub.services.stored_documents import load, readable_object
from hub.store.log import DocKey, EventLog

AFTER_END = timedelta(hours=24)  # how long a tracking link outlives its order
_NONE: frozenset[str] = frozenset()


class Access:
    """Finds the principal of a token, and decides which rooms a principal may enter."""

    def __init__(
        self,
        log: EventLog,
        tokens: Tokens,
        clock: Callable[[], datetime],
        roster: Roster,
        revocations: Revocations,
        keys: ApiKeys,
    ) -> None:
        self._log = log
        self._tokens = tokens
        self._clock = clock
        self._roster = roster
        self._revocations = revocations
        self._keys = keys

    async def principal(self, token: str | None) -> Principal:
        """Return the holder of a token; without a token, the anonymous principal.

        Raises:
            Unauthorized: The token is wrong or expired, or its account was removed.
        """
        if not token:
            return ANONYMOUS
        if token.startswith(KEY_PREFIX):
            return await self._keys.principal(token)
        if token.count(".") == 1:
            known = await self.with_capability(ANONYMOUS, token)
            if known is ANONYMOUS:
                raise Unauthorized("the token is not valid")
            return known
        return await self.current(self._tokens.read(token, self._clock()))

    async def courier(self, token: str) -> Principal:
        """Return the courier whose positions a token may report. Such a token opens nothing else.

        Raises:
            Unauthorized: It is no such token, it expired or was revoked, or its account was removed.
            Forbidden: The account's owner is no courier any more.
        """
        courier = await self.current(self._tokens.read(token, self._clock(), TokenUse.POSITIONS))
        courier.require(Permission.REPORT_POSITION)
        return courier

    async def current(self, principal: Principal) -> Principal:
        """Return a principal with the roles it has now; its connection may be older than they are.

        Raises:
            Unauthorized: The token has ended or was revoked, or the account was removed: log in again.
        """
        if principal.until is not None and principal.until <= self._clock().timestamp():
            raise Unauthorized("the token has expired")
        if principal.is_partner:
            return await self._keys.current(principal)
        await self._revocations.require_good(principal)
        if principal.kind is Kind.STAFF:
            return await self._roster.current(principal)
        return principal

    async def with_capability(self, principal: Principal, token: str | None) -> Principal:
        """Return a principal with the capability of a token added; a token that opens nothing adds nothing.

        Raises:
            Unauthorized: The token was valid, but its order ended too long ago.
        """
        shown, order_id = self.shown(principal, token)
        if order_id is not None:
            await self.require_open(order_id)
        return shown

    def shown(self, principal: Principal, token: str | None) -> tuple[Principal, str | None]:
        """Return a principal with the capability of a token added, without checking that the order is still open."""
        if not token:
            return principal, None
        if order_id := self._tokens.order_of(token):
            return _holding(principal, orders={order_id}), order_id
        if chat_id := self._tokens.chat_of(token):
            return _holding(principal, chats={chat_id}), None
        return principal, None

    async def holding(self, principal: Principal, orders: Iterable[str], chats: Iterable[str]) -> Principal:
        """Return a principal with capabilities that it has shown before.

        Raises:
            Unauthorized: One of these orders ended too long ago.
        """
        held, shown = frozenset(orders) - principal.orders, frozenset(chats)
        checks = [self.require_open(order_id) for order_id in held]
        await (
            checks[0] if len(checks) == 1 else asyncio.gather(*checks)
        )  # a single one, which is the usual case, needs no task
        if not held | shown:
            return principal
        return _holding(principal, held, shown)

    async def owning(self, principal: Principal, order_id: str | None, scope: Scope) -> Principal:
        """Return a partner with the order among its own, if its API key placed it; others as they are.

        Args:
            scope: The scope that its key needs for that.

        Raises:
            Forbidden: The order is the partner's, and the key lacks the scope.
        """
        if not principal.is_partner or order_id is None or order_id in principal.orders:
            return principal
        contact = readable_object(self._log, await self._log.document(contact_key(order_id))) or {}
        if contact.get("key_id") != key_id_of(principal):
            return principal
        principal.require_scope(scope)
        return _holding(principal, orders={order_id})

    async def require_open(self, order_id: str) -> None:
        """Refuse a link to an order that ended too long ago.

        Raises:
            Unauthorized: It ended too long ago.
        """
        document = await self._log.document(order_key(order_id))
        self.check_open(load(self._log, _Standing, document) if document else None)

    def check_open(self, order: Order | _Standing | None) -> None:
        """Refuse a link to an order that was read already.

        Args:
            order: None if it is gone.

        Raises:
            Unauthorized: The order is gone or ended too long ago.
        """
        if order is None or link_expired(order, self._clock()):
            raise Unauthorized("the link has expired")

    async def require_room(self, principal: Principal, room: Room) -> None:
        """Check that a principal may enter a room.

        Raises:
            NotFound: There is no such order or chat, or it is not theirs.
            Forbidden: The room is for staff of another role.
        """
        self.check_room(await self.entering(principal, room), room)
        subject = _subject(room)
        if subject is not None and await self._log.document(subject) is None:
            raise _no_room(room)

    async def entering(self, principal: Principal, room: Room) -> Principal:
        """Return a partner with the order of a room among its own, if its API key placed it; others as they are.

        Raises:
            Forbidden: The order is the partner's, and the key may not read.
        """
        if not principal.is_partner or room.kind is not RoomKind.ORDER:
            return principal
        return await self.owning(principal, room.id, Scope.ORDERS_READ)

    def check_room(self, principal: Principal, room: Room) -> None:
        """Check that a principal may enter a room, for a caller that will find out by itself whether the room exists.

        Raises:
            NotFound: It is not theirs.
            Forbidden: The room is for staff of another role.
        """
        rule = ROOM_RULES[room.kind]
        if rule.own:
            if not _is_own(principal, room) and (rule.staff is None or not principal.may(rule.staff)):
                raise _no_room(room)
        elif rule.staff is not None:
            principal.require(rule.staff)
        elif not rule.public:
            raise Forbidden(f"{room.kind} rooms are not open in this version")


class _Standing(Stored):
    """The part of an order that a link's validity depends on: reading the whole order takes five times as long."""

    model_config = ConfigDict(extra="ignore")

    schema_version: Any = 1
    status: StoredStatus
    status_since: Time


def link_expired(order: Order | _Standing, now: datetime) -> bool:
    """Return True if the order ended so long ago that its customer's link no longer opens it."""
    return order.status in ENDED and order.status_since + AFTER_END < now


def _is_own(principal: Principal, room: Room) -> bool:
    """Return True if the principal holds the order, chat or account that the room is about."""
    match room.kind:
        case RoomKind.ORDER:
            return room.id in principal.orders
        case RoomKind.CHAT:
            return room.id in principal.chats
        case RoomKind.CUSTOMER:
            return room.id == principal.id
        case _:
            return False


def _subject(room: Room) -> DocKey | None:
    """Return the key of the document that a room belongs to."""
    match room.kind:
        case RoomKind.ORDER:
            return order_key(room.id)
        case RoomKind.CHAT:
            return chat_key(room.id)
        case _:
            return None


def _no_room(room: Room) -> NotFound:
    return NotFound(f"there is no room {room}")


def _holding(principal: Principal, orders: Set[str] = _NONE, chats: Set[str] = _NONE) -> Principal:
    """Return a principal with more capabilities; with any, the anonymous are customers."""
    kind = Kind.CUSTOMER if principal.kind is Kind.ANONYMOUS else principal.kind
    return replace(principal, kind=kind, orders=principal.orders | orders, chats=principal.chats | chats)
