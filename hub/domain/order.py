"""What may happen to an order, and what it is afterwards.

Two halves. The `decide` half takes an order and a wish and answers with events, or refuses. The
`fold` half takes an order and an event and answers with the order after it. An order's document is
always the fold of its events; nothing else may write it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hub.domain import events as ev
from hub.domain.errors import BadRequest, Conflict, Forbidden, NotFound
from hub.domain.models import (
    RECALLS,
    TRANSITIONS,
    Acceptance,
    AcceptanceState,
    Courier,
    CustomerName,
    Delivery,
    DeliveryKind,
    Eta,
    ExpiryReason,
    Order,
    OrderDelivery,
    OrderItem,
    OrderStatus,
)
from hub.domain.roles import Permission, Principal, Role

STEPS: Mapping[OrderStatus, Callable[..., ev.OrderEvent]] = {
    OrderStatus.PREPARING: ev.OrderPreparing,
    OrderStatus.READY: ev.OrderReady,
    OrderStatus.EN_ROUTE: ev.OrderEnRoute,
    OrderStatus.DELIVERED: ev.OrderDelivered,
}


EXPIRED = "expired"  # the reason of the cancellation of an order that expired
NOBODY = "comanda"  # who did what no person did


# Decide


def place(
    order_id: str,
    customer: CustomerName,
    items: Sequence[OrderItem],
    delivery: Delivery,
    eta: Eta | None,
    at: datetime,
    acceptance: Acceptance | None = None,
) -> list[ev.OrderEvent]:
    """Return a new order. With an `acceptance`, it waits for a person to accept it."""
    if delivery.kind is DeliveryKind.DELIVERY and not delivery.address:
        raise BadRequest("a delivery needs an address", field="delivery.address")
    order = Order(
        id=order_id,
        code=order_id[-4:],
        status=OrderStatus.RECEIVED,
        version=1,
        items=tuple(items),
        total=sum(item.qty * item.unit_price for item in items),
        customer=customer,
        delivery=_delivery(delivery),
        eta=eta,
        placed_at=at,
        updated_at=at,
        status_since=at,
        acceptance=acceptance,
    )
    return [ev.OrderReceived(order=order)]


def _delivery(asked: Delivery) -> OrderDelivery:
    if asked.kind is not DeliveryKind.DELIVERY:
        return OrderDelivery(kind=asked.kind)
    return OrderDelivery(kind=asked.kind, address=asked.address, lat=asked.lat, lon=asked.lon)


def advance(order: Order, to: OrderStatus, by: str, eta: Eta | None) -> list[ev.OrderEvent]:
    """Advance an order by one step; this also accepts a waiting order.

    Raises:
        Conflict: That is not the next step from here.
    """
    check_known(order)
    if to not in TRANSITIONS[DeliveryKind(order.delivery.kind)][OrderStatus(order.status)]:
        raise Conflict(
            f"an order that is {order.status} cannot become {to}",
            status=str(order.status),
            version=order.version,
        )
    accepted = _accepted(order, by) if order.waiting else []
    version = order.version + len(accepted) + 1
    return [*accepted, STEPS[to](order_id=order.id, status=to, version=version, by=by, eta=eta)]


def cancel(order: Order, reason: str, who: Principal, by: str) -> list[ev.OrderEvent]:
    """The end that nobody wanted: before it leaves; a manager also on the road; a customer only before work starts."""
    check_known(order)
    if order.ended:
        raise Conflict(f"the order is {order.status} already", status=str(order.status), version=order.version)
    if not who.may(Permission.CANCEL_ORDER):
        if order.id not in who.orders:
            raise Forbidden("your role may not cancel an order")
        if order.status is not OrderStatus.RECEIVED:
            raise Conflict("the kitchen has started on it: ask us to cancel it", status=str(order.status))
    elif order.status is OrderStatus.EN_ROUTE and not who.may(Permission.CANCEL_ANY_ORDER):
        raise Conflict("it is on its way: only a manager can cancel it now", status=str(order.status))
    return [
        ev.OrderCancelled(
            order_id=order.id,
            status=OrderStatus.CANCELLED,
            version=order.version + 1,
            by=by,
            eta=None,
            reason=reason,
        )
    ]


def recall(order: Order, reason: str, by: str, estimate: Callable[[OrderStatus], Eta | None]) -> list[ev.OrderEvent]:
    """One step back, while it has not left the house; what was promised is promised anew."""
    check_known(order)
    back = RECALLS.get(OrderStatus(order.status))
    if back is None:
        raise Conflict(f"an order that is {order.status} has no step back", status=str(order.status))
    recalled = ev.OrderRecalled(order_id=order.id, status=back, version=order.version + 1, by=by, reason=reason)
    eta = estimate(back)
    return [recalled] if eta is None else [recalled, ev.OrderEtaChanged(order_id=order.id, eta=eta)]


def delay(order: Order, minutes: int, reason: str) -> list[ev.OrderEvent]:
    """It will take longer: said once, with the reason, and the estimate moves along."""
    _still_open(order)
    delayed = ev.OrderDelayed(order_id=order.id, version=order.version + 1, minutes=minutes, reason=reason)
    if order.eta is None:
        return [delayed]
    more = timedelta(minutes=minutes)
    eta = Eta(earliest=order.eta.earliest + more, latest=order.eta.latest + more)
    return [delayed, ev.OrderEtaChanged(order_id=order.id, eta=eta)]


def acknowledge(order: Order, by: str) -> list[ev.OrderEvent]:
    """A person saw it. Twice is as good as once."""
    if order.acknowledged:
        return []
    _still_open(order)
    return [ev.OrderAcknowledged(order_id=order.id, version=order.version + 1, by=by)]


def accept(order: Order, by: str) -> list[ev.OrderEvent]:
    """Accept and acknowledge a waiting order; return no events if it does not wait."""
    if order.acceptance is not None and order.acceptance.state is AcceptanceState.ACCEPTED:
        return []
    _still_open(order)
    if not order.waiting:
        return []
    accepted = _accepted(order, by)
    if not order.acknowledged:
        accepted.append(ev.OrderAcknowledged(order_id=order.id, version=order.version + 2, by=by))
    return accepted


def expire(order: Order, why: ExpiryReason) -> list[ev.OrderEvent]:
    """Cancel an order that nobody accepted, or nobody ended, in time.

    Raises:
        Conflict: It has ended.
    """
    _still_open(order)
    return [
        ev.OrderExpired(order_id=order.id, version=order.version + 1, why=why),
        ev.OrderCancelled(
            order_id=order.id,
            status=OrderStatus.CANCELLED,
            version=order.version + 2,
            by=NOBODY,
            eta=None,
            reason=EXPIRED,
        ),
    ]


def deadline(order: Order, open_for: timedelta | None) -> tuple[datetime, ExpiryReason] | None:
    """Return the time at which an order expires and the reason; None if it never does.

    It is also None for an order that has ended, or whose status only a newer hub knows.

    Args:
        open_for: The longest time that an order may be open after its last change; None: no bound.
    """
    if order.ended or not order.known:
        return None
    if order.waiting and order.acceptance is not None and order.acceptance.until is not None:
        return order.acceptance.until, ExpiryReason.NOT_ACCEPTED
    return None if open_for is None else (order.updated_at + open_for, ExpiryReason.NOT_ENDED)


def mark_item(order: Order, item: int, done: bool) -> list[ev.OrderEvent]:
    """One line is done, or not after all. Nothing happens if it is so already."""
    _still_open(order)
    line = next((line for line in order.items if line.item == item), None)
    if line is None:
        raise NotFound(f"the order has no line {item}", item=item)
    if line.done == done:
        return []
    made = ev.OrderItemDone if done else ev.OrderItemUndone
    return [made(order_id=order.id, version=order.version + 1, item=item)]


def assign_courier(order: Order, courier: Courier) -> list[ev.OrderEvent]:
    """Somebody will ride it. Nothing happens if it is the same person."""
    _still_open(order)
    if order.delivery.kind is not DeliveryKind.DELIVERY:
        raise Conflict("a pickup order has no courier")
    if order.courier == courier:
        return []
    return [ev.OrderCourierAssigned(order_id=order.id, version=order.version + 1, courier=courier)]


def check_carrier(order: Order, who: Principal) -> None:
    """A courier moves the orders that are theirs to carry, once there is something to carry.

    Raises:
        Forbidden: It is the kitchen's step, or another courier's order.
    """
    if who.may(Permission.ADVANCE_ORDER):
        return
    if order.courier is None or order.courier.id != who.id:
        raise Forbidden("take the order before you carry it", courier_id=order.courier.id if order.courier else None)
    if order.status not in (OrderStatus.READY, OrderStatus.EN_ROUTE):
        raise Forbidden("the kitchen has not finished it", status=str(order.status))


def check_taker(order: Order, who: Principal, courier: Courier) -> None:
    """A courier takes for themselves what nobody carries; those who run the kitchen hand orders over.

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
    """One who is a courier and nothing else is late with what they carry, and with nothing else.

    Raises:
        Forbidden: It is not theirs to carry.
    """
    if who.roles == {Role.COURIER} and (order.courier is None or order.courier.id != who.id):
        raise Forbidden("take the order before you delay it", courier_id=order.courier.id if order.courier else None)


