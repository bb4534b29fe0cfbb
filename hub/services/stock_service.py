"""The stock: the number of each dish that is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from hub.core.errors import BadRequest
from hub.core.times import format_time
from hub.domain.answers import CommandAnswer
from hub.domain.commands import SetStock
from hub.domain.error_catalogue import OutOfStock
from hub.domain.events import StockChange, StockLow, StockOut, StockRestocked
from hub.domain.menu import Menu, MenuItem
from hub.domain.order_document import OrderItem
from hub.domain.roles import Permission, Principal
from hub.services.auth.command_identity import derived_last_key, idempotency_key, last_key
from hub.store.counters import CounterEvents, CounterMove, CounterTooLow
from hub.store.log import Committed, EventLog, Write

STOCK_EVENTS = CounterEvents(
    empty=StockOut.type_name(),
    low=StockLow.type_name(),
    refilled=StockRestocked.type_name(),
    rooms=StockChange.room_names(),
)

Mode = Literal["take", "give", "set"]


class StockService:
    """Keeps the counts of the dishes that the menu tracks."""

    def __init__(self, log: EventLog, menu: Menu, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._menu = menu
        self._clock = clock

    async def open_branch(self) -> None:
        """Set the stock of dishes that have no count yet to the menu's numbers. Safe to repeat."""
        await self._log.seed_counters({item.sku: item.stock for item in self._menu.tracked if item.stock is not None})

    async def set(self, principal: Principal, command: SetStock) -> CommandAnswer:
        """Set the number that is left of a dish.

        Raises:
            BadRequest: The menu has no such dish, or does not count it.
        """
        principal.require(Permission.SET_STOCK)
        dish = self._menu.dish(command.sku)
        if dish.stock is None:
            raise BadRequest(f"the menu does not count {dish.sku!r}", field="sku")
        move = stock_move(dish, "set", command.left, self._clock())
        about = f"stock:{dish.sku}"
        named = idempotency_key(principal, command)
        key = named or derived_last_key(principal, command, about)
        forgotten = ((last_key(about), -1),) if key is named else ()
        committed = await self._log.commit(Write(counters=(move,), result="{}", idempotency=key, expire=forgotten))
        return CommandAnswer(cursor=str(committed.cursor))


async def commit_reserving(log: EventLog, write: Write, items: Sequence[OrderItem]) -> Committed:
    """Commit a write that may take the dishes of these lines from stock.

    Raises:
        OutOfStock: There is not enough of something. Nothing was written. `items` has what is left of each short dish,
            `lines` has what is left for each line with such a dish, after the lines above it.
    """
    try:
        return await log.commit(write)
    except CounterTooLow as exc:
        raise OutOfStock(
            "there is not enough left",
            items=[{"sku": sku, "left": n} for sku, n in exc.left.items()],
            lines=_short_lines(items, dict(exc.left)),
        ) from None


def _short_lines(items: Sequence[OrderItem], left: dict[str, int]) -> list[dict[str, Any]]:
    lines = []
    for item in items:
        if item.sku in left:
            lines.append(
                {"item": item.item, "sku": item.sku, "name": item.name, "qty": item.qty, "left": left[item.sku]}
            )
            left[item.sku] = max(0, left[item.sku] - item.qty)
    return lines


def stock_moves(menu: Menu, items: Sequence[OrderItem], mode: Mode, now: datetime) -> tuple[CounterMove, ...]:
    """Return what an order takes or gives back: one move a dish, however many lines name it."""
    wanted: dict[str, int] = {}
    for item in items:
        wanted[item.sku] = wanted.get(item.sku, 0) + item.qty
    dishes = ((menu.by_sku.get(sku), qty) for sku, qty in wanted.items())
    return tuple(stock_move(dish, mode, qty, now) for dish, qty in dishes if dish and dish.stock is not None)


def stock_move(dish: MenuItem, mode: Mode, amount: int, now: datetime) -> CounterMove:
    """Return a change of one dish's count, with the data of the event that the log makes of it."""
    named = json.dumps({"sku": dish.sku, "name": dish.name}, ensure_ascii=False, separators=(",", ":"))
    return CounterMove(
        name=dish.sku,
        mode=mode,
        amount=amount,
        low=dish.low,
        events=STOCK_EVENTS,
        data_prefix=f'{named[:-1]},"left":',
        at=format_time(now),
    )
