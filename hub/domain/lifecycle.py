"""The life of an order: one table of its statuses, from which every other part of the program derives its rules.

To add a status, add a member to `OrderStatus`, a row to `RULES`, and its event class to `order_events`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from hub.domain.roles import Permission
from hub.domain.texts import Text


class OrderStatus(StrEnum):
    """The place of an order on its way from the customer's tap to the customer's hands."""

    RECEIVED = "received"  # paid for or promised; nobody has started on it
    PREPARING = "preparing"  # on the grill
    READY = "ready"  # packed, waiting to be fetched
    EN_ROUTE = "en_route"  # with a courier (delivery only)
    DELIVERED = "delivered"  # in the customer's hands: a final status
    CANCELLED = "cancelled"  # ended without delivery: the other final status


class DeliveryKind(StrEnum):
    """The way in which a customer gets an order."""

    PICKUP = "pickup"
    DELIVERY = "delivery"


# A status as stored: a newer version of the hub may know more of them.
StoredStatus = Annotated[OrderStatus | str, Field(union_mode="left_to_right")]
StoredDeliveryKind = Annotated[DeliveryKind | str, Field(union_mode="left_to_right")]

FIRST = OrderStatus.RECEIVED  # the status of a new order


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRule:
    """Everything that depends on an order's status.

    Attributes:
        next: The next step, by kind of delivery. A kind without one never leaves this status by a step.
        recalled_to: The status before, if the kitchen can take the step back at any time.
        undone: The step into this status can be taken back for some minutes, to where the order was, by the role that
            took it or by a manager (`hub.domain.recalls`).
        ended: Nothing happens to the order any more.
        begun: Somebody has worked on it: its customer can no longer cancel or change it, and a cancellation gives
            nothing back to the stock.
        to_cook: Some of its dishes may still have to be cooked.
        courier_may_advance: The courier who carries the order may take the step out of this status.
        on_the_road: A courier is on the way to the customer, who sees the courier's name and position.
        delay_over: An announced delay means nothing any more.
        waits_for_customer: The kinds of delivery for which the next step is the customer's own.
        can_be_late: The order counts as late if its estimate has passed.
        cancelled_with: The permission that cancels an order in this status; None if it cannot be cancelled.
        usual_s: The quick and the slow length of the stage in seconds, until the branch has measured its own.
        label: Names several orders in this status: "3 listos".
        now: Tells a customer how the order stands: "está listo".
        entered: Tells what happened when the order entered this status: "se entregó".
        upcoming: Announces this status as the next one.
        notify_when: Names the moment that a notification is for: "cuando salga".
    """

    next: Mapping[DeliveryKind, OrderStatus] = field(default_factory=dict)
    recalled_to: OrderStatus | None = None
    undone: bool = False
    ended: bool = False
    begun: bool = True
    to_cook: bool = False
    courier_may_advance: bool = False
    on_the_road: bool = False
    delay_over: bool = False
    waits_for_customer: frozenset[DeliveryKind] = frozenset()
    can_be_late: bool = True
    cancelled_with: Permission | None = Permission.CANCEL_ORDER
    usual_s: tuple[int, int] | None = None
    label: Text
    now: Text
    entered: Text
    upcoming: Text | None = None
    notify_when: Text | None = None


def _both(status: OrderStatus) -> Mapping[DeliveryKind, OrderStatus]:
    return dict.fromkeys(DeliveryKind, status)


RULES: Mapping[OrderStatus, StatusRule] = {
    OrderStatus.RECEIVED: StatusRule(
        next=_both(OrderStatus.PREPARING),
        begun=False,
        to_cook=True,
        usual_s=(60, 240),
        label=Text("recibidos", "received"),
        now=Text("lo recibimos y espera a la cocina", "we have it; it is waiting for the kitchen"),
        entered=Text("lo recibimos", "we have it"),
    ),
    OrderStatus.PREPARING: StatusRule(
        next=_both(OrderStatus.READY),
        recalled_to=OrderStatus.RECEIVED,
        to_cook=True,
        usual_s=(360, 780),
        label=Text("preparándose", "being prepared"),
        now=Text("se está preparando", "it is being prepared"),
        entered=Text("se está preparando", "it is being prepared"),
        upcoming=Text("lo que sigue es prepararlo", "next we prepare it"),
        notify_when=Text("cuando empiecen a prepararlo", "when it is being prepared"),
    ),
    OrderStatus.READY: StatusRule(
        next={DeliveryKind.DELIVERY: OrderStatus.EN_ROUTE, DeliveryKind.PICKUP: OrderStatus.DELIVERED},
        recalled_to=OrderStatus.PREPARING,
        courier_may_advance=True,
        waits_for_customer=frozenset({DeliveryKind.PICKUP}),
        can_be_late=False,
        usual_s=(60, 300),
        label=Text("listos", "ready"),
        now=Text("está listo", "it is ready"),
        entered=Text("está listo", "it is ready"),
        upcoming=Text("lo que sigue es que esté listo", "next it will be ready"),
        notify_when=Text("cuando esté listo", "when it is ready"),
    ),
    OrderStatus.EN_ROUTE: StatusRule(
        next={DeliveryKind.DELIVERY: OrderStatus.DELIVERED},
        undone=True,
        delay_over=True,
        courier_may_advance=True,
        on_the_road=True,
        cancelled_with=Permission.CANCEL_ANY_ORDER,
        usual_s=(480, 1200),
        label=Text("en camino", "on the way"),
        now=Text("va en camino", "it is on its way"),
        entered=Text("va en camino", "it is on its way"),
        upcoming=Text("lo que sigue es que salga con el repartidor", "next the courier takes it"),
        notify_when=Text("cuando salga", "when it leaves"),
    ),
    OrderStatus.DELIVERED: StatusRule(
        undone=True,
        delay_over=True,
        ended=True,
        cancelled_with=None,
        label=Text("entregados", "delivered"),
        now=Text("ya se entregó", "it was delivered"),
        entered=Text("se entregó", "it was delivered"),
        upcoming=Text("lo que sigue es que lo tengas", "next it is yours"),
        notify_when=Text("cuando se entregue", "when it is delivered"),
    ),
    OrderStatus.CANCELLED: StatusRule(
        undone=True,
        delay_over=True,
        ended=True,
        cancelled_with=None,
        label=Text("cancelados", "cancelled"),
        now=Text("se canceló", "it was cancelled"),
        entered=Text("se canceló", "it was cancelled"),
        notify_when=Text("si se cancela", "if it is cancelled"),
    ),
}

ENDED = frozenset(status for status, rule in RULES.items() if rule.ended)
OPEN = tuple(status for status in RULES if status not in ENDED)


def rule_of(status: str) -> StatusRule | None:
    """Return the rule of a stored status; None for a status that only a newer hub knows."""
    try:
        return RULES[OrderStatus(status)]
    except ValueError:
        return None


def next_step(status: str, kind: str) -> OrderStatus | None:
    """Return the status that follows on the order's way; None at its end, or where this hub does not know the way."""
    rule = rule_of(status)
    return None if rule is None or kind not in rule.next else rule.next[DeliveryKind(kind)]


def way(kind: DeliveryKind) -> tuple[OrderStatus, ...]:
    """Return the statuses that an order of this kind passes through, from the first to the end."""
    statuses: list[OrderStatus] = []
    status: OrderStatus | None = FIRST
    while status is not None:
        statuses.append(status)
        status = RULES[status].next.get(kind)
    return tuple(statuses)


def event_type(status: OrderStatus) -> str:
    """Return the type of the event with which an order enters a status."""
    return f"order.{status}"
