"""What customers send by WhatsApp reaches their chat once and in order, or they are told why not."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hub.core.errors import LimitReached, RateLimited, Unavailable
from hub.domain import commands as cmd
from hub.domain.chat import Turn
from hub.outbound.whatsapp_inbox.incoming import Place
from hub.outbound.whatsapp_inbox.words import Note, opting, place_in_words, shown_name
from hub.services.chats.chat_documents import turn_key
from tests.support.services_harness import MANAGER
from tests.support.whatsapp_harness import WhatsAppBranch, whatsapp_branch
from tests.support.whatsapp_payloads import (
    ANA,
    BETO,
    CONTACTS,
    EDIT,
    IMAGE,
    LOCATION,
    ORDER,
    SENT_AT,
    UNSUPPORTED,
    VOICE,
    button,
    message,
    payload,
    row,
    status,
    template_button,
    text,
)

CANNOT = Note.REFUSED.value.es


@pytest.fixture
async def house() -> AsyncIterator[WhatsAppBranch]:
    async with whatsapp_branch() as opened:
        yield opened


async def test_a_message_is_said_in_the_numbers_chat_and_the_agent_is_asked(house: WhatsAppBranch) -> None:
    await house.get(payload(text("1", "  Dos de pastor, por favor\u202e ")))
    assert await house.said() == ["Dos de pastor, por favor"]
    chat = await house.chat()
    document = await house.branch.log.document(turn_key(chat.turns[0]))
    assert document is not None
    turn = Turn.model_validate_json(document.body)
    assert (turn.question, turn.requested_by.address, turn.requested_by.name) == (
        "Dos de pastor, por favor",
        f"wa:{ANA}",
        "Ana",
    )
    assert house.outbox.sent == []
    number = await house.branch.services.whatsapp.get(ANA)
    assert number is not None
    assert (number.last_inbound_at, number.last_message_id) == (datetime.fromtimestamp(SENT_AT, UTC), "wamid.1")


async def test_a_number_has_one_chat_and_another_number_another_one(house: WhatsAppBranch) -> None:
    await house.get(payload(text("1", "hola"), text("2", "buenas", wa_id=BETO)))
    await house.get(payload(text("3", "¿qué hay?")))
    assert await house.said(ANA) == ["hola", "¿qué hay?"]
    assert await house.said(BETO) == ["buenas"]
    assert (await house.chat(ANA)).id != (await house.chat(BETO)).id


async def test_a_chat_that_was_forgotten_begins_anew_under_its_id(house: WhatsAppBranch) -> None:
    await house.get(payload(text("1", "hola")))
    chat = await house.chat()
    for key in ("chat", "conversation"):
        await house.branch.redis.delete(house.branch.log.keys.doc(key, chat.id))
    await house.get(payload(text("2", "otra vez yo")))
    assert (await house.chat()).id == chat.id
    assert (await house.said())[-1] == "otra vez yo"


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (button("1", "Confirmar K3Q9"), "Confirmar K3Q9"),
        (row("1", "Quiero tacos al pastor"), "Quiero tacos al pastor"),
        (template_button("1", "¿Dónde está mi pedido?"), "¿Dónde está mi pedido?"),
        (template_button("1", "", "Gracias"), "Gracias"),
        (message("1", "edit", EDIT), "Tres de pastor"),
    ],
)
async def test_a_tap_or_an_edit_says_what_it_stands_for(house: WhatsAppBranch, sent: Any, says: str) -> None:
    await house.get(payload(sent))
    assert await house.said() == [says]


async def test_a_location_is_the_delivery_address_in_the_customers_language(house: WhatsAppBranch) -> None:
    await house.get(payload(message("1", "location", LOCATION)))
    assert await house.said() == [
        "Mi dirección de entrega: Oficina, Madero 10, Centro (ubicación en el mapa 19.432600,-99.133200)"
    ]
    await house.get(payload(message("2", "location", {"latitude": 19.4326, "longitude": -99.1332})))
    assert (await house.said())[-1] == "Mi dirección de entrega: ubicación en el mapa 19.432600,-99.133200"


@pytest.mark.parametrize(
    "sent",
    [
        message("1", "image", IMAGE),
        message("1", "audio", VOICE),
        message("1", "video", {**IMAGE, "mime_type": "video/mp4"}),
        message("1", "document", {**IMAGE, "filename": "pedido.pdf", "mime_type": "application/pdf"}),
        message("1", "sticker", {**IMAGE, "animated": False}),
        message("1", "contacts", CONTACTS),
        message("1", "order", ORDER),
        message("1", "unsupported", errors=UNSUPPORTED),
        message("1", "unknown", errors=UNSUPPORTED),
        message("1", "hologram", {"what": "comes", "next": "year"}),
        message("1", "interactive", {"type": "nfm_reply", "nfm_reply": {"response_json": "{}", "body": "Sent"}}),
        message("1", "interactive", {"type": "button_reply"}),
        message("1", "interactive", "taps"),
        message("1", "text", {}),
        message("1", "edit", {**EDIT, "message": message("0", "image", IMAGE)}),
        message("1", "edit", {}),
        message("1", "text", "no object"),
        message("1", "location", {"latitude": "north", "longitude": 0}),
    ],
    ids=lambda sent: sent["type"],
)
async def test_a_kind_that_cannot_be_taken_is_answered_and_asks_nobody(house: WhatsAppBranch, sent: Any) -> None:
    await house.get(payload(sent))
    assert house.outbox.texts() == [CANNOT]
    assert await house.said() == []


async def test_an_album_is_answered_once_and_its_words_are_said(house: WhatsAppBranch) -> None:
    photos = [message(str(number), "image", IMAGE) for number in range(9)]
    await house.get(payload(*photos, message("9", "image", {**IMAGE, "caption": "Quiero esto"})))
    assert house.outbox.texts() == [CANNOT]
    assert await house.said() == ["Quiero esto"]


async def test_sentences_are_in_the_language_of_the_chat(house: WhatsAppBranch) -> None:
    await house.get(payload(text("1", "hello")))
    chat = await house.chat()
    key = house.branch.log.keys.doc("chat", chat.id)
    await house.branch.redis.hset(key, "b", chat.model_copy(update={"lang": "en"}).model_dump_json())
    await house.get(payload(message("2", "audio", VOICE)))
    assert house.outbox.texts() == [Note.REFUSED.value.en]


@pytest.mark.parametrize(
    "sent",
    [
        message("1", "reaction", {"message_id": "wamid.x", "emoji": "👍"}),
        message("1", "system", {"body": "Ana changed", "type": "user_changed_number", "wa_id": BETO}),
        message("1", "revoke", {"original_message_id": "wamid.x"}),
    ],
    ids=lambda sent: sent["type"],
)
async def test_a_reaction_says_nothing(house: WhatsAppBranch, sent: Any) -> None:
    await house.get(payload(sent))
    assert house.outbox.sent == []
    assert await house.said() == []


@pytest.mark.parametrize("body", ["", "   ", "\u200b\u2800", "\x00\x07"])
async def test_a_message_without_words_is_answered(house: WhatsAppBranch, body: str) -> None:
    await house.get(payload(text("1", body)))
    assert house.outbox.texts() == [Note.EMPTY.value.es]


async def test_a_message_that_is_too_long_is_answered(house: WhatsAppBranch) -> None:
    await house.get(payload(text("1", "x" * 2_001)))
    assert house.outbox.texts() == [Note.TOO_LONG.value.es]
    assert await house.said() == []


async def test_who_writes_faster_than_the_agent_answers_is_told(house: WhatsAppBranch) -> None:
    await house.get(payload(*(text(str(number), f"mensaje {number}") for number in range(10))))
    said = await house.said()
    assert said == [f"mensaje {number}" for number in range(len(said))]
    assert 0 < len(said) < 10
    assert house.outbox.texts() == [Note.TOO_FAST.value.es]
    await house.get(payload(text("other", "hola", wa_id=BETO)))
    assert await house.said(BETO) == ["hola"]


class Refusing:
    """A chat service that refuses."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    async def send(self, _principal: Any, _command: Any) -> None:
        self.asked += 1
        raise self.error


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (RateLimited("slow down", retry_after_s=3), Note.TOO_FAST),
        (LimitReached("the day is used up"), Note.LIMIT),
        (Unavailable("memory is nearly full", retry_after_s=60), Note.FULL),
        (RuntimeError("a fault of ours"), Note.FAILED),
    ],
)
async def test_a_refusal_is_told_and_the_message_is_done_with(
    house: WhatsAppBranch, error: Exception, note: Note
) -> None:
    chat = Refusing(error)
    reader = house.reader(chat=chat)
    for _ in range(2):
        await house.get(payload(text("1", "hola")), reader=reader)
    assert house.outbox.texts() == [note.value.es]
    assert chat.asked == 1


