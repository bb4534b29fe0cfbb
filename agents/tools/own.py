"""The asker's own orders: which of them is meant, and what of one is told."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from agents.tools.base import Arguments, money
from hub.domain.errors import NotFound, UnreadableDocument
from hub.domain.menu import plain
from hub.domain.models import DeliveryKind, OrderStatus
from hub.domain.roles import Permission
from hub.eventlog import Write
from hub.services.order_writes import tracking_of, tracking_started

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agents.tools.errand import Errand, Result

_SEARCHED = 50  # orders looked through for a code, by staff
OVER = ("delivered", "cancelled")

_NEXT: dict[str, OrderStatus] = {
    OrderStatus.RECEIVED: OrderStatus.PREPARING,
    OrderStatus.PREPARING: OrderStatus.READY,
    OrderStatus.READY: OrderStatus.EN_ROUTE,
    OrderStatus.EN_ROUTE: OrderStatus.DELIVERED,
}


class WhichOrder(Arguments):
    """A number is not a claim: it only chooses among the orders that are the asker's anyway."""

    code: str | None = Field(
        default=None, max_length=40, description="The order's number, only if the customer named one"
    )


async def own_orders(errand: Errand, code: str | None) -> list[dict[str, Any]]:
    """The orders that this turn's asker may see, newest first; those of a number, if one was named."""
    service, who = errand.services.orders, errand.holder
    if who.may(Permission.READ_ORDERS) and (code or not who.orders):
        found = (await service.find(who, None, _SEARCHED, None))["orders"]
    else:
        found = []
        for order_id in sorted(who.orders):
            try:
                found.append((await service.get(who, order_id))["order"])
            except (NotFound, UnreadableDocument):
                continue  # so old that it is forgotten; or the log has named it
    wanted = plain(code or "").removeprefix("#").upper()
    mine = [order for order in found if not wanted or order["id"].upper().endswith(wanted)]
    return sorted(mine, key=lambda order: str(order["placed_at"]), reverse=True)


async def one_order(
    errand: Errand, code: str | None, fits: Callable[[dict[str, Any]], bool] = lambda order: True
) -> dict[str, Any] | Result:
    """The one order that is meant, of those that fit; or an error that says why there is not one.

    Without a number only the asker's own count, also for staff: "cancel my order" is never somebody else's.
    """
    found = await own_orders(errand, code) if code or errand.holder.orders else []
    fitting = [order for order in found if fits(order)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        return {"error": "which_order", "orders": [brief(order) for order in fitting[:10]]}
    if found:
        return {"error": "too_late", "orders": [brief(order) for order in found[:3]]}
    return {"error": "no_orders"} | ({"code": code} if code else {})


def brief(order: dict[str, Any]) -> dict[str, Any]:
    return {"code": order["code"], "status": order["status"], "total": money(order["total"])}


def told(errand: Errand, order: dict[str, Any]) -> dict[str, Any]:
    """An order as its customer may know it: no name, no number to call, no address."""
    status, kind = order["status"], order["delivery"]["kind"]
    following = _NEXT.get(status)
    if status == OrderStatus.READY and kind == DeliveryKind.PICKUP:
        following = OrderStatus.DELIVERED
    shown: dict[str, Any] = {
        "code": order["code"],
        "status": str(status),
        "next_step": str(following) if following else None,
        "delivery": str(kind),
        "items": lines(errand, order["items"]),
        "total": money(order["total"]),
        "eta_minutes": None if following is None else minutes(order["eta"], errand.services.clock()),
    }
    shown |= acceptance(order)
    if order["courier"] and status == OrderStatus.EN_ROUTE:
        shown["courier"] = order["courier"]["name"]
    return shown


def acceptance(order: dict[str, Any]) -> dict[str, Any]:
    """Return a fact for the model if the order waits for acceptance or has expired; otherwise an empty dict."""
    if expired := order.get("expired"):
        return {"expired": expired}
    waits = order["status"] not in OVER and order.get("acceptance", {}).get("state") == "waiting"
    return {"waits_for_acceptance": True} if waits else {}


def lines(errand: Errand, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"name": dish_name(errand, line["sku"]), "qty": line["qty"]}
        | ({"notes": line["notes"]} if line.get("notes") else {})
        for line in items
    ]


def dish_name(errand: Errand, sku: str) -> str:
    """A dish in the reader's language; one that the menu has no more, by its sku."""
    dish = errand.services.menu.menu.by_sku.get(sku)
    return errand.say(dish.name, dish.name_en) if dish else sku


def spoken(items: Sequence[dict[str, Any]]) -> str:
    """Lines as one says them: `2 × Gringa (sin cebolla), 1 × Horchata`."""
    return ", ".join(f"{i['qty']} × {i['name']}" + (f" ({i['notes']})" if i.get("notes") else "") for i in items)


def minutes(eta: dict[str, str] | None, now: datetime) -> list[int] | None:
    """An estimate as minutes from now: no model is good at subtracting times of day."""
    if eta is None:
        return None
    ends = (datetime.fromisoformat(eta["earliest"]), datetime.fromisoformat(eta["latest"]))
    return [max(0, round((end - now).total_seconds() / 60)) for end in ends]


async def start_tracking(errand: Errand, order: dict[str, Any], command_id: str) -> str:
    """Have the chat follow an order: whoever is in it is brought into the order's room, and told the link.

    Also if the turn has been stopped meanwhile: it is the customer's order. Told once for each command.

    Returns:
        The link.
    """
    services = errand.services
    tracking = tracking_of(services.tokens, order["id"])
    event = tracking_started(errand.in_chat, order["id"], order["code"], tracking, services.clock())
    known = {"command_id": f"tracking:{command_id}", "fingerprint": order["id"]}
    await services.log.commit(Write(events=(event,), **known))
    return tracking.url
