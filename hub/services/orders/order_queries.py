"""Reads orders: one, or a page of the newest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from hub.core.errors import (
    NotFound,
)
from hub.domain.answers.order_answers import OrderAnswer, OrderPage, StaffsCustomer, StaffsOrder
from hub.domain.lifecycle import OrderStatus
from hub.domain.order_document import Order
from hub.domain.roles import Permission, Principal, Scope
from hub.services.auth.access import link_expired
from hub.services.auth.api_keys import key_id_of
from hub.services.document_names import ALL_ORDERS, contact_key, order_key, orders_of_key
from hub.services.service_bounds import ORDERS_PAGE
from hub.services.stored_documents import load, load_readable, readable_object
from hub.store.log import Document, EventLog


class OrderQueries:
    """Shows orders to their customers and to staff."""

    def __init__(self, log: EventLog, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._clock = clock

    async def get(self, principal: Principal, order_id: str) -> OrderAnswer:
        """Return an order. Staff also see the phone number and the origin of the order, in `customer`.

        Raises:
            NotFound: There is none, or it is not theirs.
        """
        staff = principal.may(Permission.READ_ORDERS)
        if not staff and not principal.is_partner and order_id not in principal.orders:
            raise NotFound("there is no such order")
        cursor = await self._log.position()
        document, contact = await self._log.documents([order_key(order_id), contact_key(order_id)])
        own = principal.is_partner and self._is_of_key(principal, contact)
        if document is None or not (staff or own or order_id in principal.orders):
            raise NotFound("there is no such order")
        order = load(self._log, Order, document)
        if not staff and not own and link_expired(order, self._clock()):
            # This holds in a chat too that was opened while the order's link was valid.
            raise NotFound("there is no such order")
        if staff and contact is not None:
            known = readable_object(self._log, contact) or {}
            customer = StaffsCustomer.model_construct(**{**dict(order.customer), **known})
            order = StaffsOrder.model_construct(**{**dict(order), "customer": customer})
        return OrderAnswer(order=order, cursor=str(cursor))

    def _is_of_key(self, principal: Principal, contact: Document | None) -> bool:
        """Return True if a partner's API key has placed the order of this contact.

        Raises:
            Forbidden: It has, and lacks the scope to read it.
        """
        known = readable_object(self._log, contact) or {}
        if known.get("key_id") != key_id_of(principal):
            return False
        principal.require_scope(Scope.ORDERS_READ)
        return True

    async def find(
        self,
        principal: Principal,
        status: OrderStatus | None,
        limit: int,
        before: int | None,
        most_bytes: int = 0,
        placed: tuple[datetime, datetime] | None = None,
    ) -> OrderPage:
        """Return a page of orders, the newest first; for a partner, of those that its API key has placed.

        Args:
            most_bytes: A page of so many bytes ends before it is full; 0: no bound.
            placed: Only orders that were placed from the first time on and before the second.
        """
        index = _index_for(principal)
        found: list[Order] = []
        size = 0
        while len(found) < limit:
            page = await self._log.indexed(index, before=before, limit=ORDERS_PAGE)
            if not page:
                return OrderPage(orders=tuple(found), next=None)
            documents = await self._log.documents([order_key(member) for member, _ in page])
            for (_, score), document in zip(page, documents, strict=True):
                order = load_readable(self._log, Order, document)
                if order and placed and order.placed_at < placed[0]:
                    return OrderPage(orders=tuple(found), next=None)
                if document and order and status in (None, order.status) and _is_before(order, placed):
                    size += len(document.body.encode())
                    if most_bytes and found and size > most_bytes:
                        return OrderPage(orders=tuple(found), next=before)
                    found.append(order)
                before = score
                if len(found) == limit:
                    break
        return OrderPage(orders=tuple(found), next=before)


def _index_for(principal: Principal) -> str:
    """Return the index of the orders that a principal may list.

    Raises:
        Forbidden: Its role may list none, or its API key lacks the scope.
    """
    if principal.is_partner:
        principal.require_scope(Scope.ORDERS_READ)
        return orders_of_key(key_id_of(principal))
    principal.require(Permission.READ_ORDERS)
    return ALL_ORDERS


def _is_before(order: Order, placed: tuple[datetime, datetime] | None) -> bool:
    return placed is None or order.placed_at < placed[1]
