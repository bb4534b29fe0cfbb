"""Phone numbers that write by WhatsApp: their chats, their orders, and their wish to be left alone."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

from hub.domain import commands as cmd
from hub.domain.roles import ANONYMOUS, Kind, Principal
from hub.domain.whatsapp_number import address_of, number_of
from hub.services.document_names import contact_key
from tests.support.services_harness import START, Branch, an_order

ANA = "5215512345678"
BY_WHATSAPP = Principal(kind=Kind.CUSTOMER, address=address_of(ANA))


async def contact_of(branch: Branch, order_id: str) -> dict[str, str]:
    document = await branch.log.document(contact_key(order_id))
    assert document is not None
    found: dict[str, str] = json.loads(document.body)
    return found


async def test_a_number_keeps_its_chat_and_the_chat_finds_its_number(branch: Branch) -> None:
    numbers = branch.services.whatsapp
    assert await numbers.get(ANA) is None
    first = await numbers.heard(ANA, "Ana", START)
    later = await numbers.heard(ANA, "", START + timedelta(hours=1), "wamid.2", "en")
    news = {"last_inbound_at": START + timedelta(hours=1), "last_message_id": "wamid.2", "lang": "en"}
    assert later == first.model_copy(update=news)
    assert await numbers.get(ANA) == later
    assert await numbers.of_chat(first.chat_id) == ANA
    assert await numbers.of_chat("another") is None


async def test_two_processes_that_hear_a_new_number_at_once_give_it_one_chat(branch: Branch) -> None:
    heard = await asyncio.gather(*(branch.services.whatsapp.heard(ANA, "Ana", START) for _ in range(8)))
    assert len({number.chat_id for number in heard}) == 1


async def test_a_message_that_comes_late_does_not_set_the_time_back(branch: Branch) -> None:
    await branch.services.whatsapp.heard(ANA, "Ana", START)
    late = await branch.services.whatsapp.heard(ANA, "Ana", START - timedelta(days=2))
    assert late.last_inbound_at == START
    assert late.takes_free_form(START + timedelta(hours=23, minutes=59))
    assert not late.takes_free_form(START + timedelta(hours=24))


async def test_a_wish_to_be_left_alone_is_kept_when_the_number_writes_again(branch: Branch) -> None:
    number = await branch.services.whatsapp.heard(ANA, "Ana", START)
    await branch.services.whatsapp.set_opted_out(number, True)
    assert (await branch.services.whatsapp.heard(ANA, "Ana", START)).opted_out
    await branch.services.whatsapp.set_opted_out(number, False)
    assert not (await branch.services.whatsapp.heard(ANA, "Ana", START)).opted_out


async def test_an_order_placed_by_whatsapp_belongs_to_its_number(branch: Branch) -> None:
    answer = await branch.services.orders.place(BY_WHATSAPP, an_order())
    assert await branch.services.whatsapp.of_order(answer.order.id) == ANA
    assert (await contact_of(branch, answer.order.id))["phone"] == f"+{ANA}"
    assert await branch.services.whatsapp.of_order(await branch.placed()) is None


async def test_an_order_that_takes_its_place_belongs_to_the_number_too(branch: Branch) -> None:
    first = await branch.services.orders.place(BY_WHATSAPP, an_order())
    holder = Principal(kind=Kind.CUSTOMER, orders=frozenset({first.order.id}))
    change = cmd.ChangeOrder(order_id=first.order.id, items=an_order().items, delivery=an_order().delivery)
    second = await branch.services.orders.change(holder, change)
    assert await branch.services.whatsapp.of_order(second.order.id) == ANA
    assert (await contact_of(branch, second.order.id))["phone"] == f"+{ANA}"


async def test_a_number_of_ones_own_choice_is_kept(branch: Branch) -> None:
    answer = await branch.services.orders.place(
        BY_WHATSAPP, an_order(customer={"name": "Ana", "phone": "55 8765 4321"})
    )
    assert (await contact_of(branch, answer.order.id))["phone"] == "55 8765 4321"
    assert await branch.services.whatsapp.of_order(answer.order.id) == ANA


def test_only_the_address_of_whatsapp_is_a_number() -> None:
    assert number_of(address_of(ANA)) == ANA
    assert number_of("203.0.113.7") == number_of(ANONYMOUS.address) == ""
