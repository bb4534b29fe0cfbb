"""Cancelling, changing, following and looking back: only one's own orders, and only within the rules."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from hub.domain.commands import AdvanceOrder, DelayOrder
from hub.domain.lifecycle import OrderStatus
from hub.domain.reason_codes import ReasonCode
from hub.services.chats.chat_documents import read_chat
from tests.support.chat import MANAGER, Branch
from tests.support.tool_contexts import again, answered, done, ordered


async def advance(branch: Branch, order_id: str, to: str) -> None:
    await branch.services.orders.advance(MANAGER, AdvanceOrder(order_id=order_id, to=OrderStatus(to)))


async def test_a_customer_cancels_what_the_kitchen_has_not_begun(branch: Branch) -> None:
    await branch.services.stock.open_branch()
    before = await branch.log.counters()
    bench, placed = await ordered(branch)
    proposed = await bench.call("cancel_order", reason="cambio de planes")
    assert proposed["code"] == placed["code"]
    assert (await branch.orders())[0]["status"] == "received"
    result = await (await answered(bench, "sí")).call("confirm")
    assert (result["code"], result["status"]) == (placed["code"], "cancelled")
    (order,) = await branch.orders()
    assert order["status"] == "cancelled"
    assert await branch.log.counters() == before


async def test_a_customer_cancels_nothing_that_is_on_the_grill(branch: Branch) -> None:
    bench, placed = await ordered(branch)
    await advance(branch, placed["order_id"], "preparing")
    for tool in ("cancel_order", "change_order"):
        changes = {} if tool == "cancel_order" else {"items": [{"sku": "flan", "qty": 1}]}
        assert (await bench.call(tool, **changes))["error"] == "too_late"
    assert (await branch.orders())[0]["status"] == "preparing"


async def test_what_is_begun_between_proposal_and_yes_stays(branch: Branch) -> None:
    for tool, changes in (("cancel_order", {}), ("change_order", {"items": [{"sku": "flan", "qty": 1}]})):
        bench, placed = await ordered(branch)
        await bench.call(tool, **changes)
        bench = await answered(bench, "sí")
        await advance(branch, placed["order_id"], "preparing")
        assert (await bench.call("confirm"))["error"] in ("conflict", "terms_changed")
    assert [order["status"] for order in await branch.orders()] == ["preparing", "preparing"]


async def test_of_several_orders_the_customer_is_asked_which(branch: Branch) -> None:
    bench, first = await ordered(branch)
    await bench.call("place_order", items=[{"sku": "flan"}], customer_name="Ana", delivery="pickup")
    bench = await answered(bench, "sí")
    second = await bench.call("confirm")
    bench = await answered(bench, "cancela uno")
    result = await bench.call("cancel_order")
    assert result["error"] == "which_order"
    assert {order["code"] for order in result["orders"]} == {first["code"], second["code"]}
    await done(bench, "cancel_order", code=first["code"])
    assert [order["status"] for order in await branch.orders()] == ["cancelled", "received"]


CHANGES: list[tuple[dict[str, Any], list[tuple[str, int, str]]]] = [
    ({"items": [{"sku": "gringa", "qty": 3}]}, [("gringa", 3, ""), ("horchata", 1, "sin hielo")]),
    ({"items": [{"sku": "gringa", "qty": 1, "how": "add"}]}, [("gringa", 3, ""), ("horchata", 1, "sin hielo")]),
    ({"items": [{"sku": "gringa", "qty": 0}]}, [("horchata", 1, "sin hielo")]),
    (
        {"items": [{"sku": "flan", "qty": 2, "how": "add"}]},
        [("gringa", 2, ""), ("horchata", 1, "sin hielo"), ("flan", 2, "")],
    ),
    (
        {"items": [{"sku": "gringa", "qty": 2, "notes": "sin piña"}]},
        [("gringa", 2, "sin piña"), ("horchata", 1, "sin hielo")],
    ),
    (
        {"items": [{"sku": "gringa", "qty": 1, "how": "less"}]},
        [("gringa", 1, ""), ("horchata", 1, "sin hielo")],
    ),
    (
        {"items": [{"sku": "horchata", "qty": 3, "how": "less"}]},
        [("gringa", 2, "")],
    ),
    (
        {"items": [{"sku": "gringa", "qty": 0}, {"sku": "flan", "qty": 1}]},
        [("horchata", 1, "sin hielo"), ("flan", 1, "")],
    ),
]


@pytest.mark.parametrize(("changes", "items"), CHANGES)
async def test_a_changed_order_has_what_was_asked_for_and_keeps_the_rest(
    branch: Branch, changes: dict[str, Any], items: list[tuple[str, int, str]]
) -> None:
    wanted = [{"sku": "gringa", "qty": 2}, {"sku": "horchata", "qty": 1, "notes": "sin hielo"}]
    bench, placed = await ordered(branch, items=wanted)
    result = await done(bench, "change_order", **changes)
    old, new = await branch.orders()
    assert (old["id"], old["status"], new["status"]) == (placed["order_id"], "cancelled", "received")
    assert [(line["sku"], line["qty"], line["notes"]) for line in new["items"]] == items
    assert (result["code"], new["customer"]["name"]) == (new["code"], "Ana")
    # The chat speaks of the new order, and so does its link.
    assert result["tracking_url"].startswith(f"/t/{new['id']}.")
    read = await read_chat(branch.log, bench.chat[0])
    assert read is not None
    assert new["id"] in read.chat.order_ids


async def test_an_order_goes_to_another_address_with_a_yes(branch: Branch) -> None:
    bench, _ = await ordered(branch)
    result = await bench.call("change_order", delivery="delivery")
    assert result["missing"] == ["address"]
    await done(bench, "change_order", address="Calle Luna 3")
    new = (await branch.orders())[-1]
    assert new["delivery"] == {"kind": "delivery", "address": "Calle Luna 3"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"items": [{"sku": "gringa", "qty": 0}]}, "nothing_left"),
        ({"items": [{"sku": "flan", "qty": 0}]}, "not_in_order"),
        ({"items": [{"sku": "flan", "qty": 1, "how": "less"}]}, "not_in_order"),
        ({"items": [{"sku": "gringa", "qty": 2, "how": "less"}]}, "nothing_left"),
        ({"items": [{"sku": "sushi", "qty": 1}]}, "unknown_dish"),
        ({"items": [{"sku": "flan", "qty": 50}]}, "out_of_stock"),
    ],
)
async def test_a_change_that_makes_no_sense_changes_nothing(
    branch: Branch, changes: dict[str, Any], error: str
) -> None:
    bench, _ = await ordered(branch)
    assert (await bench.call("change_order", **changes))["error"] == error
    assert len(await branch.orders()) == 1


async def test_a_change_is_made_once_in_two_attempts(branch: Branch) -> None:
    bench, _ = await ordered(branch)
    await bench.call("change_order", items=[{"sku": "gringa", "qty": 5}])
    bench = await answered(bench, "sí")
    first = await bench.call("confirm")
    other = await again(branch, bench.context.turn_id, bench.chat, worker="v")
    assert (await other.call("confirm"))["code"] == first["code"]
    assert len(await branch.orders()) == 2


async def test_where_an_order_is_with_what_comes_next_and_when(branch: Branch) -> None:
    bench, placed = await ordered(branch)
    (told,) = (await bench.call("track_order"))["orders"]
    assert (told["status"], told["next_step"], told["items"]) == (
        "received",
        "preparing",
        [{"name": "Gringa", "qty": 2}],
    )
    assert len(told["eta_minutes"]) == 2
    for to in ("preparing", "ready"):
        await advance(branch, placed["order_id"], to)
    (told,) = (await bench.call("track_order"))["orders"]
    assert (told["status"], told["next_step"]) == ("ready", "delivered")


async def test_the_link_is_told_in_the_chat_once_and_opens_that_order(branch: Branch) -> None:
    bench, placed = await ordered(branch)
    result = await bench.call("start_tracking")
    assert result["tracking_url"] == placed["tracking_url"]
    other = await again(branch, bench.context.turn_id, bench.chat, worker="v")
    assert (await other.call("start_tracking"))["tracking_url"] == placed["tracking_url"]
    begun = [event["data"] for event in await branch.events(bench.chat) if event["type"] == "chat.tracking_started"]
    assert len(begun) == 2  # when it was placed, and when it was asked for
    token = result["tracking_url"].removeprefix("/t/")
    for started in begun:
        assert started["order_id"] == placed["order_id"]
        assert started["tracking"] == {"url": placed["tracking_url"], "token": token}
    assert branch.services.tokens.order_of(token) == placed["order_id"]


async def test_what_happens_while_one_listens_is_told_as_it_comes(branch: Branch) -> None:
    bench, placed = await ordered(branch)
    watching = asyncio.create_task(bench.call("watch_order", seconds=20))
    await branch.until(bench.chat, lambda e: e["type"] == "chat.step" and e["data"]["step"] == "watching")
    for to in ("preparing", "ready", "delivered"):
        await advance(branch, placed["order_id"], to)
        wanted = {"preparing": "se está preparando", "ready": "está listo", "delivered": "se entregó"}[to]
        await branch.until(bench.chat, lambda e, text=wanted: e["type"] == "chat.step" and e["data"]["text"] == text)  # type: ignore[misc]
    # It ends with the order, not with the time.
    result = await asyncio.wait_for(watching, 10)
    assert [update["what"] for update in result["updates"]] == ["se está preparando", "está listo", "se entregó"]
    assert result["order"]["status"] == "delivered"


async def test_listening_ends_when_its_time_is_up(branch: Branch) -> None:
    bench, _ = await ordered(branch)
    result = await asyncio.wait_for(bench.call("watch_order", seconds=1), 10)
    assert result["updates"] == []
    assert (await bench.call("watch_order", seconds=21))["error"] == "bad_arguments"


async def test_what_happened_to_an_order_is_told_from_the_log(branch: Branch) -> None:
    bench, placed = await ordered(branch)
    await advance(branch, placed["order_id"], "preparing")
    delay = DelayOrder(order_id=placed["order_id"], minutes=10, reason="mucha gente")
    await branch.services.orders.delay(MANAGER, delay)
    result = await bench.call("order_history")
    assert result["code"] == placed["code"]
    happened = [step["what"] for step in result["happened"]]
    assert happened == ["lo recibimos", "se está preparando", "va a tardar más", "cambió la hora estimada"]
    assert (result["happened"][2]["minutes"], result["happened"][2]["reason"]) == (10, "mucha gente")
    assert "Ana" not in json.dumps(result)


async def test_a_usual_reason_is_told_in_the_customers_language(branch: Branch) -> None:
    bench, placed = await ordered(branch)
    delay = DelayOrder(order_id=placed["order_id"], minutes=10, reason="Very busy", reason_code=ReasonCode.BUSY)
    await branch.services.orders.delay(MANAGER, delay)
    happened = (await bench.call("order_history"))["happened"]
    assert [step["reason"] for step in happened if "reason" in step] == ["Mucha demanda"]
