"""The cancellation of orders that are not accepted or not finished in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from hub.core.errors import Conflict
from hub.domain import order as orders
from hub.domain.order_document import Order
from hub.services.document_names import ACTIVE_ORDERS, ORDER_DEADLINES, order_key
from hub.services.orders.order_limits import OrderLimits
from hub.services.orders.order_writes import OrderWrites
from hub.services.service_bounds import MAX_EXPIRED_AT_ONCE
from hub.services.stored_documents import load_readable
from hub.store.log import Document, EventLog, IndexMove, Write

logger = structlog.get_logger(__name__)

_ENLIST_EVERY = timedelta(hours=1)
_UNREADABLE_AFTER = timedelta(hours=1)  # it is looked at again


class OrderExpiry:
    """Cancels overdue orders. Any number of hubs may do so at a time: the order's version decides which was first.

    An index holds every open order by the time at which it may have expired. A change does not move the order in it:
    the entry comes up too early, and then gets its true time.
    """

    def __init__(self, log: EventLog, writes: OrderWrites, bounds: OrderLimits, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._writes = writes
        self._bounds = bounds
        self._clock = clock
        self._enlisted_at: datetime | None = None

    async def end_overdue(self) -> int:
        """Cancel the orders whose time is over, at most 200 in one call, the longest overdue first.

        Returns:
            The number of orders that this call cancelled.
        """
        now = self._clock()
        await self._enlist(now)
        ids = await self._log.earliest(ORDER_DEADLINES, _ms(now), MAX_EXPIRED_AT_ONCE)
        documents = await self._log.documents(map(order_key, ids))
        return sum([await self._look(id_, document, now) for id_, document in zip(ids, documents, strict=True)])

    async def _enlist(self, now: datetime) -> None:
        """Add the open orders that the index lacks, because older hubs did not keep it."""
        if self._enlisted_at is None or now - self._enlisted_at >= _ENLIST_EVERY:
            await self._log.enlist(ORDER_DEADLINES, of=ACTIVE_ORDERS)
            self._enlisted_at = now

    async def _look(self, order_id: str, document: Document | None, now: datetime) -> bool:
        """Cancel one order if it has expired, and return True; otherwise move its entry to its true time."""
        order = load_readable(self._log, Order, document)
        if document is not None and order is None:
            later = IndexMove(ORDER_DEADLINES, order_id, True, keep=0, score=_ms(now + _UNREADABLE_AFTER))
            await self._log.commit(Write(index=(later,)))
            return False
        why = self._bounds.expired(order, now) if order else None
        if order is None or why is None:
            await self._move(order_id, order)
            return False
        write = self._writes.changed(order, orders.expire(order, why), Write(), now)[1]
        try:
            await self._log.commit(write)
        except Conflict:  # a person or another hub was faster
            return False
        logger.info("order.expired", order_id=order_id, why=str(why))
        return True

    async def _move(self, order_id: str, order: Order | None) -> None:
        move = self._bounds.due(order) if order else IndexMove(ORDER_DEADLINES, order_id, False)
        try:
            await self._log.commit(
                Write(expects=((order_key(order_id), order.version if order else 0),), index=(move,))
            )
        except Conflict:  # it has changed meanwhile: the next pass looks again
            return


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
