"""A person takes over in mid-answer, answers in the same room, and hands back to an agent that has read it."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from hub.config import TurnLimits
from hub.domain.commands import HandBackChat, ReplyChat, TakeOverChat
from hub.domain.rooms import Room
from tests.support.chat import ENDINGS, SUPPORT, ending_of, running, text_of
from tests.support.scripted import Gate, ScriptedLLM, ToolCall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from llama_index.core.base.llms.types import ChatResponse

    from tests.support.chat import Branch, Event


class Talker(ScriptedLLM):
    """Says a word every other millisecond, for ever."""

    async def _say(self, script: Any) -> AsyncIterator[ChatResponse]:
        text = ""
        for number in itertools.count():
            word = f"palabra{number} "
            text += word
            yield self._response(text, [], word)
            await asyncio.sleep(0.002)


async def test_nothing_of_the_answer_comes_once_a_person_has_the_chat(branch: Branch) -> None:
    """Taken over again and again at any moment of a model that never draws breath."""
    async with running(branch.worker(Talker.saying([]), turn_limits=TurnLimits(turn_s=40))):
        for number in range(8):
            chat, other = await branch.open(), await branch.open()
            turn_id = await branch.send(chat, "cuéntame todo")
            await branch.until(chat, told(number % 4))
            await branch.services.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
            waiting = await branch.send(other, "hola")
            await branch.until(other, told(2))  # time for the worker to say more
            await branch.stop(other, waiting)
            events = await branch.events(chat)
            types = [event["type"] for event in events]
            assert types[-2:] == ["chat.stopped", "chat.handed_over"]
            ended = ending_of(await branch.of_turn(chat, turn_id))["data"]
            assert ended == {"turn_id": turn_id, "text": text_of(events), "by": "Sole"}
            assert ended["text"].startswith("palabra0 ")


def told(index: int) -> Callable[[Event], bool]:
    """Picks the piece of this number."""
    return lambda event: event["type"] == "chat.delta" and event["data"]["index"] >= index


async def test_what_the_customer_says_to_a_person_starts_no_turn_and_staff_have_it_all_in_view(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    async with running(branch.worker(ScriptedLLM.saying(["Tenemos ", gate], ["De nada"]))):
        await branch.send(chat, "¿qué hay?")
        await gate.reached.wait()
        await branch.until(chat, lambda event: event["type"] == "chat.delta")
        await branch.services.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0], text="lo pidió"))
        assert await branch.send(chat, "quiero hablar con alguien") is None
        await branch.services.handover.reply(SUPPORT, ReplyChat(chat_id=chat[0], text="Soy Sole"))
        shown = (await branch.services.views.read(Room.chat(chat[0]))).snapshot
        assert shown["chat"]["mode"] == "person"
        assert shown["turn"] is None
        assert [(m["author"]["kind"], m["text"], m.get("state")) for m in shown["messages"]] == [
            ("customer", "¿qué hay?", None),
            ("agent", "Tenemos ", "stopped"),
            ("customer", "quiero hablar con alguien", None),
            ("staff", "Soy Sole", None),
        ]
        await branch.services.handover.hand_back(SUPPORT, HandBackChat(chat_id=chat[0]))
        assert text_of(await branch.ask(chat, "gracias")) == "De nada"


async def test_a_question_that_waits_is_over_too_when_a_person_takes_over(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    llm = ScriptedLLM.saying(["Uno ", gate], ["nunca"])
    async with running(branch.worker(llm)):
        turns = [await branch.send(chat, text) for text in ("uno", "dos", "tres")]
        await gate.reached.wait()
        await branch.services.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
        await branch.ask(await branch.open(), "hola")
    ended = [event["data"]["turn_id"] for event in await branch.events(chat) if event["type"] in ENDINGS]
    assert ended == turns
    assert await branch.redis.xlen(branch.log.keys.jobs) == 0


async def test_who_writes_again_meanwhile_may_interrupt_and_the_agent_knows_how_far_it_came(branch: Branch) -> None:
    chat, gate = await branch.open(), Gate()
    branch.services.chat._interrupt = True  # COMANDA_AGENT_INTERRUPT
    llm = ScriptedLLM.saying(["Tenemos tacos de ", gate], ["Va, gringas"])
    async with running(branch.worker(llm)):
        first = await branch.send(chat, "¿qué hay?")
        await gate.reached.wait()
        await branch.until(chat, lambda event: event["type"] == "chat.delta")
        events = await branch.ask(chat, "mejor gringas")
    assert text_of(events) == "Va, gringas"
    ended = ending_of(await branch.of_turn(chat, first))
    assert (ended["type"], ended["data"]["by"]) == ("chat.stopped", "customer")
    seen = [message.content for message in llm.seen[-1][1:]]
    assert seen == ["¿qué hay?", "Tenemos tacos de  […]", "mejor gringas"]


async def test_an_agent_that_calls_a_person_says_no_word_more(branch: Branch) -> None:
    """Its words so far are in the room before the hand-over, and the model is not asked again."""
    chat = await branch.open()
    llm = ScriptedLLM.saying(["Con ", "mucho ", "gusto.", ToolCall("ask_person", {"reason": "queja"})], ["Y otra cosa"])
    # At this pace they would take some seconds more.
    async with running(branch.worker(llm, turn_limits=TurnLimits(turn_s=40, pace=4))):
        events = await branch.ask(chat, "quiero hablar con una persona")
    assert text_of(events) == ending_of(events)["data"]["text"] == "Con mucho gusto."
    types = [event["type"] for event in await branch.events(chat)]
    assert types[types.index("chat.handed_over") + 1 :] == ["chat.tool_finished", "chat.completed"]
    assert len(llm.seen) == 1


async def test_who_is_handed_over_without_a_word_is_told_so_before(branch: Branch) -> None:
    chat = await branch.open()
    async with running(branch.worker(ScriptedLLM.saying([ToolCall("ask_person", {})], ["nunca"]))):
        events = await branch.ask(chat, "a person please")
    assert ending_of(events)["type"] == "chat.completed"
    assert text_of(events) == "I am calling the staff: a person will answer you right here."
    types = [event["type"] for event in await branch.events(chat)]
    assert types.index("chat.delta") < types.index("chat.handed_over")


@pytest.mark.parametrize("stage", ["asked", "begun", "tool", "text", "over"])
async def test_a_stop_at_any_stage_comes_to_one_ending_with_the_words_that_were_read(
    branch: Branch, stage: str
) -> None:
    chat, gate = await branch.open(), Gate()
    scripts: dict[str, list[list[str | ToolCall | Gate | Exception]]] = {
        "asked": [["nunca"]],
        "begun": [[gate, "Hola"]],
        "tool": [[ToolCall("show_menu", {})], [gate, "Tacos"]],
        "text": [["Tenemos ", gate, "tacos"]],
        "over": [["Tenemos tacos"]],
    }
    worker = branch.worker(ScriptedLLM.saying(*scripts[stage]))
    running_for = asyncio.create_task(worker.run()) if stage != "asked" else None
    turn_id = await branch.send(chat, "¿qué hay?")
    if stage == "over":
        await branch.until(chat, lambda event: event["type"] in ENDINGS)
    elif stage != "asked":
        await gate.reached.wait()
    if stage == "text":
        await branch.until(chat, lambda event: event["type"] == "chat.delta")
    await asyncio.gather(*(branch.stop(chat, turn_id) for _ in range(3)))
    events = await branch.of_turn(chat, turn_id)
    ending = ending_of(events)
    assert ending["type"] == ("chat.completed" if stage == "over" else "chat.stopped")
    assert ending["data"]["text"] == text_of(events)
    gate.open()
    if running_for is None:
        running_for = asyncio.create_task(worker.run())
    await branch.ask(chat, "¿y ahora?")  # the chat goes on, and the worker is well
    worker.stop()
    await running_for
    assert (await branch.of_turn(chat, turn_id))[-1] == ending
    assert await branch.redis.xlen(branch.log.keys.jobs) == 0
