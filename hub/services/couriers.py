"""Positions of couriers: published often, never stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from hub.core.errors import Conflict, NotFound
from hub.domain.answers import Empty
from hub.domain.commands import ReportPosition
from hub.domain.courier_rules import carries, is_near
from hub.domain.events import CourierMoved
from hub.domain.order_document import Order
from hub.domain.positions import Fix
from hub.domain.roles import Permission, Principal
from hub.services.document_names import order_key
from hub.services.stored_documents import load, load_readable
from hub.store.log import EventLog
from hub.store.position_times import PositionTimes


class CourierService:
    """Passes positions on: to the kitchen always, to the customer only while the order is on the road."""

    def __init__(self, log: EventLog, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._clock = clock
        self._seen = PositionTimes(log.calls, log.keys)

    async def report(self, principal: Principal, command: ReportPosition) -> Empty:
        """Pass on a courier's position.

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
        await self._seen.advance(order.courier.id, self._clock())
        await self._publish(order, CourierMoved(courier_id=order.courier.id, **command.model_dump()))
        return Empty()

    async def pass_on(self, courier_id: str, order_ids: Iterable[str], fix: Fix) -> int:
        """Pass on a position that a courier's own app reported, for those of these orders that the courier carries now.

        An app reports all day long. So nobody sees a position, the kitchen included, while no order is on the road.

        Returns:
            The number of orders. 0 if a newer position of the courier was passed on, by whatever process.
        """
        orders = [order for order_id in order_ids if (order := await self._carried(courier_id, order_id)) is not None]
        orders = [order for order in orders if is_near(fix, order)]
        if not orders or not await self._seen.advance(courier_id, fix.at):
            return 0
        for order in orders:
            moved = CourierMoved(order_id=order.id, courier_id=courier_id, **fix.model_dump(exclude={"at"}))
            await self._publish(order, moved)
        return len(orders)

    async def _carried(self, courier_id: str, order_id: str) -> Order | None:
        order = load_readable(self._log, Order, await self._log.document(order_key(order_id)))
        return order if order is not None and carries(courier_id, order) else None

    async def _publish(self, order: Order, moved: CourierMoved) -> None:
        body = moved.body(self._clock())
        shown = order.id if carries(moved.courier_id, order) else ""
        for room in reversed(moved.room_names(order=shown)):  # the kitchen first
            await self._log.publish(room, moved.type, body, order.id)


def _rides(principal: Principal, courier_id: str) -> bool:
    """The courier in person, or a manager's program (a simulator, an integration) on their behalf."""
    return principal.id == courier_id or principal.may(Permission.PUBLISH_PROMO)
