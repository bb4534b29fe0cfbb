"""Tries to log in are counted by the script alone, whichever process asks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hub.eventlog import EventLog
from hub.eventlog.login_tries import Counted, Counter, LoginTries

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.contract

DEVICE = Counter(("device", "life", "d"), 2, 30)
NARROW, WIDE = Counter(("pair", "chuy", "a"), 2, 30), Counter(("address", "a"), 3, 10)
COUNTED = Counted(known_device=False, wait_s=0)


@pytest.fixture
def tries(log: EventLog) -> LoginTries:
    return LoginTries(log.calls, log.keys)


async def count(tries: LoginTries, *counters: Counter, device: str = "") -> Counted:
    return await tries.count("life", device, DEVICE, counters)


async def test_a_counter_lets_so_many_tries_through_and_then_tells_how_long_to_wait(tries: LoginTries) -> None:
    assert [await count(tries, NARROW) for _ in range(2)] == [COUNTED] * 2
    waits = [(await count(tries, NARROW)).wait_s for _ in range(5)]
    assert all(25 < wait_s <= 30 for wait_s in waits)


async def test_a_try_that_one_counter_refuses_is_counted_by_none(tries: LoginTries) -> None:
    for _ in range(9):
        await count(tries, NARROW, WIDE)
    assert await count(tries, WIDE) == COUNTED
    assert 5 < (await count(tries, WIDE)).wait_s <= 10


async def test_of_many_tries_at_once_from_two_processes_no_more_get_through(
    tries: LoginTries, make_log: Callable[..., EventLog]
) -> None:
    log = make_log()
    other = LoginTries(log.calls, log.keys)
    said = await asyncio.gather(*(count(each, NARROW) for _ in range(20) for each in (tries, other)))
    assert said.count(COUNTED) == 2


async def test_a_known_device_has_the_one_counter_of_its_own(tries: LoginTries) -> None:
    await tries.remember_device("life", "d", 1.0, 10)
    for _ in range(2):
        assert await count(tries, NARROW, WIDE, device="d") == Counted(known_device=True, wait_s=0)
    assert (await count(tries, NARROW, WIDE, device="d")).wait_s > 0
    assert await count(tries, NARROW, WIDE) == COUNTED


async def test_a_try_can_be_taken_back_and_a_counter_emptied(tries: LoginTries) -> None:
    for _ in range(2):
        await count(tries, NARROW, WIDE)
    await tries.undo((WIDE,), emptied=(NARROW,))
    assert [await count(tries, NARROW) for _ in range(2)] == [COUNTED] * 2
    assert [(await count(tries, WIDE)).wait_s > 0 for _ in range(3)] == [False, False, True]


async def test_no_tries_means_no_limit(tries: LoginTries) -> None:
    off = Counter(("pair", "chuy", "a"), 0, 30)
    assert [await count(tries, off) for _ in range(50)] == [COUNTED] * 50
