"""Reads what a customer changes about an order in the making: more of this, none of that, three instead of two."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from agents.offline.ordering.additions import put
from agents.offline.ordering.removals import keeps_only, leaving_out, lines_meant, remove
from agents.offline.ordering.replacements import swapped
from agents.offline.reading.assortments import shared_out
from agents.offline.reading.order import read_order
from agents.offline.reading.wanted import Draft
from agents.offline.text.clauses import NUMBER, clauses, turning_point
from agents.offline.text.words import amount, tokens

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes

_NEXT_ONE = re.compile(
    r"(?:\s*[,;]\s*|\s+)"
    r"(?=(?:(?:y|and)\s+)?(?:los|las|el|la|the)\s+(?!mitad|half|otr[oa]|other)[^\W\d]+.*\b(?:sin|con|without|with)\b)",
    re.IGNORECASE,
)
_OF_WHICH = re.compile(
    rf"^\W*((?:(?:y|and)\s+)?(?:{NUMBER}\s+)?)(?:que sea |la |el )?(?:de|al) ([^\W\d_]+)\b(?!\s+(?:y|and)\b)",
    re.IGNORECASE,
)
# "Los de pastor que sean 5": the number comes after its dish.
_LET_BE = re.compile(
    rf"\b(?:los|las|el|la|the)\s+((?:(?:de|al)\s+)?[^\W\d_]+),?\s+que\s+sean?\s+({NUMBER})\b", re.IGNORECASE
)
_AND_ONE = re.compile(rf"\s*(?:,|\by\b|\band\b)\s*((?:a|{NUMBER})\s+\S.*)", re.IGNORECASE)


def corrected(draft: Draft, text: str, dishes: Dishes) -> Draft:
    """The draft after one more message."""
    whole = _whole(draft, dishes)
    text = _of_last_kind(draft, text, dishes)
    said = read_order(text, dishes, whole)
    result = Draft(
        lines=[replace(line, notes=list(line.notes)) for line in draft.lines],
        name=said.name or draft.name,
        delivery=said.delivery or draft.delivery,
        address=said.address or draft.address,
        vague=[] if said.lines else [*draft.vague, *said.vague],
        open=_new_kind(draft, said, dishes) or draft.open,
        counted=draft.counted or said.counted,
        rest_of_unknown=said.rest_of_unknown,
        unsure=[*said.unsure, *(sku for sku in draft.unsure if sku not in {line.sku for line in said.lines})],
        weighed=said.weighed,
        assorted=said.assorted,
    )
    if draft.unsure and not said.lines and (many := next(map(amount, filter(amount, tokens(text))), None)):
        sku = result.unsure.pop()
        for line in result.lines:
            line.qty = many if line.sku == sku else line.qty
        return result
    result.among = said.among or (draft.among if result.open else [])
    if shares := shared_out(draft, said, text):
        result.lines, result.open, result.among = [*result.lines, *shares], None, []
        return result
    if not draft.lines:
        said = first_order(text, dishes, whole)
        result.lines, result.unknown, result.open = said.lines, said.unknown, said.open or draft.open
        result.among = said.among or (draft.among if said.open is None else [])
        if said.among and draft.open and draft.open[1] > 1 and not said.counted:
            result.open = draft.open
        _close(result, draft, said, dishes)
        return result
    if said.among:
        result.lines, result.open = [*result.lines, *said.lines], said.open
        return result
    result = _reworded(result, said.rest, dishes, whole)
    _close(result, draft, said, dishes)
    return result


def _of_last_kind(draft: Draft, text: str, dishes: Dishes) -> str:
    """ "una torta" – "de pastor": which of those, and no taco. The message with the dish's whole name."""
    match = _OF_WHICH.match(text)
    last = draft.lines[-1].sku if draft.lines else ""
    sku = dishes.of_the_same_kind(tokens(match[2]), last) if match else None
    if sku is None or match is None:
        return text
    return f"{match[1] or 'mejor '}{dishes.menu.by_sku[sku].name} {text[match.end() :]}"


