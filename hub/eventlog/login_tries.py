"""Counters of tries to log in, and the devices that an account knows: in Redis, for all processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.eventlog.calls import Calls, Script
from hub.eventlog.keys import Keys

_DEVICE_KEPT_S = 180 * 86_400  # since the account's last login from any device


@dataclass(frozen=True, slots=True)
class Counter:
    """Tries by one thing: `tries` at once, then one each `every_s`; 0 tries for no limit.

    Attributes:
        of: The things that are counted together, as `("pair", "chuy", "203.0.113.7")`. Redis is told a hash.
    """

    of: tuple[str, ...]
    tries: int
    every_s: float

    @property
    def every_ms(self) -> int:
        return round(self.every_s * 1_000)


@dataclass(frozen=True, slots=True)
class Counted:
    """The outcome of `LoginTries.count`: the try was counted if `wait_s` is 0."""

    known_device: bool
    wait_s: float


class LoginTries:
    """Counts tries; they are forgotten by themselves, and not by a restart of a hub.

    Every call ends within the deadline of `calls`: with an answer, or with `Unavailable`.
    """

    def __init__(self, calls: Calls, keys: Keys) -> None:
        self._calls = calls
        self._keys = keys
        self._try, self._undo = Script("login_try"), Script("login_undo")

    async def count(self, account: str, device: str, from_device: Counter, others: Sequence[Counter]) -> Counted:
        """Count a try by the one counter of its device if the account knows it, else by all others; or by none.

        Args:
            account: Whose devices are looked at.
            device: The hash of the caller's device; empty for none.
        """
        counters = (from_device, *others)
        keys = [self._keys.login_devices(account), *(self._keys.login_tries(*counter.of) for counter in counters)]
        argv: list[str | int] = [device]
        for counter in counters:
            argv += (counter.tries, counter.every_ms)
        known, wait_ms = await self._calls.run(self._try, keys, argv)
        return Counted(bool(known), int(wait_ms) / 1_000)

    async def undo(self, taken_back: Sequence[Counter], emptied: Sequence[Counter] = ()) -> None:
        """Take one try back from some counters, and empty others."""
        keys = [self._keys.login_tries(*counter.of) for counter in (*taken_back, *emptied)]
        argv = [counter.every_ms for counter in taken_back] + [0] * len(emptied)
        await self._calls.run(self._undo, keys, argv)

    async def remember_device(self, account: str, device: str, at_s: float, most: int) -> None:
        """Know a device from now on; of more than `most`, those longest unused are forgotten."""
        key = self._keys.login_devices(account)
        await self._calls.call("ZADD", key, round(at_s), device, again=True)
        await self._calls.call("ZREMRANGEBYRANK", key, 0, -most - 1, again=True)
        await self._calls.call("EXPIRE", key, _DEVICE_KEPT_S, again=True)
