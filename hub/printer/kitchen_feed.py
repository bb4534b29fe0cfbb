"""Reads the kitchen's room, and makes slips of what happens there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import structlog
from pydantic import TypeAdapter, ValidationError

from comanda import Comanda, Event, Refused, Unreachable
from hub.domain.rooms import KITCHEN
from hub.printer.paper_order import PaperOrder
from hub.printer.print_job import PrintJob, SlipKind, job_id, job_of
from hub.printer.print_spool import PrintSpool

logger = structlog.get_logger(__name__)

_TIME: TypeAdapter[datetime] = TypeAdapter(datetime)
# The events of which something may come.
_TYPES = ("order.received", "order.accepted", "order.cancelled", "order.changed", "order.recalled")
Fields = Mapping[str, Any]


class KitchenFeed:
    """Puts slips into a spool: a ticket for each new order, slips for changes and cancellations, labels.

    An order that waits for a person's acceptance gets its ticket when it is accepted. A cancelled order whose ticket
    has not been printed gets no paper at all.
    """

    def __init__(self, hub: Comanda, spool: PrintSpool, *, with_labels: bool) -> None:
        self._hub = hub
        self._spool = spool
        self._with_labels = with_labels

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            Refused: The token may not read the kitchen's room.
        """
        while True:
            try:
                await self._read_room()
            except Unreachable as exc:  # of an order; the room itself is waited for
                logger.warning("printer.hub_unreachable", error=exc.message)

    async def _read_room(self) -> None:
        after = self._spool.cursor or None
        async with self._hub.room(str(KITCHEN), after=after, only=_TYPES, timeout_s=None) as room:
            if after is None:
                await self._spool.add(await self._missed(room.snapshot), room.cursor or "")
            async for event in room:
                await self._spool.add(await self._jobs_of(event), room.cursor or "")

    async def _jobs_of(self, event: Event) -> list[PrintJob]:
        try:
            return await self._jobs(event["type"], event)
        except (KeyError, TypeError, ValueError, ValidationError):
            # A newer hub's event of another shape must not stop all tickets behind it.
            logger.exception("printer.event_unreadable", type=event["type"])
            return []

    async def _jobs(self, type_: str, event: Event) -> list[PrintJob]:
        data = event["data"]
        match type_:
            case "room.reset":
                return await self._missed(data["snapshot"])
            case "order.received":
                return self._tickets([PaperOrder.of(data["order"])])
            case "order.accepted":
                return self._tickets(await self._read(data["order_id"]))
            case "order.cancelled":
                return await self._cancelled(data, _at(event))
            case "order.changed":
                return await self._changed(SlipKind.CHANGED, data, _at(event))
            case "order.recalled":
                return await self._recalled(data, _at(event))
        return []

    async def _missed(self, snapshot: Fields) -> list[PrintJob]:
        """Return the tickets of open orders that have none, oldest first; at the first start, of those nobody began."""
        documents, page = list(snapshot["orders"]), snapshot
        while page.get("more") and page.get("next"):
            page = await self._hub.get("/api/orders", open="true", after=str(page["next"]))
            documents += page["orders"]
        orders = [order for order in map(PaperOrder.of, documents) if order.is_to_cook]
        if not self._spool.cursor:
            orders = [order for order in orders if not order.is_begun]
        return self._tickets(sorted(orders, key=lambda order: order.placed_at))

    def _tickets(self, orders: Iterable[PaperOrder]) -> list[PrintJob]:
        kinds = (SlipKind.TICKET, SlipKind.LABEL) if self._with_labels else (SlipKind.TICKET,)
        return [job_of(kind, order, order.placed_at) for order in orders if not order.waits for kind in kinds]

    async def _cancelled(self, data: Fields, at: datetime) -> list[PrintJob]:
        order_id = data["order_id"]
        ticket, label = job_id(SlipKind.TICKET, order_id), job_id(SlipKind.LABEL, order_id)
        if not self._spool.has_printed(ticket):
            await self._spool.drop((ticket, label))
            return []
        return [
            job_of(SlipKind.CANCELLED, order, at, version=data["version"], reason=data.get("reason") or "")
            for order in await self._read(order_id)
        ]

    async def _changed(self, kind: SlipKind, data: Fields, at: datetime) -> list[PrintJob]:
        orders = [PaperOrder.of(data["order"])] if data.get("order") else await self._read(data["order_id"])
        return [job_of(kind, order, at, version=data.get("version", order.version)) for order in orders]

    async def _recalled(self, data: Fields, at: datetime) -> list[PrintJob]:
        """Return a slip for an order that was cancelled on paper and is not cancelled any more."""
        orders = [PaperOrder.of(data["order"])] if data.get("order") else await self._read(data["order_id"])
        return [
            job_of(SlipKind.RESTORED, order, at, version=data["version"])
            for order in orders
            if order.is_to_cook and self._spool.knows_any(f"{order.id}:{SlipKind.CANCELLED}:")
        ]

    async def _read(self, order_id: str) -> list[PaperOrder]:
        """Return an order as it is now; nothing if it is gone."""
        try:
            return [PaperOrder.of((await self._hub.get(f"/api/orders/{order_id}"))["order"])]
        except Refused as refused:
            logger.warning("printer.order_unreadable", order_id=order_id, code=refused.code)
            return []


def _at(event: Event) -> datetime:
    return _TIME.validate_python(event["at"])
