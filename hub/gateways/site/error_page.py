"""Errors of a navigation, as a page that a person can read. Programs get JSON."""

from __future__ import annotations

import math

from aiohttp import hdrs, web

from hub.core.errors import ComandaError
from hub.gateways.site.error_words import filled
from hub.gateways.site.languages import VARY, Asked, language_of
from hub.gateways.site.site_build import Site

VERSION_HEADER = "Comanda-Version"  # says that the hub itself made a page, and in which version of the site
_MAX_DEPTH = 8
_RETRY_S = 5


def is_navigation(request: Asked) -> bool:
    """Return True if a person opens this address in a browser; scripts and programs do not count."""
    mode = request.headers.get("Sec-Fetch-Mode")
    if mode is not None:
        return mode == "navigate"
    return "text/html" in request.headers.get(hdrs.ACCEPT, "")


class ErrorPages:
    """The error page in the visitor's language."""

    def __init__(self, site: Site, default_language: str) -> None:
        self._site = site
        self._default_language = default_language

    def response(self, request: Asked, error: ComandaError, status: int, *, root: str | None = None) -> web.Response:
        """Return the page for an error.

        Args:
            root: The site's beginning, if the request's path does not tell the way there.
        """
        language = language_of(request, self._default_language)
        if root is None:
            root = "../" * min(request.path.count("/") - 1, _MAX_DEPTH) or "./"
        retry_s = math.ceil(error.retry_after_s or 0) or (_RETRY_S if error.retryable else 0)
        words = self._site.texts[language]
        page = filled(self._site.errors[language], words, str(status), root=root, retry_s=retry_s)
        headers = {hdrs.CONTENT_LANGUAGE: language, hdrs.VARY: VARY, VERSION_HEADER: self._site.files.version}
        return web.Response(text=page, status=status, content_type="text/html", charset="utf-8", headers=headers)
