"""The small values that models share: times as the wire wants them, and text that is safe to keep."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints


def format_time(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-11-20T21:30:00.123Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def to_milliseconds(at: datetime) -> datetime:
    """What survives a trip over the wire; a document must equal the one read back."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a time needs a zone (write it in UTC, ending in Z)")
    try:
        return to_milliseconds(at.astimezone(UTC))
    except OverflowError:
        raise ValueError("a time needs a year that the calendar has") from None


def absent(value: object) -> bool:
    """For `exclude_if`: a field that PROTOCOL marks with "?" is left out when there is nothing to say."""
    return value is None


# Characters that turn the direction of what is shown after them. They come along when a name or a number is copied.
_DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
# Control characters, and those that turn the direction of what a page shows after them.
_NO_TEXT = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)]) | _DIRECTIONS
# Letters and symbols by their category, and blank all the same.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def as_text(said: str) -> str:
    """Return the string without characters that are no text; for a model's words, which nobody can be asked to mend."""
    return said.translate(_NO_TEXT)


def _printable(text: str) -> str:
    text = text.replace("\r\n", "\n").translate(_DIRECTIONS)
    if any((ord(char) < 32 and char not in "\n\t") or 127 <= ord(char) < 160 for char in text):
        raise ValueError("control characters are not text")
    return text


def _visible(text: str) -> str:
    """A text of blanks and invisible characters says nothing, and shows as nobody's name."""
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

# As JSON has them: "3" is no number, and "yes" is no boolean.
Whole = Annotated[int, Field(strict=True)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]


def _one_line(text: str) -> str:
    if any(char in text for char in "\n\t"):
        raise ValueError("this is one line of text")
    return text


Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
    AfterValidator(_printable),
    AfterValidator(_one_line),
    AfterValidator(_visible),
]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_printable)]
# How much of it is a message is a setting (COMANDA_LIMIT_CHAT_CHARS): this is only what any message may be.
Prose = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=65_536),
    AfterValidator(_printable),
    AfterValidator(_visible),
]
# A note that has to say something.
Remark = Annotated[Note, Field(min_length=1), AfterValidator(_visible)]
# The same where nothing may be said as well.
Passage = Annotated[str, StringConstraints(strip_whitespace=True, max_length=65_536), AfterValidator(_printable)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Sku = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
CommandId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")]


class Value(BaseModel):
    """A fact that nobody changes: frozen, and without fields that nobody named."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Stored(BaseModel):
    """A document or an event of the log, or a part of one. Another version of the hub may have written it.

    Fields that this version does not know are kept and written back. A field that is added later needs a default, for
    documents that were written before it. An enumeration is read with `left_to_right`, so that a member that this
    version does not know stays a plain string. Checks of what people may say belong to commands, not here.

    Attributes:
        newest_schema: The newest `schema_version` that this version can read. It rises only when a field that exists
            changes its meaning; such a model declares the field `schema_version`. A document without one has version 1.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    newest_schema: ClassVar[int] = 1
