"""What a customer takes off an order in the making: "quita el flan", "sin flan", "solo las gringas"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agents.language import word_set
from agents.offline.reading.order import read_order
from agents.offline.reading.wish_bounds import wish_length
from agents.offline.text.words import BREAKS, FILLERS, amount, bare, singular, tokens

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes
    from agents.offline.reading.wanted import Draft, Wanted
    from agents.offline.text.words import Token

_ONLY = re.compile(r"\b(?:solo|solamente|unicamente|nada mas|only|just)\b")
_WITHOUT = re.compile(r"\W*(?:sin|without|no)\s+(?:el |la |los |las |the )?([^,;]+)", re.IGNORECASE)
_OFF = frozenset({"a", "al", "de", "del", "en", "from", "on", "off"})
_NO_WISH = word_set(
    """
    el la los las lo un una unos unas de del al a le les me the it them from to my mi order pedido orden por favor
    please porfa gracias thanks y and mejor tambien also todo tacos taco take off out away
    """
)


def remove(draft: Draft, clause: str, dishes: Dishes, without: str) -> None:
    words = tokens(clause)
    meant = lines_meant(draft, words, dishes)
    if meant and (wish := _off_it(words, dishes)):
        for line in meant:
            line.notes.append(f"{without} {wish}")
    elif meant:
        many = next((value for word in words if (value := amount(word)) is not None), None)
        for line in meant:
            line.qty = 0 if many is None or many >= line.qty else line.qty - many
    elif (many := next((value for word in words if (value := amount(word))), None)) and draft.lines:
        draft.lines[-1].qty = max(0, draft.lines[-1].qty - many)
    elif draft.lines and (wish := _words(words)):
        draft.lines[-1].notes.append(f"{without} {wish}")
    elif len(draft.lines) == 1:
        draft.lines[0].qty = 0
    draft.lines = [line for line in draft.lines if line.qty]


def keeps_only(draft: Draft, clause: str, dishes: Dishes) -> bool:
    """ "solo las gringas": the rest goes."""
    if not _ONLY.search(bare(clause)) or read_order(clause, dishes).counted:
        return False
    meant = lines_meant(draft, tokens(clause), dishes)
    if meant:
        draft.lines = meant
    return bool(meant)


def leaving_out(draft: Draft, clause: str, dishes: Dishes) -> str:
    """ "sin flan": of a dish that is ordered, that is no wish. What else is said, to be read on."""
    match = _WITHOUT.match(clause)
    words = tokens(match[1]) if match else []
    first = next((at for at, word in enumerate(words) if word.word not in FILLERS), 0)
    gone = {
        hit.sku for hit in dishes.find(words) if hit.start <= first
    }  # "no onion on the gringa" leaves no gringa out
    kept = [line for line in draft.lines if line.sku not in gone]
    if match is None or len(kept) == len(draft.lines):
        return clause
    draft.lines = kept
    return clause[match.end() :]


def lines_meant(draft: Draft, words: list[Token], dishes: Dishes) -> list[Wanted]:
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


def _off_it(words: list[Token], dishes: Dishes) -> str:
    """ "la piña a la gringa", "the onions from the gringa": what is taken off a dish, which stays."""
    first = min(hit.start for hit in dishes.find(words))
    of = next((at for at in range(first) if words[at].word in _OFF), 0)
    said = [word for word in words[:of] if word.word not in _NO_WISH | BREAKS and amount(word) is None]
    return " ".join(word.raw for word in said)


def _words(words: list[Token]) -> str:
    """What is to be left out of a dish: the words of a wish, up to the first break."""
    first = next((at for at, word in enumerate(words) if word.word not in BREAKS and word.word not in _NO_WISH), 0)
    end = next((at for at in range(first, len(words)) if words[at].word in BREAKS), len(words))
    said = words[first : first + wish_length(words[first:end])]
    return " ".join(word.raw for word in said if word.word not in _NO_WISH and singular(word.word) != "taco")