async def test_while_redis_is_away_the_message_stays_and_nobody_is_told_anything(house: WhatsAppBranch) -> None:
    await house.put(payload(text("1", "hola")))
    with pytest.raises(Unavailable):
        await house.get(reader=house.reader(chat=Refusing(Unavailable("Redis does not answer"))))
    assert house.outbox.sent == []
    await house.get()
    assert await house.said() == ["hola"]


# Opting out


async def test_baja_stops_notices_and_alta_brings_them_back(house: WhatsAppBranch) -> None:
    numbers = house.branch.services.whatsapp
    await house.get(payload(text("1", "Baja.")))
    assert (number := await numbers.get(ANA)) is not None
    assert number.opted_out
    await house.get(payload(text("2", "¿Tienen flan?")))
    assert await house.said() == ["¿Tienen flan?"]
    await house.get(payload(text("3", "START")))
    assert (number := await numbers.get(ANA)) is not None
    assert not number.opted_out
    assert house.outbox.texts() == [Note.OPTED_OUT.value.es, Note.OPTED_IN.value.en]


@pytest.mark.parametrize(
    ("said", "opts"),
    [
        ("BAJA", (True, "es")),
        ("¡Alto!", (True, "es")),
        ("stop", (True, "en")),
        ("  Dame de  baja ", (True, "es")),
        ("Alta", (False, "es")),
        ("Start", (False, "en")),
        ("baja la salsa", None),
        ("cancelar", None),
        ("no stop", None),
        ("", None),
    ],
)
def test_only_the_word_alone_opts(said: str, opts: tuple[bool, str] | None) -> None:
    assert opting(said) == opts


