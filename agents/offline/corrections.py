"""Reads what a customer changes about an order in the making: more of this, none of that, three instead of two."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from agents.offline.clauses import VERBS, clauses
from agents.offline.order import read_order
from agents.offline.removals import keeps_only, leaving_out, lines_meant, remove
from agents.offline.wanted import Draft, Wanted
from agents.offline.words import BREAKS, amount, bare, tokens

if TYPE_CHECKING:
    from agents.offline.dishes import Dishes
    from agents.offline.words import Token

_FOR = re.compile(r"\s+(?:por|for|to|con|with|a)\s+", re.IGNORECASE)
_MORE = re.compile(r"\b(?:mas|more|extra|otr[oa]s?|another)\b")
_ADDITION = re.compile(r"^\W*(?:y|and|plus|ademas|tambien|also|con)\b")
_EVERYTHING = re.compile(r"\b(?:todos?|todas?|all|everything|both|ambos)\b")
# What is put on a dish: a wish, though no "con" stands before it.
_GARNISH = re.compile(
    r"\b(?:salsas?|limon(?:es)?|cebollas?|cilantro|queso|crema|aguacate|verdura|pina|chiles?|hielos?|azucar|limes?|"
    r"onions?|"
    r"cheese|cream|avocado|pineapple|ice|sugar)\b"
)
_POLITE = frozenset({"por", "favor", "porfa", "please", "gracias", "thanks"})
_EACH = re.compile(r"\b(?:cada|each)\b")
_HALF = re.compile(r"\b(?:mitad|half)\b")
_TWICE = re.compile(r"\b(?:el doble|al doble|double|twice as (?:many|much))\b")
_START_OVER = re.compile(r"\b(?:quita todo|borra todo|empe\w+ de nuevo|start over|cancel everything|nada de eso)\b")
_WISH = re.compile(r"\b(?:sin|without|con|with|extra|bien|poc[oa]|well)\b|\bno (?!quiero)\w+")
_WISH_ON = re.compile(
    r"\b((?:sin|without|no|extra)\s+[^\W\d]+(?: (?:y|ni|and|or) [^\W\d]+)?)\s+(?:en|on|in|for|para)\s+"
    r"((?:el|la|los|las|the|mi|mis|my)\s+.+)",
    re.IGNORECASE,
)


def is_correction(text: str) -> bool:
    """Whether a message changes an order in the making, rather than asking something else."""
    compared = bare(text)
    changes = any(cut.lastgroup != "put" for cut in VERBS.finditer(text))
    return bool(
        changes
        or _ADDITION.match(compared)
        or _MORE.search(compared)
        or _WISH.search(compared)
        or _TWICE.search(compared)
    )


def says_instead(text: str) -> bool:
    """Whether a message puts something into another's place: "mejor que sean cuatro"."""
    return any(cut.lastgroup == "instead" for cut in VERBS.finditer(text))


def starts_over(text: str) -> bool:
    return bool(_START_OVER.search(bare(text)))


def corrected(draft: Draft, text: str, dishes: Dishes) -> Draft:
    """The draft after one more message."""
    whole = _whole(draft, dishes)
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
    )
    if not draft.lines:
        result.lines, result.unknown = said.lines, said.unknown
        _close(result, draft, said, dishes)
        return result
    for kind, clause in clauses(said.rest):
        if keeps_only(result, clause, dishes):
            result.open = None
            continue
        clause = leaving_out(result, clause, dishes)
        if kind in ("remove", "drop") and _leaves_open(result, clause, dishes):
            continue
        if kind in ("remove", "drop"):
            remove(result, clause, dishes, "sin" if kind == "remove" else "without")
        elif kind == "swap":
            _swap(result, clause, dishes)
        else:
            _put(result, clause, dishes, kind, whole)
    _close(result, draft, said, dishes)
    return result


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
    result.open = None
    new = [line for line in result.lines if line.sku not in {old.sku for old in draft.lines}]
    if len(new) == 1 and len(said.lines) == 1 and not said.counted:
        new[0].qty = draft.open[1]