def check_version(order: Order, expected: int | None) -> None:
    """Refuse a caller who looked at an older order than this one."""
    if expected is not None and expected != order.version:
        raise Conflict("the order has changed since you looked", version=order.version, status=str(order.status))


def _accepted(order: Order, by: str) -> list[ev.OrderEvent]:
    return [ev.OrderAccepted(order_id=order.id, version=order.version + 1, by=by)]


def check_known(order: Order) -> None:
    """Refuse to change an order in a status that only a newer hub knows: nobody here can tell what may follow it.

    Raises:
        Conflict: The order is left to the hubs that know its status.
    """
    if not order.known:
        raise Conflict(
            f"this hub does not know what may happen to an order that is {order.status}",
            status=str(order.status),
            version=order.version,
        )


def _still_open(order: Order) -> None:
    check_known(order)
    if order.ended:
        raise Conflict(f"the order is {order.status} already", status=str(order.status), version=order.version)


# Fold


def fold(order: Order | None, happened: Iterable[tuple[ev.OrderEvent | ev.UnknownEvent, datetime]]) -> Order:
    """The order after these events, oldest first, each with its time."""
    for event, at in happened:
        order = apply(order, event, at)
    if order is None:
        raise ValueError("no events, no order")
    return order


def apply(order: Order | None, event: ev.OrderEvent | ev.UnknownEvent, at: datetime) -> Order:
    """Return the order after one event. An event of a type that only a newer hub knows changes nothing here."""
    if isinstance(event, ev.OrderReceived):
        return event.order
    if order is None:
        raise ValueError(f"{event.type} before order.received")
    if isinstance(event, ev.UnknownEvent):
        return order
    change = _CHANGES[type(event)](order, event)
    change["updated_at"] = at
    if "status" in change:
        change["status_since"] = at
    if not isinstance(event, ev.OrderEtaChanged):
        change["version"] = event.version
    return order.model_copy(update=change)


