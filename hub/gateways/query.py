"""Query parameters: each is declared once, and both its reading and its OpenAPI schema come from there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from aiohttp import web

from hub.core.errors import BadRequest

MAX_DIGITS = 16
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
E = TypeVar("E", bound=StrEnum)


class Parameter(Protocol):
    """A query parameter, as OpenAPI describes it."""

    @property
    def name(self) -> str:
        """Return its name in the query."""

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of its values."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, taken as it is."""

    name: str

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of its values."""
        return {"type": "string"}

    def read(self, request: web.Request) -> str | None:
        """Return the text; None if it was not given."""
        return request.query.get(self.name)


@dataclass(frozen=True, slots=True)
class TextList:
    """Several texts, separated by commas."""

    name: str

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of its values."""
        return {"type": "string", "description": "Comma-separated."}

    def read(self, request: web.Request) -> tuple[str, ...] | None:
        """Return the texts; None if none was given."""
        given = request.query.get(self.name)
        return tuple(part for part in given.split(",") if part) if given else None


@dataclass(frozen=True, slots=True)
class Flag:
    """A switch that is on if its value is `true`."""

    name: str

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of its values."""
        return {"type": "string", "enum": ["true"]}

    def read(self, request: web.Request) -> bool:
        """Return True if the switch is on."""
        return request.query.get(self.name) == "true"


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A whole number of at least 0."""

    name: str

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of its values."""
        return {"type": "integer", "minimum": 0, "maximum": 10**MAX_DIGITS - 1}

    def read(self, request: web.Request) -> int | None:
        """Return the number; None if it was not given.

        Raises:
            BadRequest: The text is not a whole number of at most 16 digits.
        """
        text = request.query.get(self.name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit()) or len(text) > MAX_DIGITS:
            raise BadRequest(f"{self.name} must be a whole number", field=self.name)
        return int(text)


@dataclass(frozen=True, slots=True)
class CalendarDate:
    """A date such as `2026-11-20`."""

    name: str

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of its values."""
        return {"type": "string", "format": "date"}

    def read(self, request: web.Request) -> date | None:
        """Return the date; None if it was not given.

        Raises:
            BadRequest: The text is not a date, or one at the ends of the calendar.
        """
        text = request.query.get(self.name)
        if not text:
            return None
        try:
            found = date.fromisoformat(text) if _DATE.fullmatch(text) else None
        except ValueError:
            found = None
        if found is None or not _FIRST_YEAR <= found.year <= _LAST_YEAR:
            raise BadRequest(f"{self.name} must be a date like 2026-11-20", field=self.name)
        return found


@dataclass(frozen=True, slots=True)
class PageSize:
    """The number of entries on a page; numbers out of range are moved into it."""

    default: int
    most: int
    name: str = "limit"

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of its values."""
        return {"type": "integer", "minimum": 1, "maximum": self.most, "default": self.default}

    def read(self, request: web.Request) -> int:
        """Return the number of entries.

        Raises:
            BadRequest: The text is not a whole number.
        """
        number = WholeNumber(self.name).read(request)
        return self.default if number is None else max(1, min(number, self.most))


@dataclass(frozen=True, slots=True)
class Choice(Generic[E]):
    """One member of an enumeration."""

    name: str
    kind: type[E]

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of its values."""
        return {"type": "string", "enum": [str(member) for member in self.kind]}

    def read(self, request: web.Request) -> E | None:
        """Return the member; None if none was given.

        Raises:
            BadRequest: The enumeration has no such member.
        """
        text = request.query.get(self.name)
        if not text:
            return None
        try:
            return self.kind(text)
        except ValueError:
            raise BadRequest(f"{self.name} must be one of {', '.join(self.kind)}", field=self.name) from None
