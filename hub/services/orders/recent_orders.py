"""Orders as this process left them: what comes next is decided without reading them again."""

from __future__ import annotations

import sys
from collections import OrderedDict
from dataclasses import dataclass

from hub.domain.order_document import Order
from hub.services.service_bounds import MAX_RECENT_BYTES, MAX_RECENT_ORDERS
from hub.store.log import Document


@dataclass(frozen=True, slots=True)
class Known:
    """An order, and the document as which it was committed."""

    order: Order
    document: Document


class RecentOrders:
    """The orders that were changed here last. Others may have changed them since: only a commit can tell.

    Whoever decides from what is here commits with `Write.same`, and what was refused is decided again from what is
    read, after `forget`.
    """

    def __init__(self, most: int = MAX_RECENT_ORDERS, most_bytes: int = MAX_RECENT_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._known: OrderedDict[str, Known] = OrderedDict()

    def get(self, order_id: str) -> Known | None:
        """Return an order that this process has changed lately; None if it is not known."""
        return self._known.get(order_id)

    def keep(self, order: Order, document: Document) -> None:
        """Keep an order as it was committed. An order that has ended is of no more use."""
        self.forget(order.id)
        if order.ended:
            return
        self._known[order.id] = Known(order, document)
        self._bytes += sys.getsizeof(document.body)
        while len(self._known) > self._most or self._bytes > self._most_bytes:
            self.forget(next(iter(self._known)))

    def forget(self, order_id: str) -> None:
        """Forget an order."""
        known = self._known.pop(order_id, None)
        if known is not None:
            self._bytes -= sys.getsizeof(known.document.body)
