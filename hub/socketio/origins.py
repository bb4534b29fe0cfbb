"""The check of the page that wants to connect, by its origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from aiohttp import web

_PORTS: Mapping[str, int] = {"http": 80, "https": 443}


class Origins:
    """Decides which pages may connect.

    A request without an Origin is not a browser's cross-site request, and passes. With no list given, a page passes if
    it is of the host that the request's Host header names. `X-Forwarded-Host` is ignored, since anybody can send it.

    Args:
        allowed: Full origins, `https://example.org`; `*` for any. If any are given, they alone pass.
        public: The site's own origin, which passes beside them; a proxy may have replaced the Host header.
    """

    def __init__(self, allowed: Sequence[str] = (), public: str = "") -> None:
        self._any = "*" in allowed
        self._listed = bool(allowed)
        self._allowed = frozenset(map(_normal, allowed)) - {""}
        self._public = _normal(public)

    def allow(self, origin: str | None, host: str | None) -> bool:
        """Return True if a page of `origin` may make a request with this Host header."""
        if origin is None or self._any:
            return True
        if self._public and _normal(origin) == self._public:
            return True
        if self._listed:
            return _normal(origin) in self._allowed
        own = _normal(f"{origin.partition('://')[0]}://{host}") if host else ""
        return bool(own) and _normal(origin) == own

    def allow_request(self, request: web.BaseRequest) -> bool:
        """Return True if the page that made the request may make it."""
        return self.allow(request.headers.get("Origin"), request.headers.get("Host"))


def _normal(origin: str) -> str:
    """Return an origin in lower case, without its scheme's default port; empty if it is no origin."""
    try:
        parts = urlsplit(origin.lower())
        port = parts.port
    except ValueError:
        return ""
    if not parts.scheme or not parts.hostname:
        return ""
    if port is None or port == _PORTS.get(parts.scheme):
        return f"{parts.scheme}://{parts.hostname}"
    return f"{parts.scheme}://{parts.hostname}:{port}"
