"""Order numbers, and the short codes by which people call orders out across a counter."""

from __future__ import annotations

from collections.abc import Callable

# No vowels: a number is never a word. Of each pair that looks or sounds alike (2Z 5S 8B VW MN), only the first; neither
# of 0O and 1I.
LETTERS = "23456789CDFGHJKMPQRTVX"
# A tracking link is made from the id: one that came back years later would open somebody else's order.
# At a thousand orders a day, the first of ten letters to come back is due after some twenty years (n²/2 ≈ 22¹⁰).
_ID_LETTERS = 10
_CODE_LETTERS = 4
_LOOK_ALIKE = str.maketrans("ZSBWNOI", "258VM01")


def new_id(choice: Callable[[str], str]) -> str:
    """Return a random order number.

    Args:
        choice: Picks one of the letters at random.
    """
    return "PED" + "".join(choice(LETTERS) for _ in range(_ID_LETTERS))


def code_of(order_id: str) -> str:
    """Return the code of an order: the end of its number."""
    return order_id[-_CODE_LETTERS:]


def heard_as(code: str) -> str:
    """Return the code with one letter of each look-alike pair: two codes that people mistake for each other are equal.

    Orders of older hubs have codes with the other letters.
    """
    return code.upper().translate(_LOOK_ALIKE)
