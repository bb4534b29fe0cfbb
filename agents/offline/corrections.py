"""Reads what a customer changes about an order in the making: more of this, none of that, three instead of two."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from agents.offline.assortments import shared_out
from agents.offline.clauses import NUMBER, VERBS, clauses, turning_point
from agents.offline.order import read_order
from agents.offline.removals import keeps_only, leaving_out, lines_meant, remove
from agents.offline.replacements import instead_of, some_become, swapped
from agents.offline.wanted import Draft, Wanted
from agents.offline.words import BREAKS, amount, bare, tokens

if TYPE_CHECKING:
    from agents.offline.dishes import Dishes

_NEXT_ONE = re.compile(
    r"(?:\s*[,;]\s*|\s+)(?=(?:(?:y|and)\s+)?(?:los|las|el|la|the)\s+[^\W\d]+.*\b(?:sin|con|without|with)\b)", re.I
)
_AND_ONE = re.compile(rf"\s*(?:,|\by\b|\band\b)\s*((?:a|{NUMBER})\s+\S.*)", re.IGNORECASE)
_NOT_IT = re.compile(
    r"^\W*(?:y )?(?:l[oa]s? |el |the )?[^,;.]+?[\s,]+(?:mejor )?(?:ya )?no\W*(?:please|por favor|porfa)?\W*$"
)
_FIRST_THAT_MANY = re.compile(rf"^\W*(?:sean?\s+)?({NUMBER})\s*(?:,|;|\by\b|\band\b)\s*(?=\S)", re.IGNORECASE)
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
    return any(cut.lastgroup in ("instead", "let") for cut in VERBS.finditer(text))


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
    for kind, clause in _about_one_each(clauses(rest)):
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
            _put(result, swapped(result, clause, dishes), dishes, "instead", 0)
        else:
            _put(result, clause, dishes, _let(result, clause, dishes) if kind == "let" else kind, whole)
        if more:
            _put(result, more[1], dishes, "add", whole)
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


def _put(draft: Draft, clause: str, dishes: Dishes, kind: str, whole: int) -> None:
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
        if said.unknown and not _WISH.search(compared):
            draft.unknown = said.unknown
        return
    draft.unknown += said.unknown
    adds = kind == "add" or bool(_ADDITION.match(compared)) or bool(_MORE.search(compared))
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
    if many is not None and many >= last.qty and _WISH.search(compared):  # "one of them": of those that are several
        last = next((line for line in reversed(draft.lines) if line.qty > many), last)
    if many is not None and many < last.qty and _WISH.search(compared):
        last.qty -= many
        last = Wanted(last.sku, many, list(last.notes))
        draft.lines.append(last)
    if _WISH.search(compared):
        for line in draft.lines if _EVERYTHING.search(compared) else meant or draft.lines[-1:]:
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


def _in_parts(draft: Draft, last: Wanted, clause: str, dishes: Dishes) -> bool:
    """ "tres con todo, dos sin todo": the five that are ordered, in parts."""
    if sum(amount(word) is not None for word in tokens(clause)) < 2 or not _WISH.search(bare(clause)):
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
    if many is None and _TWICE.search(compared):
        for line in draft.lines:
            line.qty *= 2
        return True
    if many is None or not _EACH.search(compared) or _WISH.search(compared):
        return False
    for line in draft.lines:
        line.qty = line.qty + many if _MORE.search(compared) or kind == "add" else many
    return True
