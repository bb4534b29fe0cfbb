"""What the taquería sells: dishes by sku, and how people call them."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from hub.domain.errors import BadRequest
from hub.domain.values import Line, Note, Sku, Value


class MenuError(ValueError):
    """The menu file does not make sense; the message says where."""


class Category(Value):
    id: Sku
    name: Line
    name_en: Line


class MenuItem(Value):
    """One dish. `price` is in minor units; `stock` is what there is at first, None for "as much as you like".

    `allergens` that the file leaves out are unknown, which is not the same as none.
    """

    sku: Sku
    name: Line
    name_en: Line
    category: Sku
    price: Annotated[int, Field(gt=0, le=10_000_00, strict=True)]
    description: Note = ""
    description_en: Note = ""
    synonyms: tuple[Line, ...] = ()
    allergens: tuple[Line, ...] = ()
    stock: Annotated[int, Field(ge=0, le=100_000, strict=True)] | None = None
    low: Annotated[int, Field(ge=0, strict=True)] = 5

    @property
    def states_allergens(self) -> bool:
        """Whether somebody has written down what is in it, and be it nothing."""
        return "allergens" in self.model_fields_set


class Menu(Value):
    """The whole of it, as `menu.toml` gives it."""

    name: Line
    currency: Literal["MXN"] = "MXN"
    categories: Annotated[tuple[Category, ...], Field(min_length=1, alias="category")]
    items: Annotated[tuple[MenuItem, ...], Field(min_length=1, alias="item")]

    @model_validator(mode="after")
    def _consistent(self) -> Menu:
        known = {category.id for category in self.categories}
        seen: set[str] = set()
        for item in self.items:
            if item.category not in known:
                raise ValueError(f"dish {item.sku!r} is in category {item.category!r}, which there is not")
            if item.sku in seen:
                raise ValueError(f"dish {item.sku!r} stands there twice")
            seen.add(item.sku)
        return self

    @cached_property
    def by_sku(self) -> Mapping[str, MenuItem]:
        return {item.sku: item for item in self.items}

    @property
    def tracked(self) -> Iterator[MenuItem]:
        """The dishes whose stock is counted."""
        return (item for item in self.items if item.stock is not None)

    def dish(self, sku: str) -> MenuItem:
        """The dish of this sku.

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
        raise MenuError(f"not TOML: {exc}") from exc
    try:
        return Menu.model_validate(raw)
    except ValidationError as exc:
        first = exc.errors()[0]
        raise MenuError(f"{_place(first['loc'], raw)}: {first['msg']}") from exc


def _place(location: tuple[int | str, ...], raw: dict[str, Any]) -> str:
    """Where in the file: `item 'taco-pastor' price` rather than `item.3.price`."""
    match location:
        case ("item", int(index), *rest):
            item = raw["item"][index]
            named = item.get("sku", index + 1) if isinstance(item, dict) else index + 1
            return " ".join(["item", repr(named), *map(str, rest)])
        case _:
            return " ".join(map(str, location)) or "menu"


def plain(text: str) -> str:
    """Text as it is compared: lower case, without accents, single spaces."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return " ".join(bare.split())
