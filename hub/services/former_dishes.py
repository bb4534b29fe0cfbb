"""The dishes that the branch's menus had, with their names and prices.

A cart may be older than the menu. What this remembers lets a refusal name a dish that has left the menu, and say what a
dish cost before.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from pydantic import Field

from hub.domain.values import Stored, absent
from hub.services.stored_documents import load_readable
from hub.store.conflicts import retry_on_conflict
from hub.store.log import DocKey, Document, Write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.domain.menu import Menu
    from hub.store.log import EventLog

DISHES = DocKey("menu", "dishes")
_MAX_DISHES = 400  # with their names they fit into one document


class KnownDish(Stored):
    """A dish of this menu or of one before. `was`: what it cost before its price was changed last."""

    name: str
    price: int
    was: int | None = Field(default=None, exclude_if=absent)


class KnownDishes(Stored):
    """The document of all known dishes, those of the newest menu first."""

    dishes: dict[str, KnownDish]


class FormerDishes:
    """Keeps the names and former prices of dishes.

    Attributes:
        names: By sku, the names of the dishes of this menu and of those before.
        prices: By sku, the price before the last change.
    """

    def __init__(self, log: EventLog, menu: Menu) -> None:
        self._log = log
        self._menu = menu
        self.names: Mapping[str, str] = {}
        self.prices: Mapping[str, int] = {}

    async def remember(self) -> None:
        """Write the dishes of this menu beside those of the menus before it. Safe to repeat."""

        async def attempt() -> Mapping[str, KnownDish]:
            found = await self._log.document(DISHES)
            read = load_readable(self._log, KnownDishes, found)
            before = {} if read is None else read.dishes
            dishes = dict(islice({**self._of_menu(before), **_without(before, self._menu)}.items(), _MAX_DISHES))
            if dishes != before:
                body = KnownDishes(dishes=dishes).model_dump_json()
                version = found.version if found else 0
                await self._log.commit(
                    Write(expects=((DISHES, version),), documents=(Document(DISHES, version + 1, body),))
                )
            return dishes

        dishes = await retry_on_conflict(attempt)
        self.names = {sku: dish.name for sku, dish in dishes.items()}
        self.prices = {sku: dish.was for sku, dish in dishes.items() if dish.was is not None}

    def _of_menu(self, before: Mapping[str, KnownDish]) -> dict[str, KnownDish]:
        return {
            item.sku: KnownDish(name=item.name, price=item.price, was=_former_price(before.get(item.sku), item.price))
            for item in self._menu.items
        }


def _without(before: Mapping[str, KnownDish], menu: Menu) -> dict[str, KnownDish]:
    return {sku: dish for sku, dish in before.items() if sku not in menu.by_sku}


def _former_price(before: KnownDish | None, price: int) -> int | None:
    if before is None:
        return None
    return before.was if before.price == price else before.price
