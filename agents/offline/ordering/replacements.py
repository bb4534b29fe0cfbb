"""What takes whose place in an order: "the horchata for a soda", "que dos sean de bistec"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agents.offline.ordering.removals import lines_meant
from agents.offline.reading.order import read_order
from agents.offline.text.clauses import NUMBER
from agents.offline.text.words import amount, tokens

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes
    from agents.offline.reading.wanted import Draft, Wanted
    from agents.offline.text.words import Token

_FOR = re.compile(r"\s+(?:por|for|to|con|with|a)\s+", re.IGNORECASE)
_SOME_ARE = re.compile(
    rf"\b(?:que\s+({NUMBER})(?: de (?:ell|es)[ao]s)?\s+(?:sean?|vayan?|vengan?)|"
    rf"make\s+({NUMBER})(?: of (?:them|those))?)\s+(.+)",
    re.IGNORECASE,
)


def swapped(draft: Draft, clause: str, dishes: Dishes) -> str:
    """Put one dish into another's place: "the horchata for a soda". What is left to be read, if that was not it."""
    halves = _FOR.split(clause, maxsplit=1) if not clause.endswith(" por ") else clause[:-5].split(",", 1)
    if len(halves) < 2:
        return clause
    out, comes = lines_meant(draft, tokens(halves[0]), dishes), read_order(halves[1], dishes)
    if comes.lines and not out and _some_for(draft, tokens(halves[0]), comes, dishes):
        return ""
    if not comes.lines or not out:
        return halves[1]
    if not comes.counted:
        comes.lines[0].qty = out[0].qty
    many = next((value for word in tokens(halves[0]) if (value := amount(word)) is not None), None)
    if many and len(out) == 1 and many < out[0].qty:  # "one of the tacos for a quesadilla"
        out[0].qty -= many
        if not comes.counted:
            comes.lines[0].qty = many
        draft.lines += comes.lines
        return ""
    at = draft.lines.index(out[0])
    kept = [line for line in draft.lines if line not in out]
    draft.lines = [*kept[:at], *comes.lines, *kept[at:]]
    return ""


def some_become(draft: Draft, clause: str, dishes: Dishes) -> bool:
    """ "que dos sean de bistec": two of those that are ordered, if it is clear which."""
    some = _SOME_ARE.search(clause)
    comes = read_order(some[3], dishes) if some else None
    if some is None or comes is None or not comes.lines:
        return False
    if not _some_for(draft, tokens(some[1] or some[2]), comes, dishes):
        draft.lines += comes.lines
    return True


def instead_of(lines: list[Wanted], said: Draft, dishes: Dishes) -> list[Wanted]:
    """What takes whose place: of a kind for of a kind, if it is clear which; otherwise everything anew."""
    new = said.lines
    if len(new) == 1:
        category = dishes.menu.by_sku[new[0].sku].category
        same = [line for line in lines if dishes.menu.by_sku[line.sku].category == category]
        if len(same) == 1:
            new[0].qty = new[0].qty if said.counted else same[0].qty
            return [new[0] if line is same[0] else line for line in lines]
    return new


def _some_for(draft: Draft, words: list[Token], comes: Draft, dishes: Dishes) -> bool:
    """ "cámbiame uno por suadero": one of those that are ordered, which are of the same kind."""
    many = next((value for word in words if (value := amount(word)) is not None), None)
    category = dishes.menu.by_sku[comes.lines[0].sku].category
    same = [line for line in draft.lines if dishes.menu.by_sku[line.sku].category == category]
    if not many or len(same) != 1 or same[0].qty < many:
        return False
    same[0].qty -= many
    if not comes.counted:
        comes.lines[0].qty = many
    draft.lines = [line for line in [*draft.lines, *comes.lines] if line.qty]
    return True
