"""The code of a usual reason goes from the command to its event and to the order's document."""

from __future__ import annotations

import json

from hub.domain import commands as cmd
from hub.domain.lifecycle import OrderStatus
from hub.domain.reason_codes import ReasonCode
from hub.domain.rooms import Room
from tests.support.services_harness import KITCHEN_HAND, MANAGER, Branch


async def said(branch: Branch, order_id: str) -> dict[str, object]:
    """Return the codes in an order's room, by the event's type; an event without the field says nothing."""
    entries = await branch.room(Room.order(order_id))
    bodies = [(entry.type, json.loads(entry.body)["data"]) for entry in entries]
    return {type_: data["reason_code"] for type_, data in bodies if "reason_code" in data}


async def test_each_command_with_a_reason_passes_its_code_on(branch: Branch) -> None:
    order_id = await branch.placed_at(OrderStatus.PREPARING)
    delay = cmd.DelayOrder(order_id=order_id, reason="Mucha demanda", reason_code=ReasonCode.BUSY, minutes=5)
    delayed = (await branch.orders.delay(KITCHEN_HAND, delay))["order"]
    assert delayed["delay"] == {"minutes": 5, "reason": "Mucha demanda", "reason_code": "busy"}
    await branch.orders.recall(
        KITCHEN_HAND, cmd.RecallOrder(order_id=order_id, reason="Error", reason_code=ReasonCode.MISTAKE)
    )
    await branch.orders.cancel(
        KITCHEN_HAND, cmd.CancelOrder(order_id=order_id, reason="Ya no", reason_code=ReasonCode.SOLD_OUT)
    )
    assert await said(branch, order_id) == {
        "order.delayed": "busy",
        "order.recalled": "mistake",
        "order.cancelled": "sold_out",
    }


async def test_many_orders_are_cancelled_with_the_same_code(branch: Branch) -> None:
    order_ids = [await branch.placed(), await branch.placed()]
    wanted = cmd.OrderFilter(status=OrderStatus.RECEIVED)
    command = cmd.CancelOrders(filter=wanted, reason="Ya cerramos", reason_code=ReasonCode.CLOSING)
    await branch.wire.bulk.cancel_many(MANAGER, command)
    for order_id in order_ids:
        assert await said(branch, order_id) == {"order.cancelled": "closing"}


async def test_a_reason_without_a_code_has_no_field_for_one(branch: Branch) -> None:
    order_id = await branch.placed()
    delayed = await branch.orders.delay(KITCHEN_HAND, cmd.DelayOrder(order_id=order_id, reason="lluvia", minutes=5))
    assert delayed["order"]["delay"] == {"minutes": 5, "reason": "lluvia"}
    assert await said(branch, order_id) == {}
