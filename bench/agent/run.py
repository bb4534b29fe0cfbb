"""One run of all that is measured of the agent: a hub with one worker, then a hub with two."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass

from bench.agent.crowd import Heard, at_once, customers, staggered
from bench.agent.ladder import Climbed, climb
from bench.agent.reload import Reloaded, reload
from bench.agent.scene import Scene, scene
from bench.figure import Effort
from bench.machine import Others

CHATS = 60
IDLE_S = 3.0
_RUNG_S = 3.0


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it."""

    idle_mb: float
    alone: Heard
    crowd: Heard
    reloaded: Reloaded
    one: Climbed
    two: Climbed
    others: float
    settings: str

    def faults(self) -> Iterator[str]:
        for heard in (self.alone, self.crowd):
            yield from heard.broken
        for part in (self.one, self.two, self.reloaded):
            yield from part.faults


async def run(effort: Effort, seed: int) -> Run:
    """Measure everything once; what is random is the seed's."""
    drawn = random.Random(seed)
    rounds = effort.runs(3, 2)
    async with scene(1) as one:
        await asyncio.sleep(IDLE_S)
        idle_mb = one.rss_mb()
        others, before = Others(), _ours_s(one)
        async with customers(one, CHATS) as chats:
            await staggered(one, chats[0], 1, 5)  # connections are made
            alone = await staggered(one, chats[0], effort.runs(20, 10), 5)
            crowd = await at_once(one, chats, rounds, drawn)
        reloaded = await reload(one, pieces=effort.runs(300, 150), words=effort.runs(400, 220))
        climbed = await climb(one, range(80, 480, effort.runs(20, 40)), _RUNG_S, drawn)
        shared = others.share(_ours_s(one) - before)
        settings = one.settings
    async with scene(2) as two:
        both = await climb(two, range(120, 960, effort.runs(20, 40)), _RUNG_S, drawn)
    return Run(idle_mb, alone, crowd, reloaded, climbed, both, shared, settings)


def _ours_s(scene: Scene) -> float:
    return scene.workers_s() + scene.others_s()
