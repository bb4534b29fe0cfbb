"""What there is to eat, what it costs, and what is in it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from agents.tools.base import Arguments, BoundTool, money
from agents.tools.errand import Result
from hub.domain.allergens import allergen_called, same_allergen
from hub.domain.menu import MenuItem, plain


class ShowMenuArguments(Arguments):
    search: str | None = Field(
        default=None,
        max_length=80,
        description="A dish, ingredient or category to look for; leave it out for the whole menu",
    )


class MenuTool(BoundTool):
    """What has to do with the menu file: finding a dish in it, saying what it states."""

    def found(self, search: str) -> list[MenuItem]:
        return [item for item in self.errand.services.menu.menu.items if self._matches(item, plain(search))]

    def allergens(self, item: MenuItem) -> list[str] | None:
        """As the menu file has them, in the reader's language; None if it says nothing."""
        if not item.states_allergens:
            return None
        known = [(name, allergen_called(name)) for name in item.allergens]
        return [self.say(allergen.es, allergen.en) if allergen else name for name, allergen in known]

    def dish(self, item: MenuItem) -> str:
        return self.say(item.name, item.name_en)

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


class ShowMenuTool(MenuTool):
    """The menu as it is now: prices, what is sold out, allergens."""

    name = "show_menu"
    description = (
        "The dishes with their prices, what is in them, and whether they are sold out right now. Always call it before "
        "saying what there is, what something costs, or what is in it."
    )
    arguments = ShowMenuArguments

    async def do(self, arguments: ShowMenuArguments, command_id: str) -> Result:
        shown = await self.errand.services.menu.shown()
        menu = self.errand.services.menu.menu
        whole = arguments.search is None
        wanted = {item.sku for item in (menu.items if arguments.search is None else self.found(arguments.search))}
        categories = {one.id: self.say(one.name, one.name_en) for one in menu.categories}
        return {
            "restaurant": menu.name,
            "items": [self._told(item, categories, brief=whole) for item in shown["items"] if item["sku"] in wanted],
        } | ({} if whole else {"search": arguments.search})

    def called(self, arguments: ShowMenuArguments) -> str:
        return self.say("Mirando el menú", "Looking at the menu")

    def finished(self, result: Result) -> str:
        count = len(result["items"])
        return self.say(f"{count} platillos", f"{count} dishes")

    def _told(self, item: dict[str, Any], categories: dict[str, str], *, brief: bool) -> dict[str, Any]:
        told = {
            "sku": item["sku"],
            "name": self.say(item["name"], item["name_en"]),
            "category": categories[item["category"]],
            "price": money(item["price"]),
            "available": item["available"],
        }
        if not brief:
            told["description"] = self.say(item["description"], item["description_en"])
            told["allergens"] = self.allergens(self.errand.services.menu.menu.by_sku[item["sku"]])
        return told


class CheckAllergensArguments(Arguments):
    dish: str | None = Field(default=None, max_length=80, description="The dish asked about, by sku or name")
    allergen: str | None = Field(default=None, max_length=40, description="The allergen asked about, e.g. 'gluten'")


class CheckAllergensTool(MenuTool):
    """What the menu file states of allergens, and which dishes it is silent about."""

    name = "check_allergens"
    description = (
        "What the menu states about allergens: of a dish, of an allergen, or both. This is the only source: never "
        "answer a question about allergies from anywhere else. 'not_stated' means that nobody has checked that dish: "
        "say so, and never call it safe. Add that everything is cooked in one kitchen."
    )
    arguments = CheckAllergensArguments

    async def do(self, arguments: CheckAllergensArguments, command_id: str) -> Result:
        menu = self.errand.services.menu.menu
        items = menu.items if arguments.dish is None else self.found(arguments.dish)
        result: Result = {"one_kitchen": True}
        if arguments.dish is not None:
            result["dish"] = arguments.dish
        if arguments.allergen is None:
            listed = [{"name": self.dish(item), "allergens": self.allergens(item)} for item in items[:30]]
            return result | {"dishes": listed}
        known = allergen_called(arguments.allergen)
        stated = {name for item in menu.items for name in item.allergens}
        if known is None and not any(same_allergen(arguments.allergen, name) for name in stated):
            return result | {"allergen": arguments.allergen, "unknown_allergen": True}
        result["allergen"] = self.say(known.es, known.en) if known else arguments.allergen
        result |= {"with": [], "without": [], "not_stated": []}
        for item in items:
            result[_where(item, arguments.allergen)].append(self.dish(item))
        return result

    def called(self, arguments: CheckAllergensArguments) -> str:
        return self.say("Revisando los alérgenos", "Checking the allergens")

    def finished(self, result: Result) -> str:
        return self.say("lo que dice el menú", "what the menu says")


def _where(item: MenuItem, allergen: str) -> str:
    if not item.states_allergens:
        return "not_stated"
    return "with" if any(same_allergen(allergen, name) for name in item.allergens) else "without"


def _same(one: str, other: str) -> bool:
    """Equal, give or take a plural."""
    return one == other or one.rstrip("s") == other.rstrip("s")
