"""How fast PINs may be tried: by name and address together, and more widely by either alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hub.config import Limits
from hub.domain.errors import RateLimited
from hub.eventlog.login_tries import Counter, LoginTries


@dataclass(frozen=True, slots=True)
class Try:
    """A try that was counted.

    Attributes:
        account: Whose devices were looked at.
        device: The hash of the caller's device; empty for none.
        known: The account knows the device.
        own: The counters of this caller at this name alone.
        shared: The counters that others share: those of the name and of the address.
    """

    account: str
    device: str
    known: bool
    own: tuple[Counter, ...]
    shared: tuple[Counter, ...]


class LoginThrottle:
    """Counts tries before their PINs are looked at, in Redis: no restart and no other process forgets them.

    A device that has logged in to the account before has a counter of its own. Whoever guesses at a name, from
    wherever, keeps only devices waiting that the account does not know, and those a minute at the most.
    """

    def __init__(self, tries: LoginTries, limits: Limits, clock: Callable[[], datetime]) -> None:
        self._tries = tries
        self._limits = limits
        self._clock = clock

    async def count(self, name: str, account: str, address: str, device: str | None) -> Try:
        """Count a try.

        Args:
            name: What is tried, spelt in one way; it need not be anybody's.
            account: The account of this name, as something that is another one for each account; or anything.
            address: Where the try comes from.
            device: What the caller calls its device.

        Raises:
            RateLimited: Too many tries; it says when to come back. This one was not counted.
        """
        limits, hashed = self._limits, _hash(device)
        from_device = Counter(("device", account, hashed), limits.login_tries, limits.login_wait_s)
        pair = Counter(("pair", name, address), limits.login_tries, limits.login_wait_s)
        by_address = Counter(("address", address), limits.login_address_tries, limits.login_address_wait_s)
        by_name = Counter(("name", name), limits.login_name_tries, limits.login_name_wait_s)
        counted = await self._tries.count(account, hashed, from_device, (pair, by_address, by_name))
        if counted.wait_s:
            raise RateLimited("too many wrong PINs; wait a little", retry_after_s=counted.wait_s)
        if counted.known_device:
            return Try(account, hashed, True, (from_device,), ())
        return Try(account, hashed, False, (pair,), (by_address, by_name))

    async def take_back(self, counted: Try) -> None:
        """Uncount a try whose PIN was not looked at."""
        await self._tries.undo((*counted.own, *counted.shared))

    async def succeeded(self, counted: Try) -> None:
        """Forget the caller's own wrong tries, and know its device from now on.

        Of the shared counters only this try is taken back: who has an account gets no free guesses at others.
        """
        await self._tries.undo(counted.shared, emptied=counted.own)
        if counted.device:
            most = self._limits.login_devices
            await self._tries.remember_device(counted.account, counted.device, self._clock().timestamp(), most)


def _hash(device: str | None) -> str:
    return hashlib.sha256(device.encode()).hexdigest() if device else ""
