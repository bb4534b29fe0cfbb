"""An order costs what its caller saw, or it is refused and nothing is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.domain.commands import CustomerContact, PlaceOrder
from hub.domain.error_catalogue import PriceChanged
from hub.domain.menu import Menu
from hub.domain.roles import ANONYMOUS
from hub.domain.rooms import KITCHEN
from hub.services.menu_service import MenuService
from tests.support.services_harness import Branch, an_order

SEEN = 2 * 2200 + 3200  # two tacos and a horchata


def cost(branch: Branch, **prices: int) -> None:
    """Go on with a hub process that was started with other prices."""
    menu = branch.services.menu.menu
    items = tuple(item.model_copy(update={"price": prices.get(item.sku, item.price)}) for item in menu.items)
    other = Menu.model_validate({"name": menu.name, "category": menu.categories, "item": items})
    branch.services = replace(branch.services, menu=MenuService(branch.log, other))
    branch.bound()


async def test_an_order_that_costs_what_its_caller_saw_is_placed(branch: Branch) -> None:
    answer = await branch.orders.place(ANONYMOUS, an_order(total=SEEN))
    assert answer["order"]["total"] == SEEN
    assert "unit_price" not in an_order(total=SEEN).model_dump_json()  # as an older hub fingerprints it


async def test_an_order_that_costs_something_else_is_refused_and_nothing_is_written(branch: Branch) -> None:
    cost(branch, **{"taco-pastor": 2500})
    lines = [
        {"sku": "taco-pastor", "qty": 2, "unit_price": 2200},
        {"sku": "horchata", "qty": 1, "unit_price": 3200},
    ]
    with pytest.raises(PriceChanged) as refused:
        await branch.orders.place(ANONYMOUS, an_order(items=lines, total=SEEN))
    assert refused.value.values == {
        "items": [{"item": 1, "sku": "taco-pastor", "name": "Taco al pastor", "was": 2200, "now": 2500}],
        "total": 8200,
        "expected": SEEN,
        "currency": "MXN",
    }
    assert await branch.types(KITCHEN) == []
    assert await branch.log.counters() == {"taco-pastor": 10, "flan": 4}


@pytest.mark.parametrize("seen", [{"total": SEEN - 1}, {"total": 0}])
async def test_a_total_alone_is_enough_to_be_refused_with_the_prices_of_now(branch: Branch, seen: Any) -> None:
    with pytest.raises(PriceChanged) as refused:
        await branch.orders.place(ANONYMOUS, an_order(**seen))
    assert refused.value.values["total"] == SEEN
    assert [(line["item"], line["now"]) for line in refused.value.values["items"]] == [(1, 2200), (2, 3200)]


async def test_prices_that_changed_both_ways_are_refused_though_the_total_is_the_same(branch: Branch) -> None:
    cost(branch, **{"taco-pastor": 2300, "horchata": 3000})
    lines = [
        {"sku": "taco-pastor", "qty": 2, "unit_price": 2200},
        {"sku": "horchata", "qty": 1, "unit_price": 3200},
    ]
    with pytest.raises(PriceChanged) as refused:
        await branch.orders.place(ANONYMOUS, an_order(items=lines))
    assert refused.value.values["expected"] == refused.value.values["total"] == SEEN
    assert [(line["was"], line["now"]) for line in refused.value.values["items"]] == [(2200, 2300), (3200, 3000)]


async def test_without_a_seen_price_an_order_costs_what_the_menu_says(branch: Branch) -> None:
    cost(branch, **{"taco-pastor": 2500})
    assert (await branch.orders.place(ANONYMOUS, an_order()))["order"]["total"] == 8200


async def test_a_repeat_gets_the_order_at_its_price_though_the_menu_has_changed_since(branch: Branch) -> None:
    command = an_order(total=SEEN, command_id="4f0e8b5f-6d2e-4e6c-8a54")
    placed = await branch.orders.place(ANONYMOUS, command)
    cost(branch, **{"taco-pastor": 2500})
    assert await branch.orders.place(ANONYMOUS, command) == placed


async def test_a_refused_order_can_be_placed_at_the_new_price_under_the_same_id(branch: Branch) -> None:
    cost(branch, **{"taco-pastor": 2500})
    with pytest.raises(PriceChanged):
        await branch.orders.place(ANONYMOUS, an_order(total=SEEN, command_id="c-1"))
    assert (await branch.orders.place(ANONYMOUS, an_order(total=8200, command_id="c-1")))["order"]["total"] == 8200


async def test_the_prices_that_a_caller_saw_do_not_count_as_bytes_of_the_order(branch: Branch) -> None:
    plain = an_order(customer=CustomerContact(name="Ana"))
    branch.bound(order_bytes=len(plain.model_dump_json(exclude={"command_id"}).encode()))
    lines = [
        line.model_copy(update={"unit_price": price}) for line, price in zip(plain.items, (2200, 3200), strict=True)
    ]
    await branch.orders.place(ANONYMOUS, PlaceOrder(**{**dict(plain), "items": tuple(lines), "total": SEEN}))