def _step(_order: Order, event: Any) -> dict[str, Any]:
    return {"status": event.status, "eta": event.eta}


def _recalled(_order: Order, event: Any) -> dict[str, Any]:
    return {"status": event.status}


def _assigned(_order: Order, event: Any) -> dict[str, Any]:
    return {"courier": event.courier}


def _marked(order: Order, event: Any) -> dict[str, Any]:
    def mark(line: OrderItem) -> OrderItem:
        return line.model_copy(update={"done": event.done}) if line.item == event.item else line

    return {"items": tuple(mark(line) for line in order.items)}


def _acknowledged(_order: Order, _event: Any) -> dict[str, Any]:
    return {"acknowledged": True}


def _was_accepted(_order: Order, _event: Any) -> dict[str, Any]:
    return {"acceptance": Acceptance(state=AcceptanceState.ACCEPTED)}


def _expired(_order: Order, event: Any) -> dict[str, Any]:
    return {"expired": event.why}


def _delayed(_order: Order, _event: Any) -> dict[str, Any]:
    return {}


def _eta_changed(_order: Order, event: Any) -> dict[str, Any]:
    return {"eta": event.eta}


_CHANGES: Mapping[type, Callable[[Order, Any], dict[str, Any]]] = {
    ev.OrderPreparing: _step,
    ev.OrderReady: _step,
    ev.OrderEnRoute: _step,
    ev.OrderDelivered: _step,
    ev.OrderCancelled: _step,
    ev.OrderRecalled: _recalled,
    ev.OrderCourierAssigned: _assigned,
    ev.OrderItemDone: _marked,
    ev.OrderItemUndone: _marked,
    ev.OrderAcknowledged: _acknowledged,
    ev.OrderAccepted: _was_accepted,
    ev.OrderExpired: _expired,
    ev.OrderDelayed: _delayed,
    ev.OrderEtaChanged: _eta_changed,
}
