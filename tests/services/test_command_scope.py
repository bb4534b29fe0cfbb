"""The scope of command ids, and the part of a command that is stored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.core.errors import IdempotencyMismatch
from hub.domain import commands as cmd
from hub.domain.roles import ANONYMOUS, Principal
from tests.support.carry_out import carry_out
from tests.support.services_harness import KITCHEN_HAND, Branch, an_order

HERE, THERE = replace(ANONYMOUS, address="198.51.100.1"), replace(ANONYMOUS, address="203.0.113.9")
SHORT, LONG = "1", "6f1c0b0a-2f1e-4f6e"


async def order_of(branch: Branch, who: Principal, command_id: str) -> str:
    answer = await branch.orders.place(who, an_order(command_id=command_id))
    order_id: str = answer["order"]["id"]
    return order_id


async def test_the_same_short_id_from_two_addresses_is_two_orders(branch: Branch) -> None:
    assert await order_of(branch, HERE, SHORT) != await order_of(branch, THERE, SHORT)


async def test_a_short_id_said_again_from_the_same_address_is_the_same_order(branch: Branch) -> None:
    assert await order_of(branch, HERE, SHORT) == await order_of(branch, HERE, SHORT)


async def test_a_random_id_finds_its_order_again_from_another_network(branch: Branch) -> None:
    """A phone that loses the Wi-Fi while it waits for the answer asks again over its own network."""
    assert await order_of(branch, HERE, LONG) == await order_of(branch, THERE, LONG)


async def test_members_of_staff_do_not_meet_whatever_their_ids(branch: Branch) -> None:
    other = replace(KITCHEN_HAND, id="lupita")
    for command_id in (SHORT, LONG):
        assert await order_of(branch, KITCHEN_HAND, command_id) != await order_of(branch, other, command_id)


async def test_a_message_is_scoped_like_an_order(branch: Branch) -> None:
    chat = await branch.wire.chat.open(HERE, cmd.OpenChat())
    asked = cmd.SendChat(chat_id=chat["chat_id"], token=chat["token"], text="¿Abren hoy?", command_id=SHORT)
    other = asked.model_copy(update={"text": "¿Y mañana?"})
    await carry_out(branch.services, HERE, asked)
    await carry_out(branch.services, THERE, other)
    with pytest.raises(IdempotencyMismatch):
        await carry_out(branch.services, HERE, other)


async def test_nothing_that_is_kept_of_a_command_opens_an_order(branch: Branch) -> None:
    first = await branch.orders.place(HERE, an_order(command_id=LONG))
    token = first["tracking"]["token"]
    redis = branch.redis
    kept = [str(await redis.get(key)) async for key in redis.scan_iter("*command:*")]
    assert kept
    assert not any(token in text for text in kept)
    # A repeat has the link all the same.
    assert await branch.orders.place(HERE, an_order(command_id=LONG)) == first
