"""Workers that die, stops, hand-overs, hubs that lose patience, at any moment: a turn ends once, with what was read."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from hub.config import TurnLimits
from hub.core.errors import Conflict, NotFound, RateLimited, Unavailable
from hub.domain.commands import HandBackChat, TakeOverChat
from hub.domain.rooms import Room
from tests.support.chat import ENDINGS, SUPPORT, Branch
from tests.support.scripted import ScriptedLLM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from llama_index.core.base.llms.types import ChatResponse

    from tests.support.chat import Event
    from tests.support.redis import Backend

CHATS, ROUNDS = 6, 150


class Hasty(ScriptedLLM):
    """Says up to forty words, some of them after a moment, and sometimes breaks off."""

    async def _say(self, script: Any) -> AsyncIterator[ChatResponse]:
        chance, text = script[0], ""
        for number in range(chance.randrange(1, 40)):
            if chance.random() < 0.02:
                raise ConnectionError("gone")
            text += f"palabra{number} "
            yield self._response(text, [], f"palabra{number} ")
            await asyncio.sleep(chance.choice((0, 0, 0.001, 0.01)))


class Trial:
    """Chats, workers, and things that happen to them."""

    def __init__(self, branch: Branch, chats: list[tuple[str, str]], seed: int) -> None:
        self.branch, self.chats = branch, chats
        self.chance = random.Random(seed)
        self.turns: dict[str, tuple[str, str]] = {}
        self.workers = [self.hire() for _ in range(3)]

    def hire(self) -> asyncio.Task[None]:
        llm = Hasty.saying([self.chance])  # type: ignore[list-item]
        name = f"worker-{self.chance.randrange(10**9)}"
        return asyncio.create_task(
            self.branch.worker(llm, name=name, turn_limits=TurnLimits(turn_s=20, retry_pause_s=0.001)).run()
        )

    async def ask(self, chat: tuple[str, str]) -> None:
        if (turn_id := await self.branch.send(chat, "¿y?")) is not None:
            self.turns[turn_id] = chat

    async def stop(self, chat: tuple[str, str]) -> None:
        if mine := [turn_id for turn_id, its in self.turns.items() if its == chat]:
            await self.branch.stop(chat, self.chance.choice(mine[-3:]))

    async def take_over(self, chat: tuple[str, str]) -> None:
        await self.branch.services.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))

    async def hand_back(self, chat: tuple[str, str]) -> None:
        await self.branch.services.handover.hand_back(SUPPORT, HandBackChat(chat_id=chat[0]))

    async def kill(self, _chat: tuple[str, str]) -> None:
        killed = self.workers.pop(0)
        killed.cancel()
        await asyncio.wait([killed])
        self.workers.append(self.hire())

    async def lose_patience(self, _chat: tuple[str, str]) -> None:
        await self.branch.services.stale_turns.end(0.05)

    async def run(self, rounds: int) -> None:
        happens = (
            *(self.ask,) * 8,
            *(self.stop,) * 3,
            self.take_over,
            *(self.hand_back,) * 3,
            *(self.kill,) * 2,
            self.lose_patience,
        )
        for _ in range(rounds):
            with suppress(Conflict, NotFound, RateLimited, Unavailable):
                await self.chance.choice(happens)(self.chance.choice(self.chats))
            await asyncio.sleep(self.chance.choice((0, 0.003, 0.02)))
        for turn_id, chat in self.turns.items():
            await self.branch.until(chat, ended(turn_id))
        for worker in self.workers:
            worker.cancel()
        await asyncio.wait(self.workers)


@pytest.fixture
async def on_real_redis(real_backend: Backend) -> AsyncIterator[Branch]:
    branch = Branch(real_backend.client())
    yield branch
    await branch.log.aclose()


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_every_turn_ends_once_with_the_words_in_the_room(branch: Branch, seed: int) -> None:
    await try_it(branch, seed)


@pytest.mark.parametrize("seed", range(3))
async def test_the_same_on_a_real_redis(on_real_redis: Branch, seed: int) -> None:
    await try_it(on_real_redis, seed)


async def try_it(branch: Branch, seed: int) -> None:
    trial = Trial(branch, [await branch.open() for _ in range(CHATS)], seed)
    await trial.run(ROUNDS)
    assert len(trial.turns) > 20
    for turn_id, chat in trial.turns.items():
        check(await branch.of_turn(chat, turn_id))
    for chat in trial.chats:
        await check_snapshot(branch, chat)


def ended(turn_id: str) -> Any:
    return lambda event: event["type"] in ENDINGS and event["data"]["turn_id"] == turn_id


def check(events: list[Event]) -> None:
    assert [event["type"] in ENDINGS for event in events].count(True) == 1
    assert events[-1]["type"] in ENDINGS
    begins = [number for number, event in enumerate(events) if event["type"] == "chat.started"]
    assert [events[number]["data"]["attempt"] for number in begins] == list(range(1, len(begins) + 1))
    last = events[begins[-1] if begins else 0 :]
    deltas = [event["data"] for event in last if event["type"] == "chat.delta"]
    assert [delta["index"] for delta in deltas] == list(range(len(deltas)))
    assert events[-1]["data"]["text"] == "".join(delta["text"] for delta in deltas)


async def check_snapshot(branch: Branch, chat: tuple[str, str]) -> None:
    """What a page is given on coming back is what it would have seen."""
    shown = (await branch.services.views.read(Room.chat(chat[0]))).snapshot
    events = await branch.events(chat)
    said = [event["data"]["text"] for event in events if event["type"] in ("chat.message", *ENDINGS)]
    assert [message["text"] for message in shown["messages"]] == said
    assert shown["turn"] is None
