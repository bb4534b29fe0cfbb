"""The branch's live figures."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from hub.core.errors import Conflict, Forbidden
from hub.domain import commands as cmd
from hub.domain.roles import ANONYMOUS
from hub.services import branch_figures as figures_of
from hub.services.build import build_services
from tests.domain.samples import CANCELLED, DELIVERED, PREPARING, READY, RECEIVED
from tests.support.services_harness import MANAGER, RIDER, SECRET, SETTINGS, Branch, only


async def test_a_day_begins_with_nothing(branch: Branch) -> None:
    assert await branch.wire.figures.read() == {
        "orders_active": 0,
        "orders_today": 0,
        "cancelled_today": 0,
        "sales_today": 0,
        "currency": "MXN",
        "by_status": {},
        "avg_prep_s": None,
        "connections": 0,
        "memory": None,
        "at": "2026-11-20T21:30:00.123Z",
    }


async def test_a_days_sales_are_its_orders_without_the_cancelled_ones(branch: Branch) -> None:
    for status in (RECEIVED, READY, DELIVERED, CANCELLED):
        await branch.placed_at(status, items=only("horchata", 2))
    figures = await branch.wire.figures.read()
    assert figures["orders_today"] == 4
    assert figures["cancelled_today"] == 1
    assert figures["sales_today"] == 3 * 2 * 3200
    assert figures["orders_active"] == 2
    assert figures["by_status"] == {"received": 1, "ready": 1}


async def test_orders_that_a_board_does_not_show_are_active_all_the_same(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures_of, "MAX_FIGURES_ORDERS", 2)
    for status in (PREPARING, RECEIVED, RECEIVED, RECEIVED):
        await branch.placed_at(status, items=only("horchata", 1))
    figures = await branch.wire.figures.read()
    assert figures["orders_active"] == 4
    assert figures["by_status"] == {"preparing": 1, "received": 1}


async def test_an_alarm_switched_off_after_the_order_was_cancelled_cancels_it_no_second_time(branch: Branch) -> None:
    order_id = await branch.placed_at(CANCELLED, items=only("flan", 2))
    await branch.placed(items=only("horchata", 1))
    with pytest.raises(Conflict):
        await branch.orders.acknowledge(MANAGER, cmd.AcknowledgeOrder(order_id=order_id))
    figures = await branch.wire.figures.read()
    assert (figures["cancelled_today"], figures["sales_today"]) == (1, 3200)
    assert (await branch.log.counters())["flan"] == 4


async def test_an_order_placed_again_under_its_command_id_is_sold_once(branch: Branch) -> None:
    for _ in range(2):
        await branch.placed(items=only("horchata", 1), command_id="c-1")
    figures = await branch.wire.figures.read()
    assert (figures["orders_today"], figures["sales_today"]) == (1, 3200)


async def test_a_day_ends_by_the_branchs_own_clock(branch: Branch) -> None:
    branch.clock.now = datetime(2026, 11, 21, 9, 59, tzinfo=UTC)  # a minute to four in Mexico City
    late = await branch.placed(items=only("horchata", 1))
    branch.clock.turn(minutes=2)
    figures = await branch.wire.figures.read()
    assert (figures["orders_today"], figures["sales_today"], figures["orders_active"]) == (0, 0, 1)
    # Cancelled today, yet not a sale that today has to give back.
    await branch.bring(late, CANCELLED)
    figures = await branch.wire.figures.read()
    assert (figures["orders_today"], figures["sales_today"], figures["cancelled_today"]) == (0, 0, 1)
    branch.clock.turn(minutes=-2)
    figures = await branch.wire.figures.read()
    assert (figures["orders_today"], figures["sales_today"], figures["cancelled_today"]) == (1, 0, 0)


async def test_the_time_on_the_grill_is_the_mean_of_the_latest_orders(branch: Branch) -> None:
    for minutes in (4, 8):
        order_id = await branch.placed_at(PREPARING, items=only("horchata", 1))
        branch.clock.turn(minutes=minutes)
        await branch.bring(order_id, READY)
    assert (await branch.wire.figures.read())["avg_prep_s"] == 360


async def test_connections_are_those_of_this_process(branch: Branch) -> None:
    menu = branch.wire.menu.menu
    services = build_services(branch.log, SETTINGS, SECRET, menu, connections=lambda: 7)
    assert (await services.figures.read()).connections == 7


async def test_an_evening_that_goes_past_midnight_is_one_day(branch: Branch) -> None:
    branch.clock.now = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)  # half past eleven in the evening of the 20th
    await branch.placed(items=only("horchata", 1))
    branch.clock.turn(hours=2)
    last = await branch.placed(items=only("horchata", 1))
    assert (await branch.wire.figures.read())["orders_today"] == 2
    branch.clock.turn(hours=2, minutes=30)  # four o'clock
    await branch.placed(items=only("horchata", 2))
    assert (await branch.wire.figures.read())["orders_today"] == 1
    await branch.orders.cancel(MANAGER, cmd.CancelOrder(order_id=last, reason="no"))
    assert await branch.wire.figures.of_day(MANAGER, date(2026, 11, 20)) == {
        "day": "2026-11-20",
        "begins_at": "2026-11-20T10:00:00.000Z",
        "ends_at": "2026-11-21T10:00:00.000Z",
        "previous": "2026-11-19",
        "orders": 2,
        "cancelled": 0,
        "sales": 3200,
        "currency": "MXN",
    }
    today = await branch.wire.figures.of_day(MANAGER, None)
    assert (today["day"], today["orders"], today["cancelled"], today["sales"]) == ("2026-11-21", 1, 1, 6400)


async def test_the_figures_of_a_day_are_for_those_who_may_see_the_dashboard(branch: Branch) -> None:
    for who in (ANONYMOUS, RIDER):
        with pytest.raises(Forbidden):
            await branch.wire.figures.of_day(who, None)


async def test_the_orders_of_a_business_day_are_those_placed_on_it(branch: Branch) -> None:
    placed = []
    for hour in (9, 10, 20, 33, 34):  # UTC; a day begins at ten
        branch.clock.now = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=hour)
        placed.append(await branch.placed(items=only("horchata", 1)))
    page = await branch.orders.find(MANAGER, None, 2, None, 0, date(2026, 11, 20))
    assert [order["id"] for order in page["orders"]] == [placed[3], placed[2]]
    rest = await branch.orders.find(MANAGER, None, 2, page["next"], 0, date(2026, 11, 20))
    assert ([order["id"] for order in rest["orders"]], rest["next"]) == ([placed[1]], None)


async def test_the_daily_limits_last_through_the_night(branch: Branch) -> None:
    evening = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)
    day = branch.services.usage_limits._day
    assert day.name(evening) == day.name(evening + timedelta(hours=4)) == "day:2026-11-20"
    assert day.name(evening + timedelta(hours=5)) == "day:2026-11-21"
