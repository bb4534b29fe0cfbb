"""Tools about the menu: dishes, prices and allergens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from agents import texts
from agents.tools.bound_tool import Arguments, BoundTool, money
from agents.tools.results import ToolResult
from hub.domain.allergens import allergen_called, same_allergen
from hub.domain.menu import MenuItem, plain
from hub.domain.texts import Text
from hub.domain.values import absent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.domain.answers.branch_answers import ShownDish

Where = Literal["with", "without", "not_stated"]


class ShowMenuArguments(Arguments):
    search: str | None = Field(
        default=None,
        max_length=80,
        description="A dish, ingredient or category to look for; leave it out for the whole menu",
    )


class ListedDish(ToolResult):
    """A dish in the list of the whole menu."""

    sku: str
    name: str
    category: str
    price: str
    available: bool


class DescribedDish(ListedDish):
    """A dish that was searched for. `allergens`: None if the menu states nothing about them."""

    description: str
    allergens: tuple[str, ...] | None


class ListedMenu(ToolResult):
    """The dishes of the menu; `search` is what they were searched by."""

    restaurant: str
    items: tuple[DescribedDish | ListedDish, ...]
    search: str | None = Field(default=None, exclude_if=absent)


class DishAllergens(ToolResult):
    """The allergens of a dish; None if the menu states nothing about them."""

    name: str
    allergens: tuple[str, ...] | None


class AllergenAnswer(ToolResult):
    """An answer about allergens; `dish` is the dish that was asked about."""

    one_kitchen: bool = True
    dish: str | None = Field(default=None, exclude_if=absent)


class AllergensByDish(AllergenAnswer):
    """The allergens of each dish."""

    dishes: tuple[DishAllergens, ...]


class UnknownAllergen(AllergenAnswer):
    """The menu does not know the allergen that was asked about."""

    allergen: str
    unknown_allergen: bool = True


class DishesByAllergen(AllergenAnswer):
    """The dishes with an allergen, those without it, and those about which the menu states nothing."""

    allergen: str
    with_it: tuple[str, ...] = Field(serialization_alias="with")
    without: tuple[str, ...]
    not_stated: tuple[str, ...]


class MenuTool(BoundTool):
    """A tool that reads the menu."""

    def found(self, search: str) -> list[MenuItem]:
        return [item for item in self.context.services.menu.menu.items if self._matches(item, plain(search))]

    def allergens(self, item: MenuItem) -> tuple[str, ...] | None:
        """As the menu file has them, in the reader's language; None if it says nothing."""
        if not item.states_allergens:
            return None
        known = [(name, allergen_called(name)) for name in item.allergens]
        return tuple(self.say(Text(allergen.es, allergen.en)) if allergen else name for name, allergen in known)

    def dish(self, item: MenuItem) -> str:
        return self.say(Text(item.name, item.name_en))

    def _matches(self, item: MenuItem, wanted: str) -> bool:
        if wanted == item.sku:
            return True
        menu = self.context.services.menu.menu
        category = next(one for one in menu.categories if one.id == item.category)
        names = (item.name, item.name_en, *item.synonyms, category.id, category.name, category.name_en)
        texts = [plain(name) for name in names]
        return any(_same(wanted, text) for text in texts) or all(
            any(_same(word, on_new_part) for text in texts for on_new_part in text.split()) for word in wanted.split()
        )


class ShowMenuTool(MenuTool):
    """The menu as it is now: prices, what is sold out, allergens."""

    name = "show_menu"
    description = (
        "The dishes with their prices, what is in them, and whether they are sold out right now. Always call it before "
        "saying what there is, what something costs, or what is in it."
    )
    arguments = ShowMenuArguments

    async def do(self, arguments: ShowMenuArguments, command_id: str) -> ListedMenu:
        shown = await self.context.services.menu.shown()
        menu = self.context.services.menu.menu
        wanted = {item.sku for item in (menu.items if arguments.search is None else self.found(arguments.search))}
        categories = {one.id: self.say(Text(one.name, one.name_en)) for one in menu.categories}
        told = self._listed if arguments.search is None else self._described
        items = tuple(told(item, categories[item.category]) for item in shown.items if item.sku in wanted)
        return ListedMenu(restaurant=menu.name, items=items, search=arguments.search)

    def called(self, arguments: ShowMenuArguments) -> str:
        return self.say(texts.LOOKING_AT_MENU)

    def finished(self, result: ListedMenu) -> str:
        count = len(result.items)
        return self.say(texts.DISHES, count=count)

    def _listed(self, item: ShownDish, category: str) -> ListedDish:
        return ListedDish(
            sku=item.sku,
            name=self.say(Text(item.name, item.name_en)),
            category=category,
            price=money(item.price),
            available=item.available,
        )

    def _described(self, item: ShownDish, category: str) -> DescribedDish:
        return DescribedDish(
            **self._listed(item, category).model_dump(),
            description=self.say(Text(item.description, item.description_en)),
            allergens=self.allergens(self.context.services.menu.menu.by_sku[item.sku]),
        )


class CheckAllergensArguments(Arguments):
    dish: str | None = Field(default=None, max_length=80, description="The dish asked about, by sku or name")
    allergen: str | None = Field(default=None, max_length=40, description="The allergen asked about, e.g. 'gluten'")


class CheckAllergensTool(MenuTool):
    """The tool that tells the stated allergens, and which dishes have none stated."""

    name = "check_allergens"
    description = (
        "What the menu states about allergens: of a dish, of an allergen, or both. This is the only source: never "
        "answer a question about allergies from anywhere else. 'not_stated' means that nobody has checked that dish: "
        "say so, and never call it safe. Add that everything is cooked in one kitchen."
    )
    arguments = CheckAllergensArguments

    async def do(self, arguments: CheckAllergensArguments, command_id: str) -> AllergenAnswer:
        menu, dish = self.context.services.menu.menu, arguments.dish
        items = menu.items if dish is None else self.found(dish)
        if arguments.allergen is None:
            listed = [DishAllergens(name=self.dish(item), allergens=self.allergens(item)) for item in items[:30]]
            return AllergensByDish(dish=dish, dishes=tuple(listed))
        known = allergen_called(arguments.allergen)
        stated = {name for item in menu.items for name in item.allergens}
        if known is None and not any(same_allergen(arguments.allergen, name) for name in stated):
            return UnknownAllergen(dish=dish, allergen=arguments.allergen)
        return DishesByAllergen(
            dish=dish,
            allergen=self.say(Text(known.es, known.en)) if known else arguments.allergen,
            with_it=self._those(items, arguments.allergen, "with"),
            without=self._those(items, arguments.allergen, "without"),
            not_stated=self._those(items, arguments.allergen, "not_stated"),
        )

    def called(self, arguments: CheckAllergensArguments) -> str:
        return self.say(texts.CHECKING_ALLERGENS)

    def finished(self, result: AllergenAnswer) -> str:
        return self.say(texts.WHAT_MENU_SAYS)

    def _those(self, items: Sequence[MenuItem], allergen: str, where: Where) -> tuple[str, ...]:
        return tuple(self.dish(item) for item in items if _where(item, allergen) == where)


def _where(item: MenuItem, allergen: str) -> Where:
    if not item.states_allergens:
        return "not_stated"
    return "with" if any(same_allergen(allergen, name) for name in item.allergens) else "without"


def _same(one: str, other: str) -> bool:
    """Equal, give or take a plural."""
    return one == other or one.rstrip("s") == other.rstrip("s")
