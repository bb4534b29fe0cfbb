"""Reads dishes, amounts and wishes, word by word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.language import detect
from agents.offline.assortments import shares_number, take_apart
from agents.offline.lexicon import (
    ARTICLES,
    AS_IT_COMES,
    ENDS_WISH,
    EVERYTHING,
    FOODS,
    HALF,
    LEAVES_OUT,
    MEASURES,
    NO_WISH,
    NOISE,
    NOTHING_STRANGE,
    OF_EACH,
    OF_IT,
    SAYS_HOW,
    THE_REST,
    THINGS,
    WISHES,
    WITH_OR_WITHOUT,
)
from agents.offline.wanted import Draft, Wanted
from agents.offline.words import ALSO, BREAKS, FILLERS, Token, amount, combined, singular, tokens

if TYPE_CHECKING:
    from agents.offline.dishes import Dishes, Found


class Reader:
    """Walks over the words once: amounts wait for their dish, wishes belong to the dish before them."""

    def __init__(self, dishes: Dishes, draft: Draft, whole: int) -> None:
        self._dishes = dishes
        self._draft = draft
        self._whole = whole
        self._pending: int | None = None
        self._after_pending: list[Token] = []
        self._each = 0  # of each dish that follows
        self._joined = False  # nothing but small words since the last dish
        self._english = False
        self._kinds: list[tuple[str, Wanted]] = []  # lines of which but the kind was said: "dos tortas"
        self._start = 0  # where the last dish begins
        self._end = 0  # where the last dish ends
        self._weighed = False  # the dish that follows is wanted by the kilo
        self._strange: Token | None = None  # the word before the number, which is none of ours
        self._unsure = False  # "4 or 5"
        self._wish_ahead = ""  # said before its dish
        self._parts: list[Wanted] = []  # "3 con todo y 2 sin nada", before their dish
        self._shared = False  # the last number that was said may be of several dishes
        self._uncounted: Wanted | None = None  # the last line, if it has no number yet

    def read(self, text: str) -> None:
        words = tokens(text)
        self._english = detect(text, "es") == "en"  # where "a" is a number
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
            elif word.word in WISHES and (part := self._part_before_dish(words, at, found)):
                at = part
            elif word.word in WITH_OR_WITHOUT and self._pending is not None and self._ends_there(words, at + 1):
                at = self._otherwise(word, at)
            elif word.word in WISHES and self._draft.lines and self._is_wish(words, at, found):
                at = self._wish(words, at, found)
            elif word.word in LEAVES_OUT and self._pending is None and at + 1 not in found:
                at = self._wish_before_dish(words, at, found)
            else:
                self._other(word)
                at += 1
        self._give_up_pending()
        self._said_in_parts()
        take_apart(self._draft, self._dishes)

    def _said_in_parts(self) -> None:
        """ "dos tortas: una de milanesa y otra de pastor": two, and not four."""
        lines = self._draft.lines
        for kind, line in self._kinds:
            others = [one for one in lines if one is not line and self._dishes.head(one.sku) == kind]
            if any(line is one for one in lines) and sum(one.qty for one in others) == line.qty > 1:
                self._draft.lines = lines = [one for one in lines if one is not line]

    def _late(self, many: int) -> None:
        """A number with nothing behind it: it is the last dish's, if that has none: "unos de pastor… como cinco"."""
        if self._uncounted is not None:
            self._uncounted.qty, self._uncounted = many, None
        elif self._draft.assorted and self._draft.open is None and not self._draft.lines:
            self._draft.open = self._dishes.menu.categories[0].id, many
        elif self._draft.open is not None and self._draft.open[1] == 1 and not self._draft.lines:
            self._draft.open = self._draft.open[0], many

    def _in_all(self, words: list[Token], found: dict[int, Found]) -> int:
        """ "10 tacos, half of them …": how many of a kind were named before it is said which."""
        kinds = [(amount(words[at - 1]) or 0) for at, hit in found.items() if hit.category and at]
        if not kinds and any(word.word in HALF for word in words):  # "mitad pastor, mitad carnitas: son 10"
            kinds = [value for word in words if (value := amount(word)) is not None]
        return kinds[0] if len(kinds) == 1 else 0

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
        self._after_pending = []
        if self._pending is None and self._joined and lines and self._modifies(words, hit):
            if words[hit.start - 1].word in ("con", "with") and lines[-1].sku != hit.sku:
                lines[-1].notes.append(" ".join(word.raw for word in words[hit.start - 1 : hit.end]))
            elif lines[-1].sku != hit.sku and not self._dishes.describes(lines[-1].sku, words[hit.end - 1]):
                self._take_back(words[self._start : hit.end])  # "gringa de suadero"
            return hit.end
        sku = self._dishes.of_the_same_kind(words[hit.start : hit.end], lines[-1].sku if lines else "") or hit.sku
        if self._pending is not None and self._strange is not None and self._number_after(words, hit.end):
            self._draft.unknown.append(self._strange.raw)  # "cochinita 3, pastor 2"
            self._pending = None
        counted = self._pending is not None
        if not counted and not self._number_after(words, hit.end) and self._is_there(sku):
            self._end = hit.end
            return hit.end
        qty, self._pending = self._pending if self._pending is not None else self._each or 1, None
        self._line(Wanted(sku, qty), counted=counted, between=words[self._end : hit.start])
        self._start, self._end = hit.start, hit.end
        if kind := self._dishes.kind(words[hit.start : hit.end]):
            self._kinds.append((kind, lines[-1]))
        if self._draft.open and self._draft.open[0] == self._dishes.menu.by_sku[sku].category:
            self._draft.open = None
        self._joined = True
        if strange := self._other_than(words, hit):
            self._take_back(words[strange[0] : strange[1]])
            return strange[1]
        if not counted and (at := self._number_after(words, hit.end)):
            return self._counted_after(amount(words[at]) or 1, at + 1)
        return hit.end

    def _other_than(self, words: list[Token], hit: Found) -> tuple[int, int] | None:
        """ "torta ahogada", "burrito de pollo": none of the menu's, though named like it. Where its name is."""
        if hit.start and words[hit.start - 1].stem in FOODS and self._is_strange(words[hit.start - 1], hit.sku):
            return hit.start - 1, hit.end
        of = hit.end < len(words) and words[hit.end].word in ("de", "of")
        at = hit.end + of
        if at >= len(words) or (not of and not self._dishes.is_kind(words[hit.start : hit.end])):
            return None
        named = words[at].raw[:1].isupper() and not words[hit.start].raw.isupper()  # "una torta, Ana"
        return (hit.start, at + 1) if self._is_strange(words[at], hit.sku) and (of or not named) else None

    def _is_strange(self, word: Token, sku: str = "") -> bool:
        if not word.word.isalpha() or amount(word) is not None or word.word in ENDS_WISH:
            return False
        usual = word.word in SAYS_HOW or word.word in NOISE or word.word in FILLERS or word.word in WISHES
        return not (usual or self._dishes.knows(word.word) or (sku and self._dishes.describes(sku, word)))

    def _take_back(self, named: list[Token]) -> None:
        """The last line is nothing that we have, as it turns out."""
        draft, line = self._draft, self._draft.lines.pop()
        draft.unknown.append(" ".join(word.raw for word in named))
        draft.among = [one for one in draft.among if one is not line]
        self._joined, self._uncounted = False, None

    def _is_there(self, sku: str) -> bool:
        """ "… y 3 de chorizo, los de chorizo sin cebolla": what follows is about a line that was said before."""
        lines = self._draft.lines
        said = next((line for line in reversed(lines) if line.sku == sku), None)
        if said is None or self._each:
            return False
        lines.sort(key=lambda line: line is said)
        self._joined, self._uncounted = True, None
        return True

    def _line(self, line: Wanted, *, counted: bool, between: list[Token]) -> None:
        draft = self._draft
        if self._parts and not counted:
            parts, self._parts = self._parts, []
            draft.lines += [Wanted(line.sku, part.qty, part.notes) for part in parts]
            return
        if self._wish_ahead:
            line.notes.append(self._wish_ahead)
            self._wish_ahead = ""
        if not counted and not self._each and self._shared and shares_number(draft, line, between, self._dishes):
            draft.among = [*(draft.among or draft.lines[-1:]), line]
        else:
            self._shared = counted
        self._uncounted = None if counted or self._weighed or self._each else line
        if self._weighed or self._unsure:
            draft.unsure.append(line.sku)
        draft.weighed |= self._weighed
        self._weighed = self._unsure = False
        draft.lines.append(line)

    def _counted_after(self, many: int, end: int) -> int:
        """A number that stands behind its dish."""
        last = self._draft.lines[-1]
        last.qty, self._uncounted, self._shared = many, None, False
        if self._draft.among[-1:] == [last]:
            self._draft.among = self._draft.among[:-1] if len(self._draft.among) > 2 else []
        self._draft.counted = True
        self._end = end
        return end

    def _number_after(self, words: list[Token], at: int) -> int:
        """ "pastor 3, suadero: 2, gringa x 1": the number between a dish and a break, which is that dish's."""
        marked = at < len(words) and words[at].word in (":", "(", "x")
        at += marked
        if at >= len(words) or amount(words[at]) is None:
            return 0
        ends = at + 1 >= len(words) or words[at + 1].word in BREAKS or words[at + 1].word in ALSO
        return at if ends or (marked and words[at - 1].word == "x") or words[at].word.startswith("x") else 0

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
        if at and words[at - 1].word in OF_EACH:  # dos de cada uno
            return at + 1
        before = words[at - 1] if at else None
        self._unsure = at > 1 and words[at - 1].word in ("o", "u", "or") and amount(words[at - 2]) is not None
        if at > 1 and words[at - 1].word == "a":  # half a dozen
            before = words[at - 2]
        self._give_up_pending()
        self._strange = (
            before if before is not None and before.word not in BREAKS and self._is_strange(before) else None
        )
        self._pending = combined(before, words[at], value)
        self._draft.counted = True
        self._joined = False
        return at + 1

    def _is_wish(self, words: list[Token], at: int, found: dict[int, Found]) -> bool:
        following = words[at + 1] if at + 1 < len(words) else None
        if (
            following is None
            or following.word in BREAKS
            or following.word in NO_WISH
            or (following.word in OF_IT and at + 2 in found)
            or (
                at + 1 in found
                and words[at].word in ("con", "with")
                and found[at + 1].category not in self._dishes.ways
            )
        ):
            return False
        return not (words[at].word == "no" and following.word in NOISE)

    def _wish(self, words: list[Token], at: int, found: dict[int, Found]) -> int:
        everything = at > 0 and words[at - 1].word in EVERYTHING
        wished = self._part_for_wish()
        end = self._end_of_wish(words, at, found)
        said = words[at:end]
        if len(said) > 2 and said[-1].word in EVERYTHING:  # "sin cebolla todos"
            everything, said = True, said[:-1]
        wish = " ".join(word.raw for word in said)
        shared = self._draft.among if any(line is wished for line in self._draft.among) else [wished]
        for line in self._draft.lines if everything else shared:
            line.notes.append(wish)
        return end

    def _ends_there(self, words: list[Token], at: int) -> bool:
        return at >= len(words) or words[at].word in BREAKS or words[at].word in ALSO

    def _otherwise(self, word: Token, at: int) -> int:
        """ "cuatro sin cebolla y cuatro con": of the same dish, the other way."""
        last = next((line for line in reversed(self._draft.lines) if line.notes), None)
        if last is None:
            return at + 1
        note = " ".join([word.raw, *last.notes[-1].split()[1:]])
        line = self._part_for_wish()
        if self._pending is not None:
            line, self._pending = Wanted(last.sku, self._pending), None
            self._draft.lines.append(line)
        line.notes.append(note)
        return at + 1

    def _end_of_wish(self, words: list[Token], at: int, found: dict[int, Found]) -> int:
        end = at + 1
        while end < len(words) and not self._ends_wish(words, end, found):
            end += 1
        return end

    def _part_before_dish(self, words: list[Token], at: int, found: dict[int, Found]) -> int:
        """ "3 con todo y 2 sin nada de pastor": numbers and wishes whose dish comes after them; where it goes on."""
        if self._pending is None or self._after_pending or at + 1 in found or not self._is_wish(words, at, found):
            return 0
        end = self._end_of_wish(words, at, found)
        follows = next((n for n in range(at + 1, end + 1) if n in found), 0)
        if follows and words[follows - 1].word in ("de", "of"):
            end = follows - 1
        elif self._draft.lines:
            return 0
        self._parts.append(Wanted("", self._pending, [" ".join(word.raw for word in words[at:end])]))
        self._pending = None
        return end

    def _wish_before_dish(self, words: list[Token], at: int, found: dict[int, Found]) -> int:
        """ "sin cebolla los cuatro de pastor": it is for the dish that follows, if one does at once."""
        end = self._end_of_wish(words, at, found)
        follows = next((n for n in range(end, len(words)) if words[n].word not in FILLERS), len(words))
        if follows in found or (follows < len(words) and amount(words[follows]) is not None):
            self._wish_ahead = " ".join(word.raw for word in words[at:end])
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
        if word.word in BREAKS or word.word in ENDS_WISH:
            return True
        if word.word in ARTICLES and at + 1 < len(words):
            return at + 1 in found or (amount(words[at + 1]) or 0) > 1
        if word.word == "por" and at + 1 < len(words) and words[at + 1].word == "favor":
            return True
        if word.word in ALSO:
            after = at + 2 if at + 1 < len(words) and words[at + 1].word in ARTICLES | {"a"} else at + 1
            return after >= len(words) or after in found or amount(words[after]) is not None
        return (
            (at in found and words[at - 1].word not in WISHES | {"de"}) or amount(word) is not None or word.word in HALF
        )

    def _other(self, word: Token) -> None:
        if word.word in BREAKS or word.word in ALSO:
            if self._after_pending and word.word not in FILLERS:
                self._give_up_pending()
            self._joined = self._weighed = False
            return
        if word.word in FILLERS:
            return
        if word.word in MEASURES or word.word in THINGS:
            self._pending, self._after_pending, self._weighed = None, [], word.word in MEASURES
            return
        self._joined = False
        if self._pending is not None and word.word in OF_EACH:
            self._each, self._pending = self._pending, None
        elif self._pending is not None and word.word not in NOISE:
            self._after_pending.append(word)

    def _give_up_pending(self) -> None:
        """An amount that no dish followed: of something the menu has not, unless it was a category."""
        said, self._after_pending = self._after_pending, []
        pending, self._pending = self._pending, None
        if pending is None:
            return
        if not said:
            self._late(pending)
            return
        if self._draft.lines and all(word.word in AS_IT_COMES for word in said):
            self._draft.lines.append(Wanted(self._draft.lines[-1].sku, pending))
            return
        strange = [
            word
            for word in said
            if word.word not in NOTHING_STRANGE and not self._dishes.knows(word.word) and singular(word.word) != "taco"
        ]
        if strange:
            self._draft.unknown.append(" ".join(word.raw for word in said[:4]))
            self._draft.open = None
