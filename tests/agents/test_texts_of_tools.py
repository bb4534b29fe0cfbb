"""The sentences of the agent's tools say the same in both languages."""

from __future__ import annotations

import string

from agents import texts
from hub.domain.texts import Text


def values(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_a_sentence_takes_the_same_values_in_both_languages() -> None:
    catalogue = {name: text for name, text in vars(texts).items() if isinstance(text, Text)}
    assert catalogue
    assert [name for name, text in catalogue.items() if values(text.es) != values(text.en)] == []
