"""One timer asks all connections for a sign of life."""

from __future__ import annotations

import asyncio
from collections import Counter

from hub.socketio.heartbeats import Heartbeats
from tests.support.relay_harness import until

CLOCK_S = 0.001  # uvloop's clock counts in milliseconds, and a ping is noted a little after it was due


class Connection:
    """Answers a ping or does not, and notes when it was asked."""

    def __init__(self, pings: Heartbeats, *, answers: bool = True) -> None:
        self.pings = pings
        self.answers = answers
        self.asked: list[float] = []
        self.over_at = 0.0
        self.began_at = asyncio.get_running_loop().time()
        pings.schedule(self)

    def ping(self) -> None:
        self.asked.append(asyncio.get_running_loop().time())
        if self.answers:
            self.pings.schedule(self)

    def pong_missing(self) -> None:
        self.over_at = asyncio.get_running_loop().time()


async def test_who_answers_is_asked_again_and_who_does_not_is_given_up_on() -> None:
    pings = Heartbeats(interval_s=0.05, timeout_s=0.2)
    alive, dead = Connection(pings), Connection(pings, answers=False)
    await until(lambda: bool(dead.over_at))
    assert len(dead.asked) == 1
    assert dead.over_at - dead.asked[0] >= 0.2 - CLOCK_S
    await until(lambda: len(alive.asked) >= 5)
    gaps = [then - now for now, then in zip([alive.began_at, *alive.asked], alive.asked, strict=False)]
    assert min(gaps) >= 0.05 - CLOCK_S
    assert not alive.over_at
    pings.forget(alive)


async def test_one_that_comes_while_others_are_waited_for_has_its_time_all_the_same() -> None:
    pings = Heartbeats(interval_s=0.05, timeout_s=30)
    dead = Connection(pings, answers=False)
    await until(lambda: bool(dead.asked))
    late = Connection(pings)
    async with asyncio.timeout(5):
        await until(lambda: bool(late.asked))
    pings.forget(late)
    pings.forget(dead)


async def test_one_that_fails_when_it_is_asked_costs_nobody_else_a_ping() -> None:
    class Broken(Connection):
        def ping(self) -> None:
            super().ping()
            raise ZeroDivisionError

        pong_missing = ping

    pings = Heartbeats(interval_s=0.03, timeout_s=0.03)
    broken, alive = Broken(pings, answers=False), Connection(pings)
    await until(lambda: len(broken.asked) == 2 and len(alive.asked) >= 3)
    pings.forget(alive)


async def test_thousands_whose_time_comes_at_once_leave_others_their_turn() -> None:
    pings, turns, asked_in = Heartbeats(interval_s=0.05, timeout_s=30), 0, Counter[int]()

    class Counted(Connection):
        def ping(self) -> None:
            super().ping()
            asked_in[turns] += 1

    def turn() -> None:
        nonlocal turns
        turns += 1
        if asked_in.total() < len(many):
            loop.call_soon(turn)

    loop = asyncio.get_running_loop()
    many = [Counted(pings, answers=False) for _ in range(2_000)]
    turn()
    await until(lambda: asked_in.total() == len(many))
    assert max(asked_in.values()) <= 256
    assert all(len(one.asked) == 1 for one in many)
    for one in many:
        pings.forget(one)
    assert len(pings) == 0


async def test_who_is_gone_is_not_asked() -> None:
    pings = Heartbeats(interval_s=0.03, timeout_s=0.03)
    gone, there = Connection(pings), Connection(pings)
    pings.forget(gone)
    await until(lambda: len(there.asked) >= 3)
    assert gone.asked == []
    pings.forget(there)
