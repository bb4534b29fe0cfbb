"""What of an order's message was not understood: told back, so that nothing is dropped or made up in silence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from agents.offline.reading.order import read_order
from agents.offline.text.clauses import VERBS
from agents.offline.text.lexicon import SMALL_WORDS, WISHES, WITH_OR_WITHOUT
from agents.offline.text.words import amount, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.offline.reading.dishes import Dishes
    from agents.offline.text.words import Token

_MAX_TOLD = 8  # phrases
_MAX_LINES = 10
_HEADS = frozenset({"personas", "persona", "people", "things", "cosas"})
_ALL_OR_NOTHING = frozenset({"todo", "nada", "everything", "nothing"})
_DENIES = frozenset({"no", "sin", "without"})
_SHORTEST, _LONGEST = 2, 60  # letters


def not_understood(text: str, arguments: dict[str, Any], dishes: Dishes, *, first: bool) -> tuple[str, ...]:
    """The words of a message that are neither in what the tool is given nor any that an order is said with.

    Words that stand together are one phrase. "Con" and "sin" are told with what follows them.

    Args:
        first: Nothing was ordered before: the numbers that are said must be those of the dishes.
    """
    rest = read_order(text, dishes).rest
    replaces = any(cut.lastgroup not in ("put", "add") for cut in VERBS.finditer(rest))
    words = tokens(VERBS.sub(" , ", rest))
    noted = Counter(word.word for told in _told(arguments) for word in tokens(told))
    passed = {at for at, word in enumerate(words) if _is_small(words, at) or amount(word) is not None}
    passed |= _about_dishes(words, arguments, set(noted), dishes, replaces=replaces)
    if first and not replaces:
        passed -= _uncounted(words, arguments)
    left: list[int] = []
    for at, word in enumerate(words):
        if at in passed:
            continue
        if noted[word.word]:
            noted[word.word] -= 1
        else:
            left.append(at)
    return tuple(dict.fromkeys(_phrases(words, left)))[:_MAX_TOLD]


def _is_small(words: Sequence[Token], at: int) -> bool:
    """A word with which nothing is lost; but "todo" is much, in "con todo"."""
    word = words[at].word.replace("'", "")
    much = word in _ALL_OR_NOTHING and at > 0 and words[at - 1].word in WITH_OR_WITHOUT
    return len(word) < _SHORTEST or (word in SMALL_WORDS and not much)


def _about_dishes(
    words: Sequence[Token], arguments: dict[str, Any], noted: set[str], dishes: Dishes, *, replaces: bool
) -> set[int]:
    """Where the words stand of dishes that are ordered, noted, or not wanted any more."""
    ordered = {item["sku"] for item in arguments.get("items", [])}
    about: set[int] = set()
    for hit in dishes.find(words):
        said = words[hit.start : hit.end]
        around = {word.word for word in (*words[max(0, hit.start - 2) : hit.start], *words[hit.end : hit.end + 1])}
        wished = hit.start > 0 and words[hit.start - 1].word in WISHES
        if (
            replaces
            or (hit.category and not wished)
            or hit.sku in ordered
            or around & _DENIES
            or any(word.word in noted for word in said)
            or any(_is_of(said, sku, dishes) for sku in ordered)
        ):
            about.update(range(hit.start, hit.end))
    return about


def _uncounted(words: Sequence[Token], arguments: dict[str, Any]) -> set[int]:
    """Where a number stands that is none of the dishes'."""
    items = arguments.get("items", [])
    if len(items) > _MAX_LINES:
        return set()
    sums = {0}  # "4 gringas, 2 sin queso" are two and two
    for item in items:
        sums |= {one + item["qty"] for one in sums}
    return {
        at
        for at, word in enumerate(words)
        if (amount(word) or 0) > 1 and amount(word) not in sums and not _is_no_amount(words, at)
    }


def _phrases(words: Sequence[Token], left: Sequence[int]) -> list[str]:
    """The words that were left, those that stand together as one phrase."""
    phrases: list[list[str]] = []
    for n, at in enumerate(left):
        if n == 0 or left[n - 1] != at - 1:
            wished = at > 0 and words[at - 1].word in WITH_OR_WITHOUT
            phrases.append([words[at - 1].raw] if wished else [])
        phrases[-1].append(words[at].raw)
    return [" ".join(phrase)[:_LONGEST] for phrase in phrases]


def _is_no_amount(words: Sequence[Token], at: int) -> bool:
    """ "para 3 personas", "voy en 10"."""
    before, after = (words[n].word if 0 <= n < len(words) else "" for n in (at - 1, at + 1))
    return after in _HEADS or before in ("en", "in")


def _is_of(words: Sequence[Token], sku: str, dishes: Dishes) -> bool:
    """ "gringa al pastor", "aguas: 2 de jamaica": words about a dish that is ordered."""
    return all(
        word.word in SMALL_WORDS or word.stem in dishes.words_of(sku) or dishes.describes(sku, word) for word in words
    )


def _told(arguments: dict[str, Any]) -> list[str]:
    """The customer's own words within a tool's arguments: they are in the summary."""
    notes = [item.get("notes", "") for item in arguments.get("items", [])]
    return [*notes, *(arguments.get(key, "") for key in ("customer_name", "address", "code"))]
