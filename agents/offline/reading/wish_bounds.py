"""Where a wish about a dish begins and ends: "sin cebolla ni cilantro, …"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.offline.text.lexicon import (
    ARTICLES,
    ENDS_WISH,
    EXCEPT,
    GARNISH_KINDS,
    GARNISHES_OF_KINDS,
    HALF,
    JOINS_WISH,
    NO_WISH,
    NOISE,
    OF_IT,
    WISH_SMALL,
    WISHES,
)
from agents.offline.text.words import ALSO, BREAKS, FILLERS, amount

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes, Found
    from agents.offline.text.words import Token


def is_wish(words: list[Token], at: int, found: dict[int, Found], dishes: Dishes) -> bool:
    following = words[at + 1] if at + 1 < len(words) else None
    if (
        following is None
        or following.word in BREAKS
        or following.word in NO_WISH
        or (following.word in OF_IT and at + 2 in found)
        or (at + 1 in found and words[at].word in ("con", "with") and found[at + 1].category not in dishes.ways)
    ):
        return False
    return not (words[at].word == "no" and following.word in NOISE)


def ends_there(words: list[Token], at: int) -> bool:
    return at >= len(words) or words[at].word in BREAKS or words[at].word in ALSO


def end_of_wish(words: list[Token], at: int, found: dict[int, Found]) -> int:
    end = at + 1
    while end < len(words) and not _ends_wish(words, end, found):
        end += 1
    return at + 1 + wish_length(words[at + 1 : end])


def wish_length(words: list[Token]) -> int:
    """How many of the words make the wish: "cebolla ni cilantro", "salsa verde aparte"; what else follows is none."""
    end, fresh = 0, True
    for at, word in enumerate(words):
        if word.word in JOINS_WISH:
            fresh = True
            end = at + 1 if end and word.word in GARNISH_KINDS else end  # "con piña extra"
        elif word.word not in WISH_SMALL:
            if not fresh and word.word not in GARNISH_KINDS and words[at - 1].word not in GARNISHES_OF_KINDS:
                break
            end, fresh = at + 1, False
    return end or len(words)


def exempt(words: list[Token], at: int, found: dict[int, Found]) -> Found | None:
    """ "todos con todo menos los de suadero": the dish that a wish for all is not for."""
    follows = next((n for n in range(at + 1, len(words)) if words[n].word not in FILLERS), len(words))
    return found.get(follows)


def _ends_wish(words: list[Token], at: int, found: dict[int, Found]) -> bool:
    word = words[at]
    if word.word in BREAKS or word.word in ENDS_WISH:
        return True
    if word.word in EXCEPT and exempt(words, at, found) is not None:
        return True
    if word.word in ARTICLES and at + 1 < len(words):
        return exempt(words, at, found) is not None or (amount(words[at + 1]) or 0) > 1
    if word.word == "por" and at + 1 < len(words) and words[at + 1].word == "favor":
        return True
    if word.word in ALSO:
        after = at + 2 if at + 1 < len(words) and words[at + 1].word in ARTICLES | {"a"} else at + 1
        return after >= len(words) or after in found or amount(words[after]) is not None
    return (at in found and words[at - 1].word not in WISHES | {"de"}) or amount(word) is not None or word.word in HALF
