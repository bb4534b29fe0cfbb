"""Where the couriers are: who is told, and who may say it."""

from __future__ import annotations

import pytest

from hub.core.errors import Conflict, Forbidden, NotFound
from hub.domain import commands as cmd
from hub.domain.lifecycle import OrderStatus
from hub.domain.roles import ANONYMOUS, Principal
from hub.domain.rooms import KITCHEN, Room
from tests.domain.samples import CANCELLED, DELIVERED, EN_ROUTE, PREPARING, READY, RECEIVED
from tests.support.services_harness import (
    KITCHEN_HAND,
    MANAGER,
    OTHER_RIDER,
    RIDER,
    Branch,
    customer_of,
    listening,
)


def here(order_id: str, **more: float) -> cmd.ReportPosition:
    return cmd.ReportPosition.model_validate(
        {"order_id": order_id, "lat": 19.43, "lon": -99.13, "accuracy_m": 8} | more
    )


async def _ridden(branch: Branch, status: OrderStatus) -> str:
    await branch.hire(RIDER)
    order_id = await branch.placed()
    await branch.orders.assign_courier(RIDER, cmd.AssignCourier(order_id=order_id, courier_id="miguel"))
    await branch.bring(order_id, status)
    return order_id


async def test_a_position_goes_to_the_customer_and_the_kitchen_while_the_order_is_on_its_way(branch: Branch) -> None:
    order_id = await _ridden(branch, EN_ROUTE)
    room = str(Room.order(order_id))
    async with listening(branch, str(KITCHEN), room) as ear:
        assert await branch.wire.couriers.report(RIDER, here(order_id, heading=270, speed_m_s=4.5)) == {}
        moved = {
            "type": "courier.moved",
            "at": "2026-11-20T21:30:00.123Z",
            "data": {
                "order_id": order_id,
                "courier_id": "miguel",
                "lat": 19.43,
                "lon": -99.13,
                "accuracy_m": 8.0,
                "heading": 270.0,
                "speed_m_s": 4.5,
            },
        }
        assert await ear.heard() == [("kitchen", moved), (room, moved)]


@pytest.mark.parametrize("status", [RECEIVED, PREPARING, READY])
async def test_before_the_order_is_on_its_way_only_the_kitchen_sees_the_courier(
    branch: Branch, status: OrderStatus
) -> None:
    order_id = await _ridden(branch, status)
    async with listening(branch, str(KITCHEN), str(Room.order(order_id))) as ear:
        await branch.wire.couriers.report(RIDER, here(order_id))
        assert [(room, event["type"]) for room, event in await ear.heard()] == [("kitchen", "courier.moved")]


@pytest.mark.parametrize("status", [DELIVERED, CANCELLED])
async def test_once_the_order_has_ended_nobody_sees_the_courier(branch: Branch, status: OrderStatus) -> None:
    order_id = await _ridden(branch, status)
    async with listening(branch, str(KITCHEN), str(Room.order(order_id))) as ear:
        with pytest.raises(Conflict):
            await branch.wire.couriers.report(RIDER, here(order_id))
        assert await ear.heard() == []


async def test_a_position_is_kept_nowhere(branch: Branch) -> None:
    order_id = await _ridden(branch, EN_ROUTE)
    before = await branch.types(KITCHEN), await branch.types(Room.order(order_id)), await branch.log.position()
    await branch.wire.couriers.report(RIDER, here(order_id))
    assert before == (
        await branch.types(KITCHEN),
        await branch.types(Room.order(order_id)),
        await branch.log.position(),
    )


async def test_another_couriers_order_looks_like_none_at_all(branch: Branch) -> None:
    order_id = await _ridden(branch, EN_ROUTE)
    async with listening(branch, str(KITCHEN), str(Room.order(order_id))) as ear:
        for wanted in (order_id, "PEDNOTHERE"):
            with pytest.raises(NotFound, match="you have no such order"):
                await branch.wire.couriers.report(OTHER_RIDER, here(wanted))
        assert await ear.heard() == []


async def test_an_order_that_nobody_rides_has_no_position(branch: Branch) -> None:
    order_id = await branch.placed_at(READY)
    with pytest.raises(NotFound):
        await branch.wire.couriers.report(RIDER, here(order_id))


@pytest.mark.parametrize("who", [KITCHEN_HAND, ANONYMOUS, customer_of("PED000001")], ids=lambda who: str(who.kind))
async def test_only_a_courier_has_a_position_to_report(branch: Branch, who: Principal) -> None:
    order_id = await _ridden(branch, EN_ROUTE)
    with pytest.raises(Forbidden):
        await branch.wire.couriers.report(who, here(order_id))


async def test_a_managers_program_may_ride_for_a_courier(branch: Branch) -> None:
    order_id = await _ridden(branch, EN_ROUTE)
    async with listening(branch, str(Room.order(order_id))) as ear:
        await branch.wire.couriers.report(MANAGER, here(order_id))
        [(_, event)] = await ear.heard()
    assert event["data"]["courier_id"] == "miguel"


async def test_after_a_handover_the_first_courier_is_followed_no_more(branch: Branch) -> None:
    order_id = await _ridden(branch, EN_ROUTE)
    await branch.hire(OTHER_RIDER)
    await branch.orders.assign_courier(MANAGER, cmd.AssignCourier(order_id=order_id, courier_id="rosa"))
    with pytest.raises(NotFound):
        await branch.wire.couriers.report(RIDER, here(order_id))
    await branch.wire.couriers.report(OTHER_RIDER, here(order_id))
