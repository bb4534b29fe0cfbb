"""Reads an order out of what a customer wrote: dishes, amounts, wishes, a name, and how they get it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agents.language import says_yes
from agents.offline.reading.assortments import ASSORTED
from agents.offline.reading.fetching import NO_BARE_NAME, delivery_in, take_address, take_name, without_delivery
from agents.offline.reading.reader import Reader
from agents.offline.reading.wanted import Draft
from agents.offline.text.lexicon import NOISE
from agents.offline.text.words import AMOUNTS, BREAKS, amount, bare, tokens
from hub.domain.menu import plain

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes

# An hour is no amount, and no number of minutes is one.
_HOUR = re.compile(
    r"\b(?:(?:para|a) las \d{1,2}(?::\d\d)?|at \d{1,2}(?::\d\d)? ?[ap]m|\d{1,2}(?::\d\d)? ?[ap]m|"
    r"(?:(?:en|in|hace) )?(?:como |about )?(?:\d{1,3}|una?|an|media) (?:min|minutos?|minutes?|mins?|horas?|hours?|"
    r"hrs?))\b",
    re.IGNORECASE,
)
# "dos, no, tres": the second one counts.
_NUMBER = rf"(?:\d{{1,4}}|{'|'.join(AMOUNTS)})"
_MEANT = re.compile(
    rf"\b{_NUMBER}\W+(?:no|perd[oó]n|digo|mejor|son|eran|sorry|i mean|(?:no )?wait|make that)\W+"
    rf"(?:mejor\W+|make it )?(?={_NUMBER}\b)",
    re.IGNORECASE,
)
# Half a taco is not to be had, nor are fewer than none; and a number that long is none that anybody has counted.
_ODD = re.compile(
    rf"(?<![\w.$])\d+\.\d+(?![\w.])|\b{_NUMBER} (?:y medi[oa]|and a half)\b|"
    r"(?<![\w.$)])[-−]\d{1,4}(?=\s+[^\W\d])(?!.*\n)|"
    r"(?<![\w.$-])\d{5,}(?= +(?:(?:de|al|of) |tacos?\b|[^\W\d]{5,}))",
    re.IGNORECASE,
)
# What is said of oneself, and of paying, is no dish and no wish about one.
_ASIDE = re.compile(
    r"\b(?:(?:soy|somos|i'?m|i am|we are|we'?re) (?:vegetarian|vegan)\w*|"
    r"(?:(?:tengo|traigo|con|que) )?(?:(?:un|una|much[ao]|muchisima) )?(?:(?:chorro|monton|buen) (?:de )?)?hambre|"
    r"(?:i'?m |we'?re )?(?:so |very |really )?(?:hungry|starving)|"
    r"(?:pago|pagar[eé]?|pagamos|pay|paying) (?:con|en|with|by|in|de)\s+\w+)",
    re.IGNORECASE,
)
THAT_IS_ALL = re.compile(r"\b(?:es todo|seria todo|con eso|nada mas|that'?s (?:all|it)|that is all)\b")
# How many heads there are is not for us to guess.
_A_HEAD = re.compile(r"\b(?:cada quien|cada persona|por (?:persona|cabeza)|per person|a head|apiece|each of us)\b")
_MAX_IDEOGRAMS = 4


def read_order(text: str, dishes: Dishes, whole: int = 0) -> Draft:
    """What one message says of an order; `whole`: how many there are in all, for "half" and "the rest" of them."""
    draft = Draft()
    rest = take_address(_MEANT.sub("", _HOUR.sub(" , ", _ASIDE.sub(" , ", text))), draft)
    rest = take_name(rest, draft, dishes)
    if draft.delivery is None:
        draft.delivery = delivery_in(rest)
    draft.assorted = bool(ASSORTED.search(bare(rest)))
    draft.rest = _ODD.sub(" 0 ", ASSORTED.sub(" ", without_delivery(rest)))
    Reader(dishes, draft, whole).read(draft.rest)
    if draft.counted and _A_HEAD.search(bare(draft.rest)):
        draft.unsure = [line.sku for line in draft.lines]
    return draft


def bare_name(text: str) -> str | None:
    """A message that is nothing but a name, and perhaps how they get it: the answer to "who is it for?"."""
    if says_yes(text) or THAT_IS_ALL.search(bare(text)) or "?" in text or "¿" in text:
        return None
    text = without_delivery(take_address(text, Draft()))
    words = [word for word in tokens(text) if word.word not in BREAKS]
    if any((amount(word) or 0) > 1 or word.word in NO_BARE_NAME for word in words):
        return None
    kept = [word.raw for word in words if word.word not in NOISE and amount(word) is None]
    return " ".join(kept)[:80] if 1 <= len(kept) <= 3 and all(map(_is_a_name, kept)) else None


def _is_a_name(word: str) -> bool:
    """A sentence in a script without spaces is no name; nor are the small words of a script that we cannot read."""
    if not word.isalpha():
        return False
    if any("\u3040" <= char <= "\u9fff" for char in word):
        return len(word) <= _MAX_IDEOGRAMS
    return word.isascii() or plain(word).isascii() or word[0] != word[0].lower() or word == word.upper()
