"""Rules for couriers: the orders that they may move, take and delay, and those that their position belongs to."""

from __future__ import annotations

from hub.core.errors import Forbidden
from hub.domain.order_document import Courier, Order
from hub.domain.positions import MAX_FROM_ADDRESS_M, Fix, distance_m
from hub.domain.roles import Permission, Principal, Role


def check_carrier(order: Order, who: Principal) -> None:
    """Refuse a courier who may not take an order's next step: couriers move their own orders, once these are packed.

    Raises:
        Forbidden: It is the kitchen's step, or another courier's order.
    """
    if who.may(Permission.ADVANCE_ORDER):
        return
    if order.courier is None or order.courier.id != who.id:
        raise Forbidden("take the order before you carry it", courier_id=order.courier.id if order.courier else None)
    if order.rule is None or not order.rule.courier_may_advance:
        raise Forbidden("the kitchen has not finished it", status=str(order.status))


def check_taker(order: Order, who: Principal, courier: Courier) -> None:
    """Refuse a courier who takes an order from somebody else, or for somebody else; the kitchen may do both.

    Raises:
        Forbidden: It is another courier's order, or would be.
    """
    if who.may(Permission.ADVANCE_ORDER):
        return
    if courier.id != who.id:
        raise Forbidden("a courier takes orders for themselves only")
    if order.courier is not None and order.courier.id != who.id:
        raise Forbidden("another courier has it", courier_id=order.courier.id)


def check_delayer(order: Order, who: Principal) -> None:
    """Refuse a mere courier who delays an order that is not theirs to carry.

    Raises:
        Forbidden: It is not theirs to carry.
    """
    if who.roles == {Role.COURIER} and (order.courier is None or order.courier.id != who.id):
        raise Forbidden("take the order before you delay it", courier_id=order.courier.id if order.courier else None)


def carries(courier_id: str, order: Order) -> bool:
    """Return True if the courier is on the road with the order: only then its customer sees the position."""
    rule = order.rule
    return order.courier is not None and order.courier.id == courier_id and rule is not None and rule.on_the_road


def is_near(fix: Fix, order: Order) -> bool:
    """Return True if a position is within a ride's distance of the order's address, or if that is not on the map."""
    lat, lon = order.delivery.lat, order.delivery.lon
    return lat is None or lon is None or distance_m(fix.lat, fix.lon, lat, lon) <= MAX_FROM_ADDRESS_M
