"""Rules against PINs that are too easy to guess."""

from __future__ import annotations

from itertools import pairwise

from hub.core.errors import BadRequest

MIN_DIGITS = 6
MIN_CHARS = 8  # of a passphrase, which is any text that is not all digits
MAX_CHARS = 64
_MIN_DIFFERENT = 3


def require_strong(pin: str) -> None:
    """Refuse a PIN that is easy to guess.

    Existing PINs are not checked: they keep working.

    Raises:
        BadRequest: It is too short or too long, a sequence, a repetition, or of one or two different characters.
    """
    digits = pin.isascii() and pin.isdigit()
    if len(pin) > MAX_CHARS:
        raise _weak(f"has at most {MAX_CHARS} characters")
    if len(pin) < (MIN_DIGITS if digits else MIN_CHARS):
        raise _weak(f"has at least {MIN_DIGITS} digits, or {MIN_CHARS} characters if not all of them are digits")
    if _is_sequence(pin, 10 if digits else 0):
        raise _weak("is no sequence, like 123456 or 654321")
    if _is_repetition(pin) or len(set(pin)) < _MIN_DIFFERENT:
        raise _weak("is no repetition, like 111111 or 121212")


def _is_sequence(pin: str, around: int) -> bool:
    """Return True if each character is as far from the next as every other; `around` 10, as 8 9 0 1."""
    steps = {ord(after) - ord(before) for before, after in pairwise(pin)}
    return len({step % around for step in steps} if around else steps) == 1


def _is_repetition(pin: str) -> bool:
    """Return True if its beginning comes again and again, to the end."""
    return any(pin[period:] == pin[:-period] for period in range(1, len(pin) // 2 + 1))


def _weak(rule: str) -> BadRequest:
    return BadRequest(f"a PIN {rule}", field="pin")
