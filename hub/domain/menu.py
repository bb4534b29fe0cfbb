"""The menu: dishes by sku, with their prices and the names that people use for them."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from hub.core.errors import BadRequest
from hub.domain.values import Note, SingleLine, Sku, Value


class MenuError(ValueError):
    """The menu file does not make sense; the message says where."""


class Category(Value):
    """A group of dishes."""

    id: Sku
    name: SingleLine
    name_en: SingleLine


class MenuItem(Value):
    """One dish. `price` is in minor units; `stock` is what there is at first, None for "as much as you like".

    `allergens` that the file leaves out are unknown, which is not the same as none.
    """

    sku: Sku
    name: SingleLine
    name_en: SingleLine
    category: Sku
    price: Annotated[int, Field(gt=0, le=10_000_00, strict=True)]
    description: Note = ""
    description_en: Note = ""
    synonyms: tuple[SingleLine, ...] = ()
    allergens: tuple[SingleLine, ...] = ()
    stock: Annotated[int, Field(ge=0, le=100_000, strict=True)] | None = None
    low: Annotated[int, Field(ge=0, strict=True)] = 5

    @property
    def states_allergens(self) -> bool:
        """True if the menu file states the allergens of the dish, even if it states that there are none."""
        return "allergens" in self.model_fields_set


class Menu(Value):
    """The menu, as `menu.toml` gives it."""

    name: SingleLine
    currency: Literal["MXN"] = "MXN"
    categories: Annotated[tuple[Category, ...], Field(min_length=1, alias="category")]
    items: Annotated[tuple[MenuItem, ...], Field(min_length=1, alias="item")]

    @model_validator(mode="after")
    def _consistent(self) -> Menu:
        known = {category.id for category in self.categories}
        seen: set[str] = set()
        for item in self.items:
            if item.category not in known:
                raise ValueError(f"dish {item.sku!r} is in category {item.category!r}, which does not exist")
            if item.sku in seen:
                raise ValueError(f"dish {item.sku!r} is listed twice")
            seen.add(item.sku)
        return self

    @cached_property
    def by_sku(self) -> Mapping[str, MenuItem]:
        """The dishes by their sku."""
        return {item.sku: item for item in self.items}

    @property
    def tracked(self) -> Iterator[MenuItem]:
        """The dishes whose stock is counted."""
        return (item for item in self.items if item.stock is not None)

    def dish(self, sku: str) -> MenuItem:
        """Return the dish of a sku.

        Raises:
            BadRequest: The menu has none.
        """
        item = self.by_sku.get(sku)
        if item is None:
            raise BadRequest(f"the menu has no {sku!r}", field="items", sku=sku)
        return item


def parse_menu(text: str) -> Menu:
    """Read a menu from TOML.

    Raises:
        MenuError: One line that says what is wrong, and where.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise MenuError(f"the file is not valid TOML: {exc}") from exc
    try:
        return Menu.model_validate(raw)
    except ValidationError as exc:
        first = exc.errors()[0]
        raise MenuError(f"{_place(first['loc'], raw)}: {first['msg']}") from exc


def _place(location: tuple[int | str, ...], raw: dict[str, Any]) -> str:
    """Name a place in the menu file: `item 'taco-pastor' price` rather than `item.3.price`."""
    match location:
        case ("item", int(index), *rest):
            item = raw["item"][index]
            named = item.get("sku", index + 1) if isinstance(item, dict) else index + 1
            return " ".join(["item", repr(named), *map(str, rest)])
        case _:
            return " ".join(map(str, location)) or "menu"


def plain(text: str) -> str:
    """Return a text as it is compared: lower case, without accents, single spaces."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return " ".join(bare.split())
