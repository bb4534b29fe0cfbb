"""A person's reply to somebody who writes by WhatsApp."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.domain import commands as cmd
from tests.support.services_harness import MANAGER
from tests.support.whatsapp_harness import WhatsAppBranch, whatsapp_branch
from tests.support.whatsapp_payloads import ANA, payload, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def shop() -> AsyncIterator[WhatsAppBranch]:
    async with whatsapp_branch() as shop:
        yield shop


async def test_a_reply_after_a_day_of_silence_says_that_it_goes_as_a_template(shop: WhatsAppBranch) -> None:
    services, clock = shop.branch.services, shop.branch.clock
    await shop.get(payload(text("1", "hola", at=int(clock().timestamp()))))
    chat_id = (await shop.chat(ANA)).id
    await services.handover.take_over(MANAGER, cmd.TakeOverChat(chat_id=chat_id))
    soon = await services.handover.reply(MANAGER, cmd.ReplyChat(chat_id=chat_id, text="Dime"))
    assert soon.as_json().keys() == {"cursor"}
    clock.turn(hours=24)
    late = await services.handover.reply(MANAGER, cmd.ReplyChat(chat_id=chat_id, text="¿Sigues ahí?"))
    assert late.as_json()["goes_as"] == "template"
