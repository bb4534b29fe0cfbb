"""The menu as a customer sees it: dishes, prices, and what there is of them now."""

from __future__ import annotations

from typing import Any

from hub.domain.menu import Menu
from hub.eventlog.log import EventLog


class MenuService:
    """The menu file beside the stock counts."""

    def __init__(self, log: EventLog, menu: Menu) -> None:
        self._log = log
        self.menu = menu

    async def shown(self) -> dict[str, Any]:
        """`{name, categories, items}`; an item is `available` unless its count is down to nothing."""
        left = await self._log.stock()
        items = []
        for item in self.menu.items:
            count = left.get(item.sku, item.stock) if item.stock is not None else None
            shown = item.model_dump(mode="json", exclude={"stock", "low", "synonyms"})
            shown |= {"currency": self.menu.currency, "available": count is None or count > 0}
            items.append(shown if count is None else shown | {"left": count})
        categories = [category.model_dump() for category in self.menu.categories]
        return {"name": self.menu.name, "categories": categories, "items": items}
