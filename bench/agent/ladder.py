"""How many words a second workers bring to the rooms: more and more chats, until words come late."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.agent.chats import Customer
from bench.agent.crowd import WORDS, customers
from bench.agent.scene import Scene
from bench.agent.words import moments
from bench.figure import percentile

LATE_MS = 250.0  # what may be added, for nineteen words of twenty, and nineteen first words
_RAMP_S = 2.0
_SETTLE_S = 1.0
_RECENT = 3  # answers of a chat that a step may have seen something of


@dataclass(frozen=True, slots=True)
class Rung:
    """So many chats for some seconds.

    Attributes:
        words_s: That came to the rooms, a second.
        late_ms: From the model to the screen, p95.
        first_ms: Added to the first word, p95.
        a_piece: Words in each piece.
        per_cpu_s: Words for each CPU second of the workers.
        workers: Of one core, what they took; and what the rest of it took.
    """

    chats: int
    words_s: float
    late_ms: float
    first_ms: float
    a_piece: float
    per_cpu_s: float
    workers: float
    others: float

    @property
    def kept(self) -> bool:
        return max(self.late_ms, self.first_ms) <= LATE_MS

    def __str__(self) -> str:
        return (
            f"{self.chats} chats: {self.words_s:,.0f} words/s, {self.a_piece:.1f} a piece, 95 % within "
            f"{self.late_ms:.0f} ms, first words {self.first_ms:.0f} ms; {self.per_cpu_s:,.0f} words a CPU second of "
            f"the workers, who took {self.workers:.0%} of a core; all else {self.others:.0%}"
        )


@dataclass(frozen=True, slots=True)
class Climbed:
    """All rungs up to the first that was too much."""

    rungs: Sequence[Rung]
    faults: Sequence[str]

    @property
    def highest(self) -> Rung:
        """The highest that was kept; the first of all, if none was."""
        return max((rung for rung in self.rungs if rung.kept), key=lambda rung: rung.words_s, default=self.rungs[0])

    @property
    def words_s(self) -> float:
        return self.highest.words_s if self.highest.kept else 0.0


async def climb(scene: Scene, chats: range, seconds: float, drawn: random.Random) -> Climbed:
    """Let more and more chats be answered at the same time, each asking again as soon as it is answered."""
    rungs: list[Rung] = []
    asking: list[Customer] = []
    stop = asyncio.Event()

    async def keep_asking(customer: Customer, moment: float) -> None:
        await asyncio.sleep(moment)
        words = drawn.randint(1, WORDS)  # or else all would ask again in the same moment
        while not stop.is_set():
            await customer.ask(words)
            words = WORDS

    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        try:
            for count in chats:
                more = await stack.enter_async_context(customers(scene, count - len(asking)))
                ramp_s = _SETTLE_S if asking else _RAMP_S
                for customer in more:
                    group.create_task(keep_asking(customer, drawn.uniform(0, ramp_s)))
                asking += more
                await asyncio.sleep(ramp_s + _SETTLE_S)
                rungs.append(await _rung(scene, asking, seconds))
                if not rungs[-1].kept:
                    break
        finally:
            stop.set()
    answers = [answer for customer in asking for answer in customer.answers]
    return Climbed(rungs, [fault for answer in answers for fault in answer.faults()])


async def _rung(scene: Scene, asking: Sequence[Customer], seconds: float) -> Rung:
    began, spent, others = time.perf_counter(), scene.workers_s(), scene.others_s()
    await asyncio.sleep(seconds)
    ended, spent, others = time.perf_counter(), scene.workers_s() - spent, scene.others_s() - others
    late: list[float] = []
    first: list[float] = []
    pieces = 0
    for answer in (answer for customer in asking for answer in customer.answers[-_RECENT:] if answer.pieces):
        came = [piece for piece in answer.pieces if began <= piece.came < ended]
        late += (piece.came - left for piece in came for left in moments(piece.text))
        first += [answer.added_s] if came[:1] == answer.pieces[:1] else []
        pieces += len(came)
    took_s = ended - began
    return Rung(
        chats=len(asking),
        words_s=len(late) / took_s,
        late_ms=percentile(sorted(late), 95) * 1_000,
        first_ms=percentile(sorted(first), 95) * 1_000,
        a_piece=len(late) / pieces,
        per_cpu_s=len(late) / spent,
        workers=spent / took_s,
        others=others / took_s,
    )
