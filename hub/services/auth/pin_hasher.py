"""Argon2 for PINs. It is slow and needs much memory on purpose, so it runs on threads with bounded queues."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from hub.core.errors import RateLimited

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")

_RETRY_AFTER_S = 1.0
_MAX_OF_ONE_ADDRESS = 2  # places that strangers from one address may have: others find one as well
# The niceness of the threads: the event loop goes first, then known accounts. With 200 wrong logins a second on two
# busy cores, threads of the loop's own priority delayed it by 1.2 s, these by 0.04 s. With a higher value, a right PIN
# waits on a busy machine.
_NICE_KNOWN, _NICE_STRANGERS = 2, 5


@dataclass(frozen=True, slots=True)
class Cost:
    """The work of one hash: argon2id's passes, memory, and lanes.

    One lane, as a hash then takes one thread: with the library's four, a flood of logins kept all cores of a small
    machine busy, and the event loop waiting.
    """

    passes: int = 3
    memory_kib: int = 65_536
    lanes: int = 1


class PinHasher:
    """Hashes PINs and verifies them, never on the event loop.

    Known devices have a thread of their own, so they never wait behind strangers.

    Args:
        waiting: The most hashes that wait for either thread; 0 for no limit.
    """

    def __init__(self, waiting: int, cost: Cost | None = None) -> None:
        self._cost = cost or Cost()
        self._strangers = _Thread("pin-strangers", waiting, _NICE_STRANGERS)
        self._known = _Thread("pin-known", waiting, _NICE_KNOWN)
        self._by_address: Counter[str] = Counter()

    async def hash(self, pin: str) -> str:
        """Return the hash of a PIN.

        Raises:
            RateLimited: Too many hashes wait already.
        """
        cost = self._cost
        return await self._strangers.run(lambda: _hasher(cost).hash(pin))

    async def verify(self, pin_hash: str | None, pin: str, address: str, *, known: bool = False) -> bool:
        """Return True if the PIN is the one that was hashed. Without a hash it takes as long, and is False.

        Args:
            address: The caller's address; strangers of one address share few places in the queue.
            known: True if the caller has logged in from this device before.

        Raises:
            RateLimited: Too many hashes wait already; the PIN was not verified.
        """
        cost = self._cost
        if known:
            return await self._known.run(lambda: _verify(cost, pin_hash, pin))
        with self._place_of(address):
            return await self._strangers.run(lambda: _verify(cost, pin_hash, pin))

    def close(self) -> None:
        """Accept no more work; running work ends by itself."""
        self._strangers.close()
        self._known.close()

    @contextmanager
    def _place_of(self, address: str) -> Iterator[None]:
        if self._strangers.bounded and self._by_address[address] >= _MAX_OF_ONE_ADDRESS:
            raise _full()
        self._by_address[address] += 1
        try:
            yield
        finally:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]


class _Thread:
    """One thread and its bounded queue."""

    def __init__(self, name: str, waiting: int, nice: int) -> None:
        self.bounded = bool(waiting)
        self._places = threading.BoundedSemaphore(waiting + 1) if waiting else None
        self._executor = ThreadPoolExecutor(1, name, initializer=_give_way, initargs=(nice,))

    async def run(self, work: Callable[[], T]) -> T:
        """Run work in the thread; raise RateLimited if too much waits for it."""
        if self._places is not None and not self._places.acquire(blocking=False):
            raise _full()
        future = self._executor.submit(work)
        if self._places is not None:
            # A hash keeps its place until the thread has finished it, even if its caller has left.
            places = self._places
            future.add_done_callback(lambda _: places.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Cancel the work that has not begun, and end the thread."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _full() -> RateLimited:
    return RateLimited("too many logins at the moment", retry_after_s=_RETRY_AFTER_S)


def _give_way(nice: int) -> None:
    """Lower the thread's priority. Only Linux has a niceness for each thread; argon2's own threads inherit it."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)


@lru_cache
def _hasher(cost: Cost) -> PasswordHasher:
    from argon2 import PasswordHasher  # 20 ms of import that the event loop does not wait for

    return PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes)


def _verify(cost: Cost, pin_hash: str | None, pin: str) -> bool:
    from argon2.exceptions import VerificationError

    hasher = _hasher(cost)
    try:
        return hasher.verify(pin_hash or _hash_of_nothing(hasher), pin)
    except VerificationError:
        return False


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """Return a well-formed hash that no PIN matches: its result is random letters."""
    salt, result = (_base64(secrets.token_bytes(length)) for length in (hasher.salt_len, hasher.hash_len))
    parameters = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${parameters}${salt}${result}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")
