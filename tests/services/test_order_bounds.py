"""Bounds on orders: how large one may be, and how many one address or phone number may have."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from hub.core.errors import LimitReached, RateLimited
from hub.domain import commands as cmd
from hub.domain.lifecycle import OrderStatus
from hub.domain.roles import ANONYMOUS, Principal
from hub.services.auth.digests import Digests
from hub.services.document_names import contact_key
from hub.store.log import Committed, Write
from tests.support.services_harness import (
    KITCHEN_HAND,
    MANAGER,
    PHONE,
    SECRET,
    Branch,
    an_order,
    customer_of,
    only,
    open_branch,
)
from tests.support.uncounted import ORDER_COUNTS

ANA = replace(ANONYMOUS, address="203.0.113.7")
BETO = replace(ANONYMOUS, address="203.0.113.8")


@asynccontextmanager
async def bounded(**limits: int) -> AsyncIterator[Branch]:
    async with open_branch() as branch:
        branch.bound(**limits)
        yield branch


def horchatas(qty: int = 1, **more: Any) -> cmd.PlaceOrder:
    return an_order(items=only("horchata", qty), **more)


async def refused(branch: Branch, who: Principal, command: cmd.PlaceOrder) -> dict[str, Any]:
    with pytest.raises(LimitReached) as error:
        await branch.orders.place(who, command)
    return error.value.values


async def waits(branch: Branch, who: Principal, command: cmd.PlaceOrder) -> bool:
    order_id = (await branch.orders.place(who, command))["order"]["id"]
    return (await branch.order(order_id)).waiting


def a_change(order_id: str, qty: int) -> cmd.ChangeOrder:
    return cmd.ChangeOrder(order_id=order_id, items=horchatas(qty).items, delivery=horchatas().delivery)


# One order


async def test_an_order_has_so_many_portions_over_all_its_lines_and_no_more() -> None:
    async with bounded(order_portions=10) as branch:
        lines = [{"sku": "horchata", "qty": 5, "notes": note} for note in ("", "sin hielo")]
        await branch.orders.place(ANA, an_order(items=lines))
        too_many = an_order(items=[*lines, {"sku": "flan", "qty": 1}])
        assert await refused(branch, ANA, too_many) == {"limit": "order_portions", "most": 10, "used": 11}
        assert (await branch.log.counters())["flan"] == 4


async def test_an_order_costs_so_much_and_no_more() -> None:
    async with bounded(order_total=3200 * 3) as branch:
        await branch.orders.place(ANA, horchatas(3))
        assert await refused(branch, ANA, horchatas(4)) == {"limit": "order_total", "most": 9600, "used": 12_800}


async def test_an_order_weighs_so_much_and_no_more_whoever_places_it() -> None:
    async with bounded(order_bytes=1_000) as branch:
        heavy = an_order(items=[{"sku": "horchata", "qty": 1, "notes": "ñ" * 200}] * 3)
        for who in (ANA, MANAGER):
            assert (await refused(branch, who, heavy))["limit"] == "order_bytes"


async def test_a_party_of_sixty_tacos_is_ordered_in_one_go(branch: Branch) -> None:
    dishes = [{"sku": "horchata", "qty": 15, "notes": "bien fría, con mucho hielo"}] * 4
    await branch.orders.place(ANA, an_order(items=dishes))


async def test_staff_place_an_order_of_any_size() -> None:
    async with bounded(order_portions=10, order_total=1_000) as branch:
        await branch.orders.place(KITCHEN_HAND, horchatas(50))


async def test_an_order_that_was_placed_is_answered_again_when_the_bound_is_lower_now(branch: Branch) -> None:
    command = horchatas(30, command_id="a-long-and-random-command-id")
    first = await branch.orders.place(ANA, command)
    branch.bound(order_portions=10)
    assert (await branch.orders.place(ANA, command))["order"] == first["order"]


@pytest.mark.parametrize("bound", ["order_portions", "order_total", "order_bytes"])
async def test_zero_switches_a_size_off(bound: str) -> None:
    async with bounded(**{bound: 0}) as branch:
        await branch.orders.place(ANA, horchatas(50))


# The orders of an address


RATES = {"orders_minute": 1, "orders_hour": 1, "order_bytes_hour": 200, "order_portions_hour": 3}


@pytest.mark.parametrize("bound", RATES)
async def test_an_address_places_so_much_in_a_time_and_is_told_when_to_come_back(bound: str) -> None:
    async with bounded(**{bound: RATES[bound]}) as branch:
        await branch.orders.place(ANA, horchatas(2))
        with pytest.raises(RateLimited) as error:
            await branch.orders.place(ANA, horchatas(2))
        assert error.value.values["limit"] == bound
        assert error.value.retry_after_s
        await branch.orders.place(BETO, horchatas(2))


async def test_an_address_has_so_many_open_orders_until_one_of_them_ends() -> None:
    async with bounded(open_orders_address=2) as branch:
        first, _ = [(await branch.orders.place(ANA, horchatas()))["order"]["id"] for _ in range(2)]
        assert await refused(branch, ANA, horchatas()) == {"limit": "open_orders_address", "most": 2, "used": 2}
        await branch.orders.place(BETO, horchatas())
        await branch.bring(first, OrderStatus.DELIVERED)
        await branch.orders.place(ANA, horchatas())


async def test_a_cancelled_order_is_not_open(branch: Branch) -> None:
    branch.bound(open_orders_address=1)
    for _ in range(3):
        order_id = (await branch.orders.place(ANA, horchatas()))["order"]["id"]
        await branch.orders.cancel(customer_of(order_id), cmd.CancelOrder(order_id=order_id, reason="mejor no"))


async def test_a_changed_order_keeps_its_place(branch: Branch) -> None:
    branch.bound(open_orders_address=1)
    order_id = (await branch.orders.place(ANA, horchatas()))["order"]["id"]
    who = replace(customer_of(order_id), address=ANA.address)
    await branch.orders.change(who, a_change(order_id, 2))
    assert (await refused(branch, ANA, horchatas()))["limit"] == "open_orders_address"


@pytest.mark.parametrize("end", [OrderStatus.CANCELLED, OrderStatus.DELIVERED])
async def test_an_order_that_is_taken_back_from_its_end_is_open_again(branch: Branch, end: OrderStatus) -> None:
    hers = horchatas(customer={"name": "Ana", "phone": PHONE})
    branch.bound(open_orders_address=1, open_orders_phone=1)
    order_id = (await branch.orders.place(ANA, hers))["order"]["id"]
    await branch.bring(order_id, end)
    await taken_back(branch, order_id)
    assert (await refused(branch, ANA, horchatas()))["limit"] == "open_orders_address"
    assert await waits(branch, BETO, hers)
    await branch.bring(order_id, end)
    assert not await waits(branch, ANA, hers)


async def test_an_order_is_taken_back_from_its_end_though_its_place_was_taken_meanwhile(branch: Branch) -> None:
    branch.bound(open_orders_address=1)
    order_id = (await branch.orders.place(ANA, horchatas()))["order"]["id"]
    await branch.bring(order_id, OrderStatus.CANCELLED)
    await branch.orders.place(ANA, horchatas())
    await taken_back(branch, order_id)
    assert await refused(branch, ANA, horchatas()) == {"limit": "open_orders_address", "most": 1, "used": 2}


async def test_an_order_that_staff_placed_takes_no_place_when_it_is_taken_back(branch: Branch) -> None:
    hers = horchatas(customer={"name": "Ana", "phone": PHONE})
    order_id = (await branch.orders.place(replace(MANAGER, address=ANA.address), hers))["order"]["id"]
    await branch.bring(order_id, OrderStatus.CANCELLED)
    await taken_back(branch, order_id)
    assert not await branch.redis.exists(branch.log.keys.holds)


async def taken_back(branch: Branch, order_id: str) -> None:
    await branch.orders.recall(MANAGER, cmd.RecallOrder(order_id=order_id, reason="fue un error"))


async def test_a_phone_number_has_so_many_open_orders_however_it_is_written(branch: Branch) -> None:
    branch.bound(open_orders_phone=2)
    for number in ("+52 55 1234 5678", "5512345678"):
        await branch.orders.place(ANA, horchatas(customer={"name": "Ana", "phone": number}))
    third = horchatas(customer={"name": "Ana", "phone": "(55) 1234-5678"})
    assert await waits(branch, BETO, third)


async def test_an_office_at_lunch_is_one_address_and_everybody_there_eats(branch: Branch) -> None:
    for number in range(20):
        await branch.orders.place(ANA, horchatas(4, customer={"name": "Ana", "phone": f"55 0000 {number:04d}"}))
        if number == 9:  # a minute later
            [key] = await branch.redis.keys("*quota:orders_minute*")
            await branch.redis.delete(key)


@pytest.mark.parametrize("who", [ANONYMOUS, KITCHEN_HAND, MANAGER])
async def test_callers_without_an_address_and_staff_are_not_counted(who: Principal) -> None:
    async with bounded(**RATES, open_orders_address=1) as branch:
        address = "203.0.113.7" if who.is_staff else ""
        for _ in range(4):
            await branch.orders.place(replace(who, address=address), horchatas())


async def test_zero_switches_every_count_off(branch: Branch) -> None:
    branch.bound(**dict.fromkeys(ORDER_COUNTS, 0))
    for _ in range(30):
        await branch.orders.place(ANA, horchatas(9, customer={"name": "Ana", "phone": PHONE}))
    assert not await branch.redis.keys("*quota*")
    assert not await branch.redis.exists(branch.log.keys.holds)


# What a person decides


async def test_orders_with_somebody_elses_number_do_not_keep_that_person_from_ordering(branch: Branch) -> None:
    branch.bound(open_orders_phone=2)
    hers = horchatas(customer={"name": "Ana", "phone": PHONE})
    assert [await waits(branch, BETO, hers) for _ in range(3)] == [False, False, True]
    assert await waits(branch, ANA, hers)
    # Those that wait take no place of the number: it has one again as soon as one of the first two has ended.
    [counter] = [name for name in await branch.redis.hkeys(branch.log.keys.holds) if "count:orders-phone" in str(name)]
    assert int(await branch.redis.hget(branch.log.keys.holds, counter) or 0) == 2


async def test_an_order_past_the_bound_by_phone_ends_by_itself_if_nobody_accepts_it(branch: Branch) -> None:
    branch.bound(open_orders_phone=1)
    hers = an_order(items=only("taco-pastor", 2), customer={"name": "Ana", "phone": PHONE})
    await branch.orders.place(BETO, hers)
    await branch.orders.place(BETO, hers)
    branch.clock.turn(minutes=10)
    assert await branch.services.expiry.end_overdue() == 1
    assert (await branch.log.counters())["taco-pastor"] == 8


async def test_the_small_orders_of_an_address_wait_once_they_are_large_together(branch: Branch) -> None:
    assert [await waits(branch, ANA, horchatas(15)) for _ in range(3)] == [False, False, True]
    assert not await waits(branch, ANA, horchatas(10))
    assert await waits(branch, ANA, horchatas(1))
    assert not await waits(branch, BETO, horchatas(15))


async def test_the_orders_of_an_address_wait_once_they_are_dear_together() -> None:
    async with bounded(accept_total_hour=3200 * 4) as branch:
        assert [await waits(branch, ANA, horchatas(2)) for _ in range(3)] == [False, False, True]


async def test_orders_that_a_person_accepts_do_not_count(branch: Branch) -> None:
    for _ in range(3):
        order_id = (await branch.orders.place(ANA, horchatas(50)))["order"]["id"]
        await branch.orders.accept(KITCHEN_HAND, cmd.AcceptOrder(order_id=order_id))
    assert not await waits(branch, ANA, horchatas(40))


async def test_a_family_that_orders_twice_notices_nothing(branch: Branch) -> None:
    assert [await waits(branch, ANA, horchatas(8)) for _ in range(2)] == [False, False]


async def test_an_order_that_waits_is_answered_again_under_its_command_id(branch: Branch) -> None:
    branch.bound(accept_portions_hour=1)
    command = horchatas(2, command_id="a-long-and-random-command-id")
    first, again = [await branch.orders.place(ANA, command) for _ in range(2)]
    assert again["order"] == first["order"]
    assert first["order"]["acceptance"]["state"] == "waiting"


async def test_an_order_that_waits_is_held_to_the_other_bounds() -> None:
    async with bounded(accept_portions_hour=1, open_orders_address=1) as branch:
        assert await waits(branch, ANA, horchatas(2))
        assert (await refused(branch, ANA, horchatas(2)))["limit"] == "open_orders_address"


async def test_an_ordinary_order_is_one_commit_and_one_past_a_bound_is_two(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[Write] = []
    commit = branch.log.commit

    async def counting(write: Write) -> Committed:
        commits.append(write)
        return await commit(write)

    monkeypatch.setattr(branch.log, "commit", counting)
    for expected in (1, 2):
        commits.clear()
        await branch.orders.place(ANA, horchatas(25))
        assert len(commits) == expected


# Changes


async def test_a_change_counts_what_is_more_than_before(branch: Branch) -> None:
    order_id = (await branch.orders.place(ANA, horchatas(30)))["order"]["id"]
    for qty in (30, 35, 40):
        who = replace(customer_of(order_id), address=ANA.address)
        changed = await branch.orders.change(who, a_change(order_id, qty))
        order_id = changed["order"]["id"]
        assert "acceptance" not in changed["order"]
    assert await waits(branch, ANA, horchatas(1))


async def test_replaced_portions_are_not_ordered_again() -> None:
    async with bounded(order_portions_hour=30) as branch:
        order_id = (await branch.orders.place(ANA, horchatas(30)))["order"]["id"]
        who = replace(customer_of(order_id), address=ANA.address)
        order_id = (await branch.orders.change(who, a_change(order_id, 30)))["order"]["id"]
        with pytest.raises(RateLimited):
            await branch.orders.change(replace(customer_of(order_id), address=ANA.address), a_change(order_id, 31))


async def test_a_change_of_an_order_that_waited_counts_in_full(branch: Branch) -> None:
    order_id = (await branch.orders.place(ANA, horchatas(50)))["order"]["id"]
    who = replace(customer_of(order_id), address=ANA.address)
    assert "acceptance" not in (await branch.orders.change(who, a_change(order_id, 30)))["order"]
    assert await waits(branch, ANA, horchatas(11))


async def test_an_order_that_a_change_takes_past_the_bound_waits(branch: Branch) -> None:
    order_id, _ = [(await branch.orders.place(ANA, horchatas(20)))["order"]["id"] for _ in range(2)]
    who = replace(customer_of(order_id), address=ANA.address)
    changed = (await branch.orders.change(who, a_change(order_id, 21)))["order"]
    assert changed["acceptance"]["state"] == "waiting"
    assert (await branch.order(order_id)).status is OrderStatus.CANCELLED


async def test_a_change_past_another_bound_is_refused_and_the_order_stays(branch: Branch) -> None:
    branch.bound(orders_hour=1)
    order_id = (await branch.orders.place(ANA, horchatas()))["order"]["id"]
    with pytest.raises(RateLimited):
        await branch.orders.change(replace(customer_of(order_id), address=ANA.address), a_change(order_id, 2))
    assert (await branch.order(order_id)).status is OrderStatus.RECEIVED


@pytest.mark.parametrize(("bound", "qty", "more"), [("accept_portions", 30, 50), ("accept_portions_hour", 2, 3)])
async def test_a_change_of_an_order_that_waits_gives_it_no_more_time(bound: str, qty: int, more: int) -> None:
    async with bounded(**{bound: qty - 1}) as branch:
        first = (await branch.orders.place(ANA, horchatas(qty)))["order"]
        branch.clock.turn(minutes=9)
        who = replace(customer_of(first["id"]), address=ANA.address)
        changed = (await branch.orders.change(who, a_change(first["id"], more)))["order"]
        assert changed["acceptance"] == first["acceptance"]
        branch.clock.turn(minutes=1)
        assert await branch.services.expiry.end_overdue() == 1
        assert (await branch.order(changed["id"])).status is OrderStatus.CANCELLED


# What is kept of it


async def test_no_address_and_no_phone_number_is_in_a_counters_name(branch: Branch) -> None:
    await branch.orders.place(ANA, horchatas(customer={"name": "Ana", "phone": PHONE}))
    counters = await branch.redis.keys("*quota*") + list(await branch.redis.hgetall(branch.log.keys.holds))
    assert len(counters) >= 6
    assert not [name for name in counters if "203.0.113" in name or "1234" in name]


async def test_staff_see_which_orders_came_from_one_address_and_nobody_sees_the_address(branch: Branch) -> None:
    ids = [(await branch.orders.place(who, horchatas()))["order"]["id"] for who in (ANA, ANA, BETO)]
    shown = [(await branch.orders.get(MANAGER, order_id))["order"]["customer"] for order_id in ids]
    assert shown[0]["origin"] == shown[1]["origin"] != shown[2]["origin"]
    assert "203.0.113" not in json.dumps(shown)
    document = await branch.log.document(contact_key(ids[0]))
    assert document is not None
    assert json.loads(document.body) == {"origin": Digests(SECRET).address("203.0.113.7")}
    theirs = await branch.orders.get(customer_of(ids[0]), ids[0])
    assert theirs["order"]["customer"] == {"name": "Ana"}


def test_a_digest_needs_the_secret() -> None:
    assert Digests(b"one secret of many").address("203.0.113.7") != Digests(SECRET).address("203.0.113.7")
    assert Digests(SECRET).address("5512345678") != Digests(SECRET).phone("5512345678")
