"""One timer asks all connections for a sign of life."""

from __future__ import annotations

import asyncio

from hub.fanout.pings import Pings
from tests.fanout.house import until


class Connection:
    """Answers a ping or does not, and notes when it was asked."""

    def __init__(self, pings: Pings, *, answers: bool = True) -> None:
        self.pings = pings
        self.answers = answers
        self.asked: list[float] = []
        self.over_at = 0.0
        self.began_at = asyncio.get_running_loop().time()
        pings.rest(self)

    def ping(self) -> None:
        self.asked.append(asyncio.get_running_loop().time())
        if self.answers:
            self.pings.rest(self)

    def unanswered(self) -> None:
        self.over_at = asyncio.get_running_loop().time()


async def test_who_answers_is_asked_again_and_who_does_not_is_given_up_on() -> None:
    pings = Pings(interval_s=0.05, timeout_s=0.2)
    alive, dead = Connection(pings), Connection(pings, answers=False)
    await until(lambda: bool(dead.over_at))
    assert len(dead.asked) == 1
    assert dead.over_at - dead.asked[0] >= 0.2
    await until(lambda: len(alive.asked) >= 5)
    gaps = [then - now for now, then in zip([alive.began_at, *alive.asked], alive.asked, strict=False)]
    assert min(gaps) >= 0.05
    assert not alive.over_at
    pings.forget(alive)


async def test_one_that_comes_while_others_are_waited_for_has_its_time_all_the_same() -> None:
    pings = Pings(interval_s=0.05, timeout_s=30)
    dead = Connection(pings, answers=False)
    await until(lambda: bool(dead.asked))
    late = Connection(pings)
    async with asyncio.timeout(5):
        await until(lambda: bool(late.asked))
    pings.forget(late)
    pings.forget(dead)


async def test_who_is_gone_is_not_asked() -> None:
    pings = Pings(interval_s=0.03, timeout_s=0.03)
    gone, there = Connection(pings), Connection(pings)
    pings.forget(gone)
    await until(lambda: len(there.asked) >= 3)
    assert gone.asked == []
    pings.forget(there)
