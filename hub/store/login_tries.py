"""Counters of login tries, and the known devices and addresses of an account: in Redis, for all processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.store.keys import Keys
from hub.store.redis.client import RedisClient, Script

_KNOWN_S = 180 * 86_400  # since the account's last login
_FIRST = 3  # of the script's keys that is a counter


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter of tries: it allows `tries` at once, then one each `every_s`; 0 tries for no limit.

    Attributes:
        of: The subject of the counter, as `("pair", "chuy", "203.0.113.7")`. Redis gets a hash of it.
    """

    of: tuple[str, ...]
    tries: int
    every_s: float

    @property
    def every_ms(self) -> int:
        """The time after which another try is allowed, in milliseconds."""
        return round(self.every_s * 1_000)


@dataclass(frozen=True, slots=True)
class LoginCaller:
    """The caller of a login.

    Attributes:
        account: The account whose known devices and addresses are consulted.
        device: The hash of the caller's device; empty for none.
        address: A digest of the caller's address.
    """

    account: str
    device: str
    address: str


@dataclass(frozen=True, slots=True)
class Counters:
    """The counters of a login try: `device` for a known device, else the others."""

    device: Counter
    pair: Counter
    address: Counter
    name: Counter


@dataclass(frozen=True, slots=True)
class Counted:
    """The outcome of `LoginTries.count`.

    Attributes:
        by: The counters that were checked. All of them counted the try if `wait_s` is 0, else none did.
    """

    by: tuple[Counter, ...]
    wait_s: float


class LoginTries:
    """Counts tries in Redis. Counts expire by themselves, and survive a restart of a hub.

    Every call ends within the deadline of `calls`: with an answer, or with `Unavailable`.
    """

    def __init__(self, calls: RedisClient, keys: Keys) -> None:
        self._calls = calls
        self._keys = keys
        self._try, self._undo = Script("login_try"), Script("login_undo")

    async def count(self, caller: LoginCaller, counters: Counters) -> Counted:
        """Count a try: by its device's counter if the account knows it, else by the others.

        From an address that the account knows, the counter of the name is left out.
        """
        all_counters = (counters.device, counters.pair, counters.address, counters.name)
        keys = [self._keys.login_devices(caller.account), self._keys.login_addresses(caller.account)]
        argv: list[str | int] = [caller.device, caller.address]
        for counter in all_counters:
            keys.append(self._keys.login_tries(*counter.of))
            argv += (counter.tries, counter.every_ms)
        first, last, wait_ms = map(int, await self._calls.run(self._try, keys, argv))
        return Counted(all_counters[first - _FIRST : last - _FIRST + 1], wait_ms / 1_000)

    async def undo(self, taken_back: Sequence[Counter], emptied: Sequence[Counter] = ()) -> None:
        """Take one try back from some counters, and empty others."""
        keys = [self._keys.login_tries(*counter.of) for counter in (*taken_back, *emptied)]
        argv = [counter.every_ms for counter in taken_back] + [0] * len(emptied)
        await self._calls.run(self._undo, keys, argv)

    async def remember(self, caller: LoginCaller, at_s: float, most: int) -> None:
        """Add the caller's device and address to the known ones. Of more than `most`, drop those unused for longest."""
        if caller.device:
            await self._remember(self._keys.login_devices(caller.account), caller.device, at_s, most)
        await self._remember(self._keys.login_addresses(caller.account), caller.address, at_s, most)

    async def _remember(self, key: str, member: str, at_s: float, most: int) -> None:
        await self._calls.call("ZADD", key, round(at_s), member, again=True)
        await self._calls.call("ZREMRANGEBYRANK", key, 0, -most - 1, again=True)
        await self._calls.call("EXPIRE", key, _KNOWN_S, again=True)
