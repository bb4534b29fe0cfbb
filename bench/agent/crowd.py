"""Many chats at once, each asking again when it is answered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.agent.chats import Answer, Customer, Unanswered
from bench.agent.model import FIRST_S, RATE
from bench.agent.scene import Scene
from bench.figure import percentile

_AT_ONCE = 16  # customers that arrive
WORDS = 150  # of an answer: five seconds


@asynccontextmanager
async def customers(scene: Scene, count: int) -> AsyncIterator[list[Customer]]:
    """So many with a chat open; they leave at the end."""
    some_at_once = asyncio.Semaphore(_AT_ONCE)

    async def arrive() -> Customer:
        async with some_at_once:
            return await Customer.arrive(scene.port)

    arrived = await asyncio.gather(*(arrive() for _ in range(count)))
    try:
        yield arrived
    finally:
        for customer in arrived:
            customer.leave()


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of questions, and what the workers took for it.

    Attributes:
        answers: Those that came whole.
        broken: What was wrong with the others.
    """

    answers: Sequence[Answer]
    broken: Sequence[str]
    workers_s: float

    @classmethod
    def of(cls, answers: Sequence[Answer], workers_s: float) -> Heard:
        """Sort them.

        Raises:
            Unanswered: None came whole.
        """
        faults = [list(answer.faults()) for answer in answers]
        whole = [answer for answer, wrong in zip(answers, faults, strict=True) if not wrong]
        broken = [each for wrong in faults for each in wrong]
        if not whole:
            raise Unanswered(broken[0])
        return cls(whole, broken, workers_s)

    @property
    def words(self) -> int:
        return sum(answer.words for answer in self.answers)

    @property
    def added_ms(self) -> list[float]:
        """What Comanda added to each first word; sorted."""
        return sorted(answer.added_s * 1_000 for answer in self.answers)

    @property
    def gaps_ms(self) -> list[float]:
        """Between one piece on the screen and the next; sorted."""
        return sorted(gap * 1_000 for answer in self.answers for gap in answer.gaps_s())

    @property
    def model_gap_ms(self) -> float:
        """Between one word of the model and the next: the median."""
        return percentile(sorted(gap * 1_000 for answer in self.answers for gap in answer.model_gaps_s()), 50)

    @property
    def off_ms(self) -> list[float]:
        """How far each gap is from the model's; sorted."""
        own = self.model_gap_ms
        return sorted(abs(gap - own) for gap in self.gaps_ms)

    @property
    def slowest(self) -> float:
        """How long the chat that fared worst was spoken to, to how long the model spoke to it."""
        return max(answer.slower for answer in self.answers)


async def staggered(scene: Scene, customer: Customer, questions: int, words: int) -> Heard:
    """One customer, one question after the other."""
    before = scene.workers_s()
    answers = [await customer.ask(words) for _ in range(questions)]
    return Heard.of(answers, scene.workers_s() - before)


async def at_once(scene: Scene, chats: Sequence[Customer], rounds: int, drawn: random.Random) -> Heard:
    """All of them, from a random moment on, so many questions each; each asks again as soon as it is answered."""
    before = scene.workers_s()

    async def asks(customer: Customer, moment: float) -> list[Answer]:
        await asyncio.sleep(moment)
        return [await customer.ask(WORDS) for _ in range(rounds)]

    an_answer_s = FIRST_S + WORDS / RATE
    heard = await asyncio.gather(*(asks(customer, drawn.uniform(0, an_answer_s)) for customer in chats))
    return Heard.of([answer for answers in heard for answer in answers], scene.workers_s() - before)
