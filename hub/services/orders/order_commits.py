"""Changes orders: reads, lets the caller decide, and commits once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from hub.core.errors import (
    ComandaError,
    Conflict,
    Forbidden,
    NotFound,
    Unavailable,
)
from hub.domain import commands as cmd
from hub.domain.answers.order_answers import OrderAnswer
from hub.domain.error_catalogue import RecallExpired
from hub.domain.events import OrderEvent
from hub.domain.order_document import Order
from hub.domain.roles import Principal
from hub.services.auth.command_identity import idempotency_key
from hub.services.command_answers import answer_of
from hub.services.document_names import order_key
from hub.services.orders.order_writes import OrderWrites
from hub.services.orders.recent_orders import Known, RecentOrders
from hub.services.stock_service import commit_reserving
from hub.services.stored_documents import load
from hub.store.conflicts import retry_on_conflict
from hub.store.idempotency import IdempotencyKey
from hub.store.log import EventLog, Write

Decide = Callable[[Order], list[OrderEvent]]


class OrderCommits:
    """Commits changes of orders, and remembers the orders that this process changed last."""

    def __init__(self, log: EventLog, writes: OrderWrites, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._writes = writes
        self._clock = clock
        self._recent = RecentOrders()

    async def change(
        self,
        principal: Principal,
        command: cmd.OrderCommand,
        decide: Decide,
        contact: Mapping[str, Any] = MappingProxyType({}),
    ) -> OrderAnswer:
        """Read an order, decide, and commit; start again after a conflict.

        Args:
            decide: Returns the events, or refuses. It is called again for each version of the order.
            contact: As in `OrderWrites.changed`.

        Raises:
            NotFound: There is no such order.
            Unavailable: Others changed the order again and again.
        """
        write = Write(idempotency=idempotency_key(principal, command))
        if (known := self._recent.get(command.order_id)) is not None:
            if (answer := await self._change_known(known, decide, write, contact)) is not None:
                return answer
            self._recent.forget(command.order_id)

        async def attempt() -> OrderAnswer:
            order = await self.read(command.order_id)
            try:
                happened = decide(order)
                if not happened and write.idempotency is None:
                    return OrderAnswer(order=order, cursor=str(await self._log.position()))
                return await self.commit(*self._writes.changed(order, happened, write, self._clock(), contact))
            except (Conflict, Forbidden, RecallExpired):  # also of a repeat, when the order has moved on since
                if (first := await self.answered_before(write.idempotency)) is not None:
                    return first
                raise

        return await retry_on_conflict(attempt, busy=lambda: order_is_busy(command.order_id))

    async def _change_known(
        self, known: Known, decide: Decide, write: Write, contact: Mapping[str, Any]
    ) -> OrderAnswer | None:
        """Change an order as this process remembers it, in one trip to Redis; return None if it has to be read."""
        try:
            happened = decide(known.order)
        except ComandaError:
            return None
        if not happened:
            return None
        changed, now_written = self._writes.changed(known.order, happened, write, self._clock(), contact)
        try:
            return await self.commit(changed, replace(now_written, expects=(), same=(known.document,)))
        except Conflict:
            return None

    async def commit(self, order: Order, write: Write) -> OrderAnswer:
        """Commit a write about an order, and remember the order."""
        committed = await commit_reserving(self._log, write, order.items)
        if committed.repeated:
            return answer_of(OrderAnswer, committed)
        if write.documents:
            self._recent.keep(order, write.documents[0])
        return OrderAnswer(order=order, cursor=str(committed.cursor))

    async def answered_before(self, key: IdempotencyKey | None) -> OrderAnswer | None:
        """Return the answer to a command if an earlier try of it was committed."""
        first = await self._log.remembered(key)
        return None if first is None else answer_of(OrderAnswer, first)

    async def read(self, order_id: str) -> Order:
        """Return an order.

        Raises:
            NotFound: There is none.
        """
        document = await self._log.document(order_key(order_id))
        if document is None:
            raise NotFound("there is no such order", order_id=order_id)
        return load(self._log, Order, document)


def order_is_busy(order_id: str) -> Unavailable:
    """Return the error for an order that others changed again and again."""
    return Unavailable("too many hands on this order; try again", order_id=order_id)
