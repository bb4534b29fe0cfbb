"""Never a wrong order in silence: what is proposed is what was said, or the words that were passed over are told."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.dialogue import Dialogue

DISHES = {
    "es": {
        "tacos al pastor": "taco-pastor",
        "de suadero": "taco-suadero",
        "tacos de bistec": "taco-bistec",
        "gringas": "gringa",
        "quesadillas": "quesadilla",
        "aguas de jamaica": "jamaica",
        "flanes": "flan",
    },
    "en": {
        "al pastor tacos": "taco-pastor",
        "fish tacos": "taco-pescado",
        "gringas": "gringa",
        "quesadillas": "quesadilla",
        "horchatas": "horchata",
        "churros": "churros",
    },
}
AMOUNTS = {
    "es": {"2": 2, "tres": 3, "cuatro": 4, "11": 11, "veintiún": 21, "treinta y cinco": 35, "media docena de": 6},
    "en": {"2": 2, "three": 3, "four": 4, "eleven": 11, "twenty-one": 21, "thirty five": 35, "half a dozen": 6},
}
WISHES = {
    "es": ["", "", "sin cebolla", "sin cilantro ni piña", "con salsa verde", "bien dorados"],
    "en": ["", "", "no onions", "without cilantro", "with extra cheese", "with salsa on the side"],
}
ENDS = {
    "es": ["", ", para llevar", ", soy Ana", ", para recoger, a nombre de Luis Pérez", ", a domicilio en Calle Sol 7"],
    "en": ["", ", to go", ", I'm Ana", ", for pickup, name Tom", ", deliver to 12 Elm Street"],
}
STARTS = {"es": ["", "quiero ", "hola, me das "], "en": ["", "I want ", "hi, can I get "]}
AND = {"es": " y ", "en": " and "}
# No words of either language, and near none of the menu's.
STRANGE = ["zorbo", "frumix", "KWAPIL", "ñandubay", "gluzz", "tromp"]


@dataclass
class Order:
    """A sentence that orders, word by word, and what it says."""

    words: list[str]
    items: list[tuple[int, str, str]]

    @property
    def text(self) -> str:
        return " ".join(self.words).replace(" ,", ",")


@st.composite
def orders(draw: st.DrawFn) -> Order:
    lang = draw(st.sampled_from(["es", "en"]))
    named = draw(st.lists(st.sampled_from(list(DISHES[lang])), min_size=1, max_size=3, unique=True))
    parts, items = [], []
    for name in named:
        many, wish = draw(st.sampled_from(list(AMOUNTS[lang]))), draw(st.sampled_from(WISHES[lang]))
        parts.append(f"{many} {name} {wish}".replace("de de", "de").strip())
        items.append((AMOUNTS[lang][many], DISHES[lang][name], wish))
    said = AND[lang].join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    text = f"{draw(st.sampled_from(STARTS[lang]))}{said}{draw(st.sampled_from(ENDS[lang]))}"
    return Order(text.replace(",", " ,").split(), items)


def ordered(dialogue: Dialogue) -> list[tuple[int, str, str]] | None:
    """What was given to `place_order`; None if it was not called."""
    calls = [arguments for tool, arguments in dialogue.called if tool == "place_order"]
    return [(one["qty"], one["sku"], one.get("notes", "")) for one in calls[0]["items"]] if calls else None


@settings(max_examples=200, deadline=None)
@given(order=orders())
def test_an_order_of_known_words_is_proposed_as_it_was_said_and_no_word_of_it_is_missed(order: Order) -> None:
    dialogue = Dialogue()
    _, answer = dialogue.say(order.text)
    assert ordered(dialogue) == order.items, (order.text, answer)
    assert "No entendí" not in answer, order.text
    assert "did not understand" not in answer, order.text


@settings(max_examples=400, deadline=None)
@given(order=orders(), strange=st.sampled_from(STRANGE), data=st.data())
def test_a_word_that_is_not_understood_is_told_back_wherever_it_stands(
    order: Order, strange: str, data: st.DataObject
) -> None:
    order.words.insert(data.draw(st.integers(0, len(order.words))), strange)
    dialogue = Dialogue()
    _, answer = dialogue.say(order.text)
    said = ordered(dialogue)
    if said is None:  # asked, or refused
        return
    called = dialogue.called[0][1]
    held = [called.get("customer_name", ""), called.get("address", ""), answer]
    assert any(strange in told for told in held), (order.text, answer)
    assert [(many, sku) for many, sku, _ in said] == [(many, sku) for many, sku, _ in order.items], (order.text, answer)


@pytest.mark.parametrize(
    ("before", "text", "told"),
    [
        ("2 gringas para llevar, soy Ana", "agrega un flan zorbo", "No entendí «zorbo», así que no lo anoté."),
        ("2 gringas para llevar, soy Ana", "sin cebolla zorbo", "No entendí «zorbo»"),
        ("2 gringas y un flan para llevar, soy Ana", "quita el flan zorbo", "No entendí «zorbo»"),
        ("2 gringas para llevar, soy Ana", "quita la cebolla zorbo", "No entendí «zorbo»"),
        ("2 gringas para llevar, soy Ana", "ponle salsa verde zorbo", "No entendí «zorbo»"),
        ("2 gringas para llevar, soy Ana", "y un zorbo", "No tenemos «zorbo»"),
        ("2 gringas to go, I'm Ana", "make it three zorbo", "We do not have “zorbo”"),
        ("2 gringas to go, I'm Ana", "add a flan and zorbo", "I did not understand “zorbo”, and left it out."),
        ("", "un pozole verde", "No entendí «verde»"),
        ("", "un refresco de toronja", "No entendí «toronja»"),
        ("", "con todo, 3 de pastor", "No entendí «con todo»"),
    ],
)
def test_what_a_change_says_besides_what_is_understood_is_told_back(before: str, text: str, told: str) -> None:
    dialogue = Dialogue()
    if before:
        dialogue.say(before)
    assert told in dialogue.say(text)[1]


def test_two_allergens_of_one_question_are_both_asked_of_the_tool() -> None:
    dialogue = Dialogue()
    _, answer = dialogue.say("¿la gringa tiene gluten o lácteos?")
    assert dialogue.called == [
        ("check_allergens", {"dish": "gringa", "allergen": "gluten"}),
        ("check_allergens", {"dish": "gringa", "allergen": "lacteos"}),
    ]
    assert answer.count("misma cocina") == 1
