"""The small values that models share: times as the wire wants them, and text that is safe to keep."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints

from hub.core.times import format_time


def to_milliseconds(at: datetime) -> datetime:
    """Return a time in whole milliseconds, as it survives the way over the wire."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a time needs a zone (write it in UTC, ending in Z)")
    try:
        return to_milliseconds(at.astimezone(UTC))
    except OverflowError:
        raise ValueError("a time needs a year that the calendar has") from None


def stored_as(name: str) -> Any:
    """Return the declaration of a field that documents keep under another name than Python does."""
    return Field(validation_alias=name, serialization_alias=name)


def absent(value: object) -> bool:
    """For `exclude_if`: a field that PROTOCOL marks with "?" is left out when there is nothing to say."""
    return value is None


# Characters that change the text direction. They are often copied together with a name or a number.
_DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
# Control characters, and those that change the text direction.
_NO_TEXT = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)]) | _DIRECTIONS
# Characters whose category is a letter or symbol, but which are invisible.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def as_text(said: str) -> str:
    """Return the string without characters that are not text; for a model's output, which no user can correct."""
    return said.translate(_NO_TEXT)


def _printable(text: str) -> str:
    text = text.replace("\r\n", "\n").translate(_DIRECTIONS)
    if any((ord(char) < 32 and char not in "\n\t") or 127 <= ord(char) < 160 for char in text):
        raise ValueError("control characters are not text")
    return text


def _visible(text: str) -> str:
    """Refuse a text without visible characters."""
    if not any(char not in _BLANK and unicodedata.category(char)[0] in "LNPS" for char in text):
        raise ValueError("the text has no visible characters")
    return text


def _written(at: object) -> object:
    """A time is written out: a bare number is no time, whatever it counts."""
    if not isinstance(at, str | datetime):
        raise ValueError("a time is written like 2026-11-20T21:30:00Z")
    return at


Time = Annotated[
    datetime, BeforeValidator(_written), AfterValidator(_aware), PlainSerializer(format_time, return_type=str)
]

# Strict, like JSON: "3" is not a number, and "yes" is not a boolean.
Whole = Annotated[int, Field(strict=True)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]


def _one_line(text: str) -> str:
    if any(char in text for char in "\n\t"):
        raise ValueError("this is one line of text")
    return text


SingleLine = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
    AfterValidator(_printable),
    AfterValidator(_one_line),
    AfterValidator(_visible),
]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_printable)]
# The absolute limit of a message; the setting COMANDA_LIMIT_CHAT_CHARS may be lower.
Prose = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=65_536),
    AfterValidator(_printable),
    AfterValidator(_visible),
]
# A note that must not be empty.
Remark = Annotated[Note, Field(min_length=1), AfterValidator(_visible)]
# A note that may be empty.
Passage = Annotated[str, StringConstraints(strip_whitespace=True, max_length=65_536), AfterValidator(_printable)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Sku = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
CommandId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")]


class Value(BaseModel):
    """A frozen model without unknown fields. The input of clients consists of these."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Stored(BaseModel):
    """A document or an event of the log, or a part of one. Another version of the hub may have written it.

    Fields that this version does not know are kept and written back. A field that is added later needs a default, for
    documents that were written before it. An enumeration is read with `left_to_right`, so that a member that this
    version does not know stays a plain string. A field that has another name in Python keeps its stored name by
    `stored_as`. Checks of what people may say belong to commands, not here.

    Attributes:
        newest_schema: The newest `schema_version` that this version can read. It rises only when a field that exists
            changes its meaning; such a model declares the field `schema_version`. A document without one has version 1.
    """

    model_config = ConfigDict(
        frozen=True, extra="allow", serialize_by_alias=True, validate_by_name=True, validate_by_alias=True
    )
    newest_schema: ClassVar[int] = 1
