"""Cancelling an order, and changing one: only their own, and only before the kitchen has begun."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from agents.tools.base import Arguments, money
from agents.tools.errand import Result
from agents.tools.orders import OrderingTool, WantedDish, order_line
from agents.tools.own import OVER, WhichOrder, dish_name, lines, one_order, spoken
from agents.tools.proposals import Plan, ProposingTool
from hub.domain.commands import CancelOrder, ChangeOrder
from hub.domain.errors import Conflict, OutOfStock
from hub.domain.models import Delivery, DeliveryKind
from hub.domain.roles import Permission
from hub.domain.values import Note
from hub.eventlog.types import MAX_STOCK_MOVES

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_LINES = 40  # of an order


def _not_begun(order: dict[str, Any]) -> bool:
    return bool(order["status"] == "received")


class CancelOrderArguments(WhichOrder):
    reason: Note = Field(default="", description="Why, only if they said it")


class CancelOrderTool(ProposingTool):
    """Taking an order back."""

    name = "cancel_order"
    description = (
        "Cancel one of the customer's own orders, after they have said yes to it. A customer may while the kitchen has "
        "not begun; after that a person has to."
    )
    arguments = CancelOrderArguments
    command = CancelOrder

    async def propose(self, arguments: CancelOrderArguments) -> Plan | Result:
        order = await one_order(self.errand, arguments.code, self._may_go)
        if "error" in order:
            return order
        items = lines(self.errand, order["items"])
        summary = self.say(
            f"cancelar el pedido {order['code']} ({spoken(items)})", f"cancel order {order['code']} ({spoken(items)})"
        )
        reason = arguments.reason or self.say("lo pidió el cliente", "the customer asked for it")
        facts: Result = {"code": order["code"], "items": items, "total": money(order["total"])}
        return Plan(summary, facts, CancelOrder(order_id=order["id"], reason=reason))

    async def carry_out(self, command: CancelOrder) -> Result:
        answer = await self.errand.services.orders.cancel(self.errand.holder, command)
        return {"done": True, "code": answer["order"]["code"], "status": answer["order"]["status"]}

    def called(self, arguments: CancelOrderArguments) -> str:
        return self.say("Viendo si se puede cancelar", "Seeing whether it can be cancelled")

    def carried_out(self, result: Result) -> str:
        return self.say(f"pedido {result['code']} cancelado", f"order {result['code']} cancelled")

    def _may_go(self, order: dict[str, Any]) -> bool:
        if self.errand.holder.may(Permission.CANCEL_ORDER):
            return order["status"] not in (*OVER, "en_route")
        return _not_begun(order)


class ChangedDish(Arguments):
    sku: str = Field(description="The dish's sku, exactly as the menu gives it", max_length=40)
    qty: int = Field(ge=0, le=50, strict=True, description="How many; 0 takes the dish off the order")
    how: Literal["set", "add", "less"] = Field(
        default="set", description="set: so many in all; add: so many more than the order has; less: so many fewer"
    )
    notes: Note | None = Field(default=None, description="How it is wanted; leave it out to keep what was said")


class ChangeOrderArguments(WhichOrder):
    items: list[ChangedDish] = Field(default=[], max_length=40, description="Only what changes; the rest stays")
    delivery: Literal["pickup", "delivery"] | None = Field(default=None, description="Only if that changes")
    address: Note | None = Field(default=None, description="Only if that changes")


class ChangeOrderTool(OrderingTool):
    """More of this and none of that: the order is taken back and placed anew, in one step."""

    name = "change_order"
    description = (
        "Change one of the customer's own orders that was already placed, after they have said yes to it: dishes, how "
        "they get it, or the address. Only while the kitchen has not begun. It gets a new number and a new link. For "
        "an order that is still to be confirmed, call place_order again instead."
    )
    arguments = ChangeOrderArguments
    command = ChangeOrder

    async def propose(self, arguments: ChangeOrderArguments) -> Plan | Result:
        if not (arguments.items or arguments.delivery or arguments.address):
            return {"missing": ["changes"], "items": []}
        order = await one_order(self.errand, arguments.code, _not_begun)
        if "error" in order:
            return order
        items = self._changed(order, arguments.items)
        if isinstance(items, dict):
            return items
        delivery = _delivery(order, arguments)
        if delivery.kind is DeliveryKind.DELIVERY and not delivery.address:
            return {"missing": ["address"], "items": self.shown(items)}
        if wrong := await self.checked(items, _given_back(order)):
            return wrong
        counted = self._counted(order["items"]) + self._counted(line.model_dump() for line in items)
        if len(items) > _MOST_LINES or counted > MAX_STOCK_MOVES:
            return {"error": "too_much", "message": "too many dishes for one change: cancel it and order anew"}
        command = ChangeOrder(order_id=order["id"], items=tuple(map(order_line, items)), delivery=delivery)
        self.errand.services.orders.weighed(self.errand.holder, command)
        cost = self.total(items)
        shown, total = self.shown(items), money(cost)
        facts: Result = {"code": order["code"], "items": shown, "total": total, "delivery": str(delivery.kind)}
        terms = await self.terms_of(command)
        return Plan(self._summary(order, shown, delivery, total), facts, command, terms)

    async def terms_of(self, command: ChangeOrder) -> str:
        """The order as it was, and what the new one costs."""
        order = (await self.errand.services.orders.get(self.errand.holder, command.order_id))["order"]
        return f"{order['version']} {self.cost(command.items)}"

    async def carry_out(self, command: ChangeOrder) -> Result:
        try:
            answer = await self.errand.services.orders.change(self.errand.holder, command, chat=self.errand.in_chat)
        except OutOfStock as exc:
            return self.out_of_stock(exc.values.get("items", []))
        await self.errand.own(answer["order"]["id"])
        return self.placed(answer)

    def called(self, arguments: ChangeOrderArguments) -> str:
        menu = self.errand.services.menu.menu.by_sku
        names = [dish_name(self.errand, one.sku) for one in arguments.items if one.sku in menu]
        return ", ".join(names) or self.say("Viendo si se puede cambiar", "Seeing whether it can be changed")

    def _changed(self, order: dict[str, Any], changes: list[ChangedDish]) -> list[WantedDish] | Result:
        """What the order would be afterwards; or why it can't be."""
        menu = self.errand.services.menu.menu.by_sku
        items = [{"sku": line["sku"], "qty": line["qty"], "notes": line["notes"]} for line in order["items"]]
        for change in changes:
            if change.sku not in menu:
                return {"error": "unknown_dish", "unknown": [change.sku]}
            if not _apply(items, change):
                return {"error": "not_in_order", "items": lines(self.errand, order["items"])}
        left = [WantedDish.model_validate(line) for line in items if line["qty"]]
        return left or {"error": "nothing_left", "code": order["code"]}

    def _counted(self, items: Iterable[dict[str, Any]]) -> int:
        """Of how many dishes the kitchen counts what is left: each goes back, or is taken, in one step."""
        menu = self.errand.services.menu.menu.by_sku
        return sum(sku in menu and menu[sku].stock is not None for sku in {line["sku"] for line in items})

    def _summary(self, order: dict[str, Any], shown: list[dict[str, Any]], delivery: Delivery, total: str) -> str:
        code, items = order["code"], spoken(shown)
        how = self.say("para recoger", "for pickup")
        if delivery.kind is DeliveryKind.DELIVERY:
            how = self.say(f"a domicilio en {delivery.address}", f"delivered to {delivery.address}")
        return self.say(f"cambiar el pedido {code} a: {items}; ", f"change order {code} to: {items}; ") + (
            f"{how}. Total: {total}"
        )


