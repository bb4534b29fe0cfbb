"""Diminutives: a "coquita" is a coca, and two "taquitos" are two tacos."""

from __future__ import annotations

import re

_DIMINUTIVE = re.compile(r"(\w{2,}?)(c?it)[oa]\Z")
_ENDINGS = ("", "a", "o", "e")


def undiminished(word: str) -> list[str]:
    """What a word in the singular may be the diminutive of, the likeliest first; nothing if it is none."""
    match = _DIMINUTIVE.match(word)
    if match is None:
        return []
    stem = match[1]
    respelled = {"qu": "c", "gu": "g"}.get(stem[-2:])
    stems = [stem[:-2] + respelled, stem] if respelled else [stem]
    return [one + ending for one in stems for ending in _ENDINGS]
