"""Reads dishes, amounts and wishes, word by word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.language import detect
from agents.offline.reading.amounts import named_in_all, number_after
from agents.offline.reading.foreign import is_strange, other_than
from agents.offline.reading.lines import Lines
from agents.offline.reading.waiting import Waiting
from agents.offline.reading.wanted import Draft, Wanted
from agents.offline.reading.wish_bounds import ends_there, is_wish
from agents.offline.reading.wish_reader import WishReader
from agents.offline.text.lexicon import (
    HALF,
    LEAVES_OUT,
    MEASURES,
    NOISE,
    OF_EACH,
    PART_OF_THEM,
    THE_REST,
    THINGS,
    WISHES,
    WITH_OR_WITHOUT,
)
from agents.offline.text.words import ALSO, BREAKS, FILLERS, Token, amount, tokens

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes, Found


class Reader:
    """Walks over the words once: amounts wait for their dish, wishes belong to the dish before them."""

    def __init__(self, dishes: Dishes, draft: Draft, whole: int) -> None:
        self._dishes = dishes
        self._draft = draft
        self._lines = Lines(dishes, draft)
        self._whole = whole
        self._waiting = Waiting(dishes, draft, self._lines)
        self._wishes = WishReader(dishes, draft, self._lines, self._waiting)
        self._joined = False  # nothing but small words since the last dish
        self._english = False
        self._of_each = False  # "uno de cada" was just said
        self._last = 0  # where the last dish of all begins
        self._start = 0  # where the last dish begins
        self._end = 0  # where the last dish ends

    def read(self, text: str) -> None:
        words = tokens(text)
        self._english = detect(text, "es") == "en"  # where "a" is a number
        found = {hit.start: hit for hit in self._dishes.find(words)}
        self._last = max((at for at, hit in found.items() if hit.sku), default=0)
        self._whole = named_in_all(words, found) or self._whole
        at = 0
        while at < len(words):
            word = words[at]
            hit = found.get(at)
            if hit is not None:
                at = self._dish(words, hit)
            elif (value := self._how_many(words, at)) is not None:
                at = self._amount(words, at, value)
            elif word.word in WISHES and (part := self._wishes.part_before_dish(words, at, found)):
                at = part
            elif word.word in WITH_OR_WITHOUT and self._waiting.many is not None and ends_there(words, at + 1):
                at = self._wishes.otherwise(word, at)
            elif word.word in WISHES and self._draft.lines and is_wish(words, at, found, self._dishes):
                at = self._wishes.wish(words, at, found)
            elif word.word in LEAVES_OUT and self._waiting.many is None and at + 1 not in found:
                at = self._wishes.wish_before_dish(words, at, found)
            else:
                self._other(words, at)
                at += 1
        self._waiting.give_up()
        self._lines.close()

    def _how_many(self, words: list[Token], at: int) -> int | None:
        """The amount that a word says, also as a part of those that were named."""
        if words[at].word in HALF:
            whole = self._whole or (self._draft.lines[-1].qty if self._draft.lines else 0)
            return whole // 2 or None
        if words[at].word in THE_REST:
            if not self._whole:
                self._draft.rest_of_unknown = True
                return None
            return self._whole - sum(line.qty for line in self._draft.lines) or None
        return amount(words[at])

    def _dish(self, words: list[Token], hit: Found) -> int:
        lines = self._draft.lines
        if hit.category:
            self._category(hit, words)
            return hit.end
        if hit.start and words[hit.start - 1].word in ("a", "an") and self._english:
            self._draft.counted = True
        self._waiting.after = []
        if self._modifies_last(words, hit):
            return hit.end
        sku = self._dishes.of_the_same_kind(words[hit.start : hit.end], lines[-1].sku if lines else "") or hit.sku
        if self._waiting.many is not None and self._waiting.strange is not None and number_after(words, hit.end):
            self._draft.unknown.append(self._waiting.strange.raw)  # "cochinita 3, pastor 2"
            self._waiting.many = None
        counted = self._waiting.many is not None
        if not counted and not number_after(words, hit.end) and self._is_no_new_line(words, hit, sku):
            self._end = hit.end
            return hit.end
        many = self._waiting.take()
        qty = self._lines.each or 1 if many is None else many
        self._lines.put(Wanted(sku, qty), counted=counted, between=words[self._end : hit.start])
        self._start, self._end = hit.start, hit.end
        if kind := self._dishes.kind(words[hit.start : hit.end]):
            self._lines.kinds.append((kind, lines[-1]))
        if self._draft.open and self._draft.open[0] == self._dishes.menu.by_sku[sku].category:
            self._draft.open = None
        self._joined = True
        if strange := other_than(words, hit, self._dishes):
            self._take_back(words[strange[0] : strange[1]])
            return strange[1]
        if not counted and (at := number_after(words, hit.end)):
            self._lines.count_last(amount(words[at]) or 1)
            self._end = at + 1
            return self._end
        return hit.end

    def _is_no_new_line(self, words: list[Token], hit: Found, sku: str) -> bool:
        """Whether a dish without a number is a heading, or one that was said before."""
        headed = hit.end < len(words) and words[hit.end].word == ":"
        if headed and self._dishes.kind(words[hit.start : hit.end]):  # "aguas: 2 de jamaica"
            return True
        if self._lines.is_of_last_kind(sku, words[self._end : hit.start]):  # "dos aguas … de jamaica"
            return True
        if self._lines.go_on_about(sku):
            self._joined = True
            return True
        return False

    def _take_back(self, named: list[Token]) -> None:
        self._lines.take_back(named)
        self._joined = False

    def _modifies_last(self, words: list[Token], hit: Found) -> bool:
        """`gringa al pastor`, `refresco de cola`: the second is a word about the first."""
        if self._waiting.many is not None or not self._joined or not self._draft.lines:
            return False
        last, before = self._draft.lines[-1], words[hit.start - 1].word if hit.start else ""
        if last.sku == hit.sku:
            return True
        if before in ("con", "with"):
            last.notes.append(" ".join(word.raw for word in words[hit.start - 1 : hit.end]))
        elif before in ("de", "al", "of", "del"):
            if not self._dishes.describes(last.sku, words[hit.end - 1]):
                self._take_back(words[self._start : hit.end])  # "gringa de suadero"
        else:
            return False
        return True

    def _category(self, hit: Found, words: list[Token]) -> None:
        # "tres tacos: dos de pastor y uno de suadero": the amounts that follow are the ones that count.
        self._waiting.after.append(words[hit.start])
        self._draft.vague.append(hit.category)
        lines = self._draft.lines
        # After its dish it is a word about it: "two lamb tacos".
        named = sum(line.qty for line in lines if self._dishes.menu.by_sku[line.sku].category == hit.category)
        if self._waiting.many == named and hit.start > self._last:  # "half pastor, half suadero: 6 tacos"
            self._waiting.many = None
        elif not (lines and self._joined and self._dishes.menu.by_sku[lines[-1].sku].category == hit.category):
            self._draft.open = hit.category, self._waiting.many or 1
        self._joined = False

    def _amount(self, words: list[Token], at: int, value: int) -> int:
        if at and words[at - 1].word in OF_EACH:  # dos de cada uno
            return at + 1
        self._lines.unsure = at > 1 and words[at - 1].word in ("o", "u", "or") and amount(words[at - 2]) is not None
        self._waiting.begin(value, words[at], words[at - 1] if at else None)
        self._draft.counted = True
        self._joined = False
        return at + 1

    def _other(self, words: list[Token], at: int) -> None:
        word = words[at]
        if word.word in BREAKS or word.word in ALSO:
            if self._waiting.after and word.word not in FILLERS:
                self._waiting.give_up()
            self._joined = self._lines.weighed = False
            return
        if word.word in FILLERS:
            return
        if word.word in MEASURES or word.word in THINGS:
            self._waiting.drop()
            self._lines.weighed = word.word in MEASURES
            return
        if self._wishes.manner(words, at, joined=self._joined):
            return
        self._joined = False
        if self._waiting.many is not None and word.word in OF_EACH:
            self._lines.each, self._waiting.many, self._of_each = self._waiting.many, None, True
            return
        elif self._of_each and is_strange(word, self._dishes):
            self._draft.unknown.append(word.raw)  # "uno de cada guisado"
        elif self._waiting.many is not None and word.word not in NOISE | PART_OF_THEM:
            self._waiting.after.append(word)
        self._of_each = False
