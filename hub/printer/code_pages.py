"""Text in the characters of a printer's code page."""

from __future__ import annotations

import unicodedata
from typing import Literal

CodePage = Literal["cp858", "cp850", "cp1252"]

_INSTEAD = {"–": "-", "—": "-", "…": "...", "‘": "'", "’": "'", "“": '"', "”": '"', "\t": " ", "\xa0": " "}


def printable(text: str, code_page: CodePage) -> str:
    """Return a text of characters that the code page has, and of no commands: names and notes come from strangers.

    Letters without a place in the code page lose their accents, and what is no letter is left out.
    """
    return "".join(_in_page(char, code_page) for char in text)


def _in_page(char: str, code_page: CodePage) -> str:
    if char == "\n":
        return char
    char = _INSTEAD.get(char, char)
    if unicodedata.category(char[0]).startswith("C"):
        return ""
    for form in (char, unicodedata.normalize("NFKD", char)):
        if known := "".join(part for part in form if _has(code_page, part)):
            return known
    return "?" if unicodedata.category(char[0]).startswith("L") else ""


def _has(code_page: CodePage, char: str) -> bool:
    try:
        char.encode(code_page)
    except UnicodeEncodeError:
        return False
    return True
