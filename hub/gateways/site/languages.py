"""The language in which a visitor is shown a page, and the pages' texts in it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Protocol

LANGUAGES = ("es", "en")
COOKIE = "lang"  # what the visitor chose by the page's switch
VARY = "Accept-Language, Cookie"

_ELEMENT = re.compile(r'(<(\w+)\b[^>]*\bdata-i18n="([^"]+)"[^>]*>)[^<]*(</\2>)')
_ATTRIBUTES = re.compile(r'<[^>]*\bdata-i18n-attr="([^"]+)"[^>]*>')
_LANG = re.compile(r'(<html\b[^>]*\blang=")[^"]*(")')


class Asked(Protocol):
    """A request of aiohttp's, or as much of one as could be read."""

    @property
    def path(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def cookies(self) -> Mapping[str, str]: ...


def language_of(request: Asked, default: str = LANGUAGES[0]) -> str:
    """Return the language that a visitor chose, else the best of those that the browser asks for, else the default."""
    if (chosen := request.cookies.get(COOKIE)) in LANGUAGES:
        return str(chosen)
    return _accepted(request.headers.get("Accept-Language", "")) or default


def _accepted(header: str) -> str | None:
    """Return the first of the languages with the highest weight in an Accept-Language header."""
    best: tuple[float, str] | None = None
    for part in header.split(",")[:20]:
        name, _, parameters = part.partition(";")
        language = name.strip().lower().partition("-")[0]
        weight = _weight(parameters)
        if language in LANGUAGES and weight > (best[0] if best else 0.0):
            best = weight, language
    return best[1] if best else None


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def translated(page: str, language: str, texts: Mapping[str, str]) -> str:
    """Return a page's HTML with the texts of its `data-i18n` and `data-i18n-attr` in a language."""

    def element(match: re.Match[str]) -> str:
        text = texts.get(match[3])
        return match[0] if text is None else f"{match[1]}{html.escape(text, quote=False)}{match[4]}"

    def attributes(match: re.Match[str]) -> str:
        tag = match[0]
        for pair in match[1].split(";"):
            name, _, key = pair.partition(":")
            if key in texts:
                tag = _with_attribute(tag, name, html.escape(texts[key]))
        return tag

    page = _LANG.sub(rf"\g<1>{language}\g<2>", page, count=1)
    return _ATTRIBUTES.sub(attributes, _ELEMENT.sub(element, page))


def _with_attribute(tag: str, name: str, value: str) -> str:
    return re.sub(rf'(\s{re.escape(name)}=")[^"]*(")', lambda found: found[1] + value + found[2], tag)
