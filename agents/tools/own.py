"""The asker's own orders: choosing the one that is meant, and showing it to its customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pydantic import Field

from agents.tools.bound_tool import Arguments, money
from agents.tools.results import OrderedLine, OrderInBrief, ToolError, ToolResult
from hub.core.errors import NotFound, UnreadableDocument
from hub.domain.lifecycle import next_step
from hub.domain.menu import plain
from hub.domain.roles import Permission
from hub.domain.texts import Text
from hub.domain.values import absent
from hub.services.orders.order_writes import tracking_started
from hub.store import IdempotencyKey, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from agents.tools.tool_context import ToolContext
    from hub.domain.order_document import Eta, Order

_SEARCHED = 50  # orders looked through for a code, by staff


class WhichOrder(Arguments):
    """An order's number. It is no claim: it only chooses among the asker's own orders."""

    code: str | None = Field(
        default=None, max_length=40, description="The order's number, only if the customer named one"
    )


class TrackedOrder(ToolResult):
    """An order as its customer may know it: without name, phone number and address.

    Attributes:
        next_step: The status that follows; None at the order's end.
        eta_minutes: The estimate in minutes from now.
        expired: The reason why the hub cancelled the order by itself.
        waits_for_acceptance: True if a person has yet to accept the order.
        courier: The name of the courier who is on the way.
    """

    code: str
    status: str
    next_step: str | None
    delivery: str
    items: tuple[OrderedLine, ...]
    total: str
    eta_minutes: tuple[int, int] | None
    expired: str | None = Field(default=None, exclude_if=absent)
    waits_for_acceptance: bool | None = Field(default=None, exclude_if=absent)
    courier: str | None = Field(default=None, exclude_if=absent)
    tracking_url: str | None = Field(default=None, exclude_if=absent)


class Line(Protocol):
    """A line of an order: of the document, of a command, or of a tool's arguments."""

    @property
    def sku(self) -> str: ...
    @property
    def qty(self) -> int: ...
    @property
    def notes(self) -> str: ...


async def own_orders(context: ToolContext, code: str | None) -> list[Order]:
    """Return the orders that this turn's asker may see, newest first; only those of a number if one was named."""
    service, who = context.services.orders, context.holder
    found: list[Order] = []
    if who.may(Permission.READ_ORDERS) and (code or not who.orders):
        found.extend((await service.find(who, None, _SEARCHED, None)).orders)
    else:
        for order_id in sorted(who.orders):
            try:
                found.append((await service.get(who, order_id)).order)
            except (NotFound, UnreadableDocument):
                continue  # so old that it is forgotten; or the log has named it
    wanted = plain(code or "").removeprefix("#").upper()
    mine = [order for order in found if not wanted or order.id.upper().endswith(wanted)]
    return sorted(mine, key=lambda order: order.placed_at, reverse=True)


async def one_order(
    context: ToolContext, code: str | None, fits: Callable[[Order], bool] = lambda order: True
) -> Order | ToolError:
    """Return the one order that is meant and fits, or an error.

    Without a number only the asker's own count, also for staff: "cancel my order" is never somebody else's.
    """
    found = await own_orders(context, code) if code or context.holder.orders else []
    fitting = [order for order in found if fits(order)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        return ToolError(error="which_order", orders=tuple(map(brief, fitting[:10])))
    if found:
        return ToolError(error="too_late", orders=tuple(map(brief, found[:3])))
    return ToolError(error="no_orders", code=code or None)


def is_open(order: Order) -> bool:
    """Return True if something can still happen to the order."""
    return not order.ended


def brief(order: Order) -> OrderInBrief:
    """Return an order as one entry of a list."""
    return OrderInBrief(code=order.code, status=str(order.status), total=money(order.total))


def for_customer(context: ToolContext, order: Order) -> TrackedOrder:
    """Return an order as its customer may know it: without name, phone number and address."""
    status, kind, rule = order.status, order.delivery.kind, order.rule
    following = next_step(status, kind)
    on_the_road = order.courier is not None and rule is not None and rule.on_the_road
    return TrackedOrder(
        code=order.code,
        status=str(status),
        next_step=str(following) if following else None,
        delivery=str(kind),
        items=lines(context, order.items),
        total=money(order.total),
        eta_minutes=None if following is None else minutes(order.eta, context.services.clock()),
        expired=expired_for(order),
        waits_for_acceptance=waits_for_acceptance(order),
        courier=order.courier.name if order.courier and on_the_road else None,
    )


def expired_for(order: Order) -> str | None:
    """Return the reason why the hub cancelled the order by itself; None if it did not."""
    return str(order.expired) if order.expired else None


def waits_for_acceptance(order: Order) -> bool | None:
    """Return True if a person has yet to accept the order, else None: the model is told nothing then."""
    return True if order.waiting and not order.expired else None


def lines(context: ToolContext, items: Iterable[Line]) -> tuple[OrderedLine, ...]:
    """Return lines with the dishes' names in the reader's language."""
    return tuple(
        OrderedLine(name=dish_name(context, line.sku), qty=line.qty, notes=line.notes or None) for line in items
    )


def dish_name(context: ToolContext, sku: str) -> str:
    """Return a dish's name in the reader's language; its SKU if it has left the menu."""
    dish = context.services.menu.menu.by_sku.get(sku)
    return context.say(Text(dish.name, dish.name_en)) if dish else sku


def spoken(items: Sequence[OrderedLine]) -> str:
    """Return lines in words: `2 × Gringa (sin cebolla), 1 × Horchata`."""
    return ", ".join(f"{line.qty} × {line.name}" + (f" ({line.notes})" if line.notes else "") for line in items)


def minutes(eta: Eta | None, now: datetime) -> tuple[int, int] | None:
    """Return an estimate as minutes from now; models are bad at subtracting times of day."""
    if eta is None:
        return None
    earliest, latest = (max(0, round((end - now).total_seconds() / 60)) for end in (eta.earliest, eta.latest))
    return earliest, latest


async def start_tracking(context: ToolContext, order: Order, command_id: str) -> str:
    """Make the chat follow an order: its members join the order's room and get the link.

    Also if the turn has been stopped meanwhile: it is the customer's order. Told once for each command.

    Returns:
        The link.
    """
    services = context.services
    tracking = services.links.of(order.id)
    event = tracking_started(context.in_chat, order.id, order.code, tracking, services.clock())
    key = IdempotencyKey(f"tracking:{command_id}", order.id)
    await services.log.commit(Write(events=(event,), idempotency=key))
    return tracking.url
