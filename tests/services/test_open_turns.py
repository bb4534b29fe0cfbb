"""An address has so many questions without an answer at once, and each of their endings makes room for another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.core.errors import RateLimited
from hub.domain.chat import TurnState
from hub.domain.commands import ForgetChat, StopChat, TakeOverChat
from hub.services.chats.chat_documents import ending, read_turn, turn_key
from hub.services.document_names import chat_key
from hub.store.log import Document, Write
from tests.support.carry_out import carry_out
from tests.support.chat_requests import HOME, NEIGHBOUR, SUPPORT, Chat, Place, place, which

if TYPE_CHECKING:
    from tests.support.redis import Backend

End = Callable[[Place, Chat, str], Awaitable[None]]


async def places(branch: Place) -> dict[str, str]:
    """All that is held."""
    log = branch.services.log
    held: dict[str, str] = await log.calls.call("HGETALL", log.keys.holds)
    return held


async def holders(branch: Place) -> list[str]:
    return await branch.services.log.holders("", 100)


async def test_an_address_has_so_many_open_questions_and_is_told_to_come_back_soon(fake_backend: Backend) -> None:
    async with place(fake_backend, turns_open=2) as branch:
        chat = await branch.open()
        first = await branch.ask(chat=chat)
        await branch.ask()
        with pytest.raises(RateLimited) as refused:
            await branch.ask()
        assert which(refused) == {"limit": "turns_open", "most": 2, "used": 2}
        assert 0 < (refused.value.retry_after_s or 0) <= 2
        await branch.ask(NEIGHBOUR)
        for _ in range(3):
            await branch.ask(SUPPORT)
        await stopped(branch, chat, first)
        await branch.ask()


async def test_a_question_that_is_sent_again_has_one_place(fake_backend: Backend) -> None:
    async with place(fake_backend, turns_open=1) as branch:
        chat = await branch.open()
        for _ in range(3):
            await branch.ask(chat=chat, command_id="the-very-same-question")


async def stopped(branch: Place, chat: Chat, turn_id: str) -> None:
    command = StopChat(chat_id=chat[0], turn_id=turn_id, token=chat[1])
    for _ in range(2):  # the second one finds it over
        await carry_out(branch.services, HOME, command)


async def taken_over(branch: Place, chat: Chat, _turn_id: str) -> None:
    await branch.wire.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))


async def forgotten(branch: Place, chat: Chat, _turn_id: str) -> None:
    await carry_out(branch.services, HOME, ForgetChat(chat_id=chat[0], token=chat[1]))


async def unattended(branch: Place, _chat: Chat, _turn_id: str) -> None:
    assert await branch.services.stale_turns.end(0) == 1


async def begun_by_a_worker_that_was_killed(branch: Place, chat: Chat, turn_id: str) -> None:
    loaded = await read_turn(branch.services.log, turn_id)
    assert loaded is not None
    running = loaded.turn.model_copy(update={"state": TurnState.RUNNING, "attempt": 1, "worker": "dead"})
    await branch.services.log.commit(Write(documents=(Document(turn_key(turn_id), 2, running.model_dump_json()),)))
    await unattended(branch, chat, turn_id)


async def unreadable(branch: Place, chat: Chat, turn_id: str) -> None:
    await branch.services.log.commit(Write(documents=(Document(turn_key(turn_id), 2, "{"),)))
    await unattended(branch, chat, turn_id)


ENDS = (stopped, taken_over, forgotten, unattended, begun_by_a_worker_that_was_killed, unreadable)


@pytest.mark.parametrize("end", ENDS)
async def test_every_ending_gives_the_place_back(fake_backend: Backend, end: End) -> None:
    async with place(fake_backend) as branch:
        chat = await branch.open()
        turn_id = await branch.ask(chat=chat)
        assert await holders(branch) == [f"turn:{turn_id}"]
        await end(branch, chat, turn_id)
        assert await places(branch) == {}


async def test_a_question_that_interrupts_takes_the_place_of_the_one_before(fake_backend: Backend) -> None:
    async with place(fake_backend, turns_open=1) as branch:
        branch.wire.chat._interrupt = True
        chat = await branch.open()
        turns = [await branch.ask(chat=chat) for _ in range(3)]
        assert await holders(branch) == [f"turn:{turns[-1]}"]


async def test_questions_of_a_chat_that_is_gone_give_their_places_back(fake_backend: Backend) -> None:
    async with place(fake_backend) as branch:
        chat = await branch.open()
        turns = [await branch.ask(chat=chat) for _ in range(3)]
        assert await branch.services.turn_slots.give_back_lost() == 0
        keys = [chat_key(chat[0]), *map(turn_key, turns)]
        await branch.services.log.commit(Write(expire=tuple((key, -1) for key in keys)))  # as after a week
        assert await branch.services.stale_turns.end(0) == 0
        branch.clock.turn(minutes=1)
        assert await branch.services.turn_slots.give_back_lost() == 3
        assert await places(branch) == {}


async def test_a_question_that_an_earlier_version_ended_gives_its_place_back(fake_backend: Backend) -> None:
    async with place(fake_backend) as branch:
        (turn_id, kept), log = [await branch.ask() for _ in range(2)], branch.services.log
        loaded = await read_turn(log, turn_id)
        assert loaded is not None
        limits = branch.wire.chat._limits
        await log.commit(replace(ending(loaded, TurnState.COMPLETED, (), branch.clock(), limits), release=()))
        assert await branch.services.turn_slots.give_back_lost() == 1
        assert await holders(branch) == [f"turn:{kept}"]
