"""Reads what a customer changes about an order in the making: more of this, none of that, three instead of two."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from agents.language import word_set
from agents.offline.order import read_order
from agents.offline.wanted import Draft, Wanted
from agents.offline.words import BREAKS, FILLERS, amount, bare, singular, tokens

if TYPE_CHECKING:
    from agents.offline.dishes import Dishes
    from agents.offline.words import Token

_REMOVE = (
    r"qu[ií]t\w+|elim[ií]n\w+|borra\w*|s[aá]ca(?:le|me|lo|la)?\b|ya no quiero|no quiero|mejor sin|"
    r"sin (?:el|la|los|las)\b"
)
_DROP = (
    r"remove|take (?:\w+ )?(?:off|out|away)|drop|lose|no longer want|(?:i )?don'?t want|forget the|no more|"
    r"without the|hold the"
)
_PUT = r"dame|deme|denme|quiero|quisiera|give me|i want|i'?ll (?:have|take)|i'?d like|let me have"
_ADD = (
    r"agr[eé]g\w*|a[nñ]ad\w*|s[uú]ma\w*|p[oó]n(?:me|le|gale|game)?\b|tambi[eé]n|adem[aá]s|"
    r"\by (?:otr[oa]s?|un[oa]?)\b|add|also|plus|throw in|as well"
)
_SWAP = r"c[aá]mbi\w+|reempl[aá]z\w+|sustit[uú]y\w+|change|swap|replace|en (?:vez|lugar) de|instead of"
_INSTEAD = r"mejor|que sean|que sea|hazlo|make (?:it|that)|actually|rather|instead|en realidad|perd[oó]n|digo|corrijo"
_VERBS = re.compile(
    rf"\b(?:(?P<remove>{_REMOVE})|(?P<drop>{_DROP})|(?P<put>{_PUT})|(?P<swap>{_SWAP})|(?P<add>{_ADD})|(?P<instead>{_INSTEAD}))",
    re.IGNORECASE,
)
_FOR = re.compile(r"\s+(?:por|for|to|con|with|a)\s+", re.IGNORECASE)
_MORE = re.compile(r"\b(?:mas|more|extra|otr[oa]s?|another)\b")
_ADDITION = re.compile(r"^\W*(?:y|and|plus|ademas|tambien|also|con)\b")
_EVERYTHING = re.compile(r"\b(?:todos?|todas?|all|everything|both|ambos)\b")
_START_OVER = re.compile(r"\b(?:quita todo|borra todo|empe\w+ de nuevo|start over|cancel everything|nada de eso)\b")
_WISH = re.compile(r"\b(?:sin|without|con|with|extra|bien|poc[oa]|well)\b|\bno (?!quiero)\w+")
_WISH_ON = re.compile(
    r"\b((?:sin|without|no|extra)\s+[^\W\d]+(?: (?:y|ni|and|or) [^\W\d]+)?)\s+(?:en|on|in|for|para)\s+"
    r"((?:el|la|los|las|the|mi|mis|my)\s+.+)",
    re.IGNORECASE,
)
_ONLY = re.compile(r"\b(?:solo|solamente|unicamente|nada mas|only|just)\b")
_WITHOUT = re.compile(r"\W*(?:sin|without|no)\s+(?:el |la |los |las |the )?([^,;]+)", re.IGNORECASE)
_NO_WISH = word_set(
    """
    el la los las lo un una unos unas de del al a le les me the it them from to my mi order pedido orden por favor
    please porfa gracias thanks y and mejor tambien also todo tacos taco take off out away
    """
)


def is_correction(text: str) -> bool:
    """Whether a message changes an order in the making, rather than asking something else."""
    compared = bare(text)
    changes = any(cut.lastgroup != "put" for cut in _VERBS.finditer(text))
    return bool(changes or _ADDITION.match(compared) or _MORE.search(compared) or _WISH.search(compared))


def says_instead(text: str) -> bool:
    """Whether a message puts something into another's place: "mejor que sean cuatro"."""
    return any(cut.lastgroup == "instead" for cut in _VERBS.finditer(text))


def starts_over(text: str) -> bool:
    return bool(_START_OVER.search(bare(text)))


