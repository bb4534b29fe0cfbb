"""What goes out by WhatsApp: once, in order, in the right form, and what happens when Meta says no or nothing."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from hub.config import Settings
from hub.domain.whatsapp_outbox import BURST, DOUBT, OutMessage, OutState
from hub.domain.whatsapp_port import ButtonsMessage, ListMessage, ListRow, ReplyButton, TextMessage
from hub.outbound.whatsapp.graph_client import GraphClient, open_graph_client
from hub.outbound.whatsapp.outbox_runner import OutboxRunner
from hub.outbound.whatsapp_templates import template_message
from hub.services.document_names import WHATSAPP_TALLIES
from hub.services.whatsapp_numbers import WhatsAppNumbers
from hub.services.whatsapp_outboxes import WhatsAppOutboxes
from tests.support.graph_api import CUT_OFF, HANGING, GraphApi, graph_api, refusal
from tests.support.services_harness import Branch, open_branch
from tests.support.whatsapp_payloads import ANA, BETO, WHATSAPP_SETTINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass
class Shop:
    """A branch that sends by WhatsApp, step by step, by the branch's clock."""

    branch: Branch
    api: GraphApi
    outboxes: WhatsAppOutboxes
    numbers: WhatsAppNumbers
    client: GraphClient

    def runner(self) -> OutboxRunner:
        return OutboxRunner(self.outboxes, self.numbers, self.client, self.branch.clock)

    async def step(self, **turned: float) -> None:
        """Turn the clock, and send what is due."""
        self.branch.clock.turn(**turned)
        await self.runner().send_due()

    async def writes(self, wa_id: str = ANA) -> None:
        """A number writes: for a day it may be told anything."""
        await self.numbers.heard(wa_id, "Ana", self.branch.clock(), "wamid.heard")

    async def add(self, name: str, text: str = "Hola", wa_id: str = ANA, **more: Any) -> None:
        await self.outboxes.take(wa_id, [self.outboxes.new(name, TextMessage(text=text), **more)])

    async def message(self, name: str, wa_id: str = ANA) -> OutMessage:
        [found] = [each for each in (await self.outboxes.of(wa_id)).messages if each.id == name]
        return found

    async def told(self, sent: Any, status: str, code: int | None = None) -> None:
        """A status of WhatsApp's comes, with our id."""
        await self.outboxes.apply(sent.to, sent.wamid, status, self.branch.clock(), sent.id, code)


@asynccontextmanager
async def open_shop() -> AsyncIterator[Shop]:
    async with open_branch() as branch, graph_api() as api:
        settings = Settings(_env_file=None, **WHATSAPP_SETTINGS, whatsapp_api_url=api.url)
        numbers = WhatsAppNumbers(branch.log, branch.services.whatsapp._new_id)
        async with open_graph_client(settings) as client:
            shop = Shop(branch, api, WhatsAppOutboxes(branch.log, branch.clock), numbers, client)
            await shop.writes()
            yield shop


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as shop:
        yield shop


# The forms


async def test_a_message_is_sent_once_with_our_id(shop: Shop) -> None:
    await shop.add("a", "Tu pedido está listo")
    await shop.add("a", "Tu pedido está listo")
    await shop.step()
    await shop.step(hours=1)
    [sent] = shop.api.sent
    assert (sent.to, sent.id, sent.text) == (ANA, "a", "Tu pedido está listo")
    settled = await shop.message("a")
    assert (settled.state, settled.wamid, settled.message) == ("sent", sent.wamid, None)


async def test_buttons_and_lists_go_in_whatsapps_form(shop: Shop) -> None:
    buttons = (ReplyButton(id="sí, confirma H4J4", title="Confirmar"), ReplyButton(id="No", title="Mejor no"))
    await shop.outboxes.add(ANA, "a", ButtonsMessage(text="2 gringas, $130", buttons=buttons))
    rows = (ListRow(id="Quiero 1 gringa", title="Gringa", description="Con queso, $65"), ListRow(id="x", title="Flan"))
    await shop.outboxes.add(ANA, "b", ListMessage(text="¿Qué se te antoja?", button="Ver el menú", rows=rows))
    await shop.step()
    tapped, listed = shop.api.sent
    assert tapped.buttons == [("sí, confirma H4J4", "Confirmar"), ("No", "Mejor no")]
    [section] = listed.body["interactive"]["action"]["sections"]
    assert [row["title"] for row in section["rows"]] == ["Gringa", "Flan"]


