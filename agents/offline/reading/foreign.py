"""What is named like a dish of ours and is none: "torta ahogada", "burrito de pollo"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.offline.text.lexicon import ENDS_WISH, FOODS, NOISE, SAYS_HOW, WISHES
from agents.offline.text.words import FILLERS, amount

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes, Found
    from agents.offline.text.words import Token


def other_than(words: list[Token], hit: Found, dishes: Dishes) -> tuple[int, int] | None:
    """ "torta ahogada", "burrito de pollo": none of the menu's, though named like it. Where its name is."""
    if hit.start and words[hit.start - 1].stem in FOODS and is_strange(words[hit.start - 1], dishes, hit.sku):
        return hit.start - 1, hit.end
    of = hit.end < len(words) and words[hit.end].word in ("de", "of")
    at = hit.end + of
    if at >= len(words) or (not of and not dishes.is_kind(words[hit.start : hit.end])):
        return None
    named = words[at].raw[:1].isupper() and not words[hit.start].raw.isupper()  # "una torta, Ana"
    return (hit.start, at + 1) if is_strange(words[at], dishes, hit.sku) and (of or not named) else None


def is_strange(word: Token, dishes: Dishes, sku: str = "") -> bool:
    if not word.word.isalpha() or amount(word) is not None or word.word in ENDS_WISH:
        return False
    usual = word.word in SAYS_HOW or word.word in NOISE or word.word in FILLERS or word.word in WISHES
    return not (usual or dishes.knows(word.word) or (sku and dishes.describes(sku, word)))
