"""Ordering: what is wanted is read, checked and priced; with a yes it goes to the kitchen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from agents.tools.base import Arguments, money
from agents.tools.errand import Result
from agents.tools.own import acceptance, dish_name, lines, minutes, spoken
from agents.tools.proposals import Plan, ProposingTool
from agents.tools.steps import Steps
from hub.domain.commands import CustomerContact, PlaceOrder
from hub.domain.errors import OutOfStock
from hub.domain.models import Delivery, DeliveryKind, OrderLine
from hub.domain.values import Line, Note

if TYPE_CHECKING:
    from collections.abc import Sequence

STEPS = {
    "analysing": ("Leyendo tu pedido", "Reading your order"),
    "checking_ingredients": ("Revisando que haya de todo", "Checking that we have everything"),
    "pricing": ("Haciendo la cuenta", "Adding it up"),
    "placed": ("Mandándolo a la cocina", "Sending it to the kitchen"),
}


class WantedDish(Arguments):
    sku: str = Field(description="The dish's sku, exactly as the menu gives it", max_length=40)
    qty: int = Field(default=1, ge=1, le=50, strict=True, description="How many")
    notes: Note = Field(default="", description="How it is wanted, e.g. 'sin cebolla'")


class PlaceOrderArguments(Arguments):
    items: list[WantedDish] = Field(min_length=1, max_length=40)
    customer_name: Line | None = Field(default=None, description="The customer's own name, only if they said it")
    delivery: Literal["pickup", "delivery"] | None = Field(
        default=None, description="pickup: they come for it; delivery: we bring it. Only if they said which"
    )
    address: Note | None = Field(default=None, description="Where to bring it; for delivery only")


class OrderingTool(ProposingTool):
    """What placing and changing an order have in common: the dishes are on the menu, and there is enough of them."""

    async def checked(self, items: list[WantedDish], given_back: dict[str, int] | None = None) -> Result | None:
        """Why these dishes cannot be cooked; None if they can. Only a look: the log decides when it reserves."""
        menu = self.errand.services.menu.menu.by_sku
        if unknown := [wanted.sku for wanted in items if wanted.sku not in menu]:
            return {"error": "unknown_dish", "unknown": unknown}
        shown = {item["sku"]: item for item in (await self.errand.services.menu.shown())["items"]}
        asked: dict[str, int] = {}
        for line in items:
            asked[line.sku] = asked.get(line.sku, 0) + line.qty
        short = []
        for sku, qty in asked.items():
            left = shown[sku].get("left", qty) + (given_back or {}).get(sku, 0)
            if left < qty:
                short.append({"sku": sku, "left": left})
        return self.out_of_stock(short) if short else None

    def out_of_stock(self, short: list[dict[str, Any]]) -> Result:
        named = [{"name": dish_name(self.errand, one["sku"]), "left": one.get("left", 0)} for one in short]
        return {"error": "out_of_stock", "items": named}

    def total(self, items: Sequence[WantedDish | OrderLine]) -> int:
        menu = self.errand.services.menu.menu.by_sku
        return sum(menu[wanted.sku].price * wanted.qty for wanted in items)

    def cost(self, items: Sequence[OrderLine]) -> str:
        """What the customer says yes to, besides the dishes: the total, unless a dish is gone from the menu."""
        known = all(line.sku in self.errand.services.menu.menu.by_sku for line in items)
        return str(self.total(items)) if known else "gone"

    def shown(self, items: list[WantedDish]) -> list[dict[str, Any]]:
        return lines(self.errand, [wanted.model_dump() for wanted in items])

    def placed(self, answer: dict[str, Any]) -> Result:
        """An order that is in the log, as the model is told of it."""
        order = answer["order"]
        return {
            "done": True,
            "code": order["code"],
            "order_id": order["id"],
            "items": lines(self.errand, order["items"]),
            "total": money(order["total"]),
            "delivery": order["delivery"]["kind"],
            "customer_name": order["customer"]["name"],
            "eta_minutes": minutes(order["eta"], self.errand.services.clock()),
            "tracking_url": answer["tracking"]["url"],
        } | acceptance(order)

    def carried_out(self, result: Result) -> str:
        return self.say(f"pedido {result['code']}", f"order {result['code']}")


class PlaceOrderTool(OrderingTool):
    """An order from the chat: each step is told while it is done."""

    name = "place_order"
    description = (
        "Put the customer's order together, with its total, for them to confirm; nothing is ordered before they have "
        "said yes. Call it as soon as they have said what they want, and again with the whole order whenever they "
        "change their mind. If the result says that something is missing, ask for it; do not make it up."
    )
    arguments = PlaceOrderArguments
    command = PlaceOrder
    asks = ("Tu pedido sería: {}", "Your order would be: {}")

    async def propose(self, arguments: PlaceOrderArguments) -> Plan | Result:
        steps = Steps(self.errand, STEPS)
        try:
            proposed = await self._priced(arguments, steps)
        except Exception:
            await steps.failed()
            raise
        failed = isinstance(proposed, dict) and "error" in proposed
        await (steps.failed() if failed else steps.done())
        return proposed

    async def carry_out(self, command: PlaceOrder) -> Result:
        steps = Steps(self.errand, STEPS)
        await steps.enter("placed")
        try:
            answer = await self.errand.services.orders.place(self.errand.principal, command, chat=self.errand.in_chat)
            await self.errand.own(answer["order"]["id"])
        except OutOfStock as exc:
            await steps.failed()
            return self.out_of_stock(exc.values.get("items", []))
        except Exception:
            await steps.failed()
            raise
        await steps.done()
        return self.placed(answer)

    async def terms_of(self, command: PlaceOrder) -> str:
        return self.cost(command.items)

    def called(self, arguments: PlaceOrderArguments) -> str:
        menu = self.errand.services.menu.menu.by_sku
        names = [dish_name(self.errand, wanted.sku) if wanted.sku in menu else "?" for wanted in arguments.items]
        return ", ".join(f"{w.qty} × {name}" for w, name in zip(arguments.items, names, strict=True))

    async def _priced(self, arguments: PlaceOrderArguments, steps: Steps) -> Plan | Result:
        await steps.enter("analysing")
        name = arguments.customer_name or self.errand.principal.name
        menu = self.errand.services.menu.menu.by_sku
        if all(wanted.sku in menu for wanted in arguments.items) and (missing := _missing(arguments, name)):
            return {"missing": missing, "items": self.shown(arguments.items)}
        await steps.enter("checking_ingredients")
        if wrong := await self.checked(arguments.items):
            return wrong
        await steps.enter("pricing")
        total = self.total(arguments.items)
        items = self.shown(arguments.items)
        facts: Result = {
            "items": items,
            "total": money(total),
            "delivery": arguments.delivery,
            "customer_name": name,
        }
        if arguments.delivery == "delivery":
            facts["address"] = arguments.address
        how = self.say("para recoger", "for pickup")
        if arguments.delivery == "delivery":
            how = self.say(f"a domicilio en {arguments.address}", f"delivered to {arguments.address}")
        named = self.say(f"a nombre de {name}", f"for {name}")
        command = self._command(arguments, name)
        self.errand.services.orders.weighed(self.errand.principal, command)
        summary = f"{spoken(items)}; {how}, {named}. Total: {money(total)}"
        return Plan(summary, facts, command, self.cost(command.items))

    def _command(self, arguments: PlaceOrderArguments, name: str) -> PlaceOrder:
        kind = DeliveryKind(arguments.delivery or "pickup")
        return PlaceOrder(
            customer=CustomerContact(name=name),
            items=tuple(order_line(wanted) for wanted in arguments.items),
            delivery=Delivery(kind=kind, address=arguments.address if kind is DeliveryKind.DELIVERY else None),
        )


def order_line(wanted: WantedDish) -> OrderLine:
    return OrderLine(sku=wanted.sku, qty=wanted.qty, notes=wanted.notes)


def _missing(arguments: PlaceOrderArguments, name: str) -> list[str]:
    missing = [] if name else ["customer_name"]
    if arguments.delivery is None:
        missing.append("delivery")
    elif arguments.delivery == "delivery" and not arguments.address:
        missing.append("address")
    return missing