async def test_after_a_day_of_silence_only_templates_are_sent(shop: Shop) -> None:
    shop.branch.clock.turn(hours=25)
    template = template_message("order.ready", "es", {"code": "H4J4"})
    await shop.add("a", "Está listo", template=template, is_unasked=True)
    await shop.add("b", "y ya")
    await shop.step()
    [sent] = shop.api.sent
    assert sent.template == ("comanda_order_ready", "es_MX", {"code": "H4J4"})
    assert (await shop.message("b")).detail == "no_template"


async def test_a_number_that_meta_thinks_silent_gets_the_template(shop: Shop) -> None:
    shop.api.answers = [refusal(131047, "Re-engagement message")]
    await shop.add("a", "Está listo", template=template_message("order.ready", "en", {"code": "H4J4"}))
    await shop.step()
    [sent] = shop.api.sent
    assert sent.template == ("comanda_order_ready", "en_US", {"code": "H4J4"})
    assert (await shop.message("a")).state == "sent"


async def test_whoever_opts_out_between_the_decision_and_the_sending_is_told_nothing_unasked(shop: Shop) -> None:
    await shop.add("notice", is_unasked=True)
    await shop.add("answer", "Aquí estoy")
    number = await shop.numbers.get(ANA)
    assert number is not None
    await shop.numbers.set_opted_out(number, True)
    await shop.step()
    assert shop.api.texts() == ["Aquí estoy"]
    assert (await shop.message("notice")).detail == "opted_out"


# The order and the pace


async def test_numbers_go_side_by_side_and_each_in_order(shop: Shop) -> None:
    await shop.writes(BETO)
    for index in range(5):
        await shop.add(f"a{index}", str(index))
        await shop.add(f"b{index}", str(index), BETO)
    shop.api.answers = [refusal(131056, "pair rate", 400)]
    await shop.step()
    slow, quick = (ANA, BETO) if shop.api.texts(BETO) else (BETO, ANA)
    assert shop.api.texts(quick) == list("01234")
    assert shop.api.texts(slow) == []
    await shop.step(seconds=59)
    assert shop.api.texts(slow) == []
    await shop.step(seconds=2)
    assert shop.api.texts(slow) == list("01234")


async def test_a_number_gets_a_burst_and_then_a_message_in_six_seconds(shop: Shop) -> None:
    for index in range(BURST + 2):
        await shop.add(f"a{index}", str(index))
    await shop.step()
    assert len(shop.api.sent) == BURST
    await shop.step(seconds=5)
    assert len(shop.api.sent) == BURST
    await shop.step(seconds=1)
    assert len(shop.api.sent) == BURST + 1
    await shop.step(seconds=6)
    assert shop.api.texts() == [str(index) for index in range(BURST + 2)]


# What goes wrong


@pytest.mark.parametrize(
    "answer",
    [
        refusal(130429, "rate limit", 429),
        refusal(131000, "something went wrong", 500),
        refusal(80007, "rate limit issues", 400),
        refusal(4, "too many calls", 403),
    ],
    ids=["130429", "131000", "80007", "4"],
)
async def test_what_passes_is_tried_again_later(shop: Shop, answer: Any) -> None:
    shop.api.answers = [answer, answer]
    await shop.add("a")
    await shop.step()
    assert shop.api.tries == 1
    await shop.step(seconds=3)
    await shop.step(seconds=6)
    [sent] = shop.api.sent
    assert sent.id == "a"
    assert shop.api.tries == 3


async def test_meta_says_when_to_come_back(shop: Shop) -> None:
    shop.api.answers = [refusal(130429, "rate limit", 429, **{"Retry-After": "120"})]
    await shop.add("a")
    await shop.step()
    await shop.step(seconds=119)
    assert not shop.api.sent
    await shop.step(seconds=1)
    assert len(shop.api.sent) == 1


