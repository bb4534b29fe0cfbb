"""Bounds on what customers say in chats, whoever answers: messages and bytes of an address, bytes of a chat."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hub.core.errors import LimitReached, RateLimited, Unauthorized
from hub.domain.commands import ChatTurn, OpenChat, ReplyChat, TakeOverChat
from tests.support.chat_requests import HOME, NEIGHBOUR, SUPPORT, Chat, Place, place, which

if TYPE_CHECKING:
    from tests.support.redis import Backend

LONG = "ñ" * 1_000  # 2,000 bytes


async def with_a_person(branch: Place) -> Chat:
    """A chat in which a person answers."""
    chat = await branch.open()
    await branch.wire.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
    return chat


async def test_an_address_says_so_many_messages_a_minute_also_to_a_person(fake_backend: Backend) -> None:
    async with place(fake_backend, messages_minute=3) as branch:
        await branch.ask()
        chat = await with_a_person(branch)
        for _ in range(2):
            await branch.ask(chat=chat)
        with pytest.raises(RateLimited) as refused:
            await branch.ask(chat=chat)
        assert which(refused) == {"limit": "messages_minute", "most": 3, "used": 3}
        assert 0 < (refused.value.retry_after_s or 0) <= 60
        await branch.ask(NEIGHBOUR)


async def test_an_address_says_so_many_messages_a_day_also_to_a_person(fake_backend: Backend) -> None:
    async with place(fake_backend, messages_day=3) as branch:
        chat = await with_a_person(branch)
        for _ in range(3):
            await branch.ask(chat=chat)
        for another in (chat, await branch.open()):
            with pytest.raises(LimitReached) as refused:
                await branch.ask(chat=another)
            assert which(refused) == {"limit": "messages_day", "most": 3, "used": 3}
        branch.clock.turn(days=1)
        await branch.ask(chat=chat)


async def test_a_message_costs_the_bytes_that_it_weighs(fake_backend: Backend) -> None:
    async with place(fake_backend, messages_bytes_day=7_000) as branch:
        chat = await with_a_person(branch)
        for _ in range(3):
            await branch.ask(chat=chat, text=LONG)
        with pytest.raises(LimitReached) as refused:
            await branch.ask(text=LONG)
        assert which(refused)["limit"] == "messages_bytes_day"
        assert 6_000 < which(refused)["used"] <= 7_000
        await branch.ask(chat=chat, text="hola")
        await branch.ask(NEIGHBOUR, text=LONG)


async def test_a_conversation_that_a_chat_is_opened_with_costs_what_it_weighs(fake_backend: Backend) -> None:
    said = [ChatTurn(role="user", content=LONG), ChatTurn(role="assistant", content=LONG)]
    async with place(fake_backend, messages_bytes_day=9_000) as branch:
        for _ in range(2):
            await branch.wire.chat.open(HOME, OpenChat(), earlier=said)
        with pytest.raises(LimitReached) as refused:
            await branch.wire.chat.open(HOME, OpenChat(), earlier=said)
        assert which(refused)["limit"] == "messages_bytes_day"
        await branch.open()


async def test_one_chat_takes_so_many_bytes_a_day_from_whatever_addresses(fake_backend: Backend) -> None:
    async with place(fake_backend, chat_bytes_day=5_000) as branch:
        chat = await with_a_person(branch)
        for who in (HOME, NEIGHBOUR):
            await branch.ask(who, chat, text=LONG)
        with pytest.raises(LimitReached) as refused:
            await branch.ask(HOME, chat, text=LONG)
        assert which(refused)["limit"] == "chat_bytes_day"
        await branch.ask(text=LONG)
        await branch.wire.handover.reply(SUPPORT, ReplyChat(chat_id=chat[0], text=LONG))


async def test_a_message_that_is_sent_again_counts_once(fake_backend: Backend) -> None:
    async with place(fake_backend, messages_day=1) as branch:
        chat = await with_a_person(branch)
        for _ in range(3):
            await branch.ask(chat=chat, command_id="the-very-same-message")


async def test_staff_say_as_much_as_they_like(fake_backend: Backend) -> None:
    async with place(fake_backend, messages_minute=1, messages_day=1, messages_bytes_day=1, chat_bytes_day=1) as branch:
        for _ in range(3):
            await branch.ask(SUPPORT)


async def test_a_chat_of_an_order_takes_the_token_of_an_order_and_no_other(fake_backend: Backend) -> None:
    async with place(fake_backend) as branch:
        _, token_of_a_chat = await branch.open()
        with pytest.raises(Unauthorized):
            await branch.open(order_token=token_of_a_chat)
        _, link = await branch.ordered()
        await branch.open(order_token=link)


async def test_everybody_gets_through_who_writes_in_one_chat_at_the_same_time(fake_backend: Backend) -> None:
    async with place(fake_backend, messages_minute=0) as branch:
        chat = await with_a_person(branch)
        said = [branch.ask(chat=chat, text=f"message {number}") for number in range(30)]
        assert await asyncio.gather(*said) == ["None"] * 30
