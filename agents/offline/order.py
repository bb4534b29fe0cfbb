"""Reads an order out of what a customer wrote: dishes, amounts, wishes, a name, and how they get it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agents.language import says_yes, word_set
from agents.offline.fetching import NO_BARE_NAME, delivery_in, take_address, take_name, without_delivery
from agents.offline.wanted import Draft, Wanted
from agents.offline.words import ALSO, AMOUNTS, BREAKS, FILLERS, Token, amount, bare, combined, singular, tokens
from hub.domain.menu import plain

if TYPE_CHECKING:
    from agents.offline.dishes import Dishes, Found

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
    rf"\b{_NUMBER}\W+(?:no|perd[oó]n|digo|mejor|sorry|i mean|(?:no )?wait|make that)\W+"
    rf"(?:mejor\W+|make it )?(?={_NUMBER}\b)",
    re.IGNORECASE,
)
_PART = re.compile(r"(?<![\w.$])\d+\.\d+(?![\w.])")  # half a taco is not to be had: nor is it five
# What is said of oneself, and of paying, is no dish and no wish about one.
_ASIDE = re.compile(
    r"\b(?:(?:soy|somos|i'?m|i am|we are|we'?re) (?:vegetarian|vegan)\w*|"
    r"(?:pago|pagar[eé]?|pagamos|pay|paying) (?:con|en|with|by|in|de)\s+\w+)",
    re.IGNORECASE,
)
_THAT_IS_ALL = re.compile(r"\b(?:es todo|seria todo|nada mas|that'?s (?:all|it)|that is all)\b")
_LONGEST_IDEOGRAMS = 4
_WISHES = frozenset({"sin", "without", "extra", "con", "with", "no", "bien", "poco", "poca", "well"})
_OF_EACH = frozenset({"cada", "each"})
_HALF = frozenset({"mitad", "half"})
_THE_REST = frozenset({"demas", "resto", "rest", "others"})
_AS_IT_COMES = frozenset({"normal", "normales", "regular", "plain", "sencillo", "sencilla", "solo", "sola"})
_EVERYTHING = frozenset({"todo", "todos", "todas", "all", "everything", "ambos", "both"})
_NOISE = word_set(
    """
    quiero quisiera dame deme denme ponme pon me das da pedir pido pedirte ordenar order get have like want
    would i i'd id could can we us need necesito give for para y and que si yes hola hello hi hey buenas buenos
    dias tardes noches good morning evening let lets to favor please just solo nada only gracias thanks thank
    you porfa va ok okay bueno sale vale claro entonces mejor instead quita agrega add anade ahi regalas vendes
    anotame apuntame mi my it is es lo le se hoy today ahora now cosa vez thing time pregunta duda momento
    question minute moment second idea rapido tambien te encargo encargar llevar comer hacer hago haz un una uno
    a an pedido pedidos pero se cuales cual wait espera perdon sorry personas people
    """
)


def read_order(text: str, dishes: Dishes, whole: int = 0) -> Draft:
    """What one message says of an order; `whole`: how many there are in all, for "half" and "the rest" of them."""
    draft = Draft()
    rest = take_address(_MEANT.sub("", _HOUR.sub(" , ", _ASIDE.sub(" , ", text))), draft)
    rest = take_name(rest, draft)
    if draft.delivery is None:
        draft.delivery = delivery_in(rest)
    draft.rest = _PART.sub("0", without_delivery(rest))
    _Reader(dishes, draft, whole).read(draft.rest)
    return draft


def bare_name(text: str) -> str | None:
    """A message that is nothing but a name, and perhaps how they get it: the answer to "who is it for?"."""
    if says_yes(text) or _THAT_IS_ALL.search(bare(text)) or "?" in text or "¿" in text:
        return None
    text = without_delivery(take_address(text, Draft()))
    words = [word for word in tokens(text) if word.word not in BREAKS]
    if any((amount(word) or 0) > 1 or word.word in NO_BARE_NAME for word in words):
        return None
    kept = [word.raw for word in words if word.word not in _NOISE and amount(word) is None]
    return " ".join(kept)[:80] if 1 <= len(kept) <= 3 and all(map(_is_a_name, kept)) else None


def _is_a_name(word: str) -> bool:
    """A sentence in a script without spaces is no name; nor are the small words of a script that we cannot read."""
    if not word.isalpha():
        return False
    if any("\u3040" <= char <= "\u9fff" for char in word):
        return len(word) <= _LONGEST_IDEOGRAMS
    return word.isascii() or plain(word).isascii() or word[0] != word[0].lower() or word == word.upper()


class _Reader:
    """Walks over the words once: amounts wait for their dish, wishes belong to the dish before them."""

    def __init__(self, dishes: Dishes, draft: Draft, whole: int) -> None:
        self._dishes = dishes
        self._draft = draft
        self._whole = whole
        self._pending: int | None = None
        self._after_pending: list[Token] = []
        self._each = 0  # of each dish that follows
        self._joined = False  # nothing but small words since the last dish

    def read(self, text: str) -> None:
        words = tokens(text)
        found = {hit.start: hit for hit in self._dishes.find(words)}
        self._whole = self._in_all(words, found) or self._whole
        at = 0
        while at < len(words):
            word = words[at]
            hit = found.get(at)
            if hit is not None:
                at = self._dish(words, hit)
            elif (value := self._how_many(words, at)) is not None:
                at = self._amount(words, at, value)
            elif word.word in _WISHES and self._draft.lines and self._is_wish(words, at, found):
                at = self._wish(words, at, found)
            else:
                self._other(word)
                at += 1
        self._give_up_pending()

    def _in_all(self, words: list[Token], found: dict[int, Found]) -> int:
        """ "10 tacos, half of them …": how many of a kind were named before it is said which."""
        kinds = [(amount(words[at - 1]) or 0) for at, hit in found.items() if hit.category and at]
        return kinds[0] if len(kinds) == 1 else 0

    def _how_many(self, words: list[Token], at: int) -> int | None:
        """The amount that a word says, also as a part of those that were named."""
        if words[at].word in _HALF:
            whole = self._whole or (self._draft.lines[-1].qty if self._draft.lines else 0)
            return whole // 2 or None
        if words[at].word in _THE_REST:
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
        self._after_pending = []
        if self._pending is None and self._joined and lines and self._modifies(words, hit):
            if words[hit.start - 1].word in ("con", "with") and lines[-1].sku != hit.sku:
                lines[-1].notes.append(" ".join(word.raw for word in words[hit.start - 1 : hit.end]))
            return hit.end
        sku = self._dishes.of_the_same_kind(words[hit.start : hit.end], lines[-1].sku if lines else "") or hit.sku
        counted = self._pending is not None
        qty, self._pending = self._pending if self._pending is not None else self._each or 1, None
        lines.append(Wanted(sku, qty))
        if self._draft.open and self._draft.open[0] == self._dishes.menu.by_sku[sku].category:
            self._draft.open = None
        self._joined = True
        after = words[hit.end : hit.end + 2]
        if sku and not counted and self._number_after(words, hit.end):
            lines[-1].qty = amount(words[hit.end]) or 1
            self._draft.counted = True
            return hit.end + 1
        if len(after) == 2 and after[0].word == "x" and (times := amount(after[1])):
            lines[-1].qty = times
            self._draft.counted = True
            return hit.end + 2
        if after and after[0].word.startswith("x") and (times := amount(after[0])):
            lines[-1].qty = times
            self._draft.counted = True
            return hit.end + 1
        return hit.end

    def _number_after(self, words: list[Token], at: int) -> bool:
        """ "pastor 3, suadero 2": a number between a dish and a break is that dish's."""
        ends = at + 1 >= len(words) or words[at + 1].word in BREAKS or words[at + 1].word in ALSO
        return at < len(words) and amount(words[at]) is not None and ends

    def _modifies(self, words: list[Token], hit: Found) -> bool:
        """`gringa al pastor`, `refresco de cola`: the second is a word about the first."""
        before = words[hit.start - 1].word if hit.start else ""
        return self._draft.lines[-1].sku == hit.sku or before in ("de", "al", "con", "with", "of", "del")

    def _category(self, hit: Found, words: list[Token]) -> None:
        # "tres tacos: dos de pastor y uno de suadero": the amounts that follow are the ones that count.
        self._after_pending.append(words[hit.start])
        self._draft.vague.append(hit.category)
        lines = self._draft.lines
        # After its dish it is a word about it: "two lamb tacos".
        named = sum(line.qty for line in lines if self._dishes.menu.by_sku[line.sku].category == hit.category)
        if self._pending is not None and self._pending == named:  # "half pastor, half suadero: 6 tacos"
            self._pending = None
        elif not (lines and self._joined and self._dishes.menu.by_sku[lines[-1].sku].category == hit.category):
            self._draft.open = hit.category, self._pending or 1
        self._joined = False

    def _amount(self, words: list[Token], at: int, value: int) -> int:
        if at and words[at - 1].word in _OF_EACH:  # dos de cada uno
            return at + 1
        before = words[at - 1] if at else None
        if at > 1 and words[at - 1].word == "a":  # half a dozen
            before = words[at - 2]
        self._give_up_pending()
        self._pending = combined(before, words[at], value)
        self._draft.counted = True
        self._joined = False
        return at + 1

    def _is_wish(self, words: list[Token], at: int, found: dict[int, Found]) -> bool:
        following = words[at + 1] if at + 1 < len(words) else None
        if (
            following is None
            or following.word in BREAKS
            or (
                at + 1 in found
                and words[at].word in ("con", "with")
                and found[at + 1].category not in self._dishes.ways
            )
        ):
            return False
        return not (words[at].word == "no" and following.word in _NOISE)

    def _wish(self, words: list[Token], at: int, found: dict[int, Found]) -> int:
        everything = at > 0 and words[at - 1].word in _EVERYTHING
        wished = self._part_for_wish()
        end = at + 1
        while end < len(words) and not self._ends_wish(words, end, found):
            end += 1
        said = words[at:end]
        if len(said) > 2 and said[-1].word in _EVERYTHING:  # "sin cebolla todos"
            everything, said = True, said[:-1]
        wish = " ".join(word.raw for word in said)
        for line in self._draft.lines if everything else [wished]:
            line.notes.append(wish)
        return end

    def _part_for_wish(self) -> Wanted:
        """The line that a wish is for. "tres gringas, una sin piña": the amount without a dish is a part of those."""
        last, part = self._draft.lines[-1], self._pending
        if part is None or self._after_pending:
            return last
        # "cuatro: dos con, dos sin": the second part is of what the first has left.
        plain = next((line for line in self._draft.lines if line.sku == last.sku and not line.notes), last)
        if part >= plain.qty:
            self._pending = None if plain is not last else part
            return plain
        self._pending = None
        plain.qty -= part
        self._draft.lines.append(Wanted(plain.sku, part))
        return self._draft.lines[-1]

    def _ends_wish(self, words: list[Token], at: int, found: dict[int, Found]) -> bool:
        word = words[at]
        if word.word in BREAKS or word.word in ("para", "porfa", "please", "soy", "pero", "but"):
            return True
        if word.word == "por" and at + 1 < len(words) and words[at + 1].word == "favor":
            return True
        if word.word in ALSO:
            after = at + 2 if at + 1 < len(words) and words[at + 1].word == "a" else at + 1
            return after >= len(words) or after in found or amount(words[after]) is not None
        return (
            (at in found and words[at - 1].word not in _WISHES | {"de"})
            or amount(word) is not None
            or word.word in _HALF
        )

    def _other(self, word: Token) -> None:
        if word.word in BREAKS or word.word in ALSO:
            if self._after_pending and word.word not in FILLERS:
                self._give_up_pending()
            self._joined = False
            return
        if word.word in FILLERS:
            return
        self._joined = False
        if self._pending is not None and word.word in _OF_EACH:
            self._each, self._pending = self._pending, None
        elif self._pending is not None and word.word not in _NOISE:
            self._after_pending.append(word)

    def _give_up_pending(self) -> None:
        """An amount that no dish followed: of something the menu has not, unless it was a category."""
        said, self._after_pending = self._after_pending, []
        pending, self._pending = self._pending, None
        if pending is None or not said:
            return
        if self._draft.lines and all(word.word in _AS_IT_COMES for word in said):
            self._draft.lines.append(Wanted(self._draft.lines[-1].sku, pending))
            return
        strange = [
            word
            for word in said
            if word.word != "no" and not self._dishes.knows(word.word) and singular(word.word) != "taco"
        ]
        if strange:
            self._draft.unknown.append(" ".join(word.raw for word in said[:4]))
            self._draft.open = None
