"""What staff ask of the kitchen: how full it is, what is late, what is sold out, and how the day goes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from agents.tools.base import Arguments, BoundTool, money
from agents.tools.errand import Result
from agents.tools.own import dish_name, lines
from agents.tools.proposals import Plan, ProposingTool
from hub.domain.commands import SetStock
from hub.domain.roles import Permission
from hub.domain.rooms import KITCHEN

_TOLD = 20  # orders told of at once


class KitchenTool(BoundTool):
    """What reads the board."""

    async def board(self) -> dict[str, Any]:
        """Return the board's snapshot: `orders`, the one that waits longest first, and their number in `total`."""
        self.errand.principal.require(Permission.JOIN_KITCHEN)
        return (await self.errand.services.views.read(KITCHEN)).snapshot

    def minutes_since(self, at: str) -> int:
        return max(0, round((self.errand.services.clock() - datetime.fromisoformat(at)).total_seconds() / 60))


class KitchenLoadTool(KitchenTool):
    """How full the board is."""

    name = "kitchen_load"
    description = "For staff: how many orders are in which state, what is to be cooked, and how long the oldest waits."
    needs = Permission.JOIN_KITCHEN

    async def do(self, arguments: Arguments, command_id: str) -> Result:
        snapshot = await self.board()
        board = snapshot["orders"]
        by_status: dict[str, int] = {}
        to_cook: dict[str, int] = {}
        for order in board:
            by_status[order["status"]] = by_status.get(order["status"], 0) + 1
            if order["status"] in ("received", "preparing"):
                for line in order["items"]:
                    if not line["done"]:
                        name = dish_name(self.errand, line["sku"])
                        to_cook[name] = to_cook.get(name, 0) + line["qty"]
        most = sorted(to_cook.items(), key=lambda dish: -dish[1])[:10]
        return {
            "orders_active": snapshot["total"],
            "by_status": by_status,
            "to_cook": [{"name": name, "qty": qty} for name, qty in most],
            "oldest_waits_minutes": self.minutes_since(board[0]["placed_at"]) if board else None,
        }

    def called(self, arguments: Arguments) -> str:
        return self.say("Viendo la cocina", "Looking at the kitchen")

    def finished(self, result: Result) -> str:
        return self.say(f"{result['orders_active']} pedidos activos", f"{result['orders_active']} active orders")


class LateOrdersTool(KitchenTool):
    """What should have been there by now."""

    name = "late_orders"
    description = "For staff: the orders past the time that was promised, the latest first, with what is on them."
    needs = Permission.JOIN_KITCHEN

    async def do(self, arguments: Arguments, command_id: str) -> Result:
        now = self.errand.services.clock()
        late = [
            (self.minutes_since(order["eta"]["latest"]), order)
            for order in (await self.board())["orders"]
            if order["eta"] and order["status"] != "ready" and datetime.fromisoformat(order["eta"]["latest"]) < now
        ]
        late.sort(key=lambda found: -found[0])
        return {"late": len(late), "orders": [self._told(minutes, order) for minutes, order in late[:_TOLD]]}

    def called(self, arguments: Arguments) -> str:
        return self.say("Buscando lo que va tarde", "Looking for what is late")

    def finished(self, result: Result) -> str:
        return self.say(f"{result['late']} tarde", f"{result['late']} late")

    def _told(self, minutes: int, order: dict[str, Any]) -> dict[str, Any]:
        return {
            "code": order["code"],
            "status": order["status"],
            "late_minutes": minutes,
            "customer_wrote": {"name": order["customer"]["name"]},
            "items": lines(self.errand, order["items"]),
            "courier": order["courier"]["name"] if order["courier"] else None,
        }


class DayFiguresTool(BoundTool):
    """How the day goes."""

    name = "day_figures"
    description = "For staff: today's orders, cancellations and sales, and how long cooking takes."
    needs = Permission.JOIN_FLOOR

    async def do(self, arguments: Arguments, command_id: str) -> Result:
        self.errand.principal.require(Permission.JOIN_FLOOR)
        figures = await self.errand.services.figures.read()
        cooking = figures["avg_prep_s"]
        return {
            "orders_today": figures["orders_today"],
            "cancelled_today": figures["cancelled_today"],
            "sales_today": money(figures["sales_today"]),
            "orders_active": figures["orders_active"],
            "avg_cooking_minutes": None if cooking is None else round(cooking / 60),
        }

    def called(self, arguments: Arguments) -> str:
        return self.say("Sumando el día", "Adding up the day")

    def finished(self, result: Result) -> str:
        return self.say(f"{result['orders_today']} pedidos hoy", f"{result['orders_today']} orders today")


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

    async def propose(self, arguments: MarkSoldOutArguments) -> Plan | Result:
        self.errand.principal.require(Permission.SET_STOCK)
        dish = self.errand.services.menu.menu.by_sku.get(arguments.sku)
        if dish is None:
            return {"error": "unknown_dish", "unknown": [arguments.sku]}
        if dish.stock is None:
            return {"error": "not_counted", "name": self.say(dish.name, dish.name_en)}
        name, left = self.say(dish.name, dish.name_en), arguments.left
        summary = self.say(f"marcar agotado: {name}", f"mark sold out: {name}")
        if left:
            summary = self.say(f"poner que quedan {left}: {name}", f"set {left} left: {name}")
        return Plan(summary, {"name": name, "left": left}, SetStock(sku=dish.sku, left=left))

    async def carry_out(self, command: SetStock) -> Result:
        await self.errand.services.stock.set(self.errand.principal, command)
        return {"done": True, "name": dish_name(self.errand, command.sku), "left": command.left}

    def called(self, arguments: MarkSoldOutArguments) -> str:
        return self.say("Contando", "Counting")

    def carried_out(self, result: Result) -> str:
        return f"{result['name']}: {result['left']}"
