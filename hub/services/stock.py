"""How many of each dish are left."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from hub.domain.commands import SetStock
from hub.domain.errors import BadRequest
from hub.domain.menu import Menu, MenuItem
from hub.domain.models import OrderItem
from hub.domain.roles import Permission, Principal
from hub.domain.values import format_time
from hub.eventlog.log import EventLog, StockMove, Write
from hub.services.identity import identity

Mode = Literal["take", "give", "set"]


class StockService:
    """Counts, as the log keeps them; a dish the menu does not track has none."""

    def __init__(self, log: EventLog, menu: Menu, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._menu = menu
        self._clock = clock

    async def open_branch(self) -> None:
        """Count the dishes that were never counted before, as the menu says. Safe to repeat, from anywhere."""
        await self._log.seed_stock({item.sku: item.stock for item in self._menu.tracked if item.stock is not None})

    async def set(self, principal: Principal, command: SetStock) -> dict[str, Any]:
        """Somebody counted: this many are left.

        Raises:
            BadRequest: The menu has no such dish, or does not count it.
        """
        principal.require(Permission.SET_STOCK)
        dish = self._menu.dish(command.sku)
        if dish.stock is None:
            raise BadRequest(f"the menu does not count {dish.sku!r}", field="sku")
        move = stock_move(dish, "set", command.left, self._clock())
        committed = await self._log.commit(Write(stock=(move,), result="{}", **identity(principal, command)))
        return {"cursor": str(committed.cursor)}


def stock_moves(menu: Menu, items: Sequence[OrderItem], mode: Mode, now: datetime) -> tuple[StockMove, ...]:
    """What an order takes or gives back: one move a dish, however many lines name it."""
    wanted: dict[str, int] = {}
    for item in items:
        wanted[item.sku] = wanted.get(item.sku, 0) + item.qty
    dishes = ((menu.by_sku.get(sku), qty) for sku, qty in wanted.items())
    return tuple(stock_move(dish, mode, qty, now) for dish, qty in dishes if dish and dish.stock is not None)


def stock_move(dish: MenuItem, mode: Mode, amount: int, now: datetime) -> StockMove:
    """A change of one dish's count, with the words in which the log is to tell of it."""
    named = json.dumps({"sku": dish.sku, "name": dish.name}, ensure_ascii=False, separators=(",", ":"))
    return StockMove(
        sku=dish.sku,
        mode=mode,
        amount=amount,
        low=dish.low,
        data_prefix=f'{named[:-1]},"left":',
        at=format_time(now),
    )