def corrected(draft: Draft, text: str, dishes: Dishes) -> Draft:
    """The draft after one more message."""
    said = read_order(text, dishes)
    result = Draft(
        lines=[replace(line, notes=list(line.notes)) for line in draft.lines],
        name=said.name or draft.name,
        delivery=said.delivery or draft.delivery,
        address=said.address or draft.address,
        vague=[] if said.lines else [*draft.vague, *said.vague],
        open=_new_kind(draft, said, dishes) or draft.open,
        counted=draft.counted or said.counted,
    )
    if not draft.lines:
        result.lines, result.unknown = said.lines, said.unknown
        _close(result, draft, said, dishes)
        return result
    for kind, clause in _clauses(said.rest):
        if _keeps_only(result, clause, dishes):
            result.open = None
            continue
        clause = _leaving_out(result, clause, dishes)
        if kind in ("remove", "drop") and _leaves_open(result, clause, dishes):
            continue
        if kind in ("remove", "drop"):
            _remove(result, clause, dishes, "sin" if kind == "remove" else "without")
        elif kind == "swap":
            _swap(result, clause, dishes)
        else:
            _put(result, clause, dishes, kind)
    _close(result, draft, said, dishes)
    return result


def _leaves_open(draft: Draft, clause: str, dishes: Dishes) -> bool:
    """ "no quiero el taco", of which it was not said yet which."""
    if draft.open is None or draft.open[0] not in {hit.category for hit in dishes.find(tokens(clause))}:
        return False
    draft.open, draft.vague = None, []
    return True


def _new_kind(draft: Draft, said: Draft, dishes: Dishes) -> tuple[str, int] | None:
    """The category of which it was not said which dish, unless it is a word for what is ordered already."""
    known = {dishes.menu.by_sku[line.sku].category for line in draft.lines}
    return said.open if said.open and said.open[0] not in known else None


def _close(result: Draft, draft: Draft, said: Draft, dishes: Dishes) -> None:
    """ "tres tacos" – which? – "de pastor": the three are those."""
    kinds = {dishes.menu.by_sku[line.sku].category for line in said.lines}
    if draft.open is None or said.open is not None or draft.open[0] not in kinds:
        return
    result.open = None
    new = [line for line in result.lines if line.sku not in {old.sku for old in draft.lines}]
    if len(new) == 1 and len(said.lines) == 1 and not said.counted:
        new[0].qty = draft.open[1]


def _clauses(text: str) -> list[tuple[str, str]]:
    """A message cut where a verb says that something else is to be done; what comes before the first is plain."""
    cuts = list(_VERBS.finditer(text))
    if not cuts:
        return [("", text)]
    ends = [*(cut.start() for cut in cuts[1:]), len(text)]
    parts = [("", text[: cuts[0].start()])]
    for cut, end in zip(cuts, ends, strict=True):
        kind, verb = cut.lastgroup or "", cut[0].lower()
        if kind == "swap" and verb.startswith(("en ", "instead")):
            # "una jamaica en vez de la horchata": what comes first is what comes in.
            comes = parts.pop()[1] if parts[-1][0] in ("", "add", "instead") else ""
            parts.append(("swap", f"{text[cut.end() : end]} por {comes}"))
        elif parts[-1][0] == "swap" and parts[-1][1].endswith(" por "):
            # "en vez de la horchata dame una jamaica"
            parts[-1] = ("swap", f"{parts[-1][1]}{text[cut.end() : end]}")
        else:
            # "y una horchata", "take one off": the amount is part of the clause.
            begin = cut.start() + 1 if verb.startswith("y ") else cut.start() if verb.startswith("take") else cut.end()
            parts.append((kind, text[begin:end]))
    return [(kind, part) for kind, part in parts if part.strip(" ,.;:!¡") or kind in ("remove", "drop")]


def _remove(draft: Draft, clause: str, dishes: Dishes, without: str) -> None:
    words = tokens(clause)
    meant = _meant(draft, words, dishes)
    if meant:
        many = next((value for word in words if (value := amount(word)) is not None), None)
        for line in meant:
            line.qty = 0 if many is None or many >= line.qty else line.qty - many
    elif (many := next((value for word in words if (value := amount(word))), None)) and draft.lines:
        draft.lines[-1].qty = max(0, draft.lines[-1].qty - many)
    elif wish := _words(words):
        draft.lines[-1].notes.append(f"{without} {wish}")
    elif len(draft.lines) == 1:
        draft.lines[0].qty = 0
    draft.lines = [line for line in draft.lines if line.qty]


