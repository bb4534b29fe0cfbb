"""Finds dishes in what people write, by the names and synonyms of the menu file."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING

from agents.offline.text.diminutives import undiminished
from agents.offline.text.words import FILLERS, singular
from hub.domain.menu import Menu, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.offline.text.words import Token

_LONG_ENOUGH = 5  # letters below which a misspelling is as near to one word as to another
_NEAR = 0.82


@dataclass(frozen=True, slots=True)
class Found:
    """A dish, or a category, at a place in the text: tokens `start` to `end` (not included)."""

    start: int
    end: int
    sku: str = ""
    category: str = ""


class Dishes:
    """What of a text is on the menu."""

    def __init__(self, menu: Menu) -> None:
        self.menu = menu
        self._phrases: dict[tuple[str, ...], str] = {}
        for item in menu.items:  # a dish's own names go before another's synonyms
            for name in (item.name, item.name_en, item.sku.replace("-", " ")):
                self._learn(name, item.sku)
        self._own_names = set(self._phrases)
        for item in menu.items:
            for name in item.synonyms:
                self._learn(name, item.sku)
        self._categories = {
            stem: category.id
            for category in menu.categories
            for name in (category.id, category.name, category.name_en)
            for stem in _stems(name)
        }
        # "Con queso": what such a category is called is also how a dish is wanted.
        self.ways = {
            category.id
            for category in menu.categories
            if plain(category.name).split()[0] in ("con", "with", "sin", "without")
        }
        self._heads = {item.sku: next(iter(_stems(item.name)), "") for item in menu.items}
        self._kinds = {kind for kind, many in Counter(self._heads.values()).items() if many > 1}
        self._named = {item.sku: {*_stems(item.name), *_stems(item.name_en)} for item in menu.items}
        self._described = {
            item.sku: set(_stems(re.sub(r"[.,]", " ", f"{item.description} {item.description_en}")))
            for item in menu.items
        }
        self._longest = max(map(len, self._phrases))
        self._vocabulary = sorted({word for phrase in self._phrases for word in phrase})
        # One message is read many times over, and each of its words compared with the whole vocabulary.
        self._nearest = lru_cache(maxsize=4_096)(self._look_near)

    def knows(self, word: str) -> bool:
        stem = singular(word)
        return any(one in self._categories or one in self._vocabulary for one in (stem, *undiminished(stem)))

    def of_the_same_kind(self, words: Sequence[Token], before: str) -> str | None:
        """ "una torta de milanesa y una de pastor": what is meant when only the filling is named.

        Only where the menu has several dishes of that kind: after its one volcano, "tres de pastor" are tacos.
        """
        kind = self._heads[before] if before else ""
        stems = tuple(word.stem for word in words if word.word not in FILLERS)
        return self._phrases.get((kind, *stems)) if kind in self._kinds and kind not in stems else None

    def is_kind(self, words: Sequence[Token]) -> bool:
        """Whether a word is all that several dishes share, as "torta" is: with another word it is another dish."""
        kind = self.kind(words)
        return bool(kind) and (kind,) not in self._own_names

    def kind(self, words: Sequence[Token]) -> str:
        """The word with which the names of several dishes begin, if that is all that is said."""
        stems = [word.stem for word in words if word.word not in FILLERS]
        return stems[0] if len(stems) == 1 and stems[0] in self._kinds else ""

    def head(self, sku: str) -> str:
        return self._heads[sku]

    def describes(self, sku: str, word: Token) -> bool:
        """Whether the menu says a word of a dish."""
        return word.stem in self._described[sku]

    def words_of(self, sku: str) -> set[str]:
        """The words of a dish's own names, each without its plural."""
        return self._named[sku]

    def stated(self, word: str) -> tuple[str, ...]:
        """The dishes of which the menu file says a word, in either language: "vegan" is also "vegano" and "vegana"."""
        said = re.compile(rf"\b{word}\w*")
        return tuple(
            item.sku
            for item in self.menu.items
            if any(
                said.search(plain(text))
                for text in (item.name, item.name_en, item.description, item.description_en, *item.synonyms)
            )
        )

    def find(self, words: Sequence[Token]) -> list[Found]:
        """Every dish named, left to right, the longest names first; a bare category where no dish is meant."""
        found: list[Found] = []
        at = 0
        while at < len(words):
            hit = self._at(words, at)
            if hit is None:
                at += 1
                continue
            found.append(hit)
            at = hit.end
        return found

    def _at(self, words: Sequence[Token], start: int) -> Found | None:
        stems: list[str] = []
        best: Found | None = None
        end = start
        while end < len(words) and len(stems) < self._longest:
            word = words[end]
            end += 1
            if word.word in FILLERS and stems:
                continue
            stems.append(self._stem(word))
            if sku := self._phrases.get(tuple(stems)):
                best = Found(start, end, sku=sku)
        if best is None and (category := self._categories.get(self._stem(words[start]))):
            return Found(start, start + 1, category=category)
        return best

    def _stem(self, word: Token) -> str:
        if len(word.word) < _LONG_ENOUGH or word.stem in self._vocabulary:
            return word.stem
        return self._nearest(word.stem)

    def _look_near(self, stem: str) -> str:
        for one in undiminished(stem):
            if one in self._vocabulary or one in self._categories:
                return one
        near = get_close_matches(stem, self._vocabulary, n=1, cutoff=_NEAR)
        return near[0] if near else stem

    def _learn(self, name: str, sku: str) -> None:
        stems = tuple(_stems(name))
        if stems:
            self._phrases.setdefault(stems, sku)


def _stems(name: str) -> list[str]:
    return [singular(word) for word in plain(name).split() if word not in FILLERS and word not in ("y", "and")]
