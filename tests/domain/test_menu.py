"""The menu file: ours makes sense, and one that does not says where."""

from __future__ import annotations

import re

import pytest

from hub.config import MENU_FILE
from hub.core.errors import BadRequest
from hub.domain.menu import Menu, MenuError, parse_menu, plain

SMALL = """
name = "Taquería Doña Carmen"

[[category]]
id = "tacos"
name = "Tacos"
name_en = "Tacos"

[[item]]
sku = "taco-pastor"
name = "Taco al pastor"
name_en = "Al pastor taco"
category = "tacos"
price = 2200
synonyms = ["pastor"]
allergens = ["gluten"]
stock = 240
low = 20

[[item]]
sku = "taco-nopal"
name = "Taco de nopal"
name_en = "Cactus taco"
category = "tacos"
price = 2000
"""


@pytest.fixture(scope="module")
def menu() -> Menu:
    return parse_menu(MENU_FILE.read_text(encoding="utf-8"))


# Ours


def test_our_menu_has_dishes_enough_in_every_category(menu: Menu) -> None:
    assert len(menu.items) >= 20
    assert {item.category for item in menu.items} == {category.id for category in menu.categories}


def test_our_menu_says_everything_in_both_languages(menu: Menu) -> None:
    for item in menu.items:
        assert item.description, item.sku
        assert item.description_en, item.sku


def test_our_menu_spells_each_allergen_in_one_way(menu: Menu) -> None:
    allergens = {allergen for item in menu.items for allergen in item.allergens}
    assert allergens
    assert all(isinstance(allergen, str) for allergen in allergens)
    assert len({plain(allergen) for allergen in allergens}) == len(allergens)
    for item in menu.items:
        assert len(set(item.allergens)) == len(item.allergens), item.sku


def test_no_two_dishes_of_our_menu_go_by_one_name(menu: Menu) -> None:
    called: dict[str, set[str]] = {}
    for item in menu.items:
        for name in (item.name, item.name_en, item.sku.replace("-", " "), *item.synonyms):
            called.setdefault(plain(name), set()).add(item.sku)
    assert {name: skus for name, skus in called.items() if len(skus) > 1} == {}


def test_our_menu_warns_before_a_dish_is_gone(menu: Menu) -> None:
    for item in menu.tracked:
        assert item.stock is not None
        assert 0 < item.low < item.stock, item.sku


def test_a_dish_is_found_by_its_sku_and_one_that_is_not_there_is_a_bad_request(menu: Menu) -> None:
    assert menu.dish("taco-pastor").price == 2200
    with pytest.raises(BadRequest) as refused:
        menu.dish("sushi")
    assert refused.value.values == {"field": "items", "sku": "sushi"}


def test_a_dish_without_a_count_is_not_tracked() -> None:
    assert [item.sku for item in parse_menu(SMALL).tracked] == ["taco-pastor"]


# Somebody's, with a slip in it


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("price = 2200", "prise = 2200", ["taco-pastor", "pri"]),
        ("price = 2200", "price = -1", ["taco-pastor", "price"]),
        ("price = 2200", "price = 22.00", ["taco-pastor", "price"]),
        ("price = 2200", 'price = "2200"', ["taco-pastor", "price"]),
        ("stock = 240", "stock = 240.0", ["taco-pastor", "stock"]),
        ("stock = 240", "estock = 240", ["taco-pastor", "estock"]),
        ("low = 20", "low = true", ["taco-pastor", "low"]),
        ('synonyms = ["pastor"]', 'synonyms = ["pastor", 3]', ["taco-pastor", "synonyms 1"]),
        ('allergens = ["gluten"]', 'allergens = "gluten"', ["taco-pastor", "allergens"]),
        ('allergens = ["gluten"]', "allergens = [7]", ["taco-pastor", "allergens 0"]),
        ('category = "tacos"\nprice = 2000', 'category = "taco"\nprice = 2000', ["taco-nopal", "'taco'"]),
        ('sku = "taco-nopal"', 'sku = "taco-pastor"', ["taco-pastor", "twice"]),
        ('sku = "taco-nopal"', 'sku = "Taco Nopal"', ["Taco Nopal", "sku"]),
        ('sku = "taco-nopal"\n', "", ["item 2", "sku"]),
        ('name = "Taco de nopal"', 'name = ""', ["taco-nopal", "name"]),
        ('id = "tacos"\n', "", ["category", "id"]),
        ("price = 2200", "price 2200", ["line 14"]),
        ("[[item]]", "[item]", ["line"]),
    ],
)
def test_a_slip_in_the_file_is_told_in_one_line_that_names_the_dish(right: str, wrong: str, told: list[str]) -> None:
    assert right in SMALL
    with pytest.raises(MenuError) as slip:
        parse_menu(SMALL.replace(right, wrong, 1))
    message = str(slip.value)
    assert "\n" not in message
    for word in told:
        assert word in message


@pytest.mark.parametrize(
    "text",
    [
        "",
        'name = "Vacía"',
        'name = "x"\ncategory = []\nitem = []',
        'name = "x"\nitem = [1]\ncategory = [{id="a", name="A", name_en="A"}]',
        'name = "x"\nitem = 3\ncategory = "tacos"',
        'name = "x"\n[item]\nsku = "a"',
        SMALL + '\n[[drinks]]\nsku = "agua"',
        SMALL.replace('name = "Taquería', 'currency = "USD"\nname = "Taquería'),
    ],
)
def test_a_file_of_another_shape_is_told_in_one_line(text: str) -> None:
    with pytest.raises(MenuError) as slip:
        parse_menu(text)
    assert re.fullmatch(r"[^\n]+", str(slip.value))


@pytest.mark.parametrize(
    ("text", "bare"),
    [("  Pozole   ROJO ", "pozole rojo"), ("¿Jamón?", "¿jamon?"), ("Ñandú", "nandu"), ("VOLCÁN\n", "volcan"), ("", "")],
)
def test_text_is_compared_without_case_accents_or_spare_space(text: str, bare: str) -> None:
    assert plain(text) == bare
    assert plain(bare) == bare