def first_order(text: str, dishes: Dishes, whole: int = 0) -> Draft:
    """What one message says of an order, when it changes its mind on the way: "4 de pastor, no, mejor 5"."""
    said = read_order(text, dishes, whole)
    turn = turning_point(said.rest) if said.lines else None
    before = read_order(said.rest[:turn], dishes) if turn else Draft()
    if turn is None or not before.lines or before.unknown:
        return said
    draft = replace(said, lines=before.lines, vague=[], open=before.open, among=before.among, unknown=[])
    return _reworded(draft, said.rest[turn:], dishes, whole)


def _reworded(result: Draft, rest: str, dishes: Dishes, whole: int) -> Draft:
    """The draft after each clause of what was said about it."""
    for kind, clause in _about_one_each(clauses(_LET_BE.sub(r"mejor \2 \1", rest))):
        if keeps_only(result, clause, dishes):
            result.open = None
            continue
        clause = leaving_out(result, clause, dishes)
        more = _comes_in(result, clause, dishes) if kind in ("remove", "drop") else None
        clause = clause[: more.start()] if more else clause
        if kind in ("remove", "drop") and _leaves_open(result, clause, dishes):
            continue
        if kind in ("remove", "drop"):
            remove(result, clause, dishes, "sin" if kind == "remove" else "without")
        elif kind == "swap":
            put(result, swapped(result, clause, dishes), dishes, "instead", 0)
        else:
            put(result, clause, dishes, _let(result, clause, dishes) if kind == "let" else kind, whole)
        if more:
            put(result, more[1], dishes, "add", whole)
    return result


def _let(draft: Draft, clause: str, dishes: Dishes) -> str:
    """ "que sean tres", "que sea de bistec" are about what is there; after tacos, "que sea una coca" adds to it."""
    kinds = [
        {dishes.menu.by_sku[line.sku].category for line in some.lines} for some in (draft, read_order(clause, dishes))
    ]
    return "instead" if not kinds[1] or kinds[0] & kinds[1] else "add"


def _comes_in(draft: Draft, clause: str, dishes: Dishes) -> re.Match[str] | None:
    """ "hold the mayo and a water": what follows is no part of what goes."""
    match = _AND_ONE.search(clause)
    words = tokens(match[1]) if match else []
    return match if any(hit.sku for hit in dishes.find(words)) and not lines_meant(draft, words, dishes) else None


def _about_one_each(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """ "la horchata sin hielo y los tacos sin cebolla": two clauses."""
    return [
        (kind, one) for kind, clause in parts for one in (_NEXT_ONE.split(clause) if kind in ("", "add") else [clause])
    ]


def _whole(draft: Draft, dishes: Dishes) -> int:
    """How many "the rest" and "half" are of: the number that was named, or what is ordered if it is of one kind."""
    if draft.open is not None:
        return draft.open[1]
    kinds = {dishes.menu.by_sku[line.sku].category for line in draft.lines}
    return sum(line.qty for line in draft.lines) if len(kinds) == 1 else 0


def _leaves_open(draft: Draft, clause: str, dishes: Dishes) -> bool:
    """ "no quiero el taco", of which it was not said yet which."""
    if draft.open is None or draft.open[0] not in {hit.category for hit in dishes.find(tokens(clause))}:
        return False
    draft.open, draft.vague = None, []
    return True


def _new_kind(draft: Draft, said: Draft, dishes: Dishes) -> tuple[str, int] | None:
    """The category of which it was not said which dish, unless it is a word for what is ordered already."""
    known = {dishes.menu.by_sku[line.sku].category for line in draft.lines}
    if said.open is None or said.open[0] in known or (said.open[0] in dishes.ways and not said.counted):
        return None
    return said.open


def _close(result: Draft, draft: Draft, said: Draft, dishes: Dishes) -> None:
    """ "tres tacos" – which? – "de pastor": the three are those."""
    kinds = {dishes.menu.by_sku[line.sku].category for line in said.lines}
    if draft.open is None or said.open is not None or draft.open[0] not in kinds:
        return
    if draft.open[1] > 1 and len(said.lines) > 1 and not said.counted and len(kinds) == 1:
        result.among = [line for line in result.lines if line.sku in {new.sku for new in said.lines}]
        result.lines = [line for line in result.lines if line not in result.among]
        result.open = draft.open
        return
    result.open, result.among = None, []
    new = [line for line in result.lines if line.sku not in {old.sku for old in draft.lines}]
    if len(new) == 1 and len(said.lines) == 1 and not said.counted:
        new[0].qty = draft.open[1]
