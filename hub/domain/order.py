"""Decisions about an order: each takes the order and a wish, and returns events or refuses.

The document of an order is always the fold of its events (`hub.domain.order_fold`); nothing else may write it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from hub.core.errors import BadRequest, Conflict, Forbidden, NotFound
from hub.domain import order_events as ev
from hub.domain import recalls
from hub.domain.lifecycle import FIRST, RULES, DeliveryKind, OrderStatus, next_step
from hub.domain.order_codes import code_of
from hub.domain.order_document import (
    Acceptance,
    AcceptanceState,
    Courier,
    CustomerName,
    Delivery,
    Eta,
    ExpiryReason,
    Order,
    OrderDelivery,
    OrderItem,
)
from hub.domain.order_fold import fold
from hub.domain.pricing import total_of
from hub.domain.reason_codes import ReasonCode
from hub.domain.recalls import Tap
from hub.domain.roles import Permission, Principal

EXPIRED = "expired"  # the reason of the cancellation of an order that expired
NOBODY = "comanda"  # the name in `by` for what the hub does by itself


def place(
    order_id: str,
    customer: CustomerName,
    items: Sequence[OrderItem],
    delivery: Delivery,
    eta: Eta | None,
    at: datetime,
    acceptance: Acceptance | None = None,
) -> list[ev.OrderEvent]:
    """Place a new order. With an `acceptance`, it waits for a person to accept it.

    Raises:
        BadRequest: A delivery has no address.
    """
    if delivery.kind is DeliveryKind.DELIVERY and not delivery.address:
        raise BadRequest("a delivery needs an address", field="delivery.address")
    order = Order(
        id=order_id,
        code=code_of(order_id),
        status=FIRST,
        version=1,
        items=tuple(items),
        total=total_of(items),
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


def advance(order: Order, to: OrderStatus, by: str, eta: Eta | None, tap: Tap | None = None) -> list[ev.OrderEvent]:
    """Advance an order by one step; this also accepts a waiting order.

    Args:
        tap: Who takes the step, and for how long it can be taken back.

    Raises:
        Conflict: That is not the next step from here.
    """
    check_known(order)
    if to is not next_step(order.status, order.delivery.kind):
        raise Conflict(
            f"an order that is {order.status} cannot become {to}",
            status=str(order.status),
            version=order.version,
        )
    accepted = _accepted(order, by) if order.waiting else []
    version = order.version + len(accepted) + 1
    offer = recalls.offered(order, to, tap)
    recall = {} if offer is None else {"recall": offer}
    return [*accepted, ev.EVENT_OF[to](order_id=order.id, status=to, version=version, by=by, eta=eta, **recall)]


def cancel(
    order: Order,
    reason: str,
    who: Principal,
    by: str,
    tap: Tap | None = None,
    reason_code: ReasonCode | None = None,
) -> list[ev.OrderEvent]:
    """Cancel an order: staff until it leaves, a manager also on the road, its customer only before work begins.

    Args:
        tap: For how long it can be taken back; None: it cannot.

    Raises:
        Conflict: It has ended, or it is too late for this caller.
        Forbidden: The caller's role may not cancel orders.
    """
    check_known(order)
    if order.ended:
        raise Conflict(f"the order is {order.status} already", status=str(order.status), version=order.version)
    if not who.may(Permission.CANCEL_ORDER):
        if order.id not in who.orders:
            raise Forbidden("your role may not cancel an order")
        if order.begun:
            raise Conflict("the kitchen has started on it: ask us to cancel it", status=str(order.status))
    elif (needed := RULES[OrderStatus(order.status)].cancelled_with) is not None and not who.may(needed):
        raise Conflict("it is on its way: only a manager can cancel it now", status=str(order.status))
    return [
        ev.OrderCancelled(
            order_id=order.id,
            status=OrderStatus.CANCELLED,
            version=order.version + 1,
            by=by,
            eta=None,
            reason=reason,
            reason_code=reason_code,
            recall=recalls.offered(order, OrderStatus.CANCELLED, tap),
        )
    ]


def recall(
    order: Order,
    reason: str,
    by: str,
    estimate: Callable[[OrderStatus], Eta | None],
    tap: Tap | None = None,
    reason_code: ReasonCode | None = None,
) -> list[ev.OrderEvent]:
    """Take an order one step back, or back from its cancellation, and estimate it anew.

    Args:
        estimate: Returns the estimate of the order in a status that it enters now.
        tap: Who takes it back, and when; None: the kitchen, which takes back only what it may at any time.

    Raises:
        Conflict: There is no step back from here.
        Forbidden: Somebody of another role took the step.
        RecallExpired: It is too late.
    """
    check_known(order)
    back = recalls.taken_back_to(order, tap)
    recalled = ev.OrderRecalled(
        order_id=order.id,
        status=back,
        version=order.version + 1,
        by=by,
        reason=reason,
        reason_code=reason_code,
        recall=recalls.offered(order, back, tap),
    )
    eta = estimate(back)
    estimated: list[ev.OrderEvent] = [] if eta is None else [ev.OrderEtaChanged(order_id=order.id, eta=eta)]
    if order.ended and tap is not None:
        after = fold(order, [(event, tap.at) for event in [recalled, *estimated]])
        recalled = recalled.model_copy(update={"order": after})
    return [recalled, *estimated]


def delay(order: Order, minutes: int, reason: str, reason_code: ReasonCode | None = None) -> list[ev.OrderEvent]:
    """Announce that an order will take longer, and move its estimate.

    Raises:
        Conflict: It has ended.
    """
    _still_open(order)
    delayed = ev.OrderDelayed(
        order_id=order.id, version=order.version + 1, minutes=minutes, reason=reason, reason_code=reason_code
    )
    if order.eta is None:
        return [delayed]
    more = timedelta(minutes=minutes)
    eta = Eta(earliest=order.eta.earliest + more, latest=order.eta.latest + more)
    return [delayed, ev.OrderEtaChanged(order_id=order.id, eta=eta)]


def acknowledge(order: Order, by: str) -> list[ev.OrderEvent]:
    """Record that a person saw an order; return no events if one has before.

    Raises:
        Conflict: It has ended.
    """
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
    """Cancel an order that was not accepted or not finished in time.

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
    """Mark one line of an order as done or not done; return no events if it is so already.

    Raises:
        Conflict: It has ended.
        NotFound: It has no such line.
    """
    _still_open(order)
    line = next((line for line in order.items if line.item == item), None)
    if line is None:
        raise NotFound(f"the order has no line {item}", item=item)
    if line.done == done:
        return []
    made = ev.OrderItemDone if done else ev.OrderItemUndone
    return [made(order_id=order.id, version=order.version + 1, item=item)]


def assign_courier(order: Order, courier: Courier) -> list[ev.OrderEvent]:
    """Give a delivery to a courier; return no events if it is theirs already.

    Raises:
        Conflict: It has ended, or it is a pickup.
    """
    _still_open(order)
    if order.delivery.kind is not DeliveryKind.DELIVERY:
        raise Conflict("a pickup order has no courier")
    if order.courier == courier:
        return []
    return [ev.OrderCourierAssigned(order_id=order.id, version=order.version + 1, courier=courier)]


def check_version(order: Order, expected: int | None) -> None:
    """Refuse a caller who has seen an older version of the order.

    Raises:
        Conflict: The order has changed since.
    """
    if expected is not None and expected != order.version:
        raise Conflict("the order has changed since you looked", version=order.version, status=str(order.status))


def _accepted(order: Order, by: str) -> list[ev.OrderEvent]:
    return [ev.OrderAccepted(order_id=order.id, version=order.version + 1, by=by)]


def check_known(order: Order) -> None:
    """Refuse to change an order in a status that only a newer hub knows, because this one does not know its rules.

    Raises:
        Conflict: Only a newer hub knows the status or the kind of delivery.
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