# Once, and in order


async def test_the_same_payload_five_times_over_two_hubs_has_one_effect(house: WhatsAppBranch) -> None:
    sent = [payload(text("1", "hola"), message("2", "audio", VOICE))]
    one, other = house.reader(), house.reader()
    for reader in (one, other, one, other, one):
        await house.get(*sent, reader=reader)
    assert await house.said() == ["hola"]
    assert len(house.outbox.sent) == 1
    assert len((await house.chat()).turns) == 1


async def test_two_processes_that_both_think_they_have_the_lease_have_one_effect(house: WhatsAppBranch) -> None:
    await house.put(*(payload(text(str(number), f"mensaje {number}")) for number in range(3)))
    await asyncio.gather(house.get(reader=house.reader()), house.get(reader=house.reader()))
    assert sorted(await house.said()) == [f"mensaje {number}" for number in range(3)]


async def test_a_message_whose_mark_was_not_written_is_not_said_twice(house: WhatsAppBranch) -> None:
    """The process died between the effect and the mark."""
    for _ in range(2):
        await house.get(payload(text("1", "hola")))
        await house.branch.redis.delete(house.branch.log.keys.inbox_seen("whatsapp", "wamid.1"))
    assert await house.said() == ["hola"]
    assert house.outbox.sent == []


async def test_a_payload_that_comes_again_after_a_week_has_no_effect(house: WhatsAppBranch) -> None:
    """Results of commands are kept for a day; the mark of a message for longer than Meta sends it again."""
    await house.get(payload(text("1", "hola")))
    for key in await house.branch.redis.keys("*:command:*"):
        await house.branch.redis.delete(key)
    await house.get(payload(text("1", "hola")))
    assert await house.said() == ["hola"]


async def test_a_payload_holds_several_messages_and_statuses(house: WhatsAppBranch) -> None:
    failed = status("9", "failed", errors=[{"code": 131047, "title": "Re-engagement message"}])
    told = status("8", "delivered", biz_opaque_callback_data="notice-7", at=SENT_AT + 1)
    both = payload(text("1", "uno"), text("2", "dos"), statuses=(told, failed))
    both["entry"].append(payload(text("3", "tres"))["entry"][0])
    both["entry"][0]["changes"].append({"field": "account_update", "value": {"event": "VERIFIED_ACCOUNT"}})
    await house.get(both)
    assert await house.said() == ["uno", "dos", "tres"]
    at = datetime.fromtimestamp(SENT_AT, UTC)
    assert house.statuses.applied == [
        (ANA, "wamid.8", "delivered", datetime.fromtimestamp(SENT_AT + 1, UTC), "notice-7", None),
        (ANA, "wamid.9", "failed", at, "", 131047),
    ]


