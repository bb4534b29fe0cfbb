"""What there is to eat, and what it costs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from agents.tools.base import Arguments, BoundTool, Result
from hub.domain.menu import MenuItem, plain


class ShowMenuArguments(Arguments):
    search: str | None = Field(
        default=None,
        max_length=80,
        description="A dish, ingredient or category to look for; leave it out for the whole menu",
    )


class ShowMenuTool(BoundTool):
    """The menu as it is now: prices, what is sold out, allergens."""

    name = "show_menu"
    description = (
        "The dishes with their prices, what is in them, their allergens, and whether they are sold out right now. "
        "Always call it before saying what there is, what something costs, or what is in it."
    )
    arguments = ShowMenuArguments

    async def do(self, arguments: ShowMenuArguments, command_id: str) -> Result:
        shown = await self.errand.services.menu.shown()
        menu = self.errand.services.menu.menu
        found = [
            item
            for item in shown["items"]
            if not arguments.search or self._matches(menu.by_sku[item["sku"]], plain(arguments.search))
        ]
        whole = arguments.search is None
        categories = {one.id: self.errand.say(one.name, one.name_en) for one in menu.categories}
        return {
            "restaurant": menu.name,
            "items": [self._told(item, categories, brief=whole) for item in found],
        } | ({} if whole else {"search": arguments.search})

    def called(self, arguments: ShowMenuArguments) -> str:
        return self.errand.say("Mirando el menú", "Looking at the menu")

    def finished(self, result: Result) -> str:
        count = len(result["items"])
        return self.errand.say(f"{count} platillos", f"{count} dishes")

    def _matches(self, item: MenuItem, wanted: str) -> bool:
        if wanted == item.sku:
            return True
        menu = self.errand.services.menu.menu
        category = next(one for one in menu.categories if one.id == item.category)
        names = (item.name, item.name_en, *item.synonyms, category.id, category.name, category.name_en)
        texts = [plain(name) for name in names]
        return any(_same(wanted, text) for text in texts) or all(
            any(_same(word, part) for text in texts for part in text.split()) for word in wanted.split()
        )

    def _told(self, item: dict[str, Any], categories: dict[str, str], *, brief: bool) -> dict[str, Any]:
        told = {
            "sku": item["sku"],
            "name": self.errand.say(item["name"], item["name_en"]),
            "category": categories[item["category"]],
            "price": f"${item['price'] / 100:,.2f}",
            "available": item["available"],
        }
        if not brief:
            told["description"] = self.errand.say(item["description"], item["description_en"])
            told["allergens"] = item["allergens"]
        return told


def _same(one: str, other: str) -> bool:
    """Equal, give or take a plural."""
    return one == other or one.rstrip("s") == other.rstrip("s")
