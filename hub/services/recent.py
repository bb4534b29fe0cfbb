"""Orders as this process left them: what comes next is decided without reading them again."""

from __future__ import annotations

import sys
from collections import OrderedDict
from dataclasses import dataclass

from hub.domain.models import Order
from hub.eventlog.log import Document

MOST = 1_000
MOST_BYTES = 4_194_304  # of their documents; with its model, a large order takes five times its document


@dataclass(frozen=True, slots=True)
class Known:
    """An order, and the document it was committed as."""

    order: Order
    document: Document


class RecentOrders:
    """The orders that were changed here last. Others may have changed them since: only a commit can tell.

    Whoever decides from what is here commits with `Write.same`, and what was refused is decided again from what is
    read, after `forget`.
    """

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._known: OrderedDict[str, Known] = OrderedDict()

    def get(self, order_id: str) -> Known | None:
        return self._known.get(order_id)

    def keep(self, order: Order, document: Document) -> None:
        """It was committed so. One that has ended is of no more use."""
        self.forget(order.id)
        if order.ended:
            return
        self._known[order.id] = Known(order, document)
        self._bytes += sys.getsizeof(document.body)
        while len(self._known) > self._most or self._bytes > self._most_bytes:
            self.forget(next(iter(self._known)))

    def forget(self, order_id: str) -> None:
        known = self._known.pop(order_id, None)
        if known is not None:
            self._bytes -= sys.getsizeof(known.document.body)
