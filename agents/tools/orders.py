"""Ordering, and where an order is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from agents.tools.base import Arguments, BoundTool, Result, Steps
from hub.domain.commands import CustomerContact, PlaceOrder
from hub.domain.errors import NotFound, OutOfStock
from hub.domain.menu import MenuItem, plain
from hub.domain.models import Delivery, DeliveryKind, OrderLine, OrderStatus
from hub.domain.roles import Permission
from hub.domain.values import Line, Note

if TYPE_CHECKING:
    from collections.abc import Callable

_SEARCHED = 50  # orders looked through for a code, by staff
_TOLD = 10  # orders told of at once

_STEPS = {
    "analysing": ("Leyendo tu pedido", "Reading your order"),
    "checking_ingredients": ("Revisando que haya de todo", "Checking that we have everything"),
    "pricing": ("Haciendo la cuenta", "Adding it up"),
    "placed": ("Mandándolo a la cocina", "Sending it to the kitchen"),
}
_NEXT: dict[OrderStatus, OrderStatus | None] = {
    OrderStatus.RECEIVED: OrderStatus.PREPARING,
    OrderStatus.PREPARING: OrderStatus.READY,
    OrderStatus.READY: OrderStatus.EN_ROUTE,
    OrderStatus.EN_ROUTE: OrderStatus.DELIVERED,
}


class WantedDish(Arguments):
    sku: str = Field(description="The dish's sku, exactly as the menu gives it", max_length=40)
    qty: int = Field(default=1, ge=1, le=50, description="How many")
    notes: Note = Field(default="", description="How it is wanted, e.g. 'sin cebolla'")


class PlaceOrderArguments(Arguments):
    items: list[WantedDish] = Field(min_length=1, max_length=40)
    customer_name: Line | None = Field(default=None, description="The customer's own name, only if they said it")
    delivery: Literal["pickup", "delivery"] | None = Field(
        default=None, description="pickup: they come for it; delivery: we bring it. Only if they said which"
    )
    address: Note | None = Field(default=None, description="Where to bring it; for delivery only")


class PlaceOrderTool(BoundTool):
    """An order from the chat: each step is told while it is done."""

    name = "place_order"
    description = (
        "Place the customer's order. Call it as soon as the customer has said what they want. If the result says "
        "that something is missing, ask the customer for it; do not make it up."
    )
    arguments = PlaceOrderArguments
    changes = True

    async def do(self, arguments: PlaceOrderArguments, command_id: str) -> Result:
        steps = Steps(self.errand, _STEPS)
        try:
            return await self._placed(arguments, command_id, steps)
        except OutOfStock as exc:
            await steps.failed()
            return {"error": "out_of_stock", "items": [self._named(short) for short in exc.values.get("items", [])]}
        except Exception:
            await steps.failed()
            raise

    def called(self, arguments: PlaceOrderArguments) -> str:
        menu = self.errand.services.menu.menu.by_sku
        return ", ".join(
            f"{wanted.qty} × {self._name(menu[wanted.sku]) if wanted.sku in menu else '?'}"
            for wanted in arguments.items
        )

    def finished(self, result: Result) -> str:
        if "missing" in result:
            return self.errand.say("faltan datos", "something is missing")
        return self.errand.say(f"pedido {result['code']}", f"order {result['code']}")

    async def _placed(self, arguments: PlaceOrderArguments, command_id: str, steps: Steps) -> Result:
        await steps.enter("analysing")
        menu = self.errand.services.menu.menu
        unknown = [wanted.sku for wanted in arguments.items if wanted.sku not in menu.by_sku]
        if unknown:
            await steps.failed()
            return {"error": "unknown_dish", "unknown": unknown}
        name = arguments.customer_name or self.errand.principal.name
        if missing := _missing(arguments, name):
            await steps.done()
            return {"missing": missing, "items": self._lines(arguments)}
        await steps.enter("checking_ingredients")
        if short := await self._short(arguments):
            await steps.failed()
            return {"error": "out_of_stock", "items": short}
        await steps.enter("pricing")
        total = sum(menu.by_sku[wanted.sku].price * wanted.qty for wanted in arguments.items)
        await steps.enter("placed")
        answer = await self.errand.services.orders.place(self.errand.principal, _command(arguments, name, command_id))
        order = answer["order"]
        await self.errand.journal.add_order(order["id"])
        await steps.done()
        return {
            "code": order["code"],
            "order_id": order["id"],
            "items": self._lines(arguments),
            "total": _money(order.get("total", total)),
            "delivery": order["delivery"]["kind"],
            "customer_name": order["customer"]["name"],
            "eta_minutes": _minutes(order["eta"], self.errand.services.clock),
            "tracking_url": answer["tracking"]["url"],
        }

    async def _short(self, arguments: PlaceOrderArguments) -> list[dict[str, Any]]:
        """The dishes of which there is not enough. Only a look: the log itself decides when it reserves."""
        shown = {item["sku"]: item for item in (await self.errand.services.menu.shown())["items"]}
        wanted: dict[str, int] = {}
        for line in arguments.items:
            wanted[line.sku] = wanted.get(line.sku, 0) + line.qty
        return [
            self._named({"sku": sku, "left": shown[sku].get("left", 0)})
            for sku, qty in wanted.items()
            if not shown[sku]["available"] or shown[sku].get("left", qty) < qty
        ]

    def _lines(self, arguments: PlaceOrderArguments) -> list[dict[str, Any]]:
        menu = self.errand.services.menu.menu.by_sku
        return [
            {"name": self._name(menu[wanted.sku]), "qty": wanted.qty, "notes": wanted.notes}
            for wanted in arguments.items
        ]

    def _named(self, short: dict[str, Any]) -> dict[str, Any]:
        dish = self.errand.services.menu.menu.by_sku.get(short["sku"])
        return {"name": self._name(dish) if dish else short["sku"], "left": short.get("left", 0)}

    def _name(self, dish: MenuItem) -> str:
        return self.errand.say(dish.name, dish.name_en)


class TrackOrderArguments(Arguments):
    code: str | None = Field(
        default=None, max_length=40, description="The order's number, only if the customer named one"
    )


class TrackOrderTool(BoundTool):
    """Where the asker's orders are: the open ones, newest first."""

    name = "track_order"
    description = (
        "Where the customer's own orders are now, when they will be ready, and what comes next. It knows by itself "
        "whose orders they are. Always call it before saying anything about an order's state."
    )
    arguments = TrackOrderArguments

    async def do(self, arguments: TrackOrderArguments, command_id: str) -> Result:
        found = await self._orders(arguments.code)
        still_open = [order for order in found if order["status"] not in ("delivered", "cancelled")]
        # With nothing on its way, "where is my order?" is about the last one.
        told = found if arguments.code else still_open or found[:1]
        result: Result = {"orders": [self._told(order) for order in told[:_TOLD]]}
        return result | {"code": arguments.code} if arguments.code else result

    def called(self, arguments: TrackOrderArguments) -> str:
        return self.errand.say("Buscando tu pedido", "Looking for your order")

    def finished(self, result: Result) -> str:
        if not result["orders"]:
            return self.errand.say("sin pedidos", "no orders")
        return ", ".join(f"{order['code']}: {order['status']}" for order in result["orders"])

    async def _orders(self, code: str | None) -> list[dict[str, Any]]:
        """Orders that this principal may see, newest first."""
        service, who = self.errand.services.orders, self.errand.principal
        # With those placed in this very turn.
        theirs = who.orders | frozenset(self.errand.journal.chat.order_ids)
        who = replace(who, orders=theirs)
        if who.may(Permission.READ_ORDERS) and (code or not theirs):
            found = (await service.find(who, None, _SEARCHED, None))["orders"]
        else:
            found = []
            for order_id in sorted(theirs):
                try:
                    found.append((await service.get(who, order_id))["order"])
                except NotFound:
                    continue  # so old that it is forgotten
        wanted = plain(code or "").removeprefix("#").upper()
        mine = [order for order in found if not wanted or order["id"].upper().endswith(wanted)]
        return sorted(mine, key=lambda order: order["placed_at"], reverse=True)

    def _told(self, order: dict[str, Any]) -> dict[str, Any]:
        status, kind = OrderStatus(order["status"]), DeliveryKind(order["delivery"]["kind"])
        following = _NEXT.get(status)
        if status is OrderStatus.READY and kind is DeliveryKind.PICKUP:
            following = OrderStatus.DELIVERED
        menu = self.errand.services.menu.menu.by_sku
        told: dict[str, Any] = {
            "code": order["code"],
            "status": str(status),
            "next_step": str(following) if following else None,
            "delivery": str(kind),
            "items": [
                {
                    "qty": line["qty"],
                    "name": self.errand.say(
                        line["name"], menu[line["sku"]].name_en if line["sku"] in menu else line["name"]
                    ),
                }
                for line in order["items"]
            ],
            "total": _money(order["total"]),
            "eta_minutes": None if following is None else _minutes(order["eta"], self.errand.services.clock),
        }
        if order["courier"] and status is OrderStatus.EN_ROUTE:
            told["courier"] = order["courier"]["name"]
        return told


def _missing(arguments: PlaceOrderArguments, name: str) -> list[str]:
    missing = [] if name else ["customer_name"]
    if arguments.delivery is None:
        missing.append("delivery")
    elif arguments.delivery == "delivery" and not arguments.address:
        missing.append("address")
    return missing


def _command(arguments: PlaceOrderArguments, name: str, command_id: str) -> PlaceOrder:
    kind = DeliveryKind(arguments.delivery or "pickup")
    return PlaceOrder(
        customer=CustomerContact(name=name),
        items=tuple(OrderLine(sku=w.sku, qty=w.qty, notes=w.notes) for w in arguments.items),
        delivery=Delivery(kind=kind, address=arguments.address if kind is DeliveryKind.DELIVERY else None),
        command_id=command_id,
    )


def _money(minor: int) -> str:
    return f"${minor / 100:,.2f}"


def _minutes(eta: dict[str, str] | None, clock: Callable[[], datetime]) -> list[int] | None:
    """An estimate as minutes from now: no model is good at subtracting times of day."""
    if eta is None:
        return None
    now = clock()
    ends = (datetime.fromisoformat(eta["earliest"]), datetime.fromisoformat(eta["latest"]))
    return [max(0, round((end - now).total_seconds() / 60)) for end in ends]
