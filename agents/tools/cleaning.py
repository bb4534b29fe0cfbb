"""Cleaning of the texts in a tool's result: people wrote them, and a model reads them."""

from __future__ import annotations

import unicodedata
from enum import Enum
from typing import Any, TypeVar

from pydantic import BaseModel

MAX_TEXT = 4_000  # characters of one text in a result; a summary of forty dishes fits
_MAX_ENTRIES = 100  # of one list
# What chat templates and markup are made of, as look-alikes: a note can't open a role, a tag or a code block.
_MARKS = str.maketrans({"<": "‹", ">": "›", "`": "'", "{": "(", "}": ")"})

Model = TypeVar("Model", bound=BaseModel)


def clean(text: str) -> str:
    """Return a text that people wrote as one line, without invisible characters and without anything like markup."""
    seen = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text)
    line = " ".join(seen.translate(_MARKS).split())
    return line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 1]}…"


def cleaned(model: Model) -> Model:
    """Return the model with every text in it cleaned, and with at most 100 entries in each list."""
    return model.model_copy(update={name: _cleaned(getattr(model, name)) for name in type(model).model_fields})


def _cleaned(value: Any) -> Any:
    match value:
        case BaseModel():
            return cleaned(value)
        case Enum():
            return value
        case str():
            return clean(value)
        case dict():
            return {clean(str(key)): _cleaned(one) for key, one in value.items()}
        case list() | tuple():
            return tuple(_cleaned(one) for one in value[:_MAX_ENTRIES])
        case _:
            return value
