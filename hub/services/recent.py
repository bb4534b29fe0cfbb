"""Orders as this process left them: what comes next is decided without reading them again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from hub.domain.models import Order
from hub.eventlog.log import Document

MOST = 1_000


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

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[str, Known] = OrderedDict()

    def get(self, order_id: str) -> Known | None:
        return self._known.get(order_id)

    def keep(self, order: Order, document: Document) -> None:
        """It was committed so. One that has ended is of no more use."""
        self._known.pop(order.id, None)
        if order.ended:
            return
        self._known[order.id] = Known(order, document)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def forget(self, order_id: str) -> None:
        self._known.pop(order_id, None)
