"""Who may do what in a chat, and what is written of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hub.config import MENU_FILE, AgentSettings, Limits, Settings
from hub.core.cursor import Cursor
from hub.core.errors import (
    BadRequest,
    ComandaError,
    Conflict,
    Forbidden,
    IdempotencyMismatch,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthorized,
)
from hub.domain.chat import Chat, ChatMode, TurnState
from hub.domain.commands import (
    ForgetChat,
    HandBackChat,
    OpenChat,
    ReplyChat,
    SendChat,
    StopChat,
    TakeOverChat,
)
from hub.domain.events import ChatDelta, ChatHandedOver, ChatStarted, ChatStep
from hub.domain.menu import parse_menu
from hub.domain.roles import ANONYMOUS, Kind, Principal, Role
from hub.domain.rooms import Room
from hub.services.build import Services, build_services
from hub.services.chats.chat_documents import ending, read_chat, read_turn, turn_key, written
from hub.services.chats.turn_jobs import TurnJob
from hub.services.document_names import chat_key
from hub.store.log import Document, EventLog, NewEvent, Write
from hub.store.outbound_stream import START as OUTBOUND_START
from hub.store.outbound_stream import OutboundStream
from hub.store.retention import Retention
from tests.support.carry_out import carry_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

from tests.support.redis import Backend
from tests.support.services_harness import WireServices

MANAGER = Principal(Kind.STAFF, "s1", "Carmen", frozenset({Role.MANAGER}))
SUPPORT = Principal(Kind.STAFF, "s2", "Sole", frozenset({Role.SUPPORT}))
KITCHEN = Principal(Kind.STAFF, "s3", "Paco", frozenset({Role.KITCHEN}))
MENU = parse_menu(MENU_FILE.read_text(encoding="utf-8"))


class ChatHarness:
    """The chat service over an empty log, and short ways to use it."""

    def __init__(self, backend: Backend, agent: dict[str, Any] | None = None, **limits: int) -> None:
        redis = backend.client()
        settings = Settings(limits=Limits.model_validate(limits), agent=AgentSettings(**(agent or {})))
        self.log = EventLog(redis, settings.branch, retention=Retention(settings.limits.room_events))
        self.services: Services = build_services(self.log, settings, b"secret", MENU)
        self.chat: Any = WireServices(self.services).chat
        self.redis = redis

    @property
    def wire(self) -> Any:
        """The services with answers as JSON."""
        return WireServices(self.services)

    async def open(self, who: Principal = ANONYMOUS, **fields: Any) -> tuple[str, str]:
        opened = await self.chat.open(who, OpenChat(**fields))
        return opened["chat_id"], opened["token"]

    async def send(self, chat: tuple[str, str], text: str = "hola", who: Principal = ANONYMOUS, **more: Any) -> Any:
        return await carry_out(self.services, who, SendChat(chat_id=chat[0], token=chat[1], text=text, **more))

    async def document(self, chat: tuple[str, str]) -> Chat:
        document = await self.log.document(chat_key(chat[0]))
        assert document is not None
        return Chat.model_validate_json(document.body)

    async def types(self, chat: tuple[str, str]) -> list[str]:
        return [entry.type for entry in await self.log.read(f"chat:{chat[0]}", 0)]

    async def events(self, chat: tuple[str, str]) -> list[dict[str, Any]]:
        return [json.loads(entry.body) for entry in await self.log.read(f"chat:{chat[0]}", 0)]

    async def snapshot(self, chat: tuple[str, str]) -> dict[str, Any]:
        return (await self.services.views.read(Room.chat(chat[0]))).snapshot

    async def says(self, chat: tuple[str, str], turn_id: str, *texts: str) -> None:
        """As a worker does: the turn begins, and these pieces come, each in a commit that moves the turn on."""
        both = await read_turn(self.log, turn_id)
        assert both is not None
        turn, version = both.turn.model_copy(update={"state": TurnState.RUNNING, "attempt": 1}), both.turn_version
        events: list[Any] = [ChatStarted(turn_id=turn_id, attempt=1, model="m")]
        events += [ChatStep(turn_id=turn_id, step="a", state="done", text="a")]
        events += [ChatDelta(turn_id=turn_id, index=index, text=text) for index, text in enumerate(texts)]
        for event in events:
            version += 1
            new = NewEvent(event.type, event.body(self.services.clock()), (f"chat:{chat[0]}",))
            document = Document(turn_key(turn_id), version, turn.model_dump_json())
            await self.log.commit(
                Write(events=(new,), expects=((turn_key(turn_id), version - 1),), documents=(document,))
            )

    async def queued(self) -> list[str]:
        entries = await self.redis.xrange(self.log.keys.jobs)
        return [json.loads(fields["p"])["turn_id"] for _, fields in entries or () if fields]


@pytest.fixture
async def desk(fake_backend: Backend) -> AsyncIterator[ChatHarness]:
    desk = ChatHarness(fake_backend)
    yield desk
    await desk.log.aclose()


async def test_a_question_is_a_message_a_turn_and_a_place_in_the_queue_in_one_commit(desk: ChatHarness) -> None:
    chat = await desk.open()
    before = (await desk.log.position()).offset
    sent = await desk.send(chat, "hola")
    (entry,) = await desk.log.read(f"chat:{chat[0]}", 0)
    assert json.loads(entry.body)["data"]["author"] == {"kind": "customer", "name": ""}
    assert sent["cursor"].endswith(f"-{before + 1}")
    both = await read_turn(desk.log, sent["turn_id"])
    assert both is not None
    assert (both.turn.state, both.turn.question, both.turn_version) == (TurnState.WAITING, "hola", 1)
    assert await desk.queued() == [sent["turn_id"]]


async def test_only_so_many_turns_run_and_wait(desk: ChatHarness) -> None:
    chat = await desk.open()
    turns = [(await desk.send(chat))["turn_id"] for _ in range(4)]
    assert await desk.queued() == turns[:1]
    with pytest.raises(RateLimited):
        await desk.send(chat)
    assert len(await desk.types(chat)) == 4
    await carry_out(desk.services, ANONYMOUS, StopChat(chat_id=chat[0], turn_id=turns[0], token=chat[1]))
    assert await desk.queued() == turns[:2]
    await carry_out(desk.services, ANONYMOUS, StopChat(chat_id=chat[0], turn_id=turns[2], token=chat[1]))
    assert await desk.queued() == turns[:2]
    assert (await desk.document(chat)).turns == (turns[1], turns[3])
    assert [type_ for type_ in await desk.types(chat) if type_ != "chat.message"] == ["chat.stopped"] * 2


async def test_a_repeated_command_id_asks_once_also_when_the_chat_is_full(desk: ChatHarness) -> None:
    chat = await desk.open()
    first = await desk.send(chat, "hola", command_id="a")
    for _ in range(3):
        await desk.send(chat)
    assert await desk.send(chat, "hola", command_id="a") == first
    with pytest.raises(IdempotencyMismatch):
        await desk.send(chat, "adiós", command_id="a")
    other = await desk.open()
    assert (await desk.send(other, "adiós", command_id="a"))["turn_id"] != first["turn_id"]


async def test_a_question_said_by_many_at_once_is_one_question_also_where_one_more_fits(fake_backend: Backend) -> None:
    desk = ChatHarness(fake_backend, turns=1, turns_waiting=1)
    chat = await desk.open()
    await desk.send(chat)
    answers = await asyncio.gather(*(desk.send(chat, "¿y?", command_id="a") for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)
    assert await desk.types(chat) == ["chat.message"] * 2
    await desk.log.aclose()


async def test_a_repeat_is_answered_to_those_alone_who_may_ask(desk: ChatHarness) -> None:
    chat = await desk.open()
    await desk.send(chat, command_id="a")
    with pytest.raises(NotFound):
        await desk.send((chat[0], ""), command_id="a")


async def test_authors_who_chose_the_same_command_id_do_not_meet(desk: ChatHarness) -> None:
    chat = await desk.open()
    await desk.send(chat, "hola", command_id="a")
    await desk.wire.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
    reply = ReplyChat(chat_id=chat[0], text="dime", command_id="a")
    cursors = [(await desk.wire.handover.reply(who, reply))["cursor"] for who in (SUPPORT, MANAGER)]
    assert len(set(cursors)) == 2
    assert (await desk.types(chat)).count("chat.message") == 3


async def test_a_reply_said_again_after_the_chat_was_handed_back_gives_the_first_answer(desk: ChatHarness) -> None:
    chat = await desk.open()
    await desk.wire.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
    reply = ReplyChat(chat_id=chat[0], text="dime", command_id="a")
    first = await desk.wire.handover.reply(SUPPORT, reply)
    await desk.wire.handover.hand_back(SUPPORT, HandBackChat(chat_id=chat[0]))
    assert await desk.wire.handover.reply(SUPPORT, reply) == first
    with pytest.raises(Conflict):
        await desk.wire.handover.reply(SUPPORT, reply.model_copy(update={"command_id": "b"}))
    with pytest.raises(IdempotencyMismatch):
        await desk.wire.handover.reply(SUPPORT, reply.model_copy(update={"text": "¿sí?"}))
    assert (await desk.types(chat)).count("chat.message") == 1


async def test_a_message_past_the_limit_is_refused(fake_backend: Backend) -> None:
    desk = ChatHarness(fake_backend, chat_chars=5)
    chat = await desk.open()
    await desk.send(chat, "ñandú")
    with pytest.raises(TooLarge):
        await desk.send(chat, "ñandúe")
    await desk.log.aclose()


async def test_only_who_holds_a_chat_asks_in_it(desk: ChatHarness) -> None:
    chat = await desk.open()
    other = await desk.open()
    expected: list[tuple[Principal, tuple[str, str], type[ComandaError]]] = [
        (ANONYMOUS, (chat[0], ""), NotFound),
        (ANONYMOUS, (chat[0], other[1]), NotFound),
        (ANONYMOUS, (chat[0], chat[1][:-1] + ("y" if chat[1].endswith("x") else "x")), NotFound),
        (KITCHEN, (chat[0], ""), NotFound),
        (SUPPORT, (chat[0], ""), Forbidden),
        (ANONYMOUS, ("nosuch", ""), NotFound),
    ]
    for who, key, error in expected:
        with pytest.raises(error):
            await desk.send(key, who=who)
    assert await desk.types(chat) == []


async def test_staff_ask_in_chats_of_their_own_with_their_roles(desk: ChatHarness) -> None:
    chat = await desk.open(MANAGER)
    sent = await desk.send((chat[0], ""), who=MANAGER)
    both = await read_turn(desk.log, sent["turn_id"])
    assert both is not None
    assert both.turn.principal(both.chat).roles == MANAGER.roles
    held_by_a_customer = await desk.send(chat)
    both = await read_turn(desk.log, held_by_a_customer["turn_id"])
    assert both is not None
    assert both.turn.principal(both.chat).roles == frozenset()


async def test_a_chat_opened_again_under_the_same_id_is_the_same_chat(desk: ChatHarness) -> None:
    id, other = "0123456789abcdef", "fedcba9876543210"
    opened = [await desk.chat.open(ANONYMOUS, OpenChat(command_id=one)) for one in (id, id, other)]
    opened += [await desk.chat.open(MANAGER, OpenChat(command_id=one)) for one in (id, "k1", "k1")]
    assert opened[0] == opened[1]
    assert opened[4] == opened[5]
    assert len({chat["chat_id"] for chat in opened}) == 4
    await desk.send((opened[0]["chat_id"], opened[1]["token"]))
    with pytest.raises(BadRequest):  # any other stranger might say that, and would be given the token
        await desk.chat.open(ANONYMOUS, OpenChat(command_id="k1"))


async def test_a_chat_is_opened_with_an_orders_token_or_not_at_all(desk: ChatHarness) -> None:
    with pytest.raises(Unauthorized):
        await desk.open(order_token="PED1.wrong")
    holding_others = Principal(Kind.CUSTOMER, orders=frozenset({"PEDA", "PEDB"}))
    chat = await desk.open(holding_others)
    sent = await desk.send(chat, who=holding_others)
    both = await read_turn(desk.log, sent["turn_id"])
    assert both is not None
    assert both.turn.principal(both.chat).orders == {"PEDA", "PEDB"}


async def test_a_stop_needs_the_chat_and_a_turn_of_it(desk: ChatHarness) -> None:
    chat, other = await desk.open(), await desk.open()
    turn_id = (await desk.send(chat))["turn_id"]
    for key, turn in (((chat[0], ""), turn_id), (other, turn_id), (chat, "nosuch")):
        with pytest.raises(NotFound):
            await carry_out(desk.services, ANONYMOUS, StopChat(chat_id=key[0], token=key[1], turn_id=turn))
    await carry_out(desk.services, SUPPORT, StopChat(chat_id=chat[0], turn_id=turn_id))
    assert await desk.types(chat) == ["chat.message", "chat.stopped"]


async def test_a_person_takes_over_answers_and_hands_back(desk: ChatHarness) -> None:
    chat = await desk.open()
    waiting = [(await desk.send(chat))["turn_id"] for _ in range(2)]
    for who in (ANONYMOUS, KITCHEN):
        with pytest.raises(Forbidden):
            await desk.wire.handover.take_over(who, TakeOverChat(chat_id=chat[0]))
    with pytest.raises(Conflict):
        await desk.wire.handover.reply(SUPPORT, ReplyChat(chat_id=chat[0], text="hola"))
    await desk.wire.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0], text="lo pidió"))
    await desk.wire.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
    assert (await desk.document(chat)).turns == ()
    assert (await desk.send(chat, "¿sigues?"))["turn_id"] is None
    await desk.wire.handover.reply(SUPPORT, ReplyChat(chat_id=chat[0], text="Aquí estoy"))
    await desk.wire.handover.hand_back(SUPPORT, HandBackChat(chat_id=chat[0]))
    assert await desk.types(chat) == [
        "chat.message",
        "chat.message",
        "chat.stopped",
        "chat.stopped",
        "chat.handed_over",
        "chat.message",
        "chat.message",
        "chat.handed_back",
    ]
    shown = (await desk.services.views.read(Room.chat(chat[0]))).snapshot
    authors = [message["author"] for message in shown["messages"]]
    assert authors[-1] == {"kind": "staff", "name": "Sole"}
    assert [message.get("turn_id") for message in shown["messages"]][2:4] == waiting
    assert shown["chat"] == {"id": chat[0], "mode": "agent"}


async def test_a_chat_nobody_writes_in_is_forgotten_after_a_week(desk: ChatHarness) -> None:
    chat = await desk.open()
    sent = await desk.send(chat)
    keys = desk.log.keys
    names = (
        keys.doc("chat", chat[0]),
        keys.doc("conversation", chat[0]),
        keys.doc("turn", sent["turn_id"]),
        keys.room(f"chat:{chat[0]}"),
    )
    for name in names:
        assert 6 * 86_400 < await desk.redis.ttl(name) <= 7 * 86_400


async def test_a_stop_ends_the_answer_at_once_with_the_words_so_far_though_no_worker_hears_of_it(
    desk: ChatHarness,
) -> None:
    chat = await desk.open()
    turn_id = (await desk.send(chat))["turn_id"]
    await desk.says(chat, turn_id, "Tenemos ", "tacos")
    await carry_out(desk.services, ANONYMOUS, StopChat(chat_id=chat[0], turn_id=turn_id, token=chat[1]))
    ended = (await desk.events(chat))[-1]
    assert (ended["type"], ended["data"]) == (
        "chat.stopped",
        {"turn_id": turn_id, "text": "Tenemos tacos", "by": "customer"},
    )
    both = await read_turn(desk.log, turn_id)
    assert both is not None
    late = replace(both, turn_version=both.turn_version - 1)
    with pytest.raises(Conflict):  # what a worker says after it
        await desk.log.commit(ending(late, TurnState.COMPLETED, (), desk.services.clock(), Limits()))


async def test_a_stop_that_a_worker_talks_into_still_has_every_word(
    desk: ChatHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await desk.open()
    turn_id = (await desk.send(chat))["turn_id"]
    await desk.says(chat, turn_id, "uno ")
    commit, index = desk.log.commit, 1

    async def busy(write: Write) -> Any:
        nonlocal index
        if index < 4:  # the worker was quicker
            both = await read_turn(desk.log, turn_id)
            assert both is not None
            event = ChatDelta(turn_id=turn_id, index=index, text=f"{index} ")
            index += 1
            document = Document(turn_key(turn_id), both.turn_version + 1, both.turn.model_dump_json())
            await commit(
                Write(
                    events=(NewEvent(event.type, event.body(desk.services.clock()), (f"chat:{chat[0]}",)),),
                    expects=((turn_key(turn_id), both.turn_version),),
                    documents=(document,),
                )
            )
        return await commit(write)

    monkeypatch.setattr(desk.log, "commit", busy)
    await carry_out(desk.services, ANONYMOUS, StopChat(chat_id=chat[0], turn_id=turn_id, token=chat[1]))
    events = await desk.events(chat)
    assert events[-1]["data"]["text"] == "uno 1 2 3 "
    assert [event["type"] for event in events].count("chat.stopped") == 1


async def test_whoever_takes_over_silences_the_agent_in_the_same_step(desk: ChatHarness) -> None:
    chat = await desk.open()
    turns = [(await desk.send(chat))["turn_id"] for _ in range(2)]
    await desk.says(chat, turns[0], "Tenemos ")
    before = (await desk.log.position()).offset
    answer = await desk.wire.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
    told = (await desk.events(chat))[-3:]
    assert [(event["type"], event["data"].get("text")) for event in told] == [
        ("chat.stopped", "Tenemos "),
        ("chat.stopped", ""),
        ("chat.handed_over", None),
    ]
    assert answer["cursor"].endswith(f"-{before + 3}")


async def test_a_chat_that_the_agent_handed_over_itself_is_silenced_by_the_person_who_comes(
    desk: ChatHarness,
) -> None:
    chat = await desk.open()
    turn_id = (await desk.send(chat))["turn_id"]
    await desk.says(chat, turn_id, "Llamo a una persona")
    read = await read_chat(desk.log, chat[0])
    assert read is not None
    handed = read.chat.model_copy(update={"mode": ChatMode.PERSON})
    await desk.log.commit(written(read, handed, desk.services.clock(), ChatHandedOver(by="customer", reason="")))
    for _ in range(2):
        await desk.wire.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
    types = [type_ for type_ in await desk.types(chat) if type_ in ("chat.handed_over", "chat.stopped")]
    assert types == ["chat.handed_over", "chat.stopped"]


async def test_a_chat_with_more_turns_than_fit_into_one_commit_is_taken_over_too(fake_backend: Backend) -> None:
    desk = ChatHarness(fake_backend, turns=0)
    chat = await desk.open()
    turns = [(await desk.send(chat))["turn_id"] for _ in range(10)]
    await desk.wire.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
    stopped = [event["data"]["turn_id"] for event in await desk.events(chat) if event["type"] == "chat.stopped"]
    assert stopped == turns
    assert (await desk.document(chat)).turns == ()
    await desk.log.aclose()


async def test_the_snapshot_keeps_the_conversation_when_the_room_has_dropped_it(fake_backend: Backend) -> None:
    desk = ChatHarness(fake_backend, room_events=100)
    chat = await desk.open()
    first = (await desk.send(chat, "¿qué hay?"))["turn_id"]
    await desk.says(chat, first, *["tacos "] * 300)
    assert len(await desk.events(chat)) < 250
    await carry_out(desk.services, ANONYMOUS, StopChat(chat_id=chat[0], turn_id=first, token=chat[1]))
    await desk.send(chat, "¿y ya?")
    shown = await desk.snapshot(chat)
    assert shown["messages"][0]["text"] == "¿qué hay?"
    assert [message.get("state") for message in shown["messages"]] == [None, "stopped", None]
    assert shown["turn"] is None
    await desk.log.aclose()


async def test_a_new_question_ends_the_answer_in_the_making_where_that_is_the_setting(fake_backend: Backend) -> None:
    desk = ChatHarness(fake_backend, agent={"interrupt": True})
    chat = await desk.open()
    first = (await desk.send(chat, "¿qué hay?"))["turn_id"]
    await desk.says(chat, first, "Tenemos ")
    sent = await desk.send(chat, "olvídalo", command_id="a")
    assert await desk.send(chat, "olvídalo", command_id="a") == sent
    assert (await desk.types(chat))[-2:] == ["chat.stopped", "chat.message"]
    assert (await desk.document(chat)).turns == (sent["turn_id"],)
    assert await desk.queued() == [first, sent["turn_id"]]
    both = await read_turn(desk.log, first)
    assert both is not None
    assert both.turn.state is TurnState.STOPPED
    await desk.log.aclose()


async def test_a_question_that_no_worker_looks_at_fails_and_the_next_one_comes_up(desk: ChatHarness) -> None:
    chat = await desk.open()
    turns = [(await desk.send(chat))["turn_id"] for _ in range(2)]
    assert await desk.services.stale_turns.end(3_600) == 0
    assert await desk.services.stale_turns.end(0) == 1
    ended = (await desk.events(chat))[-1]
    assert (ended["type"], ended["data"]["turn_id"]) == ("chat.failed", turns[0])
    assert ended["data"]["error"]["code"] == "no_agent"
    assert ended["data"]["error"]["retryable"]
    assert await desk.queued() == turns[1:]
    assert await desk.services.stale_turns.end(0) == 1
    assert await desk.queued() == []
    assert (await desk.types(chat)).count("chat.failed") == 2


async def test_a_turn_whose_worker_died_and_nobody_follows_ends_with_what_it_had_said(desk: ChatHarness) -> None:
    chat = await desk.open()
    turn_id = (await desk.send(chat))["turn_id"]
    await desk.services.turns.open()
    taken = await desk.services.turns.take("dead", 5)
    assert taken is not None
    await desk.says(chat, turn_id, "Tenemos ")
    assert await desk.services.stale_turns.end(0) == 0  # its lease holds
    await desk.redis.xclaim(desk.log.keys.jobs, "agents", "dead", 0, [taken.entry], idle=60_000, justid=True)
    assert await desk.services.stale_turns.end(3_600) == 0
    assert await desk.services.stale_turns.end(30) == 1
    ended = (await desk.events(chat))[-1]
    assert (ended["data"]["text"], ended["data"]["error"]["code"]) == ("Tenemos ", "no_agent")
    assert await desk.redis.xpending_range(desk.log.keys.jobs, "agents", "-", "+", 10) == []


async def test_a_turn_that_cannot_be_read_is_ended_too_and_holds_up_nobody(desk: ChatHarness) -> None:
    chat, other = await desk.open(), await desk.open()
    turns = [(await desk.send(chat))["turn_id"] for _ in range(2)]
    await desk.send(other)
    await desk.redis.hset(desk.log.keys.doc("turn", turns[0]), "b", "{}")
    assert await desk.services.stale_turns.end(0) == 2
    ended = [event["data"]["error"]["code"] for event in await desk.events(chat) if event["type"] == "chat.failed"]
    assert ended == ["no_agent"]
    assert await desk.queued() == turns[1:]
    assert (await desk.types(other))[-1] == "chat.failed"


async def test_what_is_in_the_queue_and_over_already_leaves_it_without_a_word(desk: ChatHarness) -> None:
    chat = await desk.open()
    turn_id = (await desk.send(chat))["turn_id"]
    await carry_out(desk.services, ANONYMOUS, StopChat(chat_id=chat[0], turn_id=turn_id, token=chat[1]))
    await desk.log.commit(Write(queue=(TurnJob("gone", "gone").payload(),)))
    assert await desk.services.stale_turns.end(0) == 0
    assert await desk.queued() == []
    assert await desk.types(chat) == ["chat.message", "chat.stopped"]


async def test_what_a_newer_hub_says_of_an_answer_keeps_nobody_out_of_the_room(desk: ChatHarness) -> None:
    chat = await desk.open()
    turn_id = (await desk.send(chat))["turn_id"]
    await desk.says(chat, turn_id, "Hola")
    body = json.dumps({"type": "chat.sung", "at": "2026-11-20T21:30:00.123Z", "data": {"turn_id": turn_id}})
    await desk.log.commit(Write(events=(NewEvent("chat.sung", body, (f"chat:{chat[0]}",)),)))
    assert (await desk.snapshot(chat))["turn"]["text"] == "Hola"


async def test_what_was_said_is_forgotten_on_request(desk: ChatHarness) -> None:
    chat, stranger = await desk.open(), await desk.open()
    turn_id = (await desk.send(chat, "soy Guadalupe, Calle 5"))["turn_id"]
    await desk.says(chat, turn_id, "Hola, Guadalupe")
    with pytest.raises(NotFound):
        await carry_out(desk.services, ANONYMOUS, ForgetChat(chat_id=chat[0], token=stranger[1]))
    await carry_out(desk.services, ANONYMOUS, StopChat(chat_id=chat[0], turn_id=turn_id, token=chat[1]))
    shown = await desk.log.position()
    await carry_out(desk.services, ANONYMOUS, ForgetChat(chat_id=chat[0], token=chat[1]))
    assert (await desk.snapshot(chat))["messages"] == []
    # Who shows it is told, and who shows less of it begins anew.
    for before, recovered in ((shown, True), (Cursor(shown.epoch, shown.offset - 1), False)):
        view = await desk.services.views.read(Room.chat(chat[0]), before)
        assert (view.recovered, [event.type for event in view.events]) == (recovered, ["chat.forgotten"])
    assert await desk.types(chat) == ["chat.forgotten"]
    keys = desk.log.keys
    for name in (keys.doc("turn", turn_id), keys.doc("checkpoint", chat[0]), keys.doc("proposal", chat[0])):
        assert not await desk.redis.exists(name)
    cursor = await desk.log.position()
    await desk.send(chat, "hola")  # and it goes on
    view = await desk.services.views.read(Room.chat(chat[0]), cursor)
    assert (view.recovered, [message["text"] for message in view.snapshot["messages"]]) == (True, ["hola"])


async def test_what_was_said_waits_for_no_reader_outside_once_it_is_forgotten(desk: ChatHarness) -> None:
    """Readers such as WhatsApp's go on with what is said from then on."""
    stream = OutboundStream(desk.log.calls, desk.log.keys)
    chat, other = await desk.open(), await desk.open()
    for one in (chat, other, chat):
        turn_id = (await desk.send(one, "soy Guadalupe, Calle 5"))["turn_id"]
        await carry_out(desk.services, ANONYMOUS, StopChat(chat_id=one[0], turn_id=turn_id, token=one[1]))
    cursors = [each.cursor for each in await stream.read(OUTBOUND_START, 100)]
    await carry_out(desk.services, ANONYMOUS, ForgetChat(chat_id=chat[0], token=chat[1]))
    await desk.send(chat, "hola")
    left = await stream.read(OUTBOUND_START, 100)
    assert [each.rooms[0] for each in left if "Guadalupe" in each.body] == [f"chat:{other[0]}"]
    assert "hola" in left[-1].body
    assert all([await stream.is_whole_after(cursor) for cursor in cursors])


async def test_staff_see_a_chats_turns_with_their_figures_and_none_of_its_words(desk: ChatHarness) -> None:
    chat = await desk.open()
    turns = [(await desk.send(chat, "soy Guadalupe"))["turn_id"] for _ in range(2)]
    await desk.says(chat, turns[0], "Hola")
    await carry_out(desk.services, ANONYMOUS, StopChat(chat_id=chat[0], turn_id=turns[0], token=chat[1]))
    shown = await desk.chat.turns(SUPPORT, chat[0])
    assert [(turn["turn_id"], turn["state"], turn["attempt"]) for turn in shown["turns"]] == [
        (turns[1], "waiting", 0),
        (turns[0], "stopped", 1),
    ]
    assert [turn["ended_at"] is None for turn in shown["turns"]] == [True, False]
    assert "Guadalupe" not in json.dumps(shown)
    for who in (ANONYMOUS, KITCHEN):
        with pytest.raises(Forbidden):
            await desk.chat.turns(who, chat[0])
    with pytest.raises(NotFound):
        await desk.chat.turns(SUPPORT, "nosuch")