async def test_what_is_for_another_number_of_the_account_is_left_alone(house: WhatsAppBranch) -> None:
    await house.get(payload(text("1", "hola"), statuses=(status("2", "read"),), phone_id="999"))
    assert await house.said() == []
    assert house.statuses.applied == []


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "no json",
        "[]",
        '{"entry": 1}',
        '{"entry": [1, {"changes": 2}, {"changes": [3, {"value": 4}]}]}',
        "[" * 100_000,
        json.dumps(payload({"type": "text"} | {"from": ANA})),
        json.dumps(payload(text("1", "x") | {"id": "with space"})),
        json.dumps(payload(text("1", "x") | {"id": 7})),
        json.dumps(payload(text("1", "x") | {"timestamp": "soon"})),
        json.dumps(payload(text("1", "x") | {"timestamp": "9" * 30})),
        json.dumps(payload(text("1", "x"), statuses=(1, {}, status("1", "read", wa_id="x")))).replace(
            ANA, "not-a-number"
        ),
    ],
)
async def test_a_payload_that_makes_no_sense_is_passed_over(house: WhatsAppBranch, raw: str) -> None:
    await house.get(raw, payload(text("2", "hola")))
    assert await house.said() == ["hola"]
    assert await house.inbox.waiting() == 0


async def test_who_hides_the_number_is_passed_over(house: WhatsAppBranch) -> None:
    hidden = payload(text("1", "hola"))
    [sent] = hidden["entry"][0]["changes"][0]["value"]["messages"]
    del sent["from"]
    sent["from_user_id"] = "MX.13491208655302741918"
    with capture_logs() as logged:
        await house.get(hidden)
    assert [line["event"] for line in logged] == ["whatsapp.number_hidden"]
    assert await house.inbox.waiting() == 0


async def test_a_status_that_cannot_be_applied_yet_comes_again(house: WhatsAppBranch) -> None:
    house.statuses.away = True
    await house.put(payload(statuses=(status("1", "sent"),)))
    with pytest.raises(Unavailable):
        await house.get()
    house.statuses.away = False
    await house.get()
    assert [each[1] for each in house.statuses.applied] == ["wamid.1"]


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_is_sent_again_each_message_is_said_once_and_in_order(data: st.DataObject) -> None:
    """Payloads come again, in any number, and processes take over from one another."""
    first = [[text(f"{wa_id}{n}", f"{n}", wa_id=wa_id) for n in range(3)] for wa_id in (ANA, BETO)]
    flat = [each for pair in zip(*first, strict=True) for each in pair]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(flat) - 1), max_size=4)))
    bounds = [0, *cuts, len(flat)]
    payloads = [payload(*flat[start:end]) for start, end in itertools.pairwise(bounds)]
    again = [
        data.draw(st.lists(st.sampled_from(payloads[: number + 1]), max_size=2)) for number in range(len(payloads))
    ]

    async def play() -> None:
        async with whatsapp_branch() as house:
            readers = [house.reader(), house.reader()]
            for number, each in enumerate(payloads):
                await house.get(each, *again[number], reader=readers[number % 2])
            for wa_id in (ANA, BETO):
                assert await house.said(wa_id) == ["0", "1", "2"]

    asyncio.run(play())


# People


async def test_a_person_takes_over_and_messages_go_to_them(house: WhatsAppBranch) -> None:
    await house.get(payload(text("1", "quiero hablar con alguien")))
    chat = await house.chat()
    await house.branch.services.handover.take_over(MANAGER, cmd.TakeOverChat(chat_id=chat.id))
    await house.get(payload(text("2", "¿sigues ahí?")))
    assert (await house.said())[-1] == "¿sigues ahí?"
    assert (await house.chat()).turns == ()


# Words


def test_a_name_of_a_profile_is_one_short_line_or_none() -> None:
    assert shown_name("  Ana\n🌮 \u202eLópez ") == "Ana 🌮 López"
    assert shown_name("x" * 100) == "x" * 40
    assert shown_name("🌮🌮") == shown_name("\x00 \n") == ""


def test_a_place_fits_into_an_orders_address() -> None:
    words = place_in_words(Place(-19.4, 99.1, "n" * 500, "calle\n\n5"), "en")
    assert words.startswith("My delivery address: nnn")
    assert "\n" not in words
    assert len(words.partition(": ")[2]) <= 200
