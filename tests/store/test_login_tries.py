"""The script alone counts login tries, for all processes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hub.store import EventLog
from hub.store.login_tries import Counted, Counter, Counters, LoginCaller, LoginTries

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.contract

DEVICE, PAIR = Counter(("device", "life", "d"), 2, 30), Counter(("pair", "chuy", "a"), 2, 30)
ADDRESS, NAME = Counter(("address", "a"), 3, 10), Counter(("name", "chuy"), 4, 20)
OFF = Counter(("off",), 0, 30)
STRANGER, KNOWN = LoginCaller("life", "", "elsewhere"), LoginCaller("life", "d", "here")


@pytest.fixture
def tries(log: EventLog) -> LoginTries:
    return LoginTries(log.calls, log.keys)


async def waits(tries: LoginTries, times: int, caller: LoginCaller = STRANGER, **counters: Counter) -> list[float]:
    """Try several times; return the wait of each try. Counters that are not named have no limit."""
    held = Counters(**{"device": OFF, "pair": OFF, "address": OFF, "name": OFF, **counters})
    return [(await tries.count(caller, held)).wait_s for _ in range(times)]


async def test_a_counter_lets_so_many_tries_through_and_then_tells_how_long_to_wait(tries: LoginTries) -> None:
    assert await waits(tries, 2, pair=PAIR) == [0, 0]
    assert all(25 < wait_s <= 30 for wait_s in await waits(tries, 5, pair=PAIR))


async def test_a_try_that_one_counter_refuses_is_counted_by_none(tries: LoginTries) -> None:
    await waits(tries, 9, pair=PAIR, address=ADDRESS)
    [first, second] = await waits(tries, 2, address=ADDRESS)
    assert first == 0
    assert 5 < second <= 10


async def test_of_many_tries_at_once_from_two_processes_no_more_get_through(
    tries: LoginTries, make_log: Callable[..., EventLog]
) -> None:
    log = make_log()
    other = LoginTries(log.calls, log.keys)
    said = await asyncio.gather(*(waits(each, 1, pair=PAIR) for _ in range(20) for each in (tries, other)))
    assert said.count([0]) == 2


async def test_a_known_device_has_the_one_counter_of_its_own(tries: LoginTries) -> None:
    held = Counters(DEVICE, PAIR, ADDRESS, NAME)
    await tries.remember(KNOWN, 1.0, 10)
    assert [(await tries.count(KNOWN, held)) for _ in range(2)] == [Counted((DEVICE,), 0)] * 2
    assert (await tries.count(KNOWN, held)).wait_s > 0
    assert await tries.count(STRANGER, held) == Counted((PAIR, ADDRESS, NAME), 0)


async def test_from_a_known_address_the_name_alone_is_not_counted(tries: LoginTries) -> None:
    await tries.remember(KNOWN, 1.0, 10)
    beside = LoginCaller("life", "another", "here")
    assert await tries.count(beside, Counters(DEVICE, PAIR, ADDRESS, NAME)) == Counted((PAIR, ADDRESS), 0)
    assert (await waits(tries, 5, name=NAME))[-1] > 0
    assert await waits(tries, 2, beside, name=NAME) == [0, 0]


async def test_a_try_can_be_taken_back_and_a_counter_emptied(tries: LoginTries) -> None:
    await waits(tries, 2, pair=PAIR, address=ADDRESS)
    await tries.undo((ADDRESS,), emptied=(PAIR,))
    assert await waits(tries, 2, pair=PAIR) == [0, 0]
    assert [wait_s > 0 for wait_s in await waits(tries, 3, address=ADDRESS)] == [False, False, True]


async def test_no_tries_means_no_limit(tries: LoginTries) -> None:
    assert await waits(tries, 50) == [0] * 50
