"""Limits on PIN tries: by name and address together, and wider ones by either alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hub.config.limit_settings import AuthLimits
from hub.core.errors import RateLimited
from hub.services.auth.digests import Digests
from hub.store.login_tries import Counter, Counters, LoginCaller, LoginTries


@dataclass(frozen=True, slots=True)
class Try:
    """A try that was counted.

    Attributes:
        known: The account knows the caller's device.
        own: The counter of this caller at this name alone.
        shared: The counters that others share: that of the address, and that of the name.
    """

    caller: LoginCaller
    known: bool
    own: Counter
    shared: tuple[Counter, ...]


class LoginThrottle:
    """Counts tries before their PINs are verified, in Redis, so that restarts and other processes know of them.

    A device that has logged in to the account before has a counter of its own. Guesses at a name, from any address,
    delay only callers whose device and address the account does not know.
    """

    def __init__(self, tries: LoginTries, digests: Digests, limits: AuthLimits, clock: Callable[[], datetime]) -> None:
        self._tries = tries
        self._digests = digests
        self._limits = limits
        self._clock = clock

    async def count(self, name: str, account: str, address: str, device: str | None) -> Try:
        """Count a try.

        Args:
            name: The name that is tried, normalised; it need not exist.
            account: A value unique to the account of this name; any value if there is none.
            address: The caller's address.
            device: The device id that the caller sends.

        Raises:
            RateLimited: Too many tries; the error says when to try again. This try was not counted.
        """
        limits, caller = self._limits, LoginCaller(account, _hash(device), self._digests.address(address))
        own = (limits.login_tries, limits.login_wait_s)
        counters = Counters(
            device=Counter(("device", account, caller.device), *own),
            pair=Counter(("pair", name, address), *own),
            address=Counter(("address", address), limits.login_address_tries, limits.login_address_wait_s),
            name=Counter(("name", name), limits.login_name_tries, limits.login_name_wait_s),
        )
        counted = await self._tries.count(caller, counters)
        if counted.wait_s:
            raise RateLimited("too many wrong PINs; wait a little", retry_after_s=counted.wait_s)
        mine, *shared = counted.by
        return Try(caller, mine is counters.device, mine, tuple(shared))

    async def take_back(self, counted: Try) -> None:
        """Take back a try whose PIN was not verified."""
        await self._tries.undo((counted.own, *counted.shared))

    async def succeeded(self, counted: Try) -> None:
        """Forget the caller's own wrong tries, and add its device and its address to the known ones.

        The shared counters take back this try alone, so that an account gives no free guesses at others.
        """
        await self._tries.undo(counted.shared, emptied=(counted.own,))
        await self._tries.remember(counted.caller, self._clock().timestamp(), self._limits.login_devices)


def _hash(device: str | None) -> str:
    return hashlib.sha256(device.encode()).hexdigest() if device else ""
