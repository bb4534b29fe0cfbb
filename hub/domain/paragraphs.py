"""Cuts a long text into the messages of a messenger, where a reader would pause."""

from __future__ import annotations

import re
from math import ceil

SHORTEST, LONGEST = 100, 200  # characters of a message, where the text allows it
MOST = 8  # messages of one text; a longer text has longer messages instead
# Where a text may be cut, the best place first: after a paragraph, a line, a sentence, a clause, a word.
_SENTENCE = r"(?:(?<=[.!?…])|(?<=[.!?…][\"»”)]))\s+"  # its closing quotation mark stays with it
_BREAKS = tuple(map(re.compile, (r"\n\s*\n\s*", r"\n\s*", _SENTENCE, r"(?<=[,;:])\s+", r"\s+")))


def paragraphs(text: str) -> tuple[str, ...]:
    """Return the messages of a text, in order; none for an empty one.

    Nothing is lost but white space at the cuts. A word is never cut, however long: it may be a link.

    Example:
        >>> paragraphs("Son dos gringas.")
        ('Son dos gringas.',)
    """
    left = text.strip()
    longest = max(LONGEST, ceil(len(left) / MOST * 1.5))
    found: list[str] = []
    while len(left) > longest:
        cut, after = _cut(left, longest)
        found.append(left[:cut])
        left = left[after:]
    return (*found, left) if left else tuple(found)


def _cut(text: str, longest: int) -> tuple[int, int]:
    """Return where the first message of a text ends, and where the next one begins."""
    for place in _BREAKS:
        within = [each.span() for each in place.finditer(text, SHORTEST) if each.start() <= longest]
        if within:
            return within[-1]
    space = re.search(r"\s+", text)  # the words up to here are longer than a message
    return space.span() if space else (len(text), len(text))
