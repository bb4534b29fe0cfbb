"""How often one caller may ask: token buckets, by connection and by address."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice

from hub.domain.errors import RateLimited

_MOST_ADDRESSES = 50_000


class Bucket:
    """`burst` at once, refilled at `rate` a second; a rate of 0 means no limit."""

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
            RateLimited: With the time until the next one is welcome.
        """
        if self._rate:
            self.require()
            self._left -= 1

    def require(self) -> None:
        """Check that one more request may be counted, and count nothing.

        Raises:
            RateLimited: With the time until the next one is welcome.
        """
        if not self._rate:
            return
        self._refill()
        if self._left < 1:
            raise RateLimited("slow down", retry_after_s=(1 - self._left) / self._rate)

    def spend(self, amount: int) -> None:
        """Count what has already happened: the bucket may go below zero, and then has to fill up again first."""
        if self._rate:
            self._refill()
            self._left -= amount

    def _refill(self) -> None:
        now = self._monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now

    @property
    def is_full(self) -> bool:
        """Return True if nothing of it is used: a new bucket would be the same."""
        self._refill()
        return self._left >= self._burst

    def give_back(self) -> None:
        """Uncount one: it turned out to be somebody with a limit of their own."""
        self._left = min(self._burst, self._left + 1)


class Buckets:
    """A bucket for each of many keys.

    Buckets that have filled up again are forgotten as new keys come; past `_MOST_ADDRESSES`, so are the longest unused,
    which only ever forgives.
    """

    def __init__(self, rate: float, burst: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def of(self, key: str) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            self._forget_full()
            bucket = self._buckets[key] = Bucket(self._rate, self._burst, self._monotonic)
            if len(self._buckets) > _MOST_ADDRESSES:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket

    def __len__(self) -> int:
        return len(self._buckets)

    def _forget_full(self) -> None:
        """Forget up to two of the longest unused, so that the table shrinks faster than it grows."""
        for key in list(islice(self._buckets, 2)):
            if not self._buckets[key].is_full:
                return
            del self._buckets[key]
