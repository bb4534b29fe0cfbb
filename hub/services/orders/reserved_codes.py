"""The reservations that keep the codes of orders apart.

A reservation is a document. The commit that places an order expects that there is none for its code, and writes it:
however many hubs place orders at a time, one of two with look-alike codes meets a conflict, and takes another number.
The reservation of an order that has ended expires after a day.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hub.core.errors import Conflict
from hub.domain.order_codes import heard_as
from hub.domain.order_document import Order
from hub.domain.room_retention import DAY_S
from hub.services.document_names import ACTIVE_ORDERS, order_key
from hub.services.stored_documents import load_readable
from hub.store.log import DocKey, Document, Write

if TYPE_CHECKING:
    from hub.store.log import EventLog

CODE_KEPT_S = DAY_S  # after the order has ended
_RESERVED_AT_ONCE = 20  # orders


def code_key(code: str) -> DocKey:
    """Return the key of the reservation of a code and of all that look like it."""
    return DocKey("code", heard_as(code))


def reservation(order: Order) -> Document:
    """Return the reservation of an order's code."""
    return Document(code_key(order.code), 1, json.dumps({"order_id": order.id}))


class ReservedCodes:
    """Reserves the codes of open orders that an older hub has placed."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def reserve_open(self) -> int:
        """Reserve the code of each open order that has no reservation. Such an order keeps its code in any case.

        Returns:
            The number of reservations that were made.
        """
        made = 0
        ids = list(await self._log.members(ACTIVE_ORDERS))
        for start in range(0, len(ids), _RESERVED_AT_ONCE):
            documents = await self._log.documents(map(order_key, ids[start : start + _RESERVED_AT_ONCE]))
            orders = [order for each in documents if (order := load_readable(self._log, Order, each)) is not None]
            reserved = await self._log.documents(code_key(order.code) for order in orders)
            for order, found in zip(orders, reserved, strict=True):
                made += found is None and await self._reserve(order)
        return made

    async def _reserve(self, order: Order) -> bool:
        write = Write(
            expects=((order_key(order.id), order.version), (code_key(order.code), 0)),
            documents=(reservation(order),),
        )
        try:
            await self._log.commit(write)
        except Conflict:  # the order has changed, or another one has the code
            return False
        return True
