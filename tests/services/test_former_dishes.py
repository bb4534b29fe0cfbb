"""A refusal names dishes that have left the menu, and says what dishes cost before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from hub.core.errors import BadRequest
from hub.domain.error_catalogue import PriceChanged
from hub.domain.menu import Menu
from hub.domain.pricing import check_seen_prices, priced
from hub.services.former_dishes import DISHES, FormerDishes
from tests.support.services_harness import Branch, an_order, only


def another_menu(branch: Branch, *, without: str = "", prices: Mapping[str, int] | None = None) -> Menu:
    menu = branch.services.menu.menu
    items = [item.model_copy(update={"price": (prices or {}).get(item.sku, item.price)}) for item in menu.items]
    kept = tuple(item for item in items if item.sku != without)
    return Menu.model_validate({"name": menu.name, "category": menu.categories, "item": kept})


async def after(branch: Branch, menu: Menu) -> FormerDishes:
    """What a hub that is started with this menu knows of those before."""
    former = FormerDishes(branch.log, menu)
    await former.remember()
    return former


async def test_all_dishes_that_left_the_menu_are_named_at_once(branch: Branch) -> None:
    await branch.services.former_dishes.remember()
    menu = another_menu(branch, without="flan")
    former = await after(branch, menu)
    lines = an_order(items=[*only("flan", 1), *only("horchata", 1), *only("sushi", 2)]).items
    with pytest.raises(BadRequest) as refused:
        priced(menu, lines, former.names)
    assert refused.value.values == {
        "field": "items",
        "sku": "flan",
        "items": [{"item": 1, "sku": "flan", "name": "Flan «de la casa»"}, {"item": 3, "sku": "sushi"}],
    }


async def test_an_order_with_dishes_that_the_menu_has_not_is_refused_with_all_of_them(branch: Branch) -> None:
    with pytest.raises(BadRequest) as refused:
        await branch.placed(items=[*only("sushi", 1), *only("pizza", 1)])
    assert refused.value.values["items"] == [{"item": 1, "sku": "sushi"}, {"item": 2, "sku": "pizza"}]


@pytest.mark.parametrize(
    ("total", "told"),
    [
        (7600, [(1, 2200, 2500)]),  # what the former menu made it
        (7000, [(1, None, 2500), (2, None, 3200)]),  # nobody knows from where
    ],
)
async def test_a_total_that_the_former_prices_explain_tells_what_has_changed(
    branch: Branch, total: int, told: list[Any]
) -> None:
    await branch.services.former_dishes.remember()
    menu = another_menu(branch, prices={"taco-pastor": 2500})
    former = await after(branch, menu)
    lines = an_order().items
    with pytest.raises(PriceChanged) as refused:
        check_seen_prices(menu, lines, priced(menu, lines), total, former.prices)
    assert [(line["item"], line.get("was"), line["now"]) for line in refused.value.values["items"]] == told


async def test_hubs_that_start_at_once_with_different_menus_forget_no_dish(branch: Branch) -> None:
    menus = [another_menu(branch, without=sku) for sku in ("flan", "horchata")]
    await asyncio.gather(*(after(branch, menu) for menu in menus))
    assert (await after(branch, menus[0])).names.keys() == branch.services.menu.menu.by_sku.keys()


async def test_a_restart_with_the_same_menu_keeps_the_former_prices_and_writes_nothing(branch: Branch) -> None:
    await branch.services.former_dishes.remember()
    dearer = another_menu(branch, prices={"flan": 6000})
    assert (await after(branch, dearer)).prices == {"flan": 5200}
    written = await branch.log.document(DISHES)
    assert (await after(branch, dearer)).prices == {"flan": 5200}
    assert written is not None
    assert await branch.log.document(DISHES) == written
