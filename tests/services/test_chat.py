"""Who may do what in a chat, and what is written of it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from hub.config import MENU_FILE, Limits, Settings
from hub.domain.chat import Chat, TurnState
from hub.domain.commands import HandBackChat, OpenChat, ReplyChat, SendChat, StopChat, TakeOverChat
from hub.domain.errors import (
    ComandaError,
    Conflict,
    Forbidden,
    IdempotencyMismatch,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthorized,
)
from hub.domain.menu import parse_menu
from hub.domain.roles import ANONYMOUS, Kind, Principal, Role
from hub.eventlog.log import EventLog
from hub.services.build import Services, build_services
from hub.services.chat import ChatService, read_turn
from hub.services.documents import chat_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.redis import Backend

MANAGER = Principal(Kind.STAFF, "s1", "Carmen", frozenset({Role.MANAGER}))
SUPPORT = Principal(Kind.STAFF, "s2", "Sole", frozenset({Role.SUPPORT}))
KITCHEN = Principal(Kind.STAFF, "s3", "Paco", frozenset({Role.KITCHEN}))
MENU = parse_menu(MENU_FILE.read_text(encoding="utf-8"))


class Desk:
    """The chat service over an empty log, and short ways to use it."""

    def __init__(self, backend: Backend, **limits: int) -> None:
        redis = backend.client()
        settings = Settings(limits=Limits(**limits))
        self.log = EventLog(redis, settings.branch)
        self.services: Services = build_services(self.log, redis, settings, b"secret", MENU)
        self.chat: ChatService = self.services.chat
        self.redis = redis

    async def open(self, who: Principal = ANONYMOUS, **fields: Any) -> tuple[str, str]:
        opened = await self.chat.open(who, OpenChat(**fields))
        return opened["chat_id"], opened["token"]

    async def send(self, chat: tuple[str, str], text: str = "hola", who: Principal = ANONYMOUS, **more: Any) -> Any:
        return await self.chat.send(who, SendChat(chat_id=chat[0], token=chat[1], text=text, **more))

    async def document(self, chat: tuple[str, str]) -> Chat:
        document = await self.log.document(chat_key(chat[0]))
        assert document is not None
        return Chat.model_validate_json(document.body)

    async def types(self, chat: tuple[str, str]) -> list[str]:
        return [entry.type for entry in await self.log.read(f"chat:{chat[0]}", 0)]

    async def queued(self) -> list[str]:
        entries = await self.redis.xrange(self.log.keys.turns)
        return [json.loads(fields["p"])["turn_id"] for _, fields in entries]


@pytest.fixture
async def desk(fake_backend: Backend) -> AsyncIterator[Desk]:
    desk = Desk(fake_backend)
    yield desk
    await desk.log.aclose()


async def test_a_question_is_a_message_a_turn_and_a_place_in_the_queue_in_one_commit(desk: Desk) -> None:
    chat = await desk.open()
    before = (await desk.log.position()).offset
    sent = await desk.send(chat, "hola")
    (entry,) = await desk.log.read(f"chat:{chat[0]}", 0)
    assert json.loads(entry.body)["data"]["author"] == {"kind": "customer", "name": ""}
    assert sent["cursor"].endswith(f"-{before + 1}")
    both = await read_turn(desk.log, sent["turn_id"])
    assert both is not None
    assert (both.turn.state, both.turn.text, both.turn_version) == (TurnState.WAITING, "hola", 1)
    assert await desk.queued() == [sent["turn_id"]]


async def test_only_so_many_turns_run_and_wait(desk: Desk) -> None:
    chat = await desk.open()
    turns = [(await desk.send(chat))["turn_id"] for _ in range(4)]
    assert await desk.queued() == turns[:1]
    with pytest.raises(RateLimited):
        await desk.send(chat)
    assert len(await desk.types(chat)) == 4
    await desk.chat.stop(ANONYMOUS, StopChat(chat_id=chat[0], turn_id=turns[0], token=chat[1]))
    assert await desk.queued() == turns[:2]
    await desk.chat.stop(ANONYMOUS, StopChat(chat_id=chat[0], turn_id=turns[2], token=chat[1]))
    assert await desk.queued() == turns[:2]
    assert (await desk.document(chat)).turns == (turns[1], turns[3])
    assert [type_ for type_ in await desk.types(chat) if type_ != "chat.message"] == ["chat.stopped"] * 2


async def test_a_repeated_command_id_asks_once_also_when_the_chat_is_full(desk: Desk) -> None:
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
    desk = Desk(fake_backend, turns=1, turns_waiting=1)
    chat = await desk.open()
    await desk.send(chat)
    answers = await asyncio.gather(*(desk.send(chat, "¿y?", command_id="a") for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)
    assert await desk.types(chat) == ["chat.message"] * 2
    await desk.log.aclose()


async def test_a_repeat_is_answered_to_those_alone_who_may_ask(desk: Desk) -> None:
    chat = await desk.open()
    await desk.send(chat, command_id="a")
    with pytest.raises(NotFound):
        await desk.send((chat[0], ""), command_id="a")


async def test_authors_who_chose_the_same_command_id_do_not_meet(desk: Desk) -> None:
    chat = await desk.open()
    await desk.send(chat, "hola", command_id="a")
    await desk.chat.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
    reply = ReplyChat(chat_id=chat[0], text="dime", command_id="a")
    cursors = [(await desk.chat.reply(who, reply))["cursor"] for who in (SUPPORT, MANAGER)]
    assert len(set(cursors)) == 2
    assert (await desk.types(chat)).count("chat.message") == 3


async def test_a_reply_said_again_after_the_chat_was_handed_back_gives_the_first_answer(desk: Desk) -> None:
    chat = await desk.open()
    await desk.chat.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
    reply = ReplyChat(chat_id=chat[0], text="dime", command_id="a")
    first = await desk.chat.reply(SUPPORT, reply)
    await desk.chat.hand_back(SUPPORT, HandBackChat(chat_id=chat[0]))
    assert await desk.chat.reply(SUPPORT, reply) == first
    with pytest.raises(Conflict):
        await desk.chat.reply(SUPPORT, reply.model_copy(update={"command_id": "b"}))
    with pytest.raises(IdempotencyMismatch):
        await desk.chat.reply(SUPPORT, reply.model_copy(update={"text": "¿sí?"}))
    assert (await desk.types(chat)).count("chat.message") == 1


async def test_a_message_past_the_limit_is_refused(fake_backend: Backend) -> None:
    desk = Desk(fake_backend, chat_chars=5)
    chat = await desk.open()
    await desk.send(chat, "ñandú")
    with pytest.raises(TooLarge):
        await desk.send(chat, "ñandúe")
    await desk.log.aclose()


async def test_only_who_holds_a_chat_asks_in_it(desk: Desk) -> None:
    chat = await desk.open()
    other = await desk.open()
    expected: list[tuple[Principal, tuple[str, str], type[ComandaError]]] = [
        (ANONYMOUS, (chat[0], ""), NotFound),
        (ANONYMOUS, (chat[0], other[1]), NotFound),
        (ANONYMOUS, (chat[0], chat[1][:-1] + "x"), NotFound),
        (KITCHEN, (chat[0], ""), NotFound),
        (SUPPORT, (chat[0], ""), Forbidden),
        (ANONYMOUS, ("nosuch", ""), NotFound),
    ]
    for who, key, error in expected:
        with pytest.raises(error):
            await desk.send(key, who=who)
    assert await desk.types(chat) == []


async def test_staff_ask_in_chats_of_their_own_with_their_roles(desk: Desk) -> None:
    chat = await desk.open(MANAGER)
    sent = await desk.send((chat[0], ""), who=MANAGER)
    both = await read_turn(desk.log, sent["turn_id"])
    assert both is not None
    assert both.turn.principal(both.chat).roles == MANAGER.roles
    held_by_a_customer = await desk.send(chat)
    both = await read_turn(desk.log, held_by_a_customer["turn_id"])
    assert both is not None
    assert both.turn.principal(both.chat).roles == frozenset()


async def test_a_chat_is_opened_with_an_orders_token_or_not_at_all(desk: Desk) -> None:
    with pytest.raises(Unauthorized):
        await desk.open(order_token="PED1.wrong")
    holding_others = Principal(Kind.CUSTOMER, orders=frozenset({"PEDA", "PEDB"}))
    chat = await desk.open(holding_others)
    sent = await desk.send(chat, who=holding_others)
    both = await read_turn(desk.log, sent["turn_id"])
    assert both is not None
    assert both.turn.principal(both.chat).orders == {"PEDA", "PEDB"}


async def test_a_stop_needs_the_chat_and_a_turn_of_it(desk: Desk) -> None:
    chat, other = await desk.open(), await desk.open()
    turn_id = (await desk.send(chat))["turn_id"]
    for key, turn in (((chat[0], ""), turn_id), (other, turn_id), (chat, "nosuch")):
        with pytest.raises(NotFound):
            await desk.chat.stop(ANONYMOUS, StopChat(chat_id=key[0], token=key[1], turn_id=turn))
    await desk.chat.stop(SUPPORT, StopChat(chat_id=chat[0], turn_id=turn_id))
    assert await desk.types(chat) == ["chat.message", "chat.stopped"]


async def test_a_person_takes_over_answers_and_hands_back(desk: Desk) -> None:
    chat = await desk.open()
    waiting = [(await desk.send(chat))["turn_id"] for _ in range(2)]
    for who in (ANONYMOUS, KITCHEN):
        with pytest.raises(Forbidden):
            await desk.chat.take_over(who, TakeOverChat(chat_id=chat[0]))
    with pytest.raises(Conflict):
        await desk.chat.reply(SUPPORT, ReplyChat(chat_id=chat[0], text="hola"))
    await desk.chat.take_over(SUPPORT, TakeOverChat(chat_id=chat[0], text="lo pidió"))
    await desk.chat.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
    assert (await desk.document(chat)).turns == ()
    assert (await desk.send(chat, "¿sigues?"))["turn_id"] is None
    await desk.chat.reply(SUPPORT, ReplyChat(chat_id=chat[0], text="Aquí estoy"))
    await desk.chat.hand_back(SUPPORT, HandBackChat(chat_id=chat[0]))
    assert await desk.types(chat) == [
        "chat.message",
        "chat.message",
        "chat.handed_over",
        "chat.stopped",
        "chat.stopped",
        "chat.message",
        "chat.message",
        "chat.handed_back",
    ]
    shown = ChatService.snapshot(
        await desk.log.read(f"chat:{chat[0]}", 0), (await desk.document(chat)).model_dump_json()
    )
    authors = [message["author"] for message in shown["messages"]]
    assert authors[-1] == {"kind": "staff", "name": "Sole"}
    assert [message.get("turn_id") for message in shown["messages"]][2:4] == waiting
    assert shown["chat"] == {"id": chat[0], "mode": "agent"}


async def test_a_chat_nobody_writes_in_is_forgotten_after_a_week(desk: Desk) -> None:
    chat = await desk.open()
    sent = await desk.send(chat)
    keys = desk.log.keys
    names = (keys.doc("chat", chat[0]), keys.doc("turn", sent["turn_id"]), keys.room(f"chat:{chat[0]}"))
    for name in names:
        assert 6 * 86_400 < await desk.redis.ttl(name) <= 7 * 86_400
