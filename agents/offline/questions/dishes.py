"""What is asked about dishes: what there is, what it costs, what is in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agents.language import word_set
from agents.offline.intent_types import MENU, Intent
from agents.offline.questions.everyday import unknown
from agents.offline.reading.order import read_order
from agents.offline.text.words import tokens

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes

ABOUT_DISH = re.compile(
    r"\b(?:(?:a|en) cuanto|cuanto (?:cuesta|cuestan|vale|valen|es|son|sale|salen)|que precio|precios?|a como|how much|"
    r"prices?|costs?\b|"
    r"que (?:lleva|llevan|trae|traen|tiene)\b|de que (?:es|son)|ingredient\w*|alerg\w+|allerg\w+|gluten|"
    r"lactosa|picoso|picante|"
    r"what(?:'?s| is) in|what does .* have|"
    r"tien(?:es|en)|hay|queda|quedan|venden|manejan|do you (?:have|sell|serve)|is there|are there|got any|"
    r"have any|"
    r"que es\b|what is|what's|recomiend\w+|recommend\w*|suggest\w*|sugier\w+)"
)
WHOLE_MENU = re.compile(
    r"\b(?:menu|carta|que (?:hay|tienen|tienes|venden|ofrecen|me recomiendas|recomiendas|manejan|sirven)|"
    r"what should (?:i|we) (?:get|order|have|eat)|que (?:me )?pedimos|what do you "
    r"(?:have|sell|serve|offer|recommend)|what(?:'?s| is) (?:on the menu|available|good|there)|platillos|"
    r"recomiend\w+|recommend\w*|suggest\w*|sugier\w+|lista de precios|precios|prices|opciones|options|agotad\w*|"
    r"sold out|barat\w+|cheap\w*|que puedo (?:pedir|comer))\b"
)
ORDERS = re.compile(
    r"\b(?:quiero|quisiera|dame|deme|denme|ponme|pon|me (?:das|da|pones|traes|regalas|vendes|gustaria|"
    r"mandas|encargas)|pedir|"
    r"pido|ordenar|encargar|necesito|agrega\w*|anade\w*|anota\w*|apunta\w*|manda\w*|envia\w*|para llevar|"
    r"a domicilio|"
    r"por favor|porfa|want|i'?d like|would like|i'?ll (?:have|take|get)|can i (?:get|have|order)|"
    r"could i (?:get|have)|"
    r"give me|get me|let me (?:get|have)|please|add|para recoger|to go|for pickup|for delivery|mejor|instead)\b"
)
_FOLLOW_UP = re.compile(r"^\W*(?:y (?:la|el|las|los|de)|what about|how about|and the|and what about)\b")
# What the menu says of no dish but in its description.
_MORE_THAN_WRITTEN = re.compile(
    r"\b(?:pica(?:n|nte|ntes)?|picos[oa]s?|spicy|tan grandes?|tamano|grandes?|how (?:big|large|many)|size|calorias|"
    r"calories|"
    r"cuant[oa]s (?:trae|vienen?|piezas)|fresc[oa]s?|fresh)\b"
)
_DIETS = (
    ("vegan", re.compile(r"\bvegan\w*\b|\bplant[- ]based\b")),
    (
        "vegetarian",
        re.compile(
            r"\bvegetarian\w*\b|\b(?:sin|no (?:como|comemos|lleve)) carne\b|\bveggie\b|"
            r"\b(?:without|no|don'?t eat) meat\b|\bmeat ?-?(?:less|free)\b"
        ),
    ),
)


def diets(text: str, compared: str, dishes: Dishes) -> Intent | None:
    """ "soy vegano": the dishes of which the menu file itself says so, and none that merely looks it."""
    diet = next((name for name, pattern in _DIETS if pattern.search(compared)), "")
    draft = read_order(text, dishes)
    if not diet or (draft.lines and (draft.counted or ORDERS.search(compared))):
        return None
    stated = dishes.stated(diet)
    return Intent(MENU, about=("diet", diet, *stated)) if stated else Intent(say="diet", about=(diet,))


def about_dishes(text: str, compared: str, before: str, dishes: Dishes) -> Intent | None:
    found = dishes.find(tokens(text))
    skus = list(dict.fromkeys(hit.sku for hit in found if hit.sku))
    categories = [hit.category for hit in found if hit.category]
    draft = read_order(text, dishes)
    unwritten = bool(_MORE_THAN_WRITTEN.search(compared)) and not draft.counted
    asks = ABOUT_DISH.search(compared) or unwritten or (_FOLLOW_UP.match(compared) and "$" in before)
    if asks and not (ORDERS.search(compared) and draft.counted and draft.lines):
        if skus:
            more = ("no_more",) if unwritten else ()
            return Intent(MENU, {"search": skus[0] if len(skus) == 1 else _common(skus, dishes)}, about=more)
        if categories:
            return Intent(MENU, {"search": categories[0]})
        if not WHOLE_MENU.search(compared) and (sought := _sought(text, compared)) and not unknown(compared):
            return Intent(MENU, {"search": sought})
    if WHOLE_MENU.search(compared) and not draft.lines and not unknown(compared):
        return Intent(MENU, {"search": categories[0]} if categories else {})
    return None


def _common(skus: list[str], dishes: Dishes) -> str:
    """One search for several dishes: their category, if they share one."""
    shared = {dishes.menu.by_sku[sku].category for sku in skus}
    return shared.pop() if len(shared) == 1 else skus[0]


_ASKING = word_set(
    """
    cuanto cuesta cuestan vale valen es son sale salen que precio precios a como how much price prices cost
    costs lleva llevan trae traen tiene tienen tienes hay queda quedan venden manejan do you have sell serve is
    are there got any some the la el las los un una de of in what whats hola hello hi y and aun todavia still
    algo anything con with does it alergenos alergias allergens hoy today por favor please me podrias decir si
    oye ahi ustedes
    """
)


def _sought(text: str, compared: str) -> str:
    """The thing asked about, when the menu file does not know it by that name."""
    words = [word for word in tokens(text) if word.word.isalnum() and word.word not in _ASKING]
    return (
        " ".join(word.raw for word in words[:4])[:80]
        if re.search(r"cuesta|tien|hay|vend|have|sell|much", compared)
        else ""
    )
