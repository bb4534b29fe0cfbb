"""Positions from the couriers' own apps: who sees them, and which ones."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.domain import commands as cmd
from hub.domain.lifecycle import OrderStatus
from hub.domain.positions import Fix, Verdict
from hub.domain.rooms import KITCHEN, Room
from hub.services.courier_positions import CourierPositions
from tests.domain.samples import DELIVERED, EN_ROUTE, PREPARING, READY
from tests.services.test_couriers import here
from tests.support.services_harness import OTHER_RIDER, RIDER, Branch, listening

AT_HOME = {"lat": 19.43, "lon": -99.13}


@pytest.fixture
def positions(branch: Branch) -> CourierPositions:
    return CourierPositions(branch.log, branch.services.couriers, branch.clock)


def fix(branch: Branch, second: float = 0, lat: float = 19.43, lon: float = -99.13) -> Fix:
    return Fix(at=branch.clock() + timedelta(seconds=second), lat=lat, lon=lon, accuracy_m=8.0)


async def ridden(branch: Branch, status: OrderStatus = EN_ROUTE) -> str:
    delivery = {"kind": "delivery", "address": "Regina 7, Centro", **AT_HOME}
    order_id = await branch.placed(delivery=delivery)
    await branch.orders.assign_courier(RIDER, cmd.AssignCourier(order_id=order_id, courier_id="miguel"))
    await branch.bring(order_id, status)
    return order_id


async def test_a_position_reaches_the_customer_of_each_order_on_the_road(
    branch: Branch, positions: CourierPositions
) -> None:
    await branch.hire(RIDER)
    first, second, waiting = await ridden(branch), await ridden(branch), await ridden(branch, READY)
    rooms = [str(Room.order(order_id)) for order_id in (first, second, waiting)]
    async with listening(branch, str(KITCHEN), *rooms) as ear:
        assert positions.take(RIDER, [fix(branch)]) == [Verdict.TAKEN]
        await positions.pass_on()
        heard = await ear.heard()
        assert [(room, event["data"]["order_id"]) for room, event in heard] == [
            ("kitchen", first),
            (rooms[0], first),
            ("kitchen", second),
            (rooms[1], second),
        ]
        assert heard[0][1]["data"]["lat"] == 19.43


@pytest.mark.parametrize("status", [PREPARING, READY, DELIVERED])
async def test_nobody_sees_a_courier_who_has_no_order_on_the_road(
    branch: Branch, positions: CourierPositions, status: OrderStatus
) -> None:
    await branch.hire(RIDER)
    order_id = await ridden(branch, status)
    async with listening(branch, str(KITCHEN), str(Room.order(order_id))) as ear:
        positions.take(RIDER, [fix(branch)])
        await positions.pass_on()
        assert await ear.heard() == []


async def test_an_order_that_has_arrived_is_left_at_once(branch: Branch, positions: CourierPositions) -> None:
    await branch.hire(RIDER)
    order_id = await ridden(branch)
    positions.take(RIDER, [fix(branch)])
    await positions.pass_on()  # the ride is known from here on
    await branch.bring(order_id, DELIVERED)
    async with listening(branch, str(KITCHEN), str(Room.order(order_id))) as ear:
        positions.take(RIDER, [fix(branch, 1)])
        await positions.pass_on()
        assert await ear.heard() == []


async def test_another_couriers_order_does_not_move(branch: Branch, positions: CourierPositions) -> None:
    await branch.hire(RIDER)
    order_id = await ridden(branch)
    async with listening(branch, str(KITCHEN), str(Room.order(order_id))) as ear:
        positions.take(OTHER_RIDER, [fix(branch)])
        await positions.pass_on()
        assert await ear.heard() == []


async def test_of_what_a_phone_could_not_send_before_only_the_newest_is_passed_on(
    branch: Branch, positions: CourierPositions
) -> None:
    await branch.hire(RIDER)
    room = str(Room.order(await ridden(branch)))
    batch = [fix(branch, second, lat=19.43 + second / 100_000) for second in (-600, -50, -10, -30)]
    async with listening(branch, room) as ear:
        assert positions.take(RIDER, batch) == [Verdict.STALE, Verdict.TAKEN, Verdict.TAKEN, Verdict.TAKEN]
        assert positions.take(RIDER, [fix(branch, -20)]) == [Verdict.EARLIER]
        await positions.pass_on()
        assert [event["data"]["lat"] for _, event in await ear.heard()] == [pytest.approx(19.4299)]


async def test_a_marker_does_not_go_back_when_the_phone_reaches_another_process(
    branch: Branch, positions: CourierPositions
) -> None:
    await branch.hire(RIDER)
    room = str(Room.order(await ridden(branch)))
    elsewhere = CourierPositions(branch.log, branch.services.couriers, branch.clock)
    async with listening(branch, room) as ear:
        positions.take(RIDER, [fix(branch, -5)])
        elsewhere.take(RIDER, [fix(branch, -9)])
        await positions.pass_on()
        await elsewhere.pass_on()
        assert len(await ear.heard()) == 1


async def test_a_phone_does_not_move_the_marker_back_to_before_the_pages_last_report(
    branch: Branch, positions: CourierPositions
) -> None:
    await branch.hire(RIDER)
    order_id = await ridden(branch)
    await branch.services.couriers.report(RIDER, here(order_id))
    async with listening(branch, str(Room.order(order_id))) as ear:
        positions.take(RIDER, [fix(branch, -5)])
        await positions.pass_on()
        assert await ear.heard() == []


async def test_a_position_a_thousand_kilometres_from_the_address_is_not_passed_on(
    branch: Branch, positions: CourierPositions
) -> None:
    await branch.hire(RIDER)
    room = str(Room.order(await ridden(branch)))
    async with listening(branch, str(KITCHEN), room) as ear:
        assert positions.take(RIDER, [fix(branch, lat=28.6)]) == [
            Verdict.TAKEN
        ]  # the first: nothing to compare it with
        await positions.pass_on()
        assert await ear.heard() == []


async def test_positions_are_kept_nowhere(branch: Branch, positions: CourierPositions) -> None:
    await branch.hire(RIDER)
    await ridden(branch)
    keys = await branch.redis.keys("*")
    positions.take(RIDER, [fix(branch)])
    await positions.pass_on()
    [added] = set(await branch.redis.keys("*")) - set(keys)
    assert str(added).endswith("positions:newest")
    assert await branch.redis.zrange(added, 0, -1) == ["miguel"]
