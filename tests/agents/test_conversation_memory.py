"""What the model remembers: both sides, staff too, the newest, and never the questions that come later."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.storage.chat_store.base_db import MessageStatus

from agents.conversation_memory import ConversationStore, memory_of, recalled
from hub.domain.chat import Turn
from hub.domain.commands import ForgetChat, HandBackChat, ReplyChat, TakeOverChat
from hub.domain.conversation import Conversation, Message
from hub.domain.requested_by import RequestedBy
from hub.domain.roles import ANONYMOUS, Kind
from hub.store.retention import Retention
from tests.support.carry_out import carry_out
from tests.support.chat import SUPPORT, running
from tests.support.scripted import ScriptedLLM

if TYPE_CHECKING:
    from tests.support.chat import Branch

AT = datetime(2026, 11, 20, tzinfo=UTC)


def conversation(*said: tuple[str, str, str]) -> Conversation:
    messages = []
    for number, (kind, name, text) in enumerate(said):
        state = "completed" if kind == "agent" else None
        fields: dict[str, Any] = {"message_id": f"m{number}", "kind": kind, "name": name, "text": text, "at": ""}
        messages.append(Message(state=state, **fields))
    return Conversation(messages=tuple(messages))


def turn(message_id: str) -> Turn:
    return Turn(
        id="t1",
        chat_id="c1",
        message_id=message_id,
        question="?",
        requested_by=RequestedBy(kind=Kind.ANONYMOUS),
        created_at=AT,
        updated_at=AT,
    )


def test_the_conversation_is_remembered_from_both_sides() -> None:
    said = conversation(
        ("customer", "", "hola"), ("agent", "", "¡Hola!"), ("staff", "Sole", "ya"), ("customer", "", "?")
    )
    told = [(str(m.role.value), m.content) for m in recalled(said, turn("m3"))]
    assert told == [("user", "hola"), ("assistant", "¡Hola!"), ("assistant", "[Sole] ya")]


def test_questions_that_came_later_have_turns_of_their_own() -> None:
    said = conversation(("customer", "", "uno"), ("customer", "", "dos"), ("agent", "", "1"), ("customer", "", "tres"))
    assert [m.content for m in recalled(said, turn("m1"))] == ["uno", "1"]


def test_what_is_too_long_ago_is_forgotten() -> None:
    said = conversation(*[("customer", "", f"{n:06}") for n in range(100)])
    kept = [m.content for m in recalled(said, turn("m99"), max_tokens=20)]  # two tokens each
    assert kept == [f"{n:06}" for n in range(89, 99)]


async def test_what_a_run_adds_is_never_dropped_in_the_run_and_never_leaves_it() -> None:
    said = conversation(("customer", "", "hola"), ("agent", "", "¡Hola!"), ("customer", "", "?"))
    memory = memory_of(said, turn("m2"), max_tokens=10)
    await memory.aput(ChatMessage(role="user", content="¿qué hay?"))
    await memory.aput_messages([ChatMessage(role="tool", content="x" * 30_000)])
    assert [len(m.content or "") for m in await memory.aget()] == [4, 6, 9, 30_000]
    assert [m.content for m in await memory_of(said, turn("m2")).aget()] == ["hola", "¡Hola!"]


async def test_the_store_keeps_the_contract_of_llamaindex_stores() -> None:
    def message(text: str) -> ChatMessage:
        return ChatMessage(role="user", content=text)

    async def texts(status: MessageStatus | None = MessageStatus.ACTIVE, **more: int) -> list[str | None]:
        return [found.content for found in await store.get_messages("c1", status, **more)]

    store = ConversationStore.of("c1", [message(text) for text in "abcde"])
    assert await store.get_keys() == ["c1"]
    assert await texts(limit=2, offset=1) == ["b", "c"]
    assert [found.content for found in await store.archive_oldest_messages("c1", 2)] == ["a", "b"]
    assert await texts() == ["c", "d", "e"]
    assert await texts(MessageStatus.ARCHIVED) == ["a", "b"]
    assert await texts(None) == ["a", "b", "c", "d", "e"]
    assert await store.count_messages("c1", None) == 5
    removed = await store.delete_message("c1", 1)
    assert removed is not None
    assert (removed.content, await store.delete_message("c1", 9)) == ("d", None)
    assert [found.content for found in await store.delete_oldest_messages("c1", 1)] == ["c"]
    await store.add_message("c1", message("f"))
    assert await texts() == ["e", "f"]
    await store.set_messages("c1", [message("g")])
    assert await texts(None) == ["a", "b", "g"]
    await store.delete_messages("c1", MessageStatus.ARCHIVED)
    assert await texts(None) == ["g"]
    await store.delete_messages("c1")
    assert await store.get_messages("other") == await store.get_messages("c1") == []


async def test_long_answers_push_nothing_out_of_the_memory_before_its_time(branch: Branch) -> None:
    """Each answer is some hundred events in a room that keeps a hundred."""
    branch.log.retention = Retention(100)
    chat = await branch.open()
    llm = ScriptedLLM.saying(["palabra "] * 3)
    async with running(branch.worker(llm)):
        for number in range(12):
            await branch.ask(chat, f"pregunta {number}")
        await branch.log.forget(f"chat:{chat[0]}", await branch.log.position(), AT)
        await branch.ask(chat, "¿qué te pregunté primero?")
    seen = [message.content for message in llm.seen[-1][1:]]
    assert seen[0] == "pregunta 0"
    assert len(seen) == 25


async def test_the_agent_has_read_what_a_person_said_meanwhile_and_nothing_that_was_to_be_forgotten(
    branch: Branch,
) -> None:
    chat = await branch.open()
    llm = ScriptedLLM.saying(["Claro"])
    async with running(branch.worker(llm)):
        await branch.services.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
        await branch.send(chat, "soy alérgica a la nuez")
        await branch.services.handover.reply(SUPPORT, ReplyChat(chat_id=chat[0], text="Lo apunto"))
        await branch.services.handover.hand_back(SUPPORT, HandBackChat(chat_id=chat[0]))
        await branch.ask(chat, "gracias")
        assert [m.content for m in llm.seen[-1][1:]] == ["soy alérgica a la nuez", "[Sole] Lo apunto", "gracias"]
        await carry_out(branch.services, ANONYMOUS, ForgetChat(chat_id=chat[0], token=chat[1]))
        await branch.ask(chat, "hola")
    assert [m.content for m in llm.seen[-1][1:]] == ["hola"]
