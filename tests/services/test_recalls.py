"""A step that leaves the kitchen, a delivery or a cancellation can be taken back for some minutes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from hub.core.errors import Conflict, Forbidden
from hub.core.times import format_time
from hub.domain import commands as cmd
from hub.domain.error_catalogue import OutOfStock, RecallExpired
from hub.domain.lifecycle import OrderStatus
from hub.domain.order_document import AcceptanceState, ExpiryReason
from hub.domain.roles import ANONYMOUS, Kind, Principal, Role
from hub.domain.rooms import KITCHEN, Room
from tests.support.services_harness import (
    KITCHEN_HAND,
    MANAGER,
    OTHER_RIDER,
    RIDER,
    Branch,
    customer_of,
    only,
)

RECEIVED, PREPARING, READY, EN_ROUTE = (
    OrderStatus.RECEIVED,
    OrderStatus.PREPARING,
    OrderStatus.READY,
    OrderStatus.EN_ROUTE,
)
DELIVERED, CANCELLED = OrderStatus.DELIVERED, OrderStatus.CANCELLED
SUPPORT = Principal(kind=Kind.STAFF, id="sol", name="Sol", roles=frozenset({Role.SUPPORT}))
PICKUP = {"delivery": {"kind": "pickup"}}


async def step(branch: Branch, who: Principal, order_id: str, to: OrderStatus) -> dict[str, Any]:
    order: dict[str, Any]
    if to is CANCELLED:
        answer = await branch.orders.cancel(who, cmd.CancelOrder(order_id=order_id, reason="error"))
    else:
        answer = await branch.orders.advance(who, cmd.AdvanceOrder(order_id=order_id, to=to))
    order = answer["order"]
    return order


async def recall(branch: Branch, who: Principal, order_id: str, **more: Any) -> dict[str, Any]:
    command = cmd.RecallOrder(order_id=order_id, reason="fue un error", **more)
    order: dict[str, Any] = (await branch.orders.recall(who, command))["order"]
    return order


@pytest.mark.parametrize(
    ("at", "to", "more"),
    [
        (READY, EN_ROUTE, {}),
        (EN_ROUTE, DELIVERED, {}),
        (READY, DELIVERED, PICKUP),
        (RECEIVED, CANCELLED, {}),
        (PREPARING, CANCELLED, {}),
        (READY, CANCELLED, {}),
    ],
)
async def test_a_step_by_mistake_is_taken_back_to_where_the_order_was(
    branch: Branch, at: OrderStatus, to: OrderStatus, more: dict[str, Any]
) -> None:
    order_id = await branch.placed_at(at, **more)
    done = await step(branch, KITCHEN_HAND, order_id, to)
    until = branch.clock() + timedelta(minutes=5)
    assert done["recall"] == {"to": str(at), "until": format_time(until), "roles": ["kitchen", "manager"]}
    branch.clock.turn(minutes=5)
    order = await recall(branch, KITCHEN_HAND, order_id)
    assert order["status"] == at
    assert order["eta"] is not None
    assert await branch.folded(order_id) == await branch.order(order_id)
    for room in (Room.order(order_id), KITCHEN):
        assert (await branch.types(room))[-2:] in (["order.recalled", "order.eta_changed"], ["stock.low", "stock.low"])


async def test_after_the_minutes_it_is_too_late_and_nothing_changes(branch: Branch) -> None:
    order_id = await branch.placed_at(READY, **PICKUP)
    done = await step(branch, KITCHEN_HAND, order_id, DELIVERED)
    before = await branch.order(order_id)
    branch.clock.turn(minutes=5, milliseconds=1)
    with pytest.raises(RecallExpired) as refused:
        await recall(branch, MANAGER, order_id)
    assert refused.value.values == {
        "status": "delivered",
        "version": done["version"],
        "until": done["recall"]["until"],
    }
    assert await branch.order(order_id) == before


async def test_the_kitchen_takes_its_own_steps_back_at_any_time(branch: Branch) -> None:
    order_id = await branch.placed_at(READY)
    branch.clock.turn(hours=3)
    assert (await recall(branch, KITCHEN_HAND, order_id))["status"] == "preparing"


@pytest.mark.parametrize(
    ("who", "may"),
    [(KITCHEN_HAND, False), (MANAGER, True), (SUPPORT, True), (OTHER_RIDER, False)],
    ids=lambda each: getattr(each, "name", str(each)),
)
async def test_what_support_cancelled_is_taken_back_by_support_or_a_manager(
    branch: Branch, who: Principal, may: bool
) -> None:
    order_id = await branch.placed_at(PREPARING)
    await step(branch, SUPPORT, order_id, CANCELLED)
    if may:
        assert (await recall(branch, who, order_id))["status"] == "preparing"
    else:
        with pytest.raises(Forbidden):
            await recall(branch, who, order_id)


async def test_a_courier_takes_back_their_own_delivery_and_then_that_they_left(branch: Branch) -> None:
    await branch.hire(RIDER)
    order_id = await branch.placed_at(READY)
    await branch.orders.assign_courier(MANAGER, cmd.AssignCourier(order_id=order_id, courier_id="miguel"))
    await step(branch, RIDER, order_id, EN_ROUTE)
    await step(branch, RIDER, order_id, DELIVERED)
    for other in (OTHER_RIDER, KITCHEN_HAND, SUPPORT):
        with pytest.raises(Forbidden):
            await recall(branch, other, order_id)
    again = await recall(branch, RIDER, order_id)
    assert (again["status"], again["recall"]["to"]) == ("en_route", "ready")
    assert (await recall(branch, RIDER, order_id))["status"] == "ready"
    with pytest.raises(Forbidden):
        await recall(branch, RIDER, order_id)  # the kitchen's step
    assert (await recall(branch, KITCHEN_HAND, order_id))["status"] == "preparing"


async def test_what_its_customer_cancelled_is_taken_back_by_a_manager_alone(branch: Branch) -> None:
    order_id = await branch.placed()
    await step(branch, customer_of(order_id), order_id, CANCELLED)
    for who in (customer_of(order_id), ANONYMOUS, KITCHEN_HAND):
        with pytest.raises(Forbidden):
            await recall(branch, who, order_id)
    assert (await recall(branch, MANAGER, order_id))["status"] == "received"


async def test_an_order_that_is_taken_back_takes_its_stock_and_its_sale_again(branch: Branch) -> None:
    order_id = await branch.placed(items=only("flan", 3))
    figures = await branch.wire.figures.read()
    await step(branch, KITCHEN_HAND, order_id, CANCELLED)
    assert (await branch.log.counters())["flan"] == 4
    await recall(branch, KITCHEN_HAND, order_id)
    assert (await branch.log.counters())["flan"] == 1
    assert await branch.wire.figures.read() == figures


async def test_what_was_cooked_took_its_stock_already(branch: Branch) -> None:
    order_id = await branch.placed_at(PREPARING, items=only("flan", 3))
    await step(branch, KITCHEN_HAND, order_id, CANCELLED)
    await recall(branch, KITCHEN_HAND, order_id)
    assert (await branch.log.counters())["flan"] == 1


async def test_a_cancelled_order_whose_dishes_were_sold_meanwhile_stays_cancelled(branch: Branch) -> None:
    order_id = await branch.placed(items=only("flan", 3))
    await step(branch, KITCHEN_HAND, order_id, CANCELLED)
    await branch.placed(items=only("flan", 2))
    with pytest.raises(OutOfStock):
        await recall(branch, KITCHEN_HAND, order_id)
    assert (await branch.order(order_id)).status is CANCELLED
    assert (await branch.log.counters())["flan"] == 2


async def test_an_order_that_is_taken_back_is_on_the_board_again_and_is_kept(branch: Branch) -> None:
    order_id = await branch.placed()
    await step(branch, KITCHEN_HAND, order_id, CANCELLED)
    await recall(branch, KITCHEN_HAND, order_id)
    board = await branch.wire.board.page(MANAGER, None)
    assert ([order["id"] for order in board["orders"]], board["unseen"]) == ([order_id], 1)
    keys = [key async for key in branch.redis.scan_iter("*") if order_id in key or ":doc:code:" in key]
    assert [key for key in keys if await branch.redis.ttl(key) != -1] == []
    branch.clock.turn(hours=12)
    assert await branch.services.expiry.end_overdue() == 1


async def test_the_event_of_an_order_that_had_ended_brings_its_document(branch: Branch) -> None:
    order_id = await branch.placed_at(READY, **PICKUP)
    await step(branch, KITCHEN_HAND, order_id, DELIVERED)
    order = await recall(branch, KITCHEN_HAND, order_id)
    [event] = [json.loads(entry.body) for entry in await branch.room(KITCHEN) if entry.type == "order.recalled"]
    assert event["data"]["order"] == order


async def test_an_order_that_expired_stays_cancelled(branch: Branch) -> None:
    order_id = await branch.placed(items=only("horchata", 50))
    branch.clock.turn(hours=1)
    await branch.services.expiry.end_overdue()
    assert (await branch.order(order_id)).expired is ExpiryReason.NOT_ACCEPTED
    with pytest.raises(Conflict):
        await recall(branch, MANAGER, order_id)


async def test_an_order_that_waits_for_acceptance_is_taken_back_no_longer_than_it_waits(branch: Branch) -> None:
    order_id = await branch.placed(items=only("horchata", 50))
    branch.clock.turn(minutes=9)
    done = await step(branch, KITCHEN_HAND, order_id, CANCELLED)
    assert done["recall"]["until"] == done["acceptance"]["until"]
    await recall(branch, KITCHEN_HAND, order_id)
    accepted = (await branch.order(order_id)).acceptance
    assert accepted is not None
    assert accepted.state is AcceptanceState.WAITING


async def test_an_order_that_another_one_replaced_stays_cancelled(branch: Branch) -> None:
    order_id = await branch.placed()
    old = await branch.order(order_id)
    change = cmd.ChangeOrder.model_validate(
        {"order_id": order_id, "items": only("flan", 1), "delivery": {"kind": "pickup"}}
    )
    await branch.orders.change(customer_of(order_id), change)
    assert (await branch.order(order_id)).version == old.version + 1
    with pytest.raises(Conflict):
        await recall(branch, MANAGER, order_id)


async def test_a_repeat_of_a_recall_gets_its_answer_though_the_minutes_are_over(branch: Branch) -> None:
    order_id = await branch.placed_at(EN_ROUTE)
    await step(branch, KITCHEN_HAND, order_id, DELIVERED)
    first = await recall(branch, KITCHEN_HAND, order_id, command_id="c-1")
    branch.clock.turn(minutes=6)
    assert await recall(branch, KITCHEN_HAND, order_id, command_id="c-1") == first


async def test_the_next_step_ends_the_offer(branch: Branch) -> None:
    order_id = await branch.placed_at(READY)
    assert "recall" not in (await branch.order(order_id)).model_dump()
    await step(branch, KITCHEN_HAND, order_id, EN_ROUTE)
    delivered = await step(branch, KITCHEN_HAND, order_id, DELIVERED)
    assert delivered["recall"]["to"] == "en_route"


@pytest.mark.parametrize("to", [EN_ROUTE, CANCELLED])
async def test_an_announced_delay_is_over_when_the_order_is_on_its_way(branch: Branch, to: OrderStatus) -> None:
    order_id = await branch.placed_at(PREPARING)
    delay = cmd.DelayOrder(order_id=order_id, reason="mucha gente", minutes=15)
    delayed = (await branch.orders.delay(KITCHEN_HAND, delay))["order"]
    assert delayed["delay"] == {"minutes": 15, "reason": "mucha gente"}
    assert (await step(branch, KITCHEN_HAND, order_id, READY))["delay"] == delayed["delay"]
    assert "delay" not in await step(branch, KITCHEN_HAND, order_id, to)
    assert await branch.folded(order_id) == await branch.order(order_id)
