"""Tools that cancel or change the asker's own orders, before the kitchen has begun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from agents import texts
from agents.tools.bound_tool import Arguments, money
from agents.tools.order_tools import OrderingTool, WantedDish, order_line, short_dishes
from agents.tools.own import WhichOrder, dish_name, lines, one_order, spoken
from agents.tools.proposals import TERMS_CHANGED, Plan, ProposingTool
from agents.tools.results import MissingFacts, OrderedLine, ToolError, ToolResult
from hub.core.errors import Conflict
from hub.domain.commands import CancelOrder, ChangeOrder
from hub.domain.error_catalogue import OutOfStock, PriceChanged
from hub.domain.lifecycle import DeliveryKind
from hub.domain.order_document import Delivery
from hub.domain.roles import Permission
from hub.domain.values import Note
from hub.store.counters import MAX_COUNTER_MOVES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agents.tools.order_tools import OrderReceipt
    from hub.domain.order_document import Order

_MAX_LINES = 40  # of an order


def _not_begun(order: Order) -> bool:
    return not order.begun


class CancelOrderArguments(WhichOrder):
    reason: Note = Field(default="", description="Why, only if they said it")


class CancellationFacts(ToolResult):
    """The order that is to be cancelled."""

    code: str
    items: tuple[OrderedLine, ...]
    total: str


class CancelledOrder(ToolResult):
    """An order that was cancelled."""

    done: bool = True
    code: str
    status: str


class CancelOrderTool(ProposingTool):
    """The tool that cancels an order."""

    name = "cancel_order"
    description = (
        "Cancel one of the customer's own orders, after they have said yes to it. A customer may while the kitchen has "
        "not begun; after that a person has to."
    )
    arguments = CancelOrderArguments
    command = CancelOrder

    async def propose(self, arguments: CancelOrderArguments) -> Plan | ToolError:
        order = await one_order(self.context, arguments.code, self._may_go)
        if isinstance(order, ToolError):
            return order
        code, items = order.code, lines(self.context, order.items)
        summary = self.say(texts.CANCEL_ORDER, code=code, items=spoken(items))
        reason = arguments.reason or self.say(texts.CUSTOMER_ASKED)
        facts = CancellationFacts(code=code, items=items, total=money(order.total))
        return Plan(summary, facts, CancelOrder(order_id=order.id, reason=reason))

    async def carry_out(self, command: CancelOrder) -> CancelledOrder:
        order = (await self.context.services.orders.cancel(self.context.holder, command)).order
        return CancelledOrder(code=order.code, status=str(order.status))

    def called(self, arguments: CancelOrderArguments) -> str:
        return self.say(texts.MAY_CANCEL)

    def carried_out(self, result: CancelledOrder) -> str:
        return self.say(texts.ORDER_CANCELLED, code=result.code)

    def _may_go(self, order: Order) -> bool:
        if self.context.holder.may(Permission.CANCEL_ORDER):
            return order.rule is not None and order.rule.cancelled_with is Permission.CANCEL_ORDER
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


class ChangeFacts(ToolResult):
    """The order as it would be after the change."""

    code: str
    items: tuple[OrderedLine, ...]
    total: str
    delivery: str


class ChangeOrderTool(OrderingTool):
    """The tool that changes an order: it cancels the order and places it anew, in one step."""

    name = "change_order"
    description = (
        "Change one of the customer's own orders that was already placed, after they have said yes to it: dishes, how "
        "they get it, or the address. Only while the kitchen has not begun. It gets a new number and a new link. For "
        "an order that is still to be confirmed, call place_order again instead."
    )
    arguments = ChangeOrderArguments
    command = ChangeOrder

    async def propose(self, arguments: ChangeOrderArguments) -> Plan | MissingFacts | ToolError:
        if not (arguments.items or arguments.delivery or arguments.address):
            return MissingFacts(missing=("changes",))
        order = await one_order(self.context, arguments.code, _not_begun)
        if isinstance(order, ToolError):
            return order
        items = self._changed(order, arguments.items)
        if isinstance(items, ToolError):
            return items
        delivery = _delivery(order, arguments)
        if delivery.kind is DeliveryKind.DELIVERY and not delivery.address:
            return MissingFacts(missing=("address",), items=self.shown(items))
        if wrong := await self.checked(items, _requeued(order)):
            return wrong
        counted = self._counted(line.sku for line in order.items) + self._counted(line.sku for line in items)
        if len(items) > _MAX_LINES or counted > MAX_COUNTER_MOVES:
            return ToolError(error="too_much", message="too many dishes for one change: cancel it and order anew")
        command = ChangeOrder(
            order_id=order.id, items=tuple(map(order_line, items)), delivery=delivery, total=self.total(items)
        )
        self.context.services.orders.weighed(self.context.holder, command)
        shown, total = self.shown(items), money(self.total(items))
        facts = ChangeFacts(code=order.code, items=shown, total=total, delivery=str(delivery.kind))
        terms = await self.terms_of(command)
        return Plan(self._summary(order, shown, delivery, total), facts, command, terms)

    async def terms_of(self, command: ChangeOrder) -> str:
        """Return the version of the order and the cost of the new one."""
        order = (await self.context.services.orders.get(self.context.holder, command.order_id)).order
        return f"{order.version} {self.cost(command.items)}"

    async def carry_out(self, command: ChangeOrder) -> OrderReceipt | ToolError:
        try:
            answer = await self.context.services.orders.change(self.context.holder, command, chat=self.context.in_chat)
        except OutOfStock as exc:
            return self.out_of_stock(short_dishes(exc))
        except PriceChanged:  # since the terms were compared
            return TERMS_CHANGED
        await self.context.own(answer.order.id)
        return self.placed(answer)

    def called(self, arguments: ChangeOrderArguments) -> str:
        menu = self.context.services.menu.menu.by_sku
        names = [dish_name(self.context, one.sku) for one in arguments.items if one.sku in menu]
        return ", ".join(names) or self.say(texts.MAY_CHANGE)

    def _changed(self, order: Order, changes: list[ChangedDish]) -> list[WantedDish] | ToolError:
        """Return the dishes of the changed order, or an error."""
        menu = self.context.services.menu.menu.by_sku
        items = [_Line(line.sku, line.qty, line.notes) for line in order.items]
        for change in changes:
            if change.sku not in menu:
                return ToolError(error="unknown_dish", unknown=(change.sku,))
            if not _apply(items, change):
                return ToolError(error="not_in_order", items=lines(self.context, order.items))
        left = [WantedDish(sku=line.sku, qty=line.qty, notes=line.notes) for line in items if line.qty]
        return left or ToolError(error="nothing_left", code=order.code)

    def _counted(self, skus: Iterable[str]) -> int:
        """Return the number of dishes with counted stock; each is one stock move of the change."""
        menu = self.context.services.menu.menu.by_sku
        return sum(sku in menu and menu[sku].stock is not None for sku in set(skus))

    def _summary(self, order: Order, shown: Sequence[OrderedLine], delivery: Delivery, total: str) -> str:
        code, items = order.code, spoken(shown)
        how = self.say(texts.FOR_PICKUP)
        if delivery.kind is DeliveryKind.DELIVERY:
            how = self.say(texts.DELIVERED_TO, address=delivery.address)
        return self.say(texts.CHANGE_ORDER, code=code, items=items) + (f"{how}. Total: {total}")


def _delivery(order: Order, arguments: ChangeOrderArguments) -> Delivery:
    before = order.delivery
    if not isinstance(before.kind, DeliveryKind):
        raise Conflict("only a newer version can change an order of this kind", status=str(order.status))
    kind = DeliveryKind(arguments.delivery or ("delivery" if arguments.address else before.kind))
    if kind is DeliveryKind.PICKUP:
        return Delivery(kind=kind)
    if arguments.address:
        return Delivery(kind=kind, address=arguments.address)
    return Delivery(kind=kind, address=before.address, lat=before.lat, lon=before.lon)


def _requeued(order: Order) -> dict[str, int]:
    given: dict[str, int] = {}
    for line in order.items:
        given[line.sku] = given.get(line.sku, 0) + line.qty
    return given


@dataclass(slots=True)
class _Line:
    """A line of the order while it is being changed; `qty` 0: it is taken off."""

    sku: str
    qty: int
    notes: str


def _apply(items: list[_Line], change: ChangedDish) -> bool:
    """Change the lines in place; False if a dish is to be taken off that is not on the order."""
    of_it = [line for line in items if line.sku == change.sku and line.qty]
    if not of_it and (change.how == "less" or (change.qty == 0 and change.how == "set")):
        return False
    if change.how == "less":
        _take_off(of_it, change.qty)
        return True
    if not of_it or (change.how == "add" and change.notes is not None):
        items.append(_Line(change.sku, change.qty, change.notes or ""))
        return True
    first, *others = of_it
    first.qty = min(50, first.qty + change.qty) if change.how == "add" else change.qty
    if change.how == "set":
        for line in others:
            line.qty = 0
    if change.notes is not None:
        first.notes = change.notes
    return True


def _take_off(lines: list[_Line], qty: int) -> None:
    """Take a number of portions off the lines of a dish, beginning with the last line."""
    for line in reversed(lines):
        gone = min(line.qty, qty)
        line.qty -= gone
        qty -= gone
