"""Acceptance of large orders, and the end of those that nobody accepts or ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.core.errors import Conflict, Forbidden
from hub.domain import commands as cmd
from hub.domain.lifecycle import OrderStatus
from hub.domain.order_document import ExpiryReason
from hub.domain.roles import ANONYMOUS, Kind, Principal, Role
from hub.domain.rooms import KITCHEN, Room
from hub.services.document_names import ACTIVE_ORDERS, ORDER_DEADLINES, order_key
from hub.services.orders import order_expiry
from hub.store import Document, Write
from tests.domain.samples import CANCELLED, DELIVERED, EN_ROUTE, PREPARING, READY, RECEIVED
from tests.support.services_harness import KITCHEN_HAND, MANAGER, START, Branch, an_order, customer_of, only

LARGE = {"items": [{"sku": "taco-pastor", "qty": 5}]}


@pytest.fixture
def small(branch: Branch) -> Branch:
    """A branch where an order of more than four portions waits, for ten minutes."""
    branch.bound(accept_portions=4)
    return branch


def accept(order_id: str) -> cmd.AcceptOrder:
    return cmd.AcceptOrder(order_id=order_id)


# Waiting


async def test_an_order_of_many_portions_or_much_money_waits_and_holds_its_stock(branch: Branch) -> None:
    branch.bound(accept_portions=4, accept_total=10_000)
    many, dear, usual = [
        await branch.order(await branch.placed(items=items))
        for items in (only("taco-pastor", 5), only("flan", 2), only("horchata", 3))
    ]
    assert many.waiting
    assert dear.waiting
    assert many.acceptance is not None
    assert many.acceptance.until == START + timedelta(minutes=10)
    assert usual.acceptance is None
    assert await branch.log.counters() == {"taco-pastor": 5, "flan": 2}


async def test_an_order_that_staff_place_waits_for_nobody(small: Branch) -> None:
    answer = await small.orders.place(KITCHEN_HAND, an_order(**LARGE))
    assert "acceptance" not in answer["order"]


async def test_an_order_that_a_change_makes_large_waits(small: Branch) -> None:
    order_id = await small.placed()
    change = cmd.ChangeOrder(order_id=order_id, items=an_order(**LARGE).items, delivery=an_order().delivery)
    answer = await small.orders.change(customer_of(order_id), change)
    assert answer["order"]["acceptance"]["state"] == "waiting"


async def test_zero_asks_for_no_acceptance(branch: Branch) -> None:
    branch.bound(accept_portions=0, accept_total=0)
    assert (await branch.order(await branch.placed(items=only("horchata", 50)))).acceptance is None


# Accepting


@pytest.mark.parametrize("role", Role)
async def test_those_who_may_acknowledge_an_order_may_accept_it(small: Branch, role: Role) -> None:
    who = Principal(kind=Kind.STAFF, id="x", name="X", roles=frozenset({role}))
    order_id = await small.placed(**LARGE)
    if role in (Role.COURIER, Role.SUPPORT):
        with pytest.raises(Forbidden):
            await small.orders.accept(who, accept(order_id))
        return
    answer = await small.orders.accept(who, accept(order_id))
    assert answer["order"]["acceptance"] == {"state": "accepted"}
    assert (await small.types(KITCHEN))[-2:] == ["order.accepted", "order.acknowledged"]
    assert (await small.types(Room.order(order_id)))[-1] == "order.accepted"
    assert await small.log.members("orders:unseen") == []


async def test_its_customer_does_not_accept_it(small: Branch) -> None:
    order_id = await small.placed(**LARGE)
    with pytest.raises(Forbidden):
        await small.orders.accept(customer_of(order_id), accept(order_id))


async def test_a_board_that_knows_nothing_of_acceptance_accepts_by_beginning(small: Branch) -> None:
    order_id = await small.placed(**LARGE)
    command = cmd.AdvanceOrder(order_id=order_id, to=PREPARING, version=1)
    answer = await small.orders.advance(KITCHEN_HAND, command)
    assert (answer["order"]["status"], answer["order"]["acceptance"]) == ("preparing", {"state": "accepted"})
    assert (await small.types(KITCHEN))[-2:] == ["order.accepted", "order.preparing"]
    assert await small.folded(order_id) == await small.order(order_id)


# Expiring


async def test_an_order_that_nobody_accepts_in_time_is_cancelled_and_gives_back_what_it_held(small: Branch) -> None:
    order_id = await small.placed(**LARGE)
    small.clock.turn(minutes=9, seconds=59)
    assert await small.services.expiry.end_overdue() == 0
    small.clock.turn(seconds=1)
    assert await small.services.expiry.end_overdue() == 1
    order = await small.order(order_id)
    assert (order.status, order.expired) == (CANCELLED, ExpiryReason.NOT_ACCEPTED)
    assert (await small.log.counters())["taco-pastor"] == 10
    told = [kind for kind in await small.types(Room.order(order_id)) if kind.startswith("order.")]
    assert told == ["order.received", "order.expired", "order.cancelled"]
    assert await small.folded(order_id) == order
    assert await small.log.members(ACTIVE_ORDERS) == await small.log.members(ORDER_DEADLINES) == []
    assert (await small.wire.figures.read())["sales_today"] == 0


@pytest.mark.parametrize("at", [RECEIVED, PREPARING, READY, EN_ROUTE])
async def test_an_order_that_nobody_ends_is_cancelled_and_what_was_cooked_does_not_come_back(
    branch: Branch, at: OrderStatus
) -> None:
    order_id = await branch.placed_at(at)
    branch.clock.turn(hours=12)
    assert await branch.services.expiry.end_overdue() == 1
    order = await branch.order(order_id)
    assert (order.status, order.expired) == (CANCELLED, ExpiryReason.NOT_ENDED)
    assert (await branch.log.counters())["taco-pastor"] == (10 if at is RECEIVED else 8)


async def test_twelve_hours_begin_anew_with_every_change(branch: Branch) -> None:
    order_id = await branch.placed()
    branch.clock.turn(hours=11)
    await branch.bring(order_id, PREPARING)
    branch.clock.turn(hours=11)
    assert await branch.services.expiry.end_overdue() == 0
    branch.clock.turn(hours=1)
    assert await branch.services.expiry.end_overdue() == 1


async def test_an_accepted_order_expires_only_as_others_do(small: Branch) -> None:
    order_id = await small.placed(**LARGE)
    await small.orders.accept(KITCHEN_HAND, accept(order_id))
    small.clock.turn(minutes=11)
    assert await small.services.expiry.end_overdue() == 0
    small.clock.turn(hours=12)
    assert await small.services.expiry.end_overdue() == 1
    assert (await small.order(order_id)).expired is ExpiryReason.NOT_ENDED


@pytest.mark.parametrize("end", [DELIVERED, CANCELLED])
async def test_an_order_that_has_ended_does_not_expire(branch: Branch, end: OrderStatus) -> None:
    order_id = await branch.placed_at(end)
    branch.clock.turn(days=2)
    assert await branch.services.expiry.end_overdue() == 0
    assert (await branch.order(order_id)).expired is None


async def test_zero_lets_orders_wait_and_stay_open_for_ever(branch: Branch) -> None:
    branch.bound(accept_portions=4, accept_s=0, open_order_s=0)
    order_id = await branch.placed(**LARGE)
    branch.clock.turn(days=30)
    assert await branch.services.expiry.end_overdue() == 0
    assert (await branch.order(order_id)).waiting


async def test_an_expired_order_leaves_its_place_to_another(branch: Branch) -> None:
    branch.bound(accept_portions=4, open_orders_address=1)
    who = replace(ANONYMOUS, address="203.0.113.7")
    await branch.orders.place(who, an_order(**LARGE))
    branch.clock.turn(minutes=10)
    await branch.services.expiry.end_overdue()
    await branch.orders.place(who, an_order(**LARGE))


# Several hubs, and hubs of another time


async def test_of_several_hubs_one_ends_an_order(small: Branch) -> None:
    for _ in range(2):
        await small.placed(**LARGE)
    small.clock.turn(minutes=10)
    hubs = [small.services.expiry, *(small.orders_elsewhere(accept_portions=4)[1] for _ in range(3))]
    assert sum(await asyncio.gather(*(hub.end_overdue() for hub in hubs))) == 2
    assert (await small.types(KITCHEN)).count("order.cancelled") == 2
    assert (await small.log.counters())["taco-pastor"] == 10


async def test_whoever_is_first_wins_the_person_or_the_clock(small: Branch) -> None:
    order_id = await small.placed(**LARGE)
    small.clock.turn(minutes=10)
    outcomes = await asyncio.gather(
        small.orders.accept(KITCHEN_HAND, accept(order_id)), small.services.expiry.end_overdue(), return_exceptions=True
    )
    order = await small.order(order_id)
    accepted = not isinstance(outcomes[0], BaseException)
    assert accepted or isinstance(outcomes[0], Conflict)
    assert (order.status, outcomes[1]) == ((RECEIVED, 0) if accepted else (CANCELLED, 1))


async def test_orders_of_a_hub_that_kept_no_deadlines_expire_too(branch: Branch) -> None:
    await branch.services.expiry.end_overdue()
    old = await branch.placed()
    await branch.redis.delete(branch.log.keys.index(ORDER_DEADLINES))
    young = await branch.placed()
    branch.clock.turn(hours=12)
    assert await branch.services.expiry.end_overdue() == 2
    assert {(await branch.order(order_id)).status for order_id in (old, young)} == {CANCELLED}


async def test_an_order_found_late_gets_its_place_and_is_not_ended_early(branch: Branch) -> None:
    order_id = await branch.placed()
    await branch.redis.delete(branch.log.keys.index(ORDER_DEADLINES))
    assert await branch.services.expiry.end_overdue() == 0
    score = await branch.redis.zscore(branch.log.keys.index(ORDER_DEADLINES), order_id)
    assert score == (START + timedelta(hours=12)).timestamp() * 1000


async def test_one_pass_looks_at_so_many_orders_and_the_next_goes_on(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_expiry, "MAX_EXPIRED_AT_ONCE", 2)
    for _ in range(5):
        await branch.placed(items=only("horchata", 1))
    branch.clock.turn(hours=12)
    assert [await branch.services.expiry.end_overdue() for _ in range(4)] == [2, 2, 1, 0]


async def test_an_order_that_cannot_be_read_holds_up_no_other(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_expiry, "MAX_EXPIRED_AT_ONCE", 1)
    broken, other = await branch.placed(), await branch.placed()
    await branch.log.commit(Write(documents=(Document(order_key(broken), 2, '{"id":1}'),)))
    branch.clock.turn(hours=12)
    assert [await branch.services.expiry.end_overdue() for _ in range(2)] == [0, 1]
    assert (await branch.order(other)).status is CANCELLED


async def test_what_is_not_due_is_not_read(branch: Branch) -> None:
    for _ in range(3):
        await branch.placed(items=only("horchata", 1))
    await branch.services.expiry.end_overdue()
    assert await branch.log.earliest(ORDER_DEADLINES, int(START.timestamp() * 1000), 10) == []


async def test_an_anonymous_command_id_of_an_expired_order_is_answered_as_before(small: Branch) -> None:
    command = an_order(**LARGE, command_id="a-long-and-random-command-id")
    first = await small.orders.place(ANONYMOUS, command)
    small.clock.turn(minutes=10)
    await small.services.expiry.end_overdue()
    assert (await small.orders.place(ANONYMOUS, command))["order"] == first["order"]
    assert (await small.orders.get(MANAGER, first["order"]["id"]))["order"]["expired"] == "not_accepted"
