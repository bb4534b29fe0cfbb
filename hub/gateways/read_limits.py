"""Limits on the rooms that customers of one address read: their number and their bytes."""

from __future__ import annotations

import time
from collections.abc import Callable

from hub.config.limit_settings import RequestLimits
from hub.domain.roles import Principal
from hub.gateways.rate_limits import Buckets


class ReadLimits:
    """Two buckets for each address: one counts the rooms that are read, the other their bytes.

    The size of a room is known only after reading it. So a read needs one byte in the bucket, and its bytes are counted
    afterwards: the bucket may go below zero, and the address then waits until it is above. Staff and programs with a
    token have no limit.
    """

    def __init__(self, limits: RequestLimits, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rooms = Buckets(limits.reads_s, limits.reads_burst, monotonic)
        self._bytes = Buckets(limits.read_bytes_s, limits.read_bytes_burst, monotonic)

    def admit(self, principal: Principal, rooms: int = 1) -> None:
        """Count rooms that are about to be read. `count` must follow with their bytes.

        Raises:
            RateLimited: The address has read too much; the error says when to try again.
        """
        if not _is_counted(principal):
            return
        self._bytes.of(principal.address).require()
        self._rooms.of(principal.address).take()
        self._rooms.of(principal.address).spend(rooms - 1)

    def count(self, principal: Principal, size_bytes: int) -> None:
        """Count the bytes of the snapshots and events that were read."""
        if _is_counted(principal):
            self._bytes.of(principal.address).spend(size_bytes)


def _is_counted(principal: Principal) -> bool:
    """Return True for customers. A caller inside the hub has no address and is not counted."""
    return bool(principal.address) and not principal.is_staff
