"""An order that somebody had before, once more: "lo mismo de la otra vez, pero sin cebolla"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from agents.offline.intent_types import PLACE, TRACK, Intent
from agents.offline.ordering.corrections import corrected
from agents.offline.reading.wanted import Draft, Wanted
from agents.offline.text.words import bare

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes

AGAIN = ("again",)  # what an intent is about that looks an order up in order to repeat it

_WHEN = (
    r"(?:siempre|ayer|antier|antes|hace rato|la (?:otra|ultima) vez|otra vez|la vez pasada|"
    r"la semana pasada|el otro dia)"
)
_ASKED = re.compile(
    rf"\b(?:(?:lo|lo mismo|el mismo|el|mi|la misma|mi pedido|el pedido|la orden) (?:de |que )+{_WHEN}|"
    rf"lo mismo que .{{0,20}}{_WHEN}|"
    rf"(?:repit\w+|repet\w+)\b.{{0,12}}(?:pedido|orden)(?: de {_WHEN})?|otra vez lo mismo|lo mismo otra vez|"
    r"(?:el|mi) mismo pedido(?: otra vez)?|(?:mi )?(?:pedido|orden) de siempre|"
    r"(?:the|my) usual|same (?:thing )?(?:again|as (?:last time|always|before|usual|yesterday))|same order(?: again)?|"
    r"(?:repeat|reorder)\b(?: (?:my|the|that))?(?: (?:last|previous))?(?: order)?|order (?:it )?again)"
)
_NOTED = re.compile(r"(\d+) × (.+?)(?: \(([^)]*)\))?(?=(?:, | y | and )\d+ × |[;.](?: |$)|$)")


def repeat_asked(compared: str) -> bool:
    return bool(_ASKED.search(compared))


def once_more(before: Draft, text: str, dishes: Dishes) -> Draft:
    """An earlier order, with what is said about it this time."""
    match = _ASKED.search(bare(text))
    rest = f"{text[: match.start()]} , {text[match.end() :]}" if match else text
    return corrected(before, rest, dishes) if before.lines else before


def found_again(result: dict[str, Any], text: str, dishes: Dishes) -> Intent:
    """What to do with the orders that were looked up: the newest is ordered again."""
    orders = result.get("orders") or [{"items": []}]
    before = Draft(lines=[line for item in orders[0]["items"] if (line := _line(item, dishes))])
    draft = once_more(before, text, dishes)
    return Intent(PLACE, draft.arguments()) if draft.lines else Intent(say="usual")


def noted(text: str, dishes: Dishes) -> Draft:
    """The lines that we said we had noted: "Anotado: 2 × Gringa (sin piña) y 1 × Flan"."""
    items = [{"qty": int(many), "name": name, "notes": notes} for many, name, notes in _NOTED.findall(text)]
    return Draft(lines=[line for item in items if (line := _line(item, dishes))])


def look_up() -> Intent:
    return Intent(TRACK, about=AGAIN)


def _line(item: dict[str, Any], dishes: Dishes) -> Wanted | None:
    sku = next((one.sku for one in dishes.menu.items if item["name"] in (one.name, one.name_en)), None)
    notes = item.get("notes")
    return Wanted(sku, item["qty"], [notes] if notes else []) if sku else None
