"""An order by WhatsApp, from the first message to the kitchen, with the agent that every installation has."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from hub.domain.proposal import Proposal
from hub.outbound.whatsapp_inbox.inbox_reader import InboxReader
from hub.outbound.whatsapp_inbox.message_handler import MessageHandler
from hub.outbound.whatsapp_inbox.message_reader import MessageReader
from hub.services.document_names import contact_key, proposal_key
from hub.store.inbox_stream import InboxStream
from hub.store.outbound_stream import START, ReaderLease
from tests.support.chat import ENDINGS, Branch, running
from tests.support.whatsapp_harness import Outbox, Statuses
from tests.support.whatsapp_payloads import ANA, LOCATION, PHONE_ID, button, message, payload, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Customer:
    """Ana, her phone, and the process that reads what Meta sends of it."""

    def __init__(self, branch: Branch) -> None:
        self.branch = branch
        self.outbox = Outbox()
        self.ids = count(1)
        log, services = branch.log, branch.services
        self.inbox = InboxStream(log.calls, log.keys, "whatsapp")
        handler = MessageHandler(log, services.chat, services.whatsapp, self.outbox, "es")
        lease = ReaderLease(log.calls, log.keys, "whatsapp", "test")
        self.reader = InboxReader(self.inbox, lease, handler, Statuses(), MessageReader(PHONE_ID), PHONE_ID)

    async def chat(self) -> tuple[str, str]:
        number = await self.branch.services.whatsapp.get(ANA)
        assert number is not None
        return number.chat_id, ""

    async def says(self, sent: Any) -> str:
        """Send a message; return the agent's answer to it."""
        ended = await self._endings()
        await self.inbox.add(json.dumps(payload(sent)))
        await self.reader.take(await self.inbox.read(START, 10))
        await self.branch.until(await self.chat(), lambda event: event["type"] in ENDINGS and str(event) not in ended)
        last = [event for event in await self.branch.events(await self.chat()) if event["type"] in ENDINGS][-1]
        assert last["type"] == "chat.completed", last
        return str(last["data"]["text"])

    async def writes(self, words: str) -> str:
        return await self.says(text(str(next(self.ids)), words))

    async def taps(self, says: str) -> str:
        return await self.says(button(str(next(self.ids)), says))

    async def proposal(self) -> Proposal:
        document = await self.branch.log.document(proposal_key((await self.chat())[0]))
        assert document is not None
        return Proposal.model_validate_json(document.body)

    async def _endings(self) -> set[str]:
        if await self.branch.services.whatsapp.get(ANA) is None:
            return set()
        return {str(event) for event in await self.branch.events(await self.chat()) if event["type"] in ENDINGS}


@pytest.fixture
async def ana(branch: Branch) -> AsyncIterator[Customer]:
    await branch.services.stock.open_branch()
    async with running(branch.worker()):
        yield Customer(branch)


async def test_an_order_by_whatsapp_is_confirmed_by_a_tap_and_belongs_to_the_number(ana: Customer) -> None:
    answer = await ana.writes("quiero 2 gringas para recoger")
    assert "a nombre de Ana" in answer, answer  # the name of her profile
    proposal = await ana.proposal()
    assert answer.endswith(proposal.shows)
    answer = await ana.taps(proposal.say)
    [order] = await ana.branch.orders()
    assert order["code"] in answer
    assert await ana.branch.services.whatsapp.of_order(order["id"]) == ANA
    contact = await ana.branch.log.document(contact_key(order["id"]))
    assert contact is not None
    assert json.loads(contact.body)["phone"] == f"+{ANA}"


async def test_a_location_is_where_the_order_goes(ana: Customer) -> None:
    answer = await ana.writes("2 gringas a domicilio")
    assert "dirección" in answer, answer
    answer = await ana.says(message(str(next(ana.ids)), "location", LOCATION))
    await ana.taps((await ana.proposal()).say)
    [order] = await ana.branch.orders()
    assert order["delivery"]["kind"] == "delivery"
    assert "Madero 10, Centro" in order["delivery"]["address"]
    assert "19.432600,-99.133200" in order["delivery"]["address"]


async def test_the_agent_answers_a_greeting_and_the_menu(ana: Customer) -> None:
    assert await ana.writes("hola")
    assert "Gringa" in await ana.writes("¿qué hay en el menú?")
    assert ana.outbox.sent == []
