"""Where the couriers are: said often, kept nowhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from hub.domain.commands import ReportPosition
from hub.domain.errors import Conflict, NotFound
from hub.domain.events import CourierMoved
from hub.domain.models import Order, OrderStatus
from hub.domain.roles import Permission, Principal
from hub.domain.rooms import KITCHEN, Room
from hub.eventlog.log import EventLog
from hub.services.documents import order_key
from hub.services.stored import load


class CourierService:
    """Passes positions on: to the customer only while the order is on its way, to the kitchen always."""

    def __init__(self, log: EventLog, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._clock = clock

    async def report(self, principal: Principal, command: ReportPosition) -> dict[str, Any]:
        """A courier is here now.

        Raises:
            NotFound: There is no such order, or it is somebody else's.
            Conflict: The order has ended.
        """
        principal.require(Permission.REPORT_POSITION)
        document = await self._log.document(order_key(command.order_id))
        order = load(self._log, Order, document) if document else None
        if order is None or order.courier is None or not _rides(principal, order.courier.id):
            raise NotFound("you have no such order", order_id=command.order_id)
        if order.ended:
            raise Conflict(f"the order is {order.status} already", status=str(order.status))
        moved = CourierMoved(courier_id=order.courier.id, **command.model_dump())
        body = moved.body(self._clock())
        await self._log.publish(str(KITCHEN), moved.type, body, order.id)
        if order.status is OrderStatus.EN_ROUTE:
            await self._log.publish(str(Room.order(order.id)), moved.type, body, order.id)
        return {}


def _rides(principal: Principal, courier_id: str) -> bool:
    """The courier in person, or a manager's program (a simulator, an integration) on their behalf."""
    return principal.id == courier_id or principal.may(Permission.PUBLISH_PROMO)
