"""Limits on the rooms that customers of one address read: their number and their bytes."""

from __future__ import annotations

import time
from collections.abc import Callable

from hub.config import Limits
from hub.domain.roles import Principal
from hub.gateways.limits import Buckets


class Reads:
    """Two buckets an address: one counts rooms that are read, the other their bytes.

    A room's size is known only once it has been read. A read therefore needs one byte in the bucket, and takes what
    it brought afterwards: the bucket may go below zero, and the address waits until the debt is repaid. Staff and
    programs with a token read as much as they like.
    """

    def __init__(self, limits: Limits, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rooms = Buckets(limits.reads_s, limits.reads_burst, monotonic)
        self._bytes = Buckets(limits.read_bytes_s, limits.read_bytes_burst, monotonic)

    def admit(self, principal: Principal, rooms: int = 1) -> None:
        """Count rooms that are about to be read; `count` must follow with what they brought.

        Raises:
            RateLimited: The address has read too much; the error says when to try again.
        """
        if not _is_counted(principal):
            return
        self._bytes.of(principal.address).require()
        self._rooms.of(principal.address).take()
        self._rooms.of(principal.address).spend(rooms - 1)

    def count(self, principal: Principal, size_bytes: int) -> None:
        """Count the bytes of what was read: snapshots and events."""
        if _is_counted(principal):
            self._bytes.of(principal.address).spend(size_bytes)


def _is_counted(principal: Principal) -> bool:
    """Return True for customers; a caller inside the hub has no address."""
    return bool(principal.address) and not principal.is_staff
