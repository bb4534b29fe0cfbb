"""Cancels, or only counts, the orders that match a filter."""

from __future__ import annotations

from collections.abc import AsyncIterator

from hub.core.errors import Conflict, NotFound
from hub.domain import commands as cmd
from hub.domain.answers.order_answers import CancelledOrders
from hub.domain.order_document import Order
from hub.domain.phones import same_phone
from hub.domain.roles import Permission, Principal
from hub.services.document_names import ACTIVE_ORDERS, contact_key, order_key
from hub.services.orders.order_service import OrderService
from hub.services.service_bounds import MAX_CANCELLED, OPEN_ORDERS_PAGE
from hub.services.stored_documents import load_readable, readable_object
from hub.store.log import EventLog


class BulkCancel:
    """Searches the open orders, the newest first."""

    def __init__(self, log: EventLog, orders: OrderService) -> None:
        self._log = log
        self._orders = orders

    async def cancel_many(self, principal: Principal, command: cmd.CancelOrders) -> CancelledOrders:
        """Cancel the open orders that fit the filter, each in a commit of its own.

        An order that changes meanwhile is left alone: what was looked at is what is cancelled.

        Returns:
            The orders that were cancelled, at most 100; in a dry run, those that match, with at most 100 ids.
        """
        principal.require(Permission.CANCEL_ANY_ORDER)
        done: list[str] = []
        count, more = 0, False
        async for order in self._fitting(command.filter):
            if command.dry_run:
                count += 1
                done += [order.id] if len(done) < MAX_CANCELLED else []
                continue
            if len(done) == MAX_CANCELLED:
                more = True
                break
            if await self._cancel(principal, order, command):
                done.append(order.id)
            else:
                more = True
        return CancelledOrders(
            count=count if command.dry_run else len(done),
            order_ids=tuple(done),
            more=count > len(done) if command.dry_run else more,
            cursor=str(await self._log.position()),
        )

    async def _cancel(self, principal: Principal, seen: Order, wanted: cmd.CancelOrders) -> bool:
        command = cmd.CancelOrder(order_id=seen.id, reason=wanted.reason, reason_code=wanted.reason_code)
        try:
            await self._orders.cancel(principal, command, version=seen.version)
        except (Conflict, NotFound):
            return False
        return True

    async def _fitting(self, wanted: cmd.OrderFilter) -> AsyncIterator[Order]:
        before: int | None = None
        while page := await self._log.indexed(ACTIVE_ORDERS, before=before, limit=OPEN_ORDERS_PAGE):
            before = page[-1][1]
            ids = [member for member, _ in page]
            documents = await self._log.documents(map(order_key, ids))
            found = [order for each in documents if (order := load_readable(self._log, Order, each)) is not None]
            found = [order for order in found if order.known and wanted.fits(order)]
            for order in await self._of_caller(found, wanted):
                yield order

    async def _of_caller(self, found: list[Order], wanted: cmd.OrderFilter) -> list[Order]:
        """Those that came from the address and the phone number that are wanted."""
        if not found or (wanted.phone is None and wanted.origin is None):
            return found
        documents = await self._log.documents(contact_key(order.id) for order in found)
        contacts = [readable_object(self._log, document) or {} for document in documents]
        return [
            order
            for order, contact in zip(found, contacts, strict=True)
            if wanted.origin in (None, contact.get("origin"))
            and (wanted.phone is None or same_phone(wanted.phone, contact.get("phone") or ""))
        ]
