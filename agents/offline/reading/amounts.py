"""Which number is whose: one that stands behind its dish, and one that was said of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.offline.text.lexicon import HALF
from agents.offline.text.words import ALSO, BREAKS, amount

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Found
    from agents.offline.text.words import Token


def named_in_all(words: list[Token], found: dict[int, Found]) -> int:
    """ "10 tacos, half of them …": how many of a kind were named before it is said which."""
    kinds = [(amount(words[at - 1]) or 0) for at, hit in found.items() if hit.category and at]
    if not kinds and any(word.word in HALF for word in words):  # "mitad pastor, mitad carnitas: son 10"
        kinds = [value for word in words if (value := amount(word)) is not None]
    return kinds[0] if len(kinds) == 1 else 0


def number_after(words: list[Token], at: int) -> int:
    """ "pastor 3, suadero: 2, gringa x 1": the number between a dish and a break, which is that dish's."""
    marked = at < len(words) and words[at].word in (":", "(", "x")
    at += marked
    if at >= len(words) or amount(words[at]) is None:
        return 0
    ends = at + 1 >= len(words) or words[at + 1].word in BREAKS or words[at + 1].word in ALSO
    return at if ends or (marked and words[at - 1].word == "x") or words[at].word.startswith("x") else 0