@pytest.mark.parametrize("code", [131026, 131030, 132001, 100])
async def test_what_is_refused_for_good_is_not_tried_again(shop: Shop, code: int) -> None:
    shop.api.answers = [refusal(code)]
    await shop.add("a")
    await shop.add("b", "y lo siguiente")
    await shop.step()
    await shop.step(hours=1)
    assert shop.api.texts() == ["y lo siguiente"]
    failed = await shop.message("a")
    assert (failed.state, failed.detail) == ("failed", f"code_{code}")


async def test_a_token_that_is_refused_keeps_what_waits(shop: Shop, caplog: Any) -> None:
    shop.api.answers = [refusal(190, "Session has expired", 401)] * 2
    await shop.add("a")
    await shop.step()
    await shop.step(minutes=2)
    assert not shop.api.sent
    await shop.step(minutes=2)
    assert len(shop.api.sent) == 1


@pytest.mark.parametrize("lost", [CUT_OFF, HANGING, (502, "<html>Bad Gateway</html>", {})], ids=["cut", "hangs", "502"])
async def test_an_answer_that_is_lost_is_waited_for_as_a_status(
    shop: Shop, lost: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.client._whatsapp.api._session.timeout = 0.3
    shop.api.answers = [lost]
    await shop.add("a")
    await shop.add("b", "Adiós")
    await shop.step()
    assert shop.api.texts(ANA)[1:] == [], "the next one waits for this one"
    if shop.api.sent:
        await shop.told(shop.api.sent[0], "delivered")
        await shop.step()
        assert shop.api.texts() == ["Hola", "Adiós"]
        assert (await shop.message("a")).state == "delivered"


async def test_without_a_status_it_is_sent_again_under_the_same_id(shop: Shop) -> None:
    shop.api.answers = [CUT_OFF]
    await shop.add("a")
    await shop.step()
    await shop.step(seconds=DOUBT.total_seconds() - 1)
    assert len(shop.api.sent) == 1
    await shop.step(seconds=2)
    assert [sent.id for sent in shop.api.sent] == ["a", "a"]
    assert (await shop.message("a")).state == "sent"


async def test_a_process_that_dies_while_it_sends_leaves_a_doubt(shop: Shop) -> None:
    await shop.add("a")
    assert await shop.outboxes.begin(ANA, "a")  # and that was its last word
    await shop.step()
    assert not shop.api.sent
    await shop.step(seconds=DOUBT.total_seconds())
    assert [sent.id for sent in shop.api.sent] == ["a"]


async def test_of_two_processes_one_sends(shop: Shop) -> None:
    await shop.add("a")
    assert await shop.outboxes.begin(ANA, "a")
    assert not await shop.outboxes.begin(ANA, "a")


async def test_a_status_may_come_before_the_answer(shop: Shop) -> None:
    await shop.add("a")
    assert await shop.outboxes.begin(ANA, "a")
    await shop.outboxes.apply(ANA, "wamid.7", "read", shop.branch.clock(), "a", None)
    await shop.outboxes.settle(ANA, "a", lambda each: each.settled(OutState.SENT, wamid="wamid.7"))
    assert (await shop.message("a")).state == "read"


async def test_what_waited_for_a_day_is_told_no_more(shop: Shop) -> None:
    shop.api.answers = [refusal(130429, "rate limit", 429, **{"Retry-After": "3600"})] * 30
    await shop.add("a", template=template_message("order.ready", "es", {"code": "H4J4"}))
    for _ in range(26):
        await shop.step(minutes=61)
    assert (await shop.message("a")).detail == "too_late"
    assert not shop.api.sent


async def test_tallies_say_what_became_of_messages(shop: Shop) -> None:
    await shop.add("a")
    await shop.step()
    await shop.told(shop.api.sent[0], "delivered")
    await shop.told(shop.api.sent[0], "sent")
    await shop.told(shop.api.sent[0], "read")
    await shop.told(shop.api.sent[0], "read")
    counts = await shop.branch.log.counts(WHATSAPP_TALLIES)
    assert counts == {"added": 1, "sent": 1, "delivered": 1, "read": 1}
