"""The list of chats that staff look after: which are in it, in which order, and what of each is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hub.core.errors import Forbidden
from hub.domain.chat import ChatMode
from hub.domain.commands import CustomerContact, ForgetChat, HandBackChat, PlaceOrder, ReplyChat, TakeOverChat
from hub.domain.lifecycle import DeliveryKind
from hub.domain.order_document import Delivery, OrderLine
from hub.domain.roles import ANONYMOUS
from hub.services.document_names import chat_key
from tests.services.test_chat import KITCHEN, MANAGER, SUPPORT, ChatHarness
from tests.support.carry_out import carry_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.redis import Backend


@pytest.fixture
async def desk(fake_backend: Backend) -> AsyncIterator[ChatHarness]:
    desk = ChatHarness(fake_backend)
    yield desk
    await desk.log.aclose()


async def found(desk: ChatHarness, mode: ChatMode | None = None, limit: int = 50, before: int | None = None) -> Any:
    return await desk.wire.inbox.find(SUPPORT, mode, limit, before)


async def ids(desk: ChatHarness, mode: ChatMode | None = None) -> list[str]:
    return [chat["chat_id"] for chat in (await found(desk, mode))["chats"]]


async def test_the_chat_in_which_something_was_said_last_comes_first(desk: ChatHarness) -> None:
    first, second, silent = [await desk.open() for _ in range(3)]
    for chat in (first, second, first):
        await desk.send(chat, "hola")
    assert await ids(desk) == [first[0], second[0]]
    assert silent[0] not in await ids(desk)
    (shown, _) = (await found(desk))["chats"]
    assert shown["last"]["kind"] == "customer"
    assert shown["last"]["text"] == "hola"
    assert (shown["mode"], shown["answering"], shown["orders"]) == ("agent", True, [])


async def test_those_that_a_person_answers_are_a_list_of_their_own(desk: ChatHarness) -> None:
    chats = [await desk.open() for _ in range(3)]
    for chat in chats:
        await desk.send(chat, "hola")
    for chat in chats[:2]:
        await desk.wire.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
    await desk.wire.handover.reply(SUPPORT, ReplyChat(chat_id=chats[0][0], text="dime"))
    assert await ids(desk, ChatMode.PERSON) == [chats[0][0], chats[1][0]]
    assert await ids(desk, ChatMode.AGENT) == [chats[2][0]]
    await desk.wire.handover.hand_back(SUPPORT, HandBackChat(chat_id=chats[0][0]))
    assert await ids(desk, ChatMode.PERSON) == [chats[1][0]]


async def test_a_chat_is_shown_with_its_customer_and_their_orders(desk: ChatHarness) -> None:
    order = PlaceOrder(
        customer=CustomerContact(name="Ramón", phone="5512345678"),
        items=(OrderLine(sku="agua", qty=1),),
        delivery=Delivery(kind=DeliveryKind.PICKUP),
    )
    placed = await desk.wire.orders.place(ANONYMOUS, order)
    chat = await desk.open(order_token=placed["tracking"]["token"])
    await desk.send(chat, "x" * 500)
    (shown,) = (await found(desk))["chats"]
    assert shown["customer"] == "Ramón"
    assert [(one["code"], one["status"]) for one in shown["orders"]] == [(placed["order"]["code"], "received")]
    assert len(shown["last"]["text"]) == 140
    assert "5512345678" not in json.dumps(shown)


async def test_pages_follow_each_other_without_a_chat_twice_or_left_out(desk: ChatHarness) -> None:
    said = []
    for _ in range(7):
        chat = await desk.open()
        await desk.send(chat)
        said.append(chat[0])
    pages, before = [], None
    while True:
        page = await found(desk, limit=3, before=before)
        pages += [chat["chat_id"] for chat in page["chats"]]
        before = page["next"]
        if before is None:
            break
    assert pages == said[::-1]


async def test_what_was_forgotten_is_in_no_list(desk: ChatHarness) -> None:
    chat, gone = await desk.open(), await desk.open()
    for one in (chat, gone):
        await desk.send(one, "un secreto")
    await carry_out(desk.services, ANONYMOUS, ForgetChat(chat_id=chat[0], token=chat[1]))
    await desk.redis.delete(desk.log.keys.document(chat_key(gone[0])))
    assert await found(desk) == {"chats": [], "next": None}


async def test_the_list_is_for_those_who_answer_in_chats(desk: ChatHarness) -> None:
    assert await desk.wire.inbox.find(MANAGER, None, 50, None) == {"chats": [], "next": None}
    for who in (KITCHEN, ANONYMOUS):
        with pytest.raises(Forbidden):
            await desk.wire.inbox.find(who, None, 50, None)
