"""Phone numbers: the notation that is accepted, and the comparison of two numbers."""

from __future__ import annotations

# 7 to 20 digits, with the separators that people write between them.
PHONE_PATTERN = r"^\+?([ ()-]*[0-9]){7,20}[ ()-]*$"
MAX_PHONE_CHARS = 21

_MIN_DIGITS = 7
_LOCAL_DIGITS = 10  # of a Mexican number, without country code and prefix


def local_number(number: str) -> str:
    """Return the last ten digits of a number; an empty text if it has too few digits to be one.

    Numbers of orders placed before the pattern required digits may be anything.
    """
    digits = _digits(number)
    return digits[-_LOCAL_DIGITS:] if len(digits) >= _MIN_DIGITS else ""


def same_phone(one: str, other: str) -> bool:
    """Return True if two numbers are the same, however they are written.

    Where both have a country code (they begin with "+"), all digits decide; otherwise the last ten.
    """
    if not local_number(one) or local_number(one) != local_number(other):
        return False
    coded = one.startswith("+") and other.startswith("+")
    return not coded or _digits(one) == _digits(other)


def _digits(number: str) -> str:
    return "".join(filter(str.isdigit, number))