def _delivery(order: dict[str, Any], arguments: ChangeOrderArguments) -> Delivery:
    before = order["delivery"]
    if before["kind"] not in tuple(DeliveryKind):
        raise Conflict("only a newer version can change an order of this kind", status=order["status"])
    kind = DeliveryKind(arguments.delivery or ("delivery" if arguments.address else before["kind"]))
    if kind is DeliveryKind.PICKUP:
        return Delivery(kind=kind)
    if arguments.address:
        return Delivery(kind=kind, address=arguments.address)
    return Delivery(kind=kind, address=before.get("address"), lat=before.get("lat"), lon=before.get("lon"))


def _given_back(order: dict[str, Any]) -> dict[str, int]:
    given: dict[str, int] = {}
    for line in order["items"]:
        given[line["sku"]] = given.get(line["sku"], 0) + line["qty"]
    return given


def _apply(items: list[dict[str, Any]], change: ChangedDish) -> bool:
    """Change the lines in place; False if a dish is to be taken off that is not on the order."""
    of_it = [line for line in items if line["sku"] == change.sku and line["qty"]]
    if not of_it and (change.how == "less" or (change.qty == 0 and change.how == "set")):
        return False
    if change.how == "less":
        _take_off(of_it, change.qty)
        return True
    if not of_it or (change.how == "add" and change.notes is not None):
        items.append({"sku": change.sku, "qty": change.qty, "notes": change.notes or ""})
        return True
    first, *others = of_it
    first["qty"] = min(50, first["qty"] + change.qty) if change.how == "add" else change.qty
    if change.how == "set":
        for line in others:
            line["qty"] = 0
    if change.notes is not None:
        first["notes"] = change.notes
    return True


def _take_off(lines: list[dict[str, Any]], qty: int) -> None:
    """So many fewer of a dish, the line that was added last first."""
    for line in reversed(lines):
        gone = min(line["qty"], qty)
        line["qty"] -= gone
        qty -= gone