def _keeps_only(draft: Draft, clause: str, dishes: Dishes) -> bool:
    """ "solo las gringas": the rest goes."""
    if not _ONLY.search(bare(clause)) or read_order(clause, dishes).counted:
        return False
    meant = _meant(draft, tokens(clause), dishes)
    if meant:
        draft.lines = meant
    return bool(meant)


def _leaving_out(draft: Draft, clause: str, dishes: Dishes) -> str:
    """ "sin flan": of a dish that is ordered, that is no wish. What else is said, to be read on."""
    match = _WITHOUT.match(clause)
    gone = {hit.sku for hit in dishes.find(tokens(match[1]))} if match else set()
    kept = [line for line in draft.lines if line.sku not in gone]
    if match is None or len(kept) == len(draft.lines):
        return clause
    draft.lines = kept
    return clause[match.end() :]


def _swap(draft: Draft, clause: str, dishes: Dishes) -> None:
    halves = _FOR.split(clause, maxsplit=1) if not clause.endswith(" por ") else clause[:-5].split(",", 1)
    if len(halves) < 2:
        _put(draft, clause, dishes, "instead")
        return
    out, comes = _meant(draft, tokens(halves[0]), dishes), read_order(halves[1], dishes)
    if not comes.lines or not out:
        _put(draft, halves[1], dishes, "instead")
        return
    if not comes.counted:
        comes.lines[0].qty = out[0].qty
    at = draft.lines.index(out[0])
    kept = [line for line in draft.lines if line not in out]
    draft.lines = [*kept[:at], *comes.lines, *kept[at:]]


def _put(draft: Draft, clause: str, dishes: Dishes, kind: str) -> None:
    """Dishes that come in, instead of others or besides them; amounts and wishes for those that are there."""
    if _wish_for(draft, clause, dishes):
        return
    said = read_order(clause, dishes)
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
    meant = _meant(draft, tokens(match[2]), dishes) if match and not dishes.find(tokens(match[1])) else []
    for line in meant:
        if match and match[1] not in line.notes:
            line.notes.append(match[1])
    return bool(meant)


def _without_dish(draft: Draft, clause: str, dishes: Dishes, kind: str) -> None:
    """ "que sean tres", "uno más", "sin cebolla": about what is there already."""
    words = tokens(clause)
    compared = bare(clause)
    meant = _meant(draft, words, dishes)
    last = meant[0] if len(meant) == 1 else draft.lines[-1]
    many = next((value for word in words if (value := amount(word)) is not None), None)
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
    elif many is not None and (_MORE.search(compared) or kind == "add"):
        last.qty += many
    elif many is not None:
        last.qty = many
    elif _MORE.search(compared) and kind == "add":
        last.qty += 1


def _instead(lines: list[Wanted], new: list[Wanted], dishes: Dishes) -> list[Wanted]:
    """What takes whose place: of a kind for of a kind, if it is clear which; otherwise everything anew."""
    if len(lines) > 1 and len(new) == 1:
        category = dishes.menu.by_sku[new[0].sku].category
        same = [line for line in lines if dishes.menu.by_sku[line.sku].category == category]
        if len(same) == 1:
            return [new[0] if line is same[0] else line for line in lines]
    return new


def _meant(draft: Draft, words: list[Token], dishes: Dishes) -> list[Wanted]:
    """The lines that are spoken of: by their dish, by their kind, or by a word of their name."""
    meant: list[Wanted] = []
    for hit in dishes.find(words):
        of_it = [line for line in draft.lines if line.sku == hit.sku]
        if not of_it and hit.category:
            of_it = [line for line in draft.lines if dishes.menu.by_sku[line.sku].category == hit.category]
        if not of_it:
            stems = {word.stem for word in words[hit.start : hit.end] if word.word not in FILLERS}
            of_it = [line for line in draft.lines if stems & dishes.words_of(line.sku)]
        meant += [line for line in of_it if line not in meant]
    return meant


def _words(words: list[Token]) -> str:
    """What is to be left out of a dish: the words of a wish, up to the first break."""
    kept: list[str] = []
    for word in words:
        if word.word in BREAKS and kept:
            break
        if word.word not in BREAKS and word.word not in _NO_WISH and singular(word.word) != "taco":
            kept.append(word.raw)
    return " ".join(kept[:3])
