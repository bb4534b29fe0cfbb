"""A page that is loaded again in the middle of an answer: how soon it shows what was said so far."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bench.agent.chats import Customer
from bench.agent.crowd import customers
from bench.agent.scene import Scene

_CHATS = 10
_TIMES = 5  # each


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of it.

    Attributes:
        took_ms: Of each join; sorted.
        pieces: That the shortest of the answers had by then.
    """

    took_ms: list[float]
    pieces: int
    faults: list[str]


async def reload(scene: Scene, pieces: int, words: int) -> Reloaded:
    """Chats whose answers have so many pieces and go on to so many words, each loaded again and again meanwhile."""
    took_ms: list[float] = []
    faults: list[str] = []
    async with customers(scene, _CHATS) as chats, asyncio.TaskGroup() as group:
        for chat in chats:
            group.create_task(chat.ask(words))
        await asyncio.gather(*(chat.until(pieces) for chat in chats))
        had = min(len(chat.answers[-1].pieces) for chat in chats)
        for _ in range(_TIMES):
            for chat in chats:
                shown = chat.answers[-1].text
                again, took_s = await chat.come_back(scene.port)
                took_ms.append(took_s * 1_000)
                if not again.answers[-1].before[0].startswith(shown):
                    faults.append("a join did not show what was on another screen already")
                group.create_task(_see_it_out(again, faults))
    return Reloaded(sorted(took_ms), had, faults)


async def _see_it_out(again: Customer, faults: list[str]) -> None:
    await again.to_the_end()
    faults += again.answers[-1].faults()
    again.leave()
