"""The branch's live figures."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.domain import commands as cmd
from hub.domain.errors import Conflict
from hub.domain.models import OrderStatus
from hub.services import figures as figures_of
from hub.services.build import build_services
from tests.services.branch import MANAGER, SECRET, SETTINGS, Branch, only

RECEIVED, PREPARING, READY, EN_ROUTE, DELIVERED, CANCELLED = OrderStatus


async def test_a_day_begins_with_nothing(branch: Branch) -> None:
    assert await branch.services.figures.read() == {
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
    figures = await branch.services.figures.read()
    assert figures["orders_today"] == 4
    assert figures["cancelled_today"] == 1
    assert figures["sales_today"] == 3 * 2 * 3200
    assert figures["orders_active"] == 2
    assert figures["by_status"] == {"received": 1, "ready": 1}


async def test_orders_that_a_board_does_not_show_are_active_all_the_same(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures_of, "_BOARD", 2)
    for status in (PREPARING, RECEIVED, RECEIVED, RECEIVED):
        await branch.placed_at(status, items=only("horchata", 1))
    figures = await branch.services.figures.read()
    assert figures["orders_active"] == 4
    assert figures["by_status"] == {"preparing": 1, "received": 1}


async def test_an_alarm_switched_off_after_the_order_was_cancelled_cancels_it_no_second_time(branch: Branch) -> None:
    order_id = await branch.placed_at(CANCELLED, items=only("flan", 2))
    await branch.placed(items=only("horchata", 1))
    with pytest.raises(Conflict):
        await branch.orders.acknowledge(MANAGER, cmd.AcknowledgeOrder(order_id=order_id))
    figures = await branch.services.figures.read()
    assert (figures["cancelled_today"], figures["sales_today"]) == (1, 3200)
    assert (await branch.log.stock())["flan"] == 4


async def test_an_order_placed_again_under_its_command_id_is_sold_once(branch: Branch) -> None:
    for _ in range(2):
        await branch.placed(items=only("horchata", 1), command_id="c-1")
    figures = await branch.services.figures.read()
    assert (figures["orders_today"], figures["sales_today"]) == (1, 3200)


async def test_a_day_ends_at_the_branchs_own_midnight(branch: Branch) -> None:
    branch.clock.now = datetime(2026, 11, 21, 5, 59, tzinfo=UTC)  # a minute to midnight in Mexico City
    late = await branch.placed(items=only("horchata", 1))
    branch.clock.turn(minutes=2)
    figures = await branch.services.figures.read()
    assert (figures["orders_today"], figures["sales_today"], figures["orders_active"]) == (0, 0, 1)
    # Cancelled today, yet not a sale that today has to give back.
    await branch.bring(late, CANCELLED)
    figures = await branch.services.figures.read()
    assert (figures["orders_today"], figures["sales_today"], figures["cancelled_today"]) == (0, 0, 1)
    branch.clock.turn(minutes=-2)
    figures = await branch.services.figures.read()
    assert (figures["orders_today"], figures["sales_today"], figures["cancelled_today"]) == (1, 0, 0)


async def test_the_time_on_the_grill_is_the_mean_of_the_latest_orders(branch: Branch) -> None:
    for minutes in (4, 8):
        order_id = await branch.placed_at(PREPARING, items=only("horchata", 1))
        branch.clock.turn(minutes=minutes)
        await branch.bring(order_id, READY)
    assert (await branch.services.figures.read())["avg_prep_s"] == 360


async def test_connections_are_those_of_this_process(branch: Branch) -> None:
    menu = branch.services.menu.menu
    services = build_services(branch.log, branch.redis, SETTINGS, SECRET, menu, connections=lambda: 7)
    assert (await services.figures.read())["connections"] == 7
