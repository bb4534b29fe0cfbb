"""Rate limits as token buckets, by connection and by address."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice

from hub.core.errors import RateLimited

_MAX_ADDRESSES = 50_000


class Bucket:
    """A token bucket: `burst` requests at once, refilled at `rate` a second. A rate of 0 means no limit."""

    __slots__ = ("_at", "_burst", "_left", "_monotonic", "_rate")

    def __init__(self, rate: float, burst: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = max(1, burst)
        self._left = float(self._burst)
        self._monotonic = monotonic
        self._at = monotonic()

    def take(self) -> None:
        """Count one request.

        Raises:
            RateLimited: The bucket is empty; the error says when it has one again.
        """
        if self._rate:
            self.require()
            self._left -= 1

    def require(self) -> None:
        """Check that one more request may be counted, and count nothing.

        Raises:
            RateLimited: The bucket is empty; the error says when it has one again.
        """
        if not self._rate:
            return
        self._refill()
        if self._left < 1:
            raise RateLimited("too many requests; slow down", retry_after_s=(1 - self._left) / self._rate)

    def spend(self, amount: int) -> None:
        """Count what has already happened. The bucket may go below zero, and must then fill up first."""
        if self._rate:
            self._refill()
            self._left -= amount

    def _refill(self) -> None:
        now = self._monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now

    @property
    def is_full(self) -> bool:
        """Return True if the bucket is equal to a new one."""
        self._refill()
        return self._left >= self._burst

    def give_back(self) -> None:
        """Return one request to the bucket: its caller turned out to have a separate limit."""
        self._left = min(self._burst, self._left + 1)


class Buckets:
    """One bucket for each of many keys.

    When new keys come, buckets that are full again are forgotten. Past `_MAX_ADDRESSES` the least recently used ones
    are forgotten as well, in favour of their callers.
    """

    def __init__(self, rate: float, burst: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def of(self, key: str) -> Bucket:
        """Return the bucket of a key, a new one if there is none."""
        bucket = self._buckets.get(key)
        if bucket is None:
            self._forget_full()
            bucket = self._buckets[key] = Bucket(self._rate, self._burst, self._monotonic)
            if len(self._buckets) > _MAX_ADDRESSES:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket

    def __len__(self) -> int:
        return len(self._buckets)

    def _forget_full(self) -> None:
        """Forget up to two of the least recently used buckets, so that the table shrinks faster than it grows."""
        for key in list(islice(self._buckets, 2)):
            if not self._buckets[key].is_full:
                return
            del self._buckets[key]
