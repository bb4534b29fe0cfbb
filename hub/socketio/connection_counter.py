"""The number of connections of each address, over all gateways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


class ConnectionCounter:
    """Counts the connections of each address, and bounds them.

    Args:
        limit: The most connections of one address; 0 for no limit.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: Counter[str] = Counter()

    def take(self, address: str) -> bool:
        """Count one more connection and return True, or return False if the address has as many as it may have."""
        if self._limit and self._open[address] >= self._limit:
            return False
        self._open[address] += 1
        return True

    def give_back(self, address: str) -> None:
        """Count one connection less."""
        self._open[address] -= 1
        if self._open[address] <= 0:
            del self._open[address]

    @property
    def by_address(self) -> Mapping[str, int]:
        """The number of connections of each address. It is the live mapping: read it at once, and do not keep it."""
        return self._open

    @property
    def total(self) -> int:
        """The number of connections of all addresses."""
        return self._open.total()
