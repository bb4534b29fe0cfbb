"""Reads wishes into an order: each is its dish's, or for a part of what was counted, or for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.offline.reading.wanted import Draft, Wanted
from agents.offline.reading.wish_bounds import end_of_wish, ends_there, exempt, is_wish
from agents.offline.text.lexicon import ARTICLES, EVERYTHING, EXCEPT, MANNERS, SIZES
from agents.offline.text.words import FILLERS, Token, amount

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes, Found
    from agents.offline.reading.lines import Lines
    from agents.offline.reading.waiting import Waiting


class WishReader:
    """Puts each wish to its lines; a number that waits for its dish may be a part of one of them."""

    def __init__(self, dishes: Dishes, draft: Draft, lines: Lines, waiting: Waiting) -> None:
        self._dishes = dishes
        self._draft = draft
        self._lines = lines
        self._waiting = waiting
        self._in_parts: set[str] = set()  # dishes of whose number a part was said to be otherwise

    def part_before_dish(self, words: list[Token], at: int, found: dict[int, Found]) -> int:
        """ "3 con todo y 2 sin nada de pastor": numbers and wishes whose dish comes after them; where it goes on."""
        if (
            self._waiting.many is None
            or self._waiting.after
            or at + 1 in found
            or not is_wish(words, at, found, self._dishes)
        ):
            return 0
        end = end_of_wish(words, at, found)
        follows = next((n for n in range(at + 1, end + 1) if n in found), 0)
        if follows and words[follows - 1].word in ("de", "of"):
            end = follows - 1
        elif self._draft.lines:
            return 0
        self._lines.parts.append(Wanted("", self._waiting.many, [" ".join(word.raw for word in words[at:end])]))
        self._waiting.many = None
        return end

    def wish(self, words: list[Token], at: int, found: dict[int, Found]) -> int:
        everything = at > 0 and words[at - 1].word in EVERYTHING
        wished = self._part()
        end = end_of_wish(words, at, found)
        said = words[at:end]
        if len(said) > 2 and said[-1].word in EVERYTHING:  # "sin cebolla todos"
            everything, said = True, said[:-1]
        wish = " ".join(word.raw for word in said)
        shared = self._draft.among if any(line is wished for line in self._draft.among) else [wished]
        if end < len(words) and words[end].word in ARTICLES and (hit := exempt(words, end, found)):
            of_it = [line for line in self._draft.lines if line.sku == hit.sku]
            if of_it and ends_there(words, hit.end):  # "… sin cebolla los de bistec"
                everything, shared, end = False, of_it, hit.end
        but = exempt(words, end, found) if end < len(words) and words[end].word in EXCEPT else None
        for line in self._draft.lines if everything else shared:
            if but is None or line.sku != but.sku:
                line.notes.append(wish)
        return end

    def otherwise(self, word: Token, at: int) -> int:
        """ "cuatro sin cebolla y cuatro con": of the same dish, the other way."""
        last = next((line for line in reversed(self._draft.lines) if line.notes), None)
        if last is None:
            return at + 1
        note = " ".join([word.raw, *last.notes[-1].split()[1:]])
        line = self._part()
        if self._waiting.many is not None:
            line, self._waiting.many = Wanted(last.sku, self._waiting.many), None
            self._draft.lines.append(line)
        line.notes.append(note)
        return at + 1

    def wish_before_dish(self, words: list[Token], at: int, found: dict[int, Found]) -> int:
        """ "sin cebolla los cuatro de pastor": it is for the dish that follows, if one does at once."""
        end = end_of_wish(words, at, found)
        follows = next((n for n in range(end, len(words)) if words[n].word not in FILLERS), len(words))
        if follows in found or (follows < len(words) and amount(words[follows]) is not None):
            self._lines.wish_ahead = " ".join(word.raw for word in words[at:end])
        return end

    def _part(self) -> Wanted:
        """The line that a wish is for. "tres gringas, una sin piña": the amount without a dish is a part of those."""
        last, part = self._draft.lines[-1], self._waiting.many
        if part is None or self._waiting.after:
            return last
        # "cuatro: dos con, dos sin": the second part is of what the first has left.
        plain = next((line for line in self._draft.lines if line.sku == last.sku and not line.notes), last)
        if self._waiting.one_more and last.sku not in self._in_parts:  # "un taco de pastor y otro sin cilantro"
            self._waiting.many = None
            self._draft.lines.append(Wanted(last.sku, part))
            return self._draft.lines[-1]
        if part >= plain.qty:
            self._waiting.many = None if plain is not last else part
            return plain
        self._waiting.many = None
        self._in_parts.add(last.sku)
        plain.qty -= part
        self._draft.lines.append(Wanted(plain.sku, part))
        return self._draft.lines[-1]

    def manner(self, words: list[Token], at: int, *, joined: bool) -> bool:
        """ "una coca de lata", "2 grandes de pastor": noted."""
        how = words[at]
        if not joined and how.word in SIZES:
            self._lines.wish_ahead = how.raw
            return True
        if not joined or not self._draft.lines or how.word not in MANNERS:
            return False
        of = words[at - 1].word in ("de", "of")
        self._draft.lines[-1].notes.append(f"{words[at - 1].raw} {how.raw}" if of else how.raw)
        return True
