"""An amount that waits for its dish, and what is said until it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.offline.reading.foreign import is_strange
from agents.offline.reading.wanted import Draft, Wanted
from agents.offline.text.lexicon import AS_IT_COMES, ONE_MORE, SIZES, SMALL_WORDS
from agents.offline.text.words import ALSO, BREAKS, Token

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes
    from agents.offline.reading.lines import Lines


class Waiting:
    """The last amount that was said, as long as no dish has taken it.

    Attributes:
        many: The amount; None if none waits.
        after: The words since, which may be what it is of.
        strange: The word before it, if that is none of ours: "cochinita 3, pastor 2".
        one_more: It is another one, and no part of those that were said.
    """

    def __init__(self, dishes: Dishes, draft: Draft, lines: Lines) -> None:
        self._dishes = dishes
        self._draft = draft
        self._lines = lines
        self.many: int | None = None
        self.after: list[Token] = []
        self.strange: Token | None = None
        self.one_more = False
        self._queued: list[int] = []  # "3 y 2 de pastor y bistec": the amounts before the last

    def begin(self, many: int, word: Token, before: Token | None) -> None:
        if self.many is not None and not self.after and before and before.word in ALSO:
            self._queued.append(self.many)
            self.many = None
        self.give_up()
        self.strange = before if before and before.word not in BREAKS and is_strange(before, self._dishes) else None
        self.many = many
        self.one_more = word.word in ONE_MORE

    def take(self) -> int | None:
        """The amount for the dish that has come."""
        if self._queued:
            return self._queued.pop(0)
        many, self.many = self.many, None
        return many

    def drop(self) -> None:
        self.many, self.after = None, []

    def give_up(self) -> None:
        """No dish has followed: it is of something the menu has not, unless it was of a category."""
        said, many = self.after, self.many
        self.drop()
        if many is None:
            return
        if not said:
            self._lines.late(many)
        elif self._draft.lines and all(word.word in AS_IT_COMES for word in said):
            self._draft.lines.append(Wanted(self._draft.lines[-1].sku, many))
        elif any(self._is_none_of_ours(word) for word in said):
            self._draft.unknown.append(" ".join(word.raw for word in said[:4]))
            self._draft.open = None

    def _is_none_of_ours(self, word: Token) -> bool:
        return not (word.word in SMALL_WORDS or word.word in SIZES or self._dishes.knows(word.word))
