"""How many of each dish are left."""

from __future__ import annotations

import json

import pytest

from hub.core.errors import BadRequest, Forbidden, IdempotencyMismatch
from hub.domain import commands as cmd
from hub.domain.roles import ANONYMOUS, PERMISSIONS, Kind, Permission, Principal, Role
from hub.domain.rooms import KITCHEN, STOCK
from tests.support.services_harness import KITCHEN_HAND, Branch, only


async def test_a_branch_opens_with_what_the_menu_says_and_keeps_its_counts_when_it_opens_again(branch: Branch) -> None:
    assert await branch.log.counters() == {"taco-pastor": 10, "flan": 4}
    await branch.placed(items=only("flan", 3))
    await branch.wire.stock.open_branch()
    assert await branch.log.counters() == {"taco-pastor": 10, "flan": 1}


@pytest.mark.parametrize(
    ("left", "type_"),
    [(0, "stock.out"), (1, "stock.low"), (3, "stock.low"), (4, "stock.restocked"), (100, "stock.restocked")],
)
async def test_a_new_count_is_told_to_stock_and_kitchen(branch: Branch, left: int, type_: str) -> None:
    answer = await branch.wire.stock.set(KITCHEN_HAND, cmd.SetStock(sku="taco-pastor", left=left))
    [told], [on_the_board] = await branch.room(STOCK), await branch.room(KITCHEN)
    assert json.loads(told.body) == {
        "type": type_,
        "at": "2026-11-20T21:30:00.123Z",
        "data": {"sku": "taco-pastor", "name": "Taco al pastor", "left": left},
    }
    assert told.body == on_the_board.body
    assert answer["cursor"].endswith(f"-{told.offset}")
    assert (await branch.log.counters())["taco-pastor"] == left


async def test_a_count_said_again_under_its_command_id_undoes_no_sale_since(branch: Branch) -> None:
    command = cmd.SetStock(sku="flan", left=6, command_id="c-1")
    first = await branch.wire.stock.set(KITCHEN_HAND, command)
    await branch.placed(items=only("flan", 2))
    assert await branch.wire.stock.set(KITCHEN_HAND, command) == first
    assert (await branch.log.counters())["flan"] == 4
    with pytest.raises(IdempotencyMismatch):
        await branch.wire.stock.set(KITCHEN_HAND, cmd.SetStock(sku="flan", left=7, command_id="c-1"))


@pytest.mark.parametrize("sku", ["horchata", "sushi"])
async def test_a_dish_that_nobody_counts_or_knows_cannot_be_counted(branch: Branch, sku: str) -> None:
    with pytest.raises(BadRequest):
        await branch.wire.stock.set(KITCHEN_HAND, cmd.SetStock(sku=sku, left=3))
    assert await branch.types(STOCK) == []


@pytest.mark.parametrize("role", [*Role, None])
async def test_who_may_count_is_in_the_table_of_roles(branch: Branch, role: Role | None) -> None:
    who = Principal(kind=Kind.STAFF, id="x", roles=frozenset({role})) if role else ANONYMOUS
    if role and Permission.SET_STOCK in PERMISSIONS[role]:
        await branch.wire.stock.set(who, cmd.SetStock(sku="flan", left=9))
    else:
        with pytest.raises(Forbidden):
            await branch.wire.stock.set(who, cmd.SetStock(sku="flan", left=9))
        assert (await branch.log.counters())["flan"] == 4


async def test_the_menu_shows_what_there_is_of_each_dish_now(branch: Branch) -> None:
    await branch.placed(items=only("flan", 4))
    shown = await branch.wire.menu.shown()
    assert shown["name"] == "Taquería de Prueba"
    assert shown["categories"] == [{"id": "tacos", "name": "Tacos", "name_en": "Tacos"}]
    assert {item["sku"]: (item["available"], item.get("left")) for item in shown["items"]} == {
        "taco-pastor": (True, 10),
        "flan": (False, 0),
        "horchata": (True, None),
    }
    [flan] = [item for item in shown["items"] if item["sku"] == "flan"]
    assert flan == {
        "sku": "flan",
        "name": "Flan «de la casa»",
        "name_en": "House flan",
        "category": "tacos",
        "price": 5200,
        "currency": "MXN",
        "description": "",
        "description_en": "",
        "allergens": ["huevo"],
        "available": False,
        "left": 0,
    }
