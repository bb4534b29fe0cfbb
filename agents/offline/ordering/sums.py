"""What dishes cost together, by the menu file: asked before anything is ordered, or while it is put together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agents.offline.intent_types import (
    ASKS_ADDRESS,
    ASKS_DELIVERY,
    ASKS_NAME,
    ASKS_TAKE,
    PLACED,
    SUMMARY,
    Intent,
    asked,
)
from agents.offline.ordering.drafts import draft_of, last_asked
from agents.offline.phrases import listed, pick
from agents.offline.questions.everyday import unknown
from agents.offline.reading.order import read_order
from agents.tools.bound_tool import money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.offline.intent_types import Said
    from agents.offline.reading.dishes import Dishes
    from agents.offline.reading.wanted import Draft
    from hub.domain.menu import Menu
    from hub.domain.texts import Lang

_TOTAL = re.compile(
    r"\b(?:cuanto (?:por|es|son|seria|serian|va a ser|sale|salen|saldria|saldrian|te debo|queda|va|vamos|llevo|"
    r"me sale|cuesta|cuestan|"
    r"valen|me "
    r"(?:cobras|costaria))|how much (?:is|are|would|will|for|do i owe|does)|what (?:would|does|do|"
    r"will) .{1,80} (?:cost|come to)|"
    r"(?:el|en|the|my|what'?s the|que) (?:total|cuenta)|(?:la|dame la|me das la) cuenta|in total|the (?:bill|check)|"
    r"que te debo|precio (?:de|por))\b"
)
_SAID_TOTAL = re.compile(r"Total: (\$[\d,]+\.\d\d)")


def sum_asked(conversation: Sequence[Said], compared: str, dishes: Dishes) -> Intent | None:
    """ "cuánto es 3 pastor y 2 cocas", "how much is it in total": what was named, or what was said so far."""
    if not _TOTAL.search(compared) or unknown(compared):
        return None
    named = read_order(conversation[-1].text, dishes)
    at = last_asked(conversation)
    if named.lines or named.vague or named.unknown:
        several = named.counted and (len(named.lines) > 1 or any(line.qty > 1 for line in named.lines))
        if not several or named.open:
            return None
        if named.unknown:
            return Intent(say="not_on_menu", about=(*named.unknown, *(line.sku for line in named.lines)))
        return Intent(say="sum", about=_about(named, () if at is not None else ASKS_TAKE))
    if not re.search(
        r"\b(?:es|son|seria\w*|va|total|cuenta|debo|llevo|queda|sale|cobras|is it|will it|would it|that|all|"
        r"owe|bill|check|everything)\b",
        compared,
    ):
        return None
    if at is None:
        totals = [
            found[1]
            for said in conversation
            if not said.by_customer and asked(said.text, PLACED) and (found := _SAID_TOTAL.search(said.text))
        ]
        return Intent(say="placed_total", about=(totals[-1],)) if totals else Intent(say="total_of_what")
    if asked(conversation[at].text, SUMMARY):
        return None
    draft = draft_of(conversation[: at + 1], dishes)
    return Intent(say="sum", about=_about(draft, _missing(draft))) if draft.lines else Intent(say="total_of_what")


def _about(draft: Draft, questions: tuple[str, ...]) -> tuple[str, ...]:
    """The lines, and what is asked next: in one flat list, as an intent carries it."""
    return (*(f"{line.qty} {line.sku}" for line in draft.lines), *questions)


def _missing(draft: Draft) -> tuple[str, ...]:
    questions = [] if draft.name else [ASKS_NAME]
    if draft.delivery is None:
        questions.append(ASKS_DELIVERY)
    elif draft.delivery == "delivery" and not draft.address:
        questions.append(ASKS_ADDRESS)
    return tuple(text for both in questions for text in both)


def summed(intent: Intent, menu: Menu, lang: Lang) -> str:
    """The sum, as such: each line with its price, and that it is the menu's."""
    total, lines = 0, []
    for entry in intent.about:
        many, _, sku = entry.partition(" ")
        if many.isdecimal() and sku in menu.by_sku:
            item, qty = menu.by_sku[sku], int(many)
            total += item.price * qty
            lines.append(f"{qty} × {pick((item.name, item.name_en), lang)} {money(item.price * qty)}")
    questions = [text for text in intent.about if not text[:1].isdecimal()]
    asks = " ".join(questions[0 if lang == "es" else 1 :: 2])
    text = pick(
        (
            f"{listed(lines, lang)}: suma {money(total)} a los precios del menú.",
            f"{listed(lines, lang)}: that adds up to {money(total)} at the menu's prices.",
        ),
        lang,
    )
    return f"{text} {asks}".strip()
