"""Dishes that share one number: "five of pastor and suadero". Which are how many has to be asked."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from agents.offline.text.words import ALSO, FILLERS, amount, bare, tokens

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes
    from agents.offline.reading.wanted import Draft, Wanted
    from agents.offline.text.words import Token

ASSORTED = re.compile(r"\b(?:surtid[oa]s?|variad[oa]s?|revuelt[oa]s?|combinad[oa]s?|assorted|de todo un poco)\b")
_EVENLY = re.compile(
    r"\b(?:mitad|half|parejos?|iguales|igual|even(?:ly)?|tu (?:decide|dime|elige|escoge)s?|como (?:quieras|sea)|"
    r"como tu quieras|lo que sea|you (?:choose|pick|decide)|whatever|surpris\w+)\b"
)


def shares_number(draft: Draft, line: Wanted, between: list[Token], dishes: Dishes) -> bool:
    """Whether a dish without a number shares that of the one before: of a kind, and nothing but "and" between."""
    before = draft.lines[-1] if draft.lines else None
    if before is None or before.notes or (before.qty < 2 and not draft.among):
        return False
    kinds = {dishes.menu.by_sku[one.sku].category for one in (before, line)}
    return len(kinds) == 1 and all(word.word in ALSO or word.word in FILLERS or word.word == "," for word in between)


def take_apart(draft: Draft, dishes: Dishes) -> None:
    """What shares a number is not ordered yet: it is asked for."""
    if not draft.among:
        return
    first = draft.among[0]
    draft.lines = [line for line in draft.lines if not any(line is one for one in draft.among)]
    draft.open = dishes.menu.by_sku[first.sku].category, first.qty


def shared_out(draft: Draft, said: Draft, text: str) -> list[Wanted]:
    """The answer to "how many of each?"; nothing if it is none.

    "Three and two", "three of pastor" (the others are suadero), or "as you like": as evenly as it goes.
    """
    if not draft.among or draft.open is None:
        return []
    many = draft.open[1]
    numbers = [value for word in tokens(text) if (value := amount(word)) is not None]
    named = {line.sku: line for line in said.lines}
    missing = [one for one in draft.among if one.sku not in named]
    if not named and len(numbers) == len(draft.among) and sum(numbers) == many:
        return [replace(one, qty=qty) for one, qty in zip(draft.among, numbers, strict=True)]
    if not named and not numbers and _EVENLY.search(bare(text)):
        each, more = divmod(many, len(draft.among))
        return [replace(one, qty=each + (n < more)) for n, one in enumerate(draft.among) if each or n < more]
    rest = many - sum(line.qty for line in said.lines)
    if said.counted and len(said.lines) == len(draft.among) - 1 and len(missing) == 1 and rest > 0:
        return [*said.lines, replace(missing[0], qty=rest)]
    if said.counted and named and not missing:
        notes = {one.sku: one.notes for one in draft.among}
        return [replace(line, notes=line.notes or notes.get(line.sku, [])) for line in said.lines]
    return []
