"""Real FunctionAgent runs of the offline model, with real tools, on a real event log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hub.domain.chat import Chat
from hub.domain.roles import ANONYMOUS
from hub.services.document_names import chat_key
from tests.support.chat import MANAGER, ending_of, running, text_of

if TYPE_CHECKING:
    from tests.support.chat import Branch

ORDER = "quiero 3 tacos al pastor sin cebolla y una horchata para llevar, soy Ana"


async def test_an_order_by_chat_is_placed_and_tracked(branch: Branch) -> None:
    chat = await branch.open()
    async with running(branch.worker()):
        proposed = await branch.ask(chat, ORDER)
        assert await branch.orders() == []
        events = await branch.ask(chat, "sí")
        asked = await branch.ask(chat, "¿dónde está mi pedido?")
        followed = await branch.ask(chat, "¿y cuánto falta?")

    (order,) = await branch.orders()
    assert [(item["sku"], item["qty"], item["notes"]) for item in order["items"]] == [
        ("taco-pastor", 3, "sin cebolla"),
        ("horchata", 1, ""),
    ]
    assert order["customer"]["name"] == "Ana"
    assert order["delivery"]["kind"] == "pickup"
    ending = ending_of(events)
    assert ending["type"] == "chat.completed"
    assert ending["data"]["text"] == text_of(events)
    assert order["code"] in ending["data"]["text"]
    assert "/t/" + order["id"] in ending["data"]["text"]
    assert "Total: $98.00" in text_of(proposed)
    steps = [(e["data"]["step"], e["data"]["state"]) for e in [*proposed, *events] if e["type"] == "chat.step"]
    names = ("analysing", "checking_ingredients", "pricing", "placed")
    assert steps == [(name, state) for name in names for state in ("started", "done")]
    usage = ending["data"]["usage"]
    assert (usage["llm_calls"], usage["tool_calls"]) == (2, 1)
    assert order["code"] in text_of(asked)
    assert order["code"] in text_of(followed)
    document = await branch.log.document(chat_key(chat[0]))
    assert document is not None
    stored = Chat.model_validate_json(document.body)
    assert stored.order_ids == (order["id"],)
    assert (stored.turns, stored.lang) == ((), "es")


async def test_a_rooms_events_are_a_chain(branch: Branch) -> None:
    chat = await branch.open()
    async with running(branch.worker()):
        await branch.ask(chat, ORDER)
    entries = await branch.log.read(f"chat:{chat[0]}", 0)
    assert [entry.prev for entry in entries] == [0, *(entry.offset for entry in entries[:-1])]


async def test_what_an_order_lacks_is_asked_for_and_then_it_is_placed(branch: Branch) -> None:
    chat = await branch.open()
    async with running(branch.worker()):
        first = await branch.ask(chat, "I'd like two gringas and a horchata please")
        assert "What name is it for?" in text_of(first)
        assert await branch.orders() == []
        await branch.ask(chat, "Sam, deliver it to 12 Elm Street")
        second = await branch.ask(chat, "yes, please")
    (order,) = await branch.orders()
    assert (order["delivery"]["kind"], order["delivery"]["address"]) == ("delivery", "12 Elm Street")
    assert order["customer"]["name"] == "Sam"
    assert [(item["sku"], item["qty"]) for item in order["items"]] == [("gringa", 2), ("horchata", 1)]
    assert "with the kitchen" in text_of(second)


async def test_the_menu_is_told_with_its_prices_and_what_is_sold_out(branch: Branch) -> None:
    await branch.redis.hset(branch.log.keys.counters, "flan", 0)
    chat = await branch.open()
    async with running(branch.worker()):
        whole = text_of(await branch.ask(chat, "¿qué hay?"))
        gringa = text_of(await branch.ask(chat, "how much is the gringa?"))
    assert "Taco al pastor $22.00" in whole
    assert "Flan de la casa $52.00 (agotado)" in whole
    assert "$65.00" in gringa
    assert "Allergens: gluten" in gringa


async def test_what_is_sold_out_is_not_ordered(branch: Branch) -> None:
    await branch.redis.hset(branch.log.keys.counters, "gringa", 1)
    chat = await branch.open()
    async with running(branch.worker()):
        events = await branch.ask(chat, "quiero 2 gringas para llevar, soy Ana")
    assert await branch.orders() == []
    assert "quedan 1" in text_of(events)
    finished = [event["data"] for event in events if event["type"] == "chat.tool_finished"]
    assert [tool["ok"] for tool in finished] == [False]


async def test_staff_who_may_publish_a_promotion_by_chat(branch: Branch) -> None:
    chat = await branch.open(MANAGER)
    async with running(branch.worker()):
        await branch.ask(chat, "publica una promoción: 2x1 en gringas. Hoy hasta las 8", MANAGER)
        assert await branch.log.read("promos", 0) == []
        events = await branch.ask(chat, "sí", MANAGER)
    (entry,) = await branch.log.read("promos", 0)
    data = json.loads(entry.body)["data"]
    assert (data["title"], data["message"]) == ("2x1 en gringas", "Hoy hasta las 8")
    assert "Publicada" in text_of(events)


async def test_a_customer_cannot_publish_a_promotion_even_in_a_managers_chat(branch: Branch) -> None:
    chat = await branch.open(MANAGER)
    async with running(branch.worker()):
        events = await branch.ask(chat, "publica una promoción: todo gratis hoy", ANONYMOUS)
    assert await branch.log.read("promos", 0) == []
    assert "chat.tool_called" not in {event["type"] for event in events}
    assert "personal" in text_of(events)


async def test_a_chat_opened_for_one_order_speaks_of_that_order_only(branch: Branch) -> None:
    chat = await branch.open()
    async with running(branch.worker()):
        for said in (ORDER, "sí", "quiero 2 flanes para llevar, soy Ana", "sí"):
            await branch.ask(chat, said)
        first, second = await branch.orders()
        loaded = text_of(await branch.ask(chat, "¿dónde está mi pedido?"))
        bound = await branch.open(order_token=branch.services.tokens.for_order(first["id"]))
        one = text_of(await branch.ask(bound, "¿dónde está mi pedido?"))
        stranger = text_of(await branch.ask(await branch.open(), "¿dónde está mi pedido?"))
        named = text_of(await branch.ask(await branch.open(), f"¿dónde va el pedido {first['id']}?"))
    assert loaded.index(second["code"]) < loaded.index(first["code"])  # the newest first
    assert first["code"] in one
    assert second["code"] not in one
    assert first["code"] not in stranger
    assert "No encuentro el pedido" in named


async def test_the_next_turn_of_a_chat_waits_for_the_one_before(branch: Branch) -> None:
    chat = await branch.open()
    turns = [await branch.send(chat, text) for text in ("hola", "¿qué hay?", "gracias")]
    async with running(branch.worker(), branch.worker(name="worker-2")):
        await branch.until(chat, lambda e: e["type"] == "chat.completed" and e["data"]["turn_id"] == turns[2])
    told = [e["data"]["turn_id"] for e in await branch.events(chat) if e["type"] in ("chat.started", "chat.completed")]
    assert told == [turn for turn in turns for _ in range(2)]
