"""The lines of an order while its words are read: each dish with the number and the wishes that belong to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.offline.reading.assortments import shares_number, take_apart
from agents.offline.reading.wanted import Draft, Wanted
from agents.offline.text.words import ALSO, BREAKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.offline.reading.dishes import Dishes
    from agents.offline.text.words import Token


class Lines:
    """Puts down each dish as it is read, with what was said of it before.

    Attributes:
        each: How many of each dish that follows.
        kinds: Lines of which but the kind was said: "dos tortas".
        weighed: The dish that follows is wanted by the kilo.
        unsure: So many or so many of it: "4 or 5".
        wish_ahead: A wish for the dish that follows.
        parts: Numbers and wishes whose dish follows: "3 con todo y 2 sin nada".
    """

    def __init__(self, dishes: Dishes, draft: Draft) -> None:
        self._dishes = dishes
        self._draft = draft
        self.each = 0
        self.kinds: list[tuple[str, Wanted]] = []
        self.weighed = False
        self.unsure = False
        self.wish_ahead = ""
        self.parts: list[Wanted] = []
        self._shared = False  # the last number that was said may be of several dishes
        self._uncounted: Wanted | None = None  # the last line, if it has no number yet

    def put(self, line: Wanted, *, counted: bool, between: list[Token]) -> None:
        draft = self._draft
        if self.parts and not counted:
            parts, self.parts = self.parts, []
            draft.lines += [Wanted(line.sku, part.qty, part.notes) for part in parts]
            return
        if self.wish_ahead:
            line.notes.append(self.wish_ahead)
            self.wish_ahead = ""
        if not counted and not self.each and self._shared and shares_number(draft, line, between, self._dishes):
            draft.among = [*(draft.among or draft.lines[-1:]), line]
        else:
            self._shared = counted
        self._uncounted = None if counted or self.weighed or self.each else line
        if line.qty == 0:
            line.qty, draft.odd, self.unsure = 1, True, True
        if self.weighed or self.unsure:
            draft.unsure.append(line.sku)
        draft.weighed |= self.weighed
        self.weighed = self.unsure = False
        draft.lines.append(line)

    def count_last(self, many: int) -> None:
        """A number that stands behind its dish."""
        last = self._draft.lines[-1]
        last.qty, self._uncounted, self._shared = many, None, False
        if self._draft.among[-1:] == [last]:
            self._draft.among = self._draft.among[:-1] if len(self._draft.among) > 2 else []
        self._draft.counted = True

    def late(self, many: int) -> None:
        """A number with nothing behind it: it is the last dish's, if that has none: "unos de pastor… como cinco"."""
        draft = self._draft
        if self._uncounted is not None:
            self._uncounted.qty, self._uncounted = many, None
        elif draft.lines or (draft.open is None and not draft.assorted):
            return
        elif draft.open is None:
            draft.open = self._dishes.menu.categories[0].id, many
        elif draft.open[1] == 1:
            draft.open = draft.open[0], many

    def go_on_about(self, sku: str) -> bool:
        """ "… y 3 de chorizo, los de chorizo sin cebolla": what follows is about a line that was said before."""
        lines = self._draft.lines
        said = next((line for line in reversed(lines) if line.sku == sku), None)
        if said is None or self.each:
            return False
        lines.sort(key=lambda line: line is said)
        self._uncounted = None
        return True

    def is_of_last_kind(self, sku: str, between: Sequence[Token]) -> bool:
        """ "dos aguas … de jamaica": the last line was but a kind, and this is which."""
        kind, line = self.kinds[-1] if self.kinds else ("", None)
        goes_on = not any(word.word in BREAKS or word.word in ALSO for word in between)
        last = self._draft.lines[-1] if self._draft.lines else None
        if line is None or line is not last or self._dishes.head(sku) != kind or not goes_on:
            return False
        line.sku = sku
        return True

    def take_back(self, named: Sequence[Token]) -> None:
        """The last line is nothing that we have, as it turns out."""
        draft, line = self._draft, self._draft.lines.pop()
        draft.unknown.append(" ".join(word.raw for word in named))
        draft.among = [one for one in draft.among if one is not line]
        self._uncounted = None

    def close(self) -> None:
        """All has been read."""
        self._said_in_parts()
        take_apart(self._draft, self._dishes)

    def _said_in_parts(self) -> None:
        """ "dos tortas: una de milanesa y otra de pastor": two, and not four."""
        lines = self._draft.lines
        for kind, line in self.kinds:
            others = [one for one in lines if one is not line and self._dishes.head(one.sku) == kind]
            if any(line is one for one in lines) and sum(one.qty for one in others) == line.qty > 1:
                self._draft.lines = lines = [one for one in lines if one is not line]
