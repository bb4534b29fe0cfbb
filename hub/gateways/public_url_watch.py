"""Compares the address under which customers open pages with the one that the hub puts into links."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from hub.gateways.hourly import Hourly
from hub.gateways.peer import Proxies
from hub.store.warnings import WarningBoard

logger = structlog.get_logger(__name__)

OTHER_URL = "public-url"


class PublicUrlWatch:
    """Remembers under which address a customers' page was opened last, and warns if links lead elsewhere.

    Addresses without a name, as tablets in the kitchen and health checks use them, prove nothing.

    Args:
        public_url: `COMANDA_PUBLIC_URL`; empty: there is nothing to compare.
        proxies: Their word about the address counts.
    """

    def __init__(
        self,
        public_url: str,
        proxies: Proxies,
        board: WarningBoard,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._public = _normal(public_url) if public_url else ""
        self._proxies = proxies
        self._board = board
        self._hourly = Hourly(monotonic)
        self._other = ""

    def opened(self, request: web.BaseRequest) -> None:
        """Remember the address of a request for a customers' page."""
        if not self._public:
            return
        seen = self._address_of(request)
        if seen:
            self._other = "" if seen == self._public else seen

    async def look(self) -> None:
        """Log the warning at most once an hour, and store it for `comanda doctor`.

        Raises:
            Unavailable: Redis did not answer in time; the warning is in the log all the same.
        """
        if not self._other or not self._hourly.is_due():
            return
        text = f"customers open pages at {self._other}, and links lead to {self._public} (COMANDA_PUBLIC_URL)"
        logger.warning("public_url.differs", advice=text)
        await self._board.put(OTHER_URL, text)

    def _address_of(self, request: web.BaseRequest) -> str:
        """Return the address that the browser shows, as far as the request tells; empty if it has no name."""
        headers = request.headers if self._proxies.trusts(request) else {}
        scheme = headers.get("X-Forwarded-Proto", request.scheme)
        host = headers.get("X-Forwarded-Host") or request.headers.get("Host", "")
        # A proxy that takes the path away seldom says so: without a word about it, it is taken to be right.
        path = headers.get("X-Forwarded-Prefix", urlsplit(self._public).path)
        seen = _normal(f"{scheme}://{host}{path.rstrip('/')}")
        return seen if _has_name(seen) else ""


def _has_name(url: str) -> bool:
    host = urlsplit(url).hostname or "localhost"
    try:
        ip_address(host)
    except ValueError:
        return host != "localhost"
    return False


def _normal(url: str) -> str:
    """Return a URL in lower case up to its path, without its scheme's default port; empty if it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    default = {"http": 80, "https": 443}.get(parts.scheme)
    suffix = "" if port in (None, default) else f":{port}"
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{suffix}{parts.path}"
