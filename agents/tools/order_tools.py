"""The tool that places an order: checked and priced first, placed after a yes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from agents import texts
from agents.tools.bound_tool import Arguments, money
from agents.tools.own import dish_name, expired_for, lines, minutes, spoken, waits_for_acceptance
from agents.tools.proposals import TERMS_CHANGED, Plan, ProposingTool
from agents.tools.results import DishLeft, MissingFacts, OrderedLine, ToolError, ToolResult
from agents.tools.steps import Steps
from hub.domain.commands import CustomerContact, PlaceOrder
from hub.domain.error_catalogue import OutOfStock, PriceChanged
from hub.domain.lifecycle import DeliveryKind
from hub.domain.order_document import Delivery, OrderLine
from hub.domain.values import Note, SingleLine, absent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agents.tools.own import Line
    from hub.domain.answers.order_answers import PlacedOrder


class WantedDish(Arguments):
    sku: str = Field(description="The dish's sku, exactly as the menu gives it", max_length=40)
    qty: int = Field(default=1, ge=1, le=50, strict=True, description="How many")
    notes: Note = Field(default="", description="How it is wanted, e.g. 'sin cebolla'")


class PlaceOrderArguments(Arguments):
    items: list[WantedDish] = Field(min_length=1, max_length=40)
    customer_name: SingleLine | None = Field(default=None, description="The customer's own name, only if they said it")
    delivery: Literal["pickup", "delivery"] | None = Field(
        default=None, description="pickup: they come for it; delivery: we bring it. Only if they said which"
    )
    address: Note | None = Field(default=None, description="Where to bring it; for delivery only")


class OrderFacts(ToolResult):
    """The facts of an order that is proposed."""

    items: tuple[OrderedLine, ...]
    total: str
    delivery: str | None
    customer_name: str
    address: str | None = Field(default=None, exclude_if=absent)


class OrderReceipt(ToolResult):
    """An order that was placed.

    Attributes:
        eta_minutes: The estimate in minutes from now.
        expired: The reason why the hub cancelled the order by itself.
        waits_for_acceptance: True if a person has yet to accept the order.
    """

    done: bool = True
    code: str
    order_id: str
    items: tuple[OrderedLine, ...]
    total: str
    delivery: str
    customer_name: str
    eta_minutes: tuple[int, int] | None
    tracking_url: str
    expired: str | None = Field(default=None, exclude_if=absent)
    waits_for_acceptance: bool | None = Field(default=None, exclude_if=absent)


class OrderingTool(ProposingTool):
    """The common part of placing and changing an order: the dishes exist, and enough of them is left."""

    async def checked(self, items: list[WantedDish], given_back: Mapping[str, int] | None = None) -> ToolError | None:
        """Return an error if these dishes cannot be had, else None. The log decides finally, when it reserves them."""
        menu = self.context.services.menu.menu.by_sku
        if unknown := tuple(wanted.sku for wanted in items if wanted.sku not in menu):
            return ToolError(error="unknown_dish", unknown=unknown)
        shown = {item.sku: item for item in (await self.context.services.menu.shown()).items}
        asked: dict[str, int] = {}
        for line in items:
            asked[line.sku] = asked.get(line.sku, 0) + line.qty
        short: dict[str, int] = {}
        for sku, qty in asked.items():
            known = shown[sku].left
            left = (qty if known is None else known) + (given_back or {}).get(sku, 0)
            if left < qty:
                short[sku] = left
        return self.out_of_stock(short) if short else None

    def out_of_stock(self, short: Mapping[str, int]) -> ToolError:
        """Return the error for dishes of which there is not enough; `short` has the number left of each SKU."""
        named = tuple(DishLeft(name=dish_name(self.context, sku), left=left) for sku, left in short.items())
        return ToolError(error=OutOfStock.code, items=named)

    def total(self, items: Sequence[WantedDish | OrderLine]) -> int:
        menu = self.context.services.menu.menu.by_sku
        return sum(menu[wanted.sku].price * wanted.qty for wanted in items)

    def cost(self, items: Sequence[OrderLine]) -> str:
        """Return the total that the customer says yes to; an empty text if a dish has left the menu."""
        known = all(line.sku in self.context.services.menu.menu.by_sku for line in items)
        return str(self.total(items)) if known else "gone"

    def shown(self, items: Sequence[Line]) -> tuple[OrderedLine, ...]:
        return lines(self.context, items)

    def placed(self, answer: PlacedOrder) -> OrderReceipt:
        """Return an order that is in the log, as the model is told of it."""
        order = answer.order
        return OrderReceipt(
            code=order.code,
            order_id=order.id,
            items=lines(self.context, order.items),
            total=money(order.total),
            delivery=str(order.delivery.kind),
            customer_name=order.customer.name,
            eta_minutes=minutes(order.eta, self.context.services.clock()),
            tracking_url=answer.tracking.url,
            expired=expired_for(order),
            waits_for_acceptance=waits_for_acceptance(order),
        )

    def carried_out(self, result: OrderReceipt) -> str:
        return self.say(texts.ORDER_PLACED, code=result.code)

    def link(self, result: OrderReceipt) -> str:
        return result.tracking_url


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
    asks = texts.ASKS_ORDER

    async def propose(self, arguments: PlaceOrderArguments) -> Plan | MissingFacts | ToolError:
        steps = Steps(self.context, texts.ORDER_STEPS)
        try:
            proposed = await self._priced(arguments, steps)
        except Exception:
            await steps.failed()
            raise
        await (steps.failed() if isinstance(proposed, ToolError) else steps.done())
        return proposed

    async def carry_out(self, command: PlaceOrder) -> OrderReceipt | ToolError:
        steps = Steps(self.context, texts.ORDER_STEPS)
        await steps.enter("placed")
        try:
            answer = await self.context.services.orders.place(
                self.context.principal, command, chat=self.context.in_chat
            )
            await self.context.own(answer.order.id)
        except OutOfStock as exc:
            await steps.failed()
            return self.out_of_stock(short_dishes(exc))
        except PriceChanged:  # since the terms were compared
            await steps.failed()
            return TERMS_CHANGED
        except Exception:
            await steps.failed()
            raise
        await steps.done()
        return self.placed(answer)

    async def terms_of(self, command: PlaceOrder) -> str:
        return self.cost(command.items)

    def called(self, arguments: PlaceOrderArguments) -> str:
        menu = self.context.services.menu.menu.by_sku
        names = [dish_name(self.context, wanted.sku) if wanted.sku in menu else "?" for wanted in arguments.items]
        return ", ".join(f"{w.qty} × {name}" for w, name in zip(arguments.items, names, strict=True))

    async def _priced(self, arguments: PlaceOrderArguments, steps: Steps) -> Plan | MissingFacts | ToolError:
        await steps.enter("analysing")
        name = arguments.customer_name or self.context.principal.name
        menu = self.context.services.menu.menu.by_sku
        if all(wanted.sku in menu for wanted in arguments.items) and (missing := _missing(arguments, name)):
            return MissingFacts(missing=missing, items=self.shown(arguments.items))
        await steps.enter("checking_ingredients")
        if wrong := await self.checked(arguments.items):
            return wrong
        await steps.enter("pricing")
        total = self.total(arguments.items)
        items = self.shown(arguments.items)
        delivered = arguments.delivery == "delivery"
        facts = OrderFacts(
            items=items,
            total=money(total),
            delivery=arguments.delivery,
            customer_name=name,
            address=arguments.address if delivered else None,
        )
        how = self.say(texts.FOR_PICKUP)
        if delivered:
            how = self.say(texts.DELIVERED_TO, address=arguments.address)
        named = self.say(texts.FOR_NAME, name=name)
        command = self._command(arguments, name)
        self.context.services.orders.weighed(self.context.principal, command)
        summary = f"{spoken(items)}; {how}, {named}. Total: {money(total)}"
        return Plan(summary, facts, command, self.cost(command.items))

    def _command(self, arguments: PlaceOrderArguments, name: str) -> PlaceOrder:
        kind = DeliveryKind(arguments.delivery or "pickup")
        return PlaceOrder(
            customer=CustomerContact(name=name),
            items=tuple(order_line(wanted) for wanted in arguments.items),
            delivery=Delivery(kind=kind, address=arguments.address if kind is DeliveryKind.DELIVERY else None),
            total=self.total(arguments.items),
        )


def order_line(wanted: WantedDish) -> OrderLine:
    return OrderLine(sku=wanted.sku, qty=wanted.qty, notes=wanted.notes)


def short_dishes(exc: OutOfStock) -> dict[str, int]:
    """Return the number that is left of each dish of which there was not enough, by SKU."""
    return {short["sku"]: short.get("left", 0) for short in exc.values.get("items", [])}


def _missing(arguments: PlaceOrderArguments, name: str) -> tuple[str, ...]:
    missing = [] if name else ["customer_name"]
    if arguments.delivery is None:
        missing.append("delivery")
    elif arguments.delivery == "delivery" and not arguments.address:
        missing.append("address")
    return tuple(missing)
