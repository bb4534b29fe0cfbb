"""Tools for staff: the kitchen's load, late orders, sold-out dishes, and the day's figures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pydantic import Field

from agents import texts
from agents.tools.bound_tool import Arguments, BoundTool, money
from agents.tools.own import dish_name, lines
from agents.tools.proposals import Plan, ProposingTool
from agents.tools.results import OrderedLine, ToolError, ToolResult
from hub.domain.answers.order_answers import BoardSnapshot
from hub.domain.commands import SetStock
from hub.domain.roles import Permission
from hub.domain.rooms import KITCHEN
from hub.domain.texts import Text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hub.domain.order_document import Order

_MAX_LISTED = 20  # orders told of at once
_MAX_DISHES = 10


class DishCount(ToolResult):
    """A number of portions of a dish."""

    name: str
    qty: int


class KitchenLoad(ToolResult):
    """The load of the kitchen.

    Attributes:
        by_status: The number of orders in each status.
        to_cook: The dishes that are still to be cooked, the most frequent first.
    """

    orders_active: int
    by_status: dict[str, int]
    to_cook: tuple[DishCount, ...]
    oldest_waits_minutes: int | None


class CustomerWrote(ToolResult):
    """The name as the customer wrote it."""

    name: str


class LateOrder(ToolResult):
    """An order past the time that was promised."""

    code: str
    status: str
    late_minutes: int
    customer_wrote: CustomerWrote
    items: tuple[OrderedLine, ...]
    courier: str | None


class LateOrders(ToolResult):
    """The number of late orders, and the latest of them."""

    late: int
    orders: tuple[LateOrder, ...]


class DayFigures(ToolResult):
    """The figures of the day. `avg_cooking_minutes`: None until something was cooked."""

    orders_today: int
    cancelled_today: int
    sales_today: str
    orders_active: int
    avg_cooking_minutes: int | None


class StockFacts(ToolResult):
    """The number of portions that is to be left of a dish."""

    name: str
    left: int


class SavedStock(ToolResult):
    """The number of portions that is left of a dish, as it was saved."""

    done: bool = True
    name: str
    left: int


class KitchenTool(BoundTool):
    """A tool that reads the board."""

    async def board(self) -> BoardSnapshot:
        """Return the board: its orders, the one that waits longest first, and their number."""
        self.context.principal.require(Permission.JOIN_KITCHEN)
        state = (await self.context.services.views.read(KITCHEN)).state
        assert isinstance(state, BoardSnapshot)
        return state

    def minutes_since(self, at: datetime) -> int:
        return max(0, round((self.context.services.clock() - at).total_seconds() / 60))


class KitchenLoadTool(KitchenTool):
    """The tool that tells how full the board is."""

    name = "kitchen_load"
    description = "For staff: how many orders are in which state, what is to be cooked, and how long the oldest waits."
    needs = Permission.JOIN_KITCHEN

    async def do(self, arguments: Arguments, command_id: str) -> KitchenLoad:
        board = await self.board()
        orders = board.orders
        return KitchenLoad(
            orders_active=board.total,
            by_status=dict(Counter(str(order.status) for order in orders)),
            to_cook=self._to_cook(orders),
            oldest_waits_minutes=self.minutes_since(orders[0].placed_at) if orders else None,
        )

    def called(self, arguments: Arguments) -> str:
        return self.say(texts.LOOKING_AT_KITCHEN)

    def finished(self, result: KitchenLoad) -> str:
        return self.say(texts.ACTIVE_ORDERS, count=result.orders_active)

    def _to_cook(self, orders: Iterable[Order]) -> tuple[DishCount, ...]:
        portions: Counter[str] = Counter()
        for order in orders:
            if order.rule is not None and order.rule.to_cook:
                for line in order.items:
                    if not line.done:
                        portions[dish_name(self.context, line.sku)] += line.qty
        return tuple(DishCount(name=name, qty=qty) for name, qty in portions.most_common(_MAX_DISHES))


class LateOrdersTool(KitchenTool):
    """The tool that lists late orders."""

    name = "late_orders"
    description = "For staff: the orders past the time that was promised, the latest first, with what is on them."
    needs = Permission.JOIN_KITCHEN

    async def do(self, arguments: Arguments, command_id: str) -> LateOrders:
        now = self.context.services.clock()
        late = [
            (self.minutes_since(order.eta.latest), order)
            for order in (await self.board()).orders
            if order.eta and _can_be_late(order) and order.eta.latest < now
        ]
        late.sort(key=lambda found: -found[0])
        listed = tuple(self._listed(minutes, order) for minutes, order in late[:_MAX_LISTED])
        return LateOrders(late=len(late), orders=listed)

    def called(self, arguments: Arguments) -> str:
        return self.say(texts.LOOKING_FOR_LATE)

    def finished(self, result: LateOrders) -> str:
        return self.say(texts.LATE_ORDERS, count=result.late)

    def _listed(self, minutes: int, order: Order) -> LateOrder:
        return LateOrder(
            code=order.code,
            status=str(order.status),
            late_minutes=minutes,
            customer_wrote=CustomerWrote(name=order.customer.name),
            items=lines(self.context, order.items),
            courier=order.courier.name if order.courier else None,
        )


def _can_be_late(order: Order) -> bool:
    return order.rule is None or order.rule.can_be_late


class DayFiguresTool(BoundTool):
    """The tool that tells the day's figures."""

    name = "day_figures"
    description = "For staff: today's orders, cancellations and sales, and how long cooking takes."
    needs = Permission.JOIN_DASHBOARD

    async def do(self, arguments: Arguments, command_id: str) -> DayFigures:
        self.context.principal.require(Permission.JOIN_DASHBOARD)
        figures = await self.context.services.figures.read()
        cooking = figures.avg_prep_s
        return DayFigures(
            orders_today=figures.orders_today,
            cancelled_today=figures.cancelled_today,
            sales_today=money(figures.sales_today),
            orders_active=figures.orders_active,
            avg_cooking_minutes=None if cooking is None else round(cooking / 60),
        )

    def called(self, arguments: Arguments) -> str:
        return self.say(texts.ADDING_UP_DAY)

    def finished(self, result: DayFigures) -> str:
        return self.say(texts.ORDERS_TODAY, count=result.orders_today)


