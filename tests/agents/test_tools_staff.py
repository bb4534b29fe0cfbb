"""What staff ask, what people want to be told of, and calling a person."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from hub.domain.chat import ChatMode
from hub.domain.commands import AdvanceOrder
from hub.domain.lifecycle import OrderStatus
from hub.domain.roles import Kind, Principal, Role
from hub.services.chats.chat_documents import read_chat
from tests.support.chat import MANAGER, Branch, running, text_of
from tests.support.tool_contexts import again, answered, begun, done, ordered

COURIER = Principal(Kind.STAFF, "staff-7", "Beto", frozenset({Role.COURIER}))
KITCHEN = Principal(Kind.STAFF, "staff-8", "Chuy", frozenset({Role.KITCHEN}))


async def test_the_kitchens_load_is_what_the_board_shows(branch: Branch) -> None:
    _, first = await ordered(branch)
    await ordered(branch, items=[{"sku": "flan", "qty": 3}])
    await branch.services.orders.advance(MANAGER, AdvanceOrder(order_id=first["order_id"], to=OrderStatus.PREPARING))
    bench = await begun(branch, KITCHEN)
    result = await bench.call("kitchen_load")
    assert (result["orders_active"], result["by_status"]) == (2, {"preparing": 1, "received": 1})
    assert result["to_cook"] == [{"name": "Flan de la casa", "qty": 3}, {"name": "Gringa", "qty": 2}]


async def test_late_is_what_is_past_its_promise(branch: Branch) -> None:
    _, placed = await ordered(branch)
    bench = await begun(branch, KITCHEN)
    assert (await bench.call("late_orders"))["late"] == 0
    now = branch.services.clock
    object.__setattr__(branch.services, "clock", lambda: now() + timedelta(hours=1))
    (late,) = (await bench.call("late_orders"))["orders"]
    assert late["code"] == placed["code"]
    assert late["late_minutes"] > 30


async def test_the_days_figures_are_the_floors(branch: Branch) -> None:
    await ordered(branch)
    result = await (await begun(branch, MANAGER)).call("day_figures")
    assert (result["orders_today"], result["sales_today"], result["cancelled_today"]) == (1, "$130.00", 0)


async def test_a_dish_is_sold_out_with_the_kitchens_yes(branch: Branch) -> None:
    bench = await begun(branch, KITCHEN)
    await bench.call("mark_sold_out", sku="flan")
    assert (await branch.log.counters()).get("flan", 24) == 24
    bench = await answered(bench, "sí", KITCHEN)
    await bench.call("confirm")
    assert (await branch.log.counters())["flan"] == 0
    assert (await bench.call("mark_sold_out", sku="sushi"))["error"] == "unknown_dish"


async def test_preferences_are_kept_with_a_yes_for_the_chats_orders(branch: Branch) -> None:
    bench, placed = await ordered(branch)
    before = (await bench.call("show_notifications"))["types"]
    changes = {"add": ["promo.published"], "remove": ["order.delayed"], "quiet_from": "22:00", "quiet_to": "07:00"}
    proposed = await bench.call("set_notifications", **changes, channels=["push"])
    assert "sin ruido de 22:00 a 07:00" in proposed["summary"]
    assert (await bench.call("show_notifications"))["types"] == before
    bench = await answered(bench, "sí")
    await bench.call("confirm")
    kept = await bench.call("show_notifications")
    assert (kept["channels"], kept["quiet_hours"]) == (["push"], {"start": "22:00", "end": "07:00"})
    assert ("promo.published" in kept["types"], "order.delayed" in kept["types"]) == (True, False)
    channels_for = branch.services.notifications.channels_for
    assert await channels_for(placed["order_id"], "order.delayed") == ()
    # An order placed in the chat from now on is told of in the same way.
    later = await done(bench, "place_order", items=[{"sku": "flan"}], customer_name="Ana", delivery="pickup")
    theirs = Principal(Kind.CUSTOMER, orders=frozenset({later["order_id"]}))
    assert "promo.published" in (await branch.services.notifications.of(theirs)).types


async def test_a_notice_goes_to_the_order_that_staff_name(branch: Branch) -> None:
    _, placed = await ordered(branch)
    bench = await begun(branch, KITCHEN)
    await done(bench, "send_notice", KITCHEN, code=placed["code"], message="Se acabó la piña")
    room = await branch.log.read(f"order:{placed['order_id']}", 0)
    assert json.loads(room[-1].body)["data"]["message"] == "Se acabó la piña"


async def test_a_courier_sends_no_notice_about_anybodys_order(branch: Branch) -> None:
    _, placed = await ordered(branch)
    bench = await begun(branch, COURIER)
    await bench.call("send_notice", code=placed["code"], message="hola")
    result = await (await answered(bench, "sí", COURIER)).call("confirm")
    assert result["error"] == "forbidden"
    types = [entry.type for entry in await branch.log.read(f"order:{placed['order_id']}", 0)]
    assert "notice.sent" not in types


async def test_a_person_is_called_once_and_the_agent_is_silent_from_then_on(branch: Branch) -> None:
    chat = await branch.open()
    async with running(branch.worker()):
        answer = text_of(await branch.ask(chat, "quiero hablar con una persona"))
        assert "una persona te contesta aquí" in answer
        assert await branch.send(chat, "¿hola?") is None
    events = await branch.events(chat)
    assert [event["data"]["by"] for event in events if event["type"] == "chat.handed_over"] == ["cliente"]
    read = await read_chat(branch.log, chat[0])
    assert read is not None
    assert read.chat.mode is ChatMode.PERSON
    (called,) = await branch.log.read("floor", 0)
    assert json.loads(called.body)["data"]["message"] == "Un cliente pide a una persona en el chat"
    waiting = await branch.services.inbox.find(MANAGER, ChatMode.PERSON, 50, None)
    assert [one.chat_id for one in waiting.chats] == [chat[0]]


async def test_two_attempts_call_one_person(branch: Branch) -> None:
    bench = await begun(branch)
    assert (await bench.call("ask_person", reason="queja"))["handed_over"] is True
    other = await again(branch, bench.context.turn_id, bench.chat, worker="v")
    assert (await other.call("ask_person", reason="queja"))["handed_over"] is True
    assert len(await branch.log.read("floor", 0)) == 1


@pytest.mark.parametrize("published", [False, True])
async def test_promotions_are_those_that_were_published(branch: Branch, published: bool) -> None:
    if published:
        await done(await begun(branch, MANAGER), "publish_promotion", MANAGER, title="2x1", message="Hoy")
    promotions = (await (await begun(branch)).call("show_promotions"))["promotions"]
    assert promotions == ([{"title": "2x1", "message": "Hoy"}] if published else [])