def _swap(draft: Draft, clause: str, dishes: Dishes) -> None:
    halves = _FOR.split(clause, maxsplit=1) if not clause.endswith(" por ") else clause[:-5].split(",", 1)
    if len(halves) < 2:
        _put(draft, clause, dishes, "instead", 0)
        return
    out, comes = lines_meant(draft, tokens(halves[0]), dishes), read_order(halves[1], dishes)
    if comes.lines and not out and _some_for(draft, tokens(halves[0]), comes, dishes):
        return
    if not comes.lines or not out:
        _put(draft, halves[1], dishes, "instead", 0)
        return
    if not comes.counted:
        comes.lines[0].qty = out[0].qty
    at = draft.lines.index(out[0])
    kept = [line for line in draft.lines if line not in out]
    draft.lines = [*kept[:at], *comes.lines, *kept[at:]]


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


def _put(draft: Draft, clause: str, dishes: Dishes, kind: str, whole: int) -> None:
    """Dishes that come in, instead of others or besides them; amounts and wishes for those that are there."""
    if _wish_for(draft, clause, dishes):
        return
    said = read_order(clause, dishes, whole)
    compared = bare(clause)
    if not said.lines:
        _without_dish(draft, clause, dishes, kind)
        if said.unknown and not _WISH.search(compared):
            draft.unknown = said.unknown
        return
    draft.unknown += said.unknown
    adds = kind == "add" or bool(_ADDITION.match(compared)) or bool(_MORE.search(compared))
    if kind == "instead" and not adds and not any(line.sku == new.sku for new in said.lines for line in draft.lines):
        draft.lines = _instead(draft.lines, said.lines, dishes)
        return
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


def _without_dish(draft: Draft, clause: str, dishes: Dishes, kind: str) -> None:
    """ "que sean tres", "uno más", "sin cebolla": about what is there already."""
    words = tokens(clause)
    compared = bare(clause)
    meant = lines_meant(draft, words, dishes)
    last = meant[0] if len(meant) == 1 else draft.lines[-1]
    many = next((value for word in words if (value := amount(word)) is not None), None)
    if _HALF.search(compared):
        many = last.qty // 2 or None
    if _for_every_line(draft, compared, many, kind):
        return
    if many is not None and many >= last.qty and _WISH.search(compared):  # "one of them": of those that are several
        last = next((line for line in reversed(draft.lines) if line.qty > many), last)
    if many is not None and many < last.qty and _WISH.search(compared):
        last.qty -= many
        last = Wanted(last.sku, many, list(last.notes))
        draft.lines.append(last)
    if _WISH.search(compared):
        for line in draft.lines if _EVERYTHING.search(compared) else draft.lines[-1:]:
            wished = read_order(f"{dishes.menu.by_sku[line.sku].name} {clause}", dishes)
            line.notes += [note for one in wished.lines[:1] for note in one.notes if note not in line.notes]
    elif kind == "add" and many is None and _GARNISH.search(compared):  # "ponle salsa aparte"
        note = " ".join(word.raw for word in words if word.word not in BREAKS | _POLITE)
        last.notes.append(note[:80])
    elif many is not None and (_MORE.search(compared) or kind == "add"):
        last.qty += many
    elif many is not None:
        last.qty = many
    elif _MORE.search(compared) and kind == "add":
        last.qty += 1


def _for_every_line(draft: Draft, compared: str, many: int | None, kind: str) -> bool:
    """ "two more of each", "el doble"."""
    if many is None and _TWICE.search(compared):
        for line in draft.lines:
            line.qty *= 2
        return True
    if many is None or not _EACH.search(compared) or _WISH.search(compared):
        return False
    for line in draft.lines:
        line.qty = line.qty + many if _MORE.search(compared) or kind == "add" else many
    return True


def _instead(lines: list[Wanted], new: list[Wanted], dishes: Dishes) -> list[Wanted]:
    """What takes whose place: of a kind for of a kind, if it is clear which; otherwise everything anew."""
    if len(lines) > 1 and len(new) == 1:
        category = dishes.menu.by_sku[new[0].sku].category
        same = [line for line in lines if dishes.menu.by_sku[line.sku].category == category]
        if len(same) == 1:
            return [new[0] if line is same[0] else line for line in lines]
    return new