class MarkSoldOutArguments(Arguments):
    sku: str = Field(max_length=40, description="The dish's sku, exactly as the menu gives it")
    left: int = Field(default=0, ge=0, le=1_000, strict=True, description="How many are left; 0: sold out")


class MarkSoldOutTool(ProposingTool):
    """A dish that is gone, or back."""

    name = "mark_sold_out"
    description = (
        "For staff: say that a dish is sold out, or how many of it are left, once they have said yes. Customers see it "
        "at once."
    )
    arguments = MarkSoldOutArguments
    command = SetStock
    needs = Permission.SET_STOCK

    async def propose(self, arguments: MarkSoldOutArguments) -> Plan | ToolError:
        self.context.principal.require(Permission.SET_STOCK)
        dish = self.context.services.menu.menu.by_sku.get(arguments.sku)
        if dish is None:
            return ToolError(error="unknown_dish", unknown=(arguments.sku,))
        if dish.stock is None:
            return ToolError(error="not_counted", name=self.say(Text(dish.name, dish.name_en)))
        name, left = self.say(Text(dish.name, dish.name_en)), arguments.left
        summary = self.say(texts.MARK_SOLD_OUT, name=name)
        if left:
            summary = self.say(texts.SET_LEFT, left=left, name=name)
        return Plan(summary, StockFacts(name=name, left=left), SetStock(sku=dish.sku, left=left))

    async def carry_out(self, command: SetStock) -> SavedStock:
        await self.context.services.stock.set(self.context.principal, command)
        return SavedStock(name=dish_name(self.context, command.sku), left=command.left)

    def called(self, arguments: MarkSoldOutArguments) -> str:
        return self.say(texts.COUNTING)

    def carried_out(self, result: SavedStock) -> str:
        return f"{result.name}: {result.left}"
