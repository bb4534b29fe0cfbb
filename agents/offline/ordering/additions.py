"""What comes into an order in the making, and what is counted or wished anew of what is in it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from agents.offline.ordering.removals import lines_meant
from agents.offline.ordering.replacements import instead_of, some_become
from agents.offline.reading.order import read_order
from agents.offline.reading.wanted import Draft, Wanted
from agents.offline.reading.wish_bounds import wish_length
from agents.offline.text.clauses import ADDITION, MORE, NUMBER, TWICE, WISH
from agents.offline.text.lexicon import HALF
from agents.offline.text.words import BREAKS, amount, bare, tokens

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes

_NOT_IT = re.compile(
    r"^\W*(?:y )?(?:l[oa]s? |el |the )?[^,;.]+?[\s,]+(?:mejor )?(?:ya )?no\W*(?:please|por favor|porfa)?\W*$"
)
_FIRST_THAT_MANY = re.compile(rf"^\W*(?:sean?\s+)?({NUMBER})\s*(?:,|;|\by\b|\band\b)\s*(?=\S)", re.IGNORECASE)
_EVERYTHING = re.compile(r"(?<!con )(?<!sin )(?<!with )\b(?:todos?|todas?|all|everything|both|ambos)\b")
# What is put on a dish: a wish, though no "con" stands before it.
_GARNISH = re.compile(
    r"\b(?:salsas?|limon(?:es)?|cebollas?|cilantro|queso|crema|aguacate|verdura|pina|chiles?|hielos?|azucar|limes?|"
    r"onions?|"
    r"cheese|cream|avocado|pineapple|ice|sugar)\b"
)
_POLITE = frozenset({"por", "favor", "porfa", "please", "gracias", "thanks"})
_EACH = re.compile(r"\b(?:cada|each)\b")
_HALF = re.compile(r"\b(?:mitad|half)\b")
_WISH_ON = re.compile(
    r"\b((?:sin|without|no|extra)\s+[^\W\d]+(?: (?:y|ni|and|or) [^\W\d]+)?)\s+(?:en|on|in|for|para)\s+"
    r"((?:el|la|los|las|the|mi|mis|my)\s+.+)",
    re.IGNORECASE,
)


def put(draft: Draft, clause: str, dishes: Dishes, kind: str, whole: int) -> None:
    """Dishes that come in, instead of others or besides them; amounts and wishes for those that are there."""
    if not clause.strip() or any(says(draft, clause, dishes) for says in (_wish_for, _none_of, some_become)):
        return
    if kind == "instead" and draft.lines and (first := _FIRST_THAT_MANY.match(clause)):
        _without_dish(draft, first[1], dishes, kind)
        kind, clause = "add", clause[first.end() :]
    said = read_order(clause, dishes, whole)
    compared = bare(clause)
    if not said.lines:
        if draft.lines:
            _without_dish(draft, clause, dishes, kind)
        if said.unknown and not WISH.search(compared):
            draft.unknown = said.unknown
        return
    draft.unknown += said.unknown
    adds = kind == "add" or bool(ADDITION.match(compared)) or bool(MORE.search(compared))
    if kind == "instead" and not adds and not any(line.sku == new.sku for new in said.lines for line in draft.lines):
        draft.lines = instead_of(draft.lines, said, dishes)
        return
    _put_in(draft, said, adds=adds)


def _put_in(draft: Draft, said: Draft, *, adds: bool) -> None:
    """Each dish that was said: a new line, more of one that is there, or another number or wish for it."""
    for new in said.lines:
        same = next((line for line in draft.lines if line.sku == new.sku), None)
        if same is None:
            draft.lines.append(new)
        elif new.notes and not said.counted:
            same.notes = [*same.notes, *(note for note in new.notes if note not in same.notes)]
        elif adds and (not new.notes or new.notes == same.notes):
            same.qty += new.qty
        elif adds:
            draft.lines.append(new)
        elif said.counted:
            same.qty, same.notes = new.qty, new.notes or same.notes


def _wish_for(draft: Draft, clause: str, dishes: Dishes) -> bool:
    """ "no onions on the pastor": a wish that comes before its dish, which is ordered already."""
    match = _WISH_ON.search(clause)
    meant = lines_meant(draft, tokens(match[2]), dishes) if match and not dishes.find(tokens(match[1])) else []
    for line in meant:
        if match and match[1] not in line.notes:
            line.notes.append(match[1])
    return bool(meant)


def _none_of(draft: Draft, clause: str, dishes: Dishes) -> bool:
    """ "el flan no": a dish that is ordered, and is not wanted after all."""
    meant = lines_meant(draft, tokens(clause), dishes) if _NOT_IT.match(bare(clause)) else []
    draft.lines = [line for line in draft.lines if line not in meant]
    return bool(meant)


def _without_dish(draft: Draft, clause: str, dishes: Dishes, kind: str) -> None:
    """ "que sean tres", "uno más", "sin cebolla": about what is there already."""
    words = tokens(clause)
    compared = bare(clause)
    meant = lines_meant(draft, words, dishes)
    last = meant[0] if len(meant) == 1 else draft.lines[-1]
    if _in_parts(draft, last, clause, dishes):
        return
    many = next((value for word in words if (value := amount(word)) is not None), None)
    if _HALF.search(compared):
        many = last.qty // 2 or None
    if _for_every_line(draft, compared, many, kind):
        return
    if many is not None and many >= last.qty and WISH.search(compared):  # "one of them": of those that are several
        last = next((line for line in reversed(draft.lines) if line.qty > many), last)
    if many is not None and many < last.qty and WISH.search(compared):
        last.qty -= many
        last = Wanted(last.sku, many, list(last.notes))
        draft.lines.append(last)
    if WISH.search(compared):
        for line in draft.lines if _EVERYTHING.search(compared) else meant or draft.lines[-1:]:
            wished = read_order(f"{dishes.menu.by_sku[line.sku].name} {clause}", dishes)
            line.notes += [note for one in wished.lines for note in one.notes if note not in line.notes]
    elif kind == "add" and many is None and _GARNISH.search(compared):  # "ponle salsa aparte"
        said = [word for word in words if word.word not in BREAKS | _POLITE]
        note = " ".join(word.raw for word in said[: wish_length(said)])
        last.notes.append(note[:80])
    elif many is not None and (MORE.search(compared) or kind == "add"):
        last.qty += many
    elif many is not None:
        last.qty = many
    elif MORE.search(compared) and kind == "add":
        last.qty += 1


def _in_parts(draft: Draft, last: Wanted, clause: str, dishes: Dishes) -> bool:
    """ "tres con todo, dos sin todo": the five that are ordered, in parts."""
    if sum(amount(word) is not None or word.word in HALF for word in tokens(clause)) < 2 or not WISH.search(
        bare(clause)
    ):
        return False
    parts = read_order(f"{last.qty} {dishes.menu.by_sku[last.sku].name}, {clause}", dishes).lines
    if {part.sku for part in parts} != {last.sku} or sum(part.qty for part in parts) != last.qty:
        return False
    at = draft.lines.index(last)
    parts = [replace(part, notes=[*last.notes, *part.notes]) for part in parts]
    draft.lines = [*draft.lines[:at], *parts, *draft.lines[at + 1 :]]
    return True


def _for_every_line(draft: Draft, compared: str, many: int | None, kind: str) -> bool:
    """ "two more of each", "el doble"."""
    if many is None and TWICE.search(compared):
        for line in draft.lines:
            line.qty *= 2
        return True
    if many is None or not _EACH.search(compared) or WISH.search(compared):
        return False
    for line in draft.lines:
        line.qty = line.qty + many if MORE.search(compared) or kind == "add" else many
    return True
