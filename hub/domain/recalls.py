"""Steps that can be taken back for some minutes, and by whom.

The table of statuses says which steps these are (`StatusRule.undone`). The event of such a step carries the offer, and
the order's document keeps it, so that pages know until when to show the button.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.core.errors import Conflict, Forbidden
from hub.core.times import format_time
from hub.domain.error_catalogue import RecallExpired
from hub.domain.lifecycle import RULES, DeliveryKind, OrderStatus, way
from hub.domain.order_document import Order, RecallOffer
from hub.domain.roles import Permission, Principal, Role


@dataclass(frozen=True, slots=True)
class Tap:
    """Somebody's step with an order.

    Attributes:
        who: The caller.
        at: The time of the step.
        window: The time in which the step can be taken back; zero: never.
    """

    who: Principal
    at: datetime
    window: timedelta


def offered(order: Order, entered: OrderStatus, tap: Tap | None) -> RecallOffer | None:
    """Return the offer to take a step back; None for a step that the kitchen takes back at any time, or nobody does.

    Args:
        order: The order before the step.
        entered: The status after the step.
        tap: The step; None for one that cannot be taken back, as of the hub itself.
    """
    if tap is None or not tap.window or not RULES[entered].undone or not isinstance(order.status, OrderStatus):
        return None
    back = _before(order, entered) if order.ended else order.status  # ended: the step is itself one back
    until = tap.at + tap.window
    if order.waiting and order.acceptance is not None and order.acceptance.until is not None:
        until = min(until, order.acceptance.until)
    roles = (tap.who.roles - {Role.SERVICE}) | {Role.MANAGER}
    return RecallOffer(to=back, until=until, roles=tuple(sorted(map(str, roles))))


def taken_back_to(order: Order, tap: Tap | None) -> OrderStatus:
    """Return the status to which a step is taken back.

    Raises:
        Conflict: There is no step back from here.
        Forbidden: Somebody of another role took the step, or another courier carries the order.
        RecallExpired: It is too late.
    """
    rule = RULES[OrderStatus(order.status)]
    if tap is not None and not rule.undone:
        tap.who.require(Permission.RECALL_ORDER)
    if rule.recalled_to is not None:
        return rule.recalled_to
    offer = order.recall
    if not rule.undone or tap is None or offer is None or not isinstance(offer.to, OrderStatus):
        raise Conflict(
            f"an order that is {order.status} has no step back", status=str(order.status), version=order.version
        )
    _check_role(order, offer, tap.who)
    if tap.at > offer.until:
        raise RecallExpired(
            "it is too late to take this back",
            status=str(order.status),
            version=order.version,
            until=format_time(offer.until),
        )
    return offer.to


def _check_role(order: Order, offer: RecallOffer, who: Principal) -> None:
    if who.may(Permission.CANCEL_ANY_ORDER):
        return
    shared = {role for role in who.roles if str(role) in offer.roles}
    if not shared:
        raise Forbidden("only the role that did this, or a manager, takes it back", status=str(order.status))
    if shared == {Role.COURIER} and (order.courier is None or order.courier.id != who.id):
        raise Forbidden("another courier has it", courier_id=order.courier.id if order.courier else None)


def _before(order: Order, status: OrderStatus) -> OrderStatus:
    statuses = way(DeliveryKind(order.delivery.kind))
    return statuses[statuses.index(status) - 1]
