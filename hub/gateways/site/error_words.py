"""The words of the error page."""

from __future__ import annotations

import html
from collections.abc import Mapping

_OWN_WORDS = frozenset({"404", "405", "413", "429", "431", "503"})
_OFFLINE_RETRY_S = 3
_ROOT = "{{root}}"


def filled(page: str, words: Mapping[str, str], status: str, *, root: str, retry_s: int) -> str:
    """Return the error page's HTML.

    Args:
        page: With its holes.
        status: The HTTP status; empty: there is no line to the hub.
        root: The way from the page's address to the site's beginning.
        retry_s: When the page tries again; 0: never.
    """
    own = status if status in _OWN_WORDS else "offline" if not status else "4xx" if status < "500" else "500"
    values = {
        _ROOT: root,
        "{{status}}": status,
        "{{title}}": words[f"error_page.{own}.title"],
        "{{text}}": words[f"error_page.{own}.text"],
        "{{retry_s}}": str(retry_s),
        "{{retry}}": words["error_page.retry_in"],
    }
    for hole, value in values.items():
        page = page.replace(hole, html.escape(value))
    return page


def offline_page(page: str, words: Mapping[str, str]) -> str:
    """Return the page that the service worker shows without a line; the worker fills in the site's beginning."""
    return filled(page, words, "", root=_ROOT, retry_s=_OFFLINE_RETRY_S)
