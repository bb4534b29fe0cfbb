"""Texts in the two languages of a branch."""

from __future__ import annotations

from typing import Literal, NamedTuple

Lang = Literal["es", "en"]


class Text(NamedTuple):
    """One text in Spanish and in English."""

    es: str
    en: str

    def in_(self, lang: Lang) -> str:
        """Return the text in one language."""
        return self.es if lang == "es" else self.en
