"""The lines of a new order with the menu's prices, and the comparison with the prices that the caller saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hub.core.errors import BadRequest
from hub.domain.error_catalogue import PriceChanged
from hub.domain.order_document import OrderItem

if TYPE_CHECKING:
    from hub.domain.menu import Menu, MenuItem
    from hub.domain.order_document import OrderLine

NOTHING: Mapping[str, Any] = MappingProxyType({})


def priced(menu: Menu, lines: Sequence[OrderLine], names: Mapping[str, str] = NOTHING) -> list[OrderItem]:
    """Return the lines of an order with the menu's names and prices.

    Args:
        names: The names of dishes that the menu has no more, by their sku.

    Raises:
        BadRequest: The menu does not have some dishes; `items` has all of them, with the names that are known.
    """
    numbered = list(enumerate(lines, start=1))
    gone = [_gone(number, line, names) for number, line in numbered if line.sku not in menu.by_sku]
    if gone:
        skus = ", ".join(repr(each["sku"]) for each in gone)
        raise BadRequest(f"the menu has no {skus}", field="items", sku=gone[0]["sku"], items=gone)
    return [_priced(number, line, menu.by_sku[line.sku]) for number, line in numbered]


def total_of(items: Sequence[OrderItem]) -> int:
    """Return the sum of an order's lines, in minor units."""
    return sum(item.qty * item.unit_price for item in items)


def check_seen_prices(
    menu: Menu,
    lines: Sequence[OrderLine],
    items: Sequence[OrderItem],
    total: int | None,
    former: Mapping[str, int] = NOTHING,
) -> None:
    """Refuse an order that costs something else than its caller saw.

    Args:
        lines: The lines as they were asked for; each may say the price that the caller saw.
        items: The same lines, priced.
        total: The sum that the caller saw; None if the caller expects no particular sum.
        former: What dishes cost before their last change, by sku.

    Raises:
        PriceChanged: The total or the price of a line differs. `items` has the lines whose price differs from what the
            caller saw, or from the former prices if these make up the total; otherwise all lines.
    """
    now = total_of(items)
    pairs = list(zip(lines, items, strict=True))
    differing = [_change(line, item) for line, item in pairs if line.unit_price not in (None, item.unit_price)]
    if not differing and total in (None, now):
        return
    raise PriceChanged(
        "the order costs something else now",
        items=differing or _by_former_prices(items, total, former) or [_change(line, item) for line, item in pairs],
        total=now,
        expected=sum(_seen(line, item) for line, item in pairs) if total is None else total,
        currency=menu.currency,
    )


def _priced(number: int, line: OrderLine, dish: MenuItem) -> OrderItem:
    return OrderItem(item=number, sku=dish.sku, name=dish.name, qty=line.qty, unit_price=dish.price, notes=line.notes)


def _gone(number: int, line: OrderLine, names: Mapping[str, str]) -> dict[str, Any]:
    name = {"name": names[line.sku]} if line.sku in names else {}
    return {"item": number, "sku": line.sku, **name}


def _by_former_prices(items: Sequence[OrderItem], total: int | None, former: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the lines that cost something else before, if that explains the total that the caller saw."""
    if sum(item.qty * former.get(item.sku, item.unit_price) for item in items) != total:
        return []
    changed = [item for item in items if former.get(item.sku, item.unit_price) != item.unit_price]
    return [
        {"item": item.item, "sku": item.sku, "name": item.name, "was": former[item.sku], "now": item.unit_price}
        for item in changed
    ]


def _seen(line: OrderLine, item: OrderItem) -> int:
    return item.qty * (item.unit_price if line.unit_price is None else line.unit_price)


def _change(line: OrderLine, item: OrderItem) -> dict[str, Any]:
    """Return a line's price now, with the price that the caller saw, if it is known."""
    was = {} if line.unit_price is None else {"was": line.unit_price}
    return {"item": item.item, "sku": item.sku, "name": item.name, **was, "now": item.unit_price}
