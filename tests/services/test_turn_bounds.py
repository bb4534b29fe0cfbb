"""Bounds on questions to the agent, a day: of an address, an order, an account and the branch."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.core.errors import LimitReached, RateLimited
from hub.domain.commands import HandBackChat, OpenChat, TakeOverChat
from tests.support.chat_requests import HOME, NEIGHBOUR, SUPPORT, place, which
from tests.support.services_harness import MANAGER
from tests.support.uncounted import MESSAGE_COUNTS, TURN_COUNTS

if TYPE_CHECKING:
    from tests.support.redis import Backend


async def test_an_address_has_so_many_turns_a_minute_and_is_told_when_there_are_more(fake_backend: Backend) -> None:
    async with place(fake_backend, turns_minute=2) as branch:
        await branch.ask()
        chat = await branch.open()
        await branch.ask(chat=chat)
        with pytest.raises(RateLimited) as refused:
            await branch.ask(chat=chat)
        assert which(refused) == {"limit": "turns_minute", "most": 2, "used": 2}
        assert 0 < (refused.value.retry_after_s or 0) <= 60
        await branch.ask(NEIGHBOUR)


async def test_an_address_has_so_many_turns_a_day_in_whatever_chats(fake_backend: Backend) -> None:
    async with place(fake_backend, turns_day=3) as branch:
        for _ in range(3):
            await branch.ask()
        with pytest.raises(LimitReached) as refused:
            await branch.ask()
        assert which(refused) == {"limit": "turns_day", "most": 3, "used": 3}
        await branch.ask(NEIGHBOUR)
        branch.clock.turn(days=1)
        await branch.ask()


async def test_the_day_ends_at_four_in_the_morning_of_the_branchs_own_clock(fake_backend: Backend) -> None:
    async with place(fake_backend, turns_day=1) as branch:
        await branch.ask()  # half past three in the afternoon
        branch.clock.turn(hours=12)
        with pytest.raises(LimitReached):
            await branch.ask()
        branch.clock.turn(hours=1)
        await branch.ask()


async def test_a_question_that_is_sent_again_is_one_turn(fake_backend: Backend) -> None:
    async with place(fake_backend, turns_day=1) as branch:
        chat = await branch.open()
        turns = {await branch.ask(chat=chat, command_id="the-very-same-question") for _ in range(3)}
        assert len(turns) == 1


async def test_what_an_answer_took_is_missing_from_the_next_question_and_not_from_its_own(
    fake_backend: Backend,
) -> None:
    async with place(fake_backend, tokens_day=1_000) as branch:
        first, second = await branch.ask(), await branch.ask()
        await branch.uses(first, 999)
        third = await branch.ask()
        await branch.uses(second, 50_000)  # it was running: nothing stops it
        with pytest.raises(LimitReached) as refused:
            await branch.ask()
        assert which(refused) == {"limit": "tokens_day", "most": 1_000, "used": 50_999}
        await branch.uses(third, 1)
        await branch.ask(NEIGHBOUR)


async def test_an_order_has_so_many_turns_and_tokens_a_day_from_wherever_it_is_asked_about(
    fake_backend: Backend,
) -> None:
    async with place(fake_backend, turns_order_day=2, tokens_order_day=100) as branch:
        (_, link), (_, another) = await branch.ordered(), await branch.ordered()
        for who in (HOME, NEIGHBOUR):
            await branch.ask(who, await branch.open(who, order_token=link))
        elsewhere = replace(HOME, address="2001:db8::/64")
        chat = await branch.open(elsewhere, order_token=link)
        with pytest.raises(LimitReached) as refused:
            await branch.ask(elsewhere, chat)
        assert which(refused)["limit"] == "turns_order_day"
        turn_id = await branch.ask(elsewhere, await branch.open(elsewhere, order_token=another))
        await branch.uses(turn_id, 100)
        with pytest.raises(LimitReached) as refused:
            await branch.ask(NEIGHBOUR, await branch.open(NEIGHBOUR, order_token=another))
        assert which(refused)["limit"] == "tokens_order_day"


async def test_staff_are_counted_by_their_account_and_not_by_the_address_that_they_share(
    fake_backend: Backend,
) -> None:
    async with place(fake_backend, turns_day=1, turns_minute=1, tokens_day=1, turns_staff_day=2) as branch:
        await branch.uses(await branch.ask(), 5)
        for _ in range(2):
            await branch.uses(await branch.ask(SUPPORT), 5)
        with pytest.raises(LimitReached) as refused:
            await branch.ask(SUPPORT)
        assert which(refused) == {"limit": "turns_staff_day", "most": 2, "used": 2}
        await branch.ask(MANAGER)


async def test_what_is_said_to_a_person_is_no_turn(fake_backend: Backend) -> None:
    async with place(fake_backend, turns_day=1) as branch:
        chat = await branch.open()
        await branch.ask(chat=chat)
        await branch.wire.handover.take_over(SUPPORT, TakeOverChat(chat_id=chat[0]))
        for _ in range(3):
            assert await branch.ask(chat=chat) == "None"
        await branch.wire.handover.hand_back(SUPPORT, HandBackChat(chat_id=chat[0]))
        with pytest.raises(LimitReached):
            await branch.ask(chat=chat)


async def test_an_address_opens_so_many_chats_an_hour_and_goes_on_in_those_it_has(fake_backend: Backend) -> None:
    async with place(fake_backend, chats_hour=2) as branch:
        known: dict[str, Any] = {"chat_id": "by-a-name-of-its-own"}
        await branch.wire.chat.open(HOME, OpenChat(), **known)
        chat = await branch.open()
        with pytest.raises(RateLimited) as refused:
            await branch.open()
        assert which(refused) == {"limit": "chats_hour", "most": 2, "used": 2}
        await branch.ask(chat=chat)
        for _ in range(3):  # a page of the AI SDK's says its chat's name with every question
            await branch.wire.chat.open(HOME, OpenChat(), **known)
        await branch.open(NEIGHBOUR)
        for _ in range(4):
            await branch.open(SUPPORT)


async def test_what_the_branch_has_used_is_told_of_its_business_day(fake_backend: Backend) -> None:
    async with place(fake_backend, tokens_branch_day=100) as branch:
        await branch.uses(await branch.ask(), 60)
        today = await branch.wire.chat.today()
        assert (today.turns, today.tokens, today.ceiling, today.ceiling_reached) == (1, 60, 100, False)
        await branch.uses(await branch.ask(SUPPORT), 40)
        assert (await branch.wire.chat.today()).ceiling_reached
        await branch.ask()  # it is answered, by the offline model
        branch.clock.turn(days=1)
        assert (await branch.wire.chat.today()).tokens == 0


async def test_nothing_is_bounded_where_the_limits_are_off(fake_backend: Backend) -> None:
    async with place(fake_backend, **dict.fromkeys((*TURN_COUNTS, *MESSAGE_COUNTS), 0)) as branch:
        for _ in range(70):
            await branch.uses(await branch.ask(), 10_000_000)
        assert not (await branch.wire.chat.today()).ceiling_reached


async def test_a_days_count_is_forgotten_when_the_day_is(fake_backend: Backend) -> None:
    async with place(fake_backend) as branch:
        await branch.uses(await branch.ask(), 7)
        redis, prefix = fake_backend.client(), branch.services.log.keys.quota("")
        names = [key async for key in redis.scan_iter(match=f"{prefix}*")]
        assert len(names) == 10
        day_s = timedelta(hours=25).total_seconds()
        left_s = [await redis.ttl(name) for name in names]
        assert all(0 < seconds <= day_s for seconds in left_s)
