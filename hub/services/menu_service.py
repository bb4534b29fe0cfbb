"""The menu as a customer sees it: dishes, prices, and what there is of them now."""

from __future__ import annotations

from hub.domain.answers.branch_answers import ShownDish, ShownMenu
from hub.domain.menu import Menu, MenuItem
from hub.store.log import EventLog


class MenuService:
    """Shows the menu with the counts of its dishes."""

    def __init__(self, log: EventLog, menu: Menu) -> None:
        self._log = log
        self.menu = menu

    async def shown(self) -> ShownMenu:
        """Return the menu; a dish is `available` unless its count is down to nothing."""
        counts = await self._log.counters()
        return ShownMenu(
            name=self.menu.name,
            categories=self.menu.categories,
            items=tuple(self._shown(item, counts.get(item.sku, item.stock)) for item in self.menu.items),
        )

    def _shown(self, item: MenuItem, left: int | None) -> ShownDish:
        count = None if item.stock is None else left
        fields = item.model_dump(exclude={"stock", "low", "synonyms"})
        return ShownDish(**fields, currency=self.menu.currency, available=count is None or count > 0, left=count)
