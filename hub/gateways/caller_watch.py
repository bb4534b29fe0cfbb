"""Detects a proxy that hides its callers, so that the hub counts all customers as one address."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import ip_address

import structlog

from hub.gateways.hourly import Hourly
from hub.gateways.peer import Proxies
from hub.socketio.connection_counter import ConnectionCounter
from hub.store.warnings import WarningBoard

logger = structlog.get_logger(__name__)

ONE_ADDRESS = "one-address"
_MIN_CONNECTIONS = 30  # fewer may be one household, or one person with many tabs


class CallerWatch:
    """Checks the addresses of connections, and warns when only a proxy can explain them.

    All callers then share one address's limits, and one greedy caller shuts out all others.
    """

    def __init__(
        self,
        connections: ConnectionCounter,
        proxies: Proxies,
        board: WarningBoard,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections
        self._proxies = proxies
        self._board = board
        self._hourly = Hourly(monotonic)

    async def look(self) -> None:
        """Log the warning at most once an hour, and store it for `comanda doctor`.

        Raises:
            Unavailable: Redis did not answer in time; the warning is in the log all the same.
        """
        text = self._found()
        if text is None or not self._hourly.is_due():
            return
        logger.warning("callers.one_address", advice=text)
        await self._board.put(ONE_ADDRESS, text)

    def _found(self) -> str | None:
        if (untrusted := self._proxies.untrusted) is not None:
            return (
                f"requests from {untrusted} carry X-Forwarded-For, and COMANDA_TRUSTED_PROXIES does not name it: "
                "if that is your proxy, all its callers count as one address"
            )
        addresses = self._connections.by_address
        if len(addresses) != 1 or self._connections.total < _MIN_CONNECTIONS:
            return None
        address = next(iter(addresses))
        if not _is_inside(address):
            return None
        return (
            f"all {self._connections.total} connections come from {address}: if a proxy runs there, it must send "
            "X-Forwarded-For, and COMANDA_TRUSTED_PROXIES must name it"
        )


def _is_inside(address: str) -> bool:
    """Return True for this machine and for private networks: no customer's address on the internet."""
    try:
        known = ip_address(address)
    except ValueError:
        return True  # a unix socket
    return known.is_private or known.is_loopback
