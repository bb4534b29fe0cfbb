"""Who may connect: pages of which origins, and how many connections an address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from aiohttp import web

_PORTS: Mapping[str, int] = {"http": 80, "https": 443}


class Origins:
    """Which pages may talk to us.

    A request without an Origin is not a browser's cross-site one, and passes. With no list given, a page of the
    host that the request itself names passes; `X-Forwarded-Host` says nothing, since anybody can send it.

    Args:
        allowed: Full origins, `https://tacos.example`; `*` for any. When given, they alone pass.
    """

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._any = "*" in allowed
        self._listed = bool(allowed)
        self._allowed = frozenset(map(_normal, allowed)) - {""}

    def allow(self, origin: str | None, host: str | None) -> bool:
        """Whether a page of `origin` may make a request with this Host header."""
        if origin is None or self._any:
            return True
        if self._listed:
            return _normal(origin) in self._allowed
        own = _normal(f"{origin.partition('://')[0]}://{host}") if host else ""
        return bool(own) and _normal(origin) == own

    def allow_request(self, request: web.BaseRequest) -> bool:
        return self.allow(request.headers.get("Origin"), request.headers.get("Host"))


class Connections:
    """How many connections each address has; one count for all doors.

    Args:
        limit: At most so many an address; 0 for no limit.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: Counter[str] = Counter()

    def take(self, address: str) -> bool:
        """Count one more, if there may be one more. Whoever took one gives it back."""
        if self._limit and self._open[address] >= self._limit:
            return False
        self._open[address] += 1
        return True

    def give_back(self, address: str) -> None:
        self._open[address] -= 1
        if self._open[address] <= 0:
            del self._open[address]

    @property
    def by_address(self) -> Mapping[str, int]:
        """The number of connections of each address. It is the live mapping: read it at once, and do not keep it."""
        return self._open

    @property
    def total(self) -> int:
        return self._open.total()


def _normal(origin: str) -> str:
    """Lower case, and without the port that its scheme has anyway; empty if it is no origin."""
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
