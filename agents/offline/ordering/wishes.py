"""What is wished of an order that was placed: "dile a la cocina que sin cilantro"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from agents.language import word_set
from agents.offline.intent_types import CHANGE, Intent
from agents.offline.ordering.drafts import placed_draft, was_placed
from agents.offline.questions.everyday import unknown
from agents.offline.text.words import amount, bare, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.offline.intent_types import Said
    from agents.offline.reading.dishes import Dishes

_TO_THE_KITCHEN = re.compile(
    r"\b(?:di(?:les?|ganles?|gales?|cirles?)|avisa(?:les?)?|avisenles?|comenta(?:les?)?|tell|ask|let)\s+(?:a\s+|al\s+|"
    r"the\s+)?"
    r"(?:la\s+|los\s+|el\s+)?(?:cocina|cociner[oa]s?|taquer[oa]s?|kitchen|cooks?|chef|staff)\b\s*(?:know\s+)?(?:that|"
    r"to|que)?\s*"
)
_HOW = re.compile(
    r"^\W*(?:(?:ah|oye|y|pero|mejor|perdon|me equivoque|my bad|please|por favor|hey|oh|and|but|wait|sorry|"
    r"actually)\W+)*"
    r"(?:(?:can|could) (?:you|i)\s+|(?:(?:me|le|les) )?(?:puede[sn]?|podrias?|podrian?)\s+)?"
    r"(?:que (?:los |las |lo |la )?(?:sean?|vayan?|vengan?|traigan?)|pon(?:er)?(?:le|les)|poner|eran|"
    r"quise decir|i meant|haz(?:l[oa]s?)|make (?:it|"
    r"them|that)|"
    r"(?=(?:(?:l[oa]s?|el|the|mi|my|todos?|todas?|all)\s+(?:\w+\s+){0,3})?(?:sin|without|with|con|extra)\b))\s*"
)
_TO_THE_COURIER = re.compile(
    r"\b(?:(?:di(?:les?|ganles?|gales?)|avisa(?:les?)?|tell|ask)\s+(?:al?\s+|the\s+)?(?:repartidor\w*|"
    r"motociclista|chofer|"
    r"driver|courier|delivery (?:guy|man|person))|timbre|doorbell|(?:ring|knock)\b.{0,12}\b(?:bell|door)|"
    r"(?:leave|drop) (?:it|them) (?:at|by|with|on)|"
    r"(?:deja(?:lo|rlo|r)|dejen(?:lo)?|entreguen(?:lo)?) (?:en|con) (?:la|el) (?:puerta|porton|recepcion|"
    r"caseta|portero|vigilante))\b"
)
_POLITE = re.compile(
    r"[\s,.!]*\b(?:por favor|porfa(?:vor)?|please|se me olvido(?: decir\w*)?|i forgot(?: to (?:say|ask))?|"
    r"gracias|thanks|thank you)\b[\s,.!?]*",
    re.IGNORECASE,
)
_NOT_A_WISH = re.compile(r"^\W*(?:no|no (?:gracias|thanks)|no [a-z]+(?:o|e|s) .*|con .*(?:gusto|permiso).*)\W*$")
_MAY_I = re.compile(r"\b(?:can|could|pued\w+|podri\w+)\b")
_BEGINS = frozenset(
    {"sin", "without", "con", "with", "extra", "no", "bien", "poco", "poca", "menos", "mas", "less", "more"}
)
_NO_NOTE = word_set("que los las el la lo the de del on in en todos todas todo all that sean sea")
_LONGEST = 8  # words


def wish_for_placed(conversation: Sequence[Said], dishes: Dishes) -> Intent | None:
    """A wish that comes after the order: a change of it, if it is clear of which dish; and otherwise plainly no."""
    text = conversation[-1].text
    compared = bare(text)
    if _TO_THE_COURIER.search(compared) and not dishes.find(tokens(text)):
        return Intent(say="to_courier")
    kitchen = _TO_THE_KITCHEN.search(compared)
    how = kitchen or _HOW.match(compared)
    if how is None or (not kitchen and (not was_placed(conversation) or ("?" in text and not _MAY_I.search(compared)))):
        return None
    wish = _POLITE.sub(" ", text[how.end() :]).strip(" ,.;:!?¡¿")
    words = tokens(wish)
    counted = len(words) > 1 and any(amount(word) is not None for word in words)  # more dishes, and no wish
    if not kitchen and (
        counted or not words or len(words) > _LONGEST or unknown(compared) or _NOT_A_WISH.match(compared)
    ):
        return None
    placed = placed_draft(conversation, dishes)
    if placed is None or not words:
        return Intent(say="no_wish_now")
    named = [hit for hit in dishes.find(words) if hit.sku]
    meant = [line for line in placed.lines if any(hit.sku == line.sku for hit in named)] if named else placed.lines
    if len(meant) != 1:
        return Intent(say="wish_for_which" if not named else "no_wish_now")
    line = meant[0]
    if len([one for one in placed.lines if one.sku == line.sku]) > 1:
        return Intent(say="no_wish_now")
    if len(words) == 1 and (many := amount(words[0])):
        return Intent(CHANGE, {"items": [{"sku": line.sku, "qty": many}]})
    if counted:
        return Intent(say="no_wish_now")
    gone = {at for hit in named for at in range(hit.start, hit.end)}
    begins = next((at for at, word in enumerate(words) if word.word in _BEGINS), 0)
    kept = [word for at, word in enumerate(words) if at >= begins and at not in gone]
    note = " ".join(word.raw for word in kept if word.word not in _NO_NOTE)
    item: dict[str, Any] = {"sku": line.sku, "qty": line.qty, "notes": ", ".join([*line.notes, note])[:200]}
    return Intent(CHANGE, {"items": [item]})
