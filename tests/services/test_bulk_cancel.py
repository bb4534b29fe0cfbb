"""Many orders cancelled at once, by a filter."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from hub.core.errors import Forbidden
from hub.domain import commands as cmd
from hub.domain.roles import ANONYMOUS, Kind, Principal, Role
from hub.services.auth.digests import Digests
from hub.services.orders import bulk_cancel
from tests.domain.samples import CANCELLED, DELIVERED, EN_ROUTE, PREPARING, RECEIVED
from tests.support.services_harness import KITCHEN_HAND, MANAGER, PHONE, SECRET, START, Branch, an_order, only

ATTACKER = replace(ANONYMOUS, address="203.0.113.66")
NEIGHBOUR = replace(ANONYMOUS, address="203.0.113.7")


def meant(**wanted: Any) -> cmd.CancelOrders:
    return cmd.CancelOrders.model_validate({"filter": wanted, "reason": "pedido falso"})


async def placed(branch: Branch, who: Principal = NEIGHBOUR, **changes: Any) -> str:
    order: dict[str, Any] = {"items": only("horchata", 1)} | changes
    return str((await branch.orders.place(who, an_order(**order)))["order"]["id"])


async def cancel(branch: Branch, **wanted: Any) -> set[str]:
    """Cancel by a filter, after a dry run that must announce the same; return the ids."""
    command = meant(**wanted)
    counted = await branch.wire.bulk.cancel_many(MANAGER, command.model_copy(update={"dry_run": True}))
    done = await branch.wire.bulk.cancel_many(MANAGER, command)
    assert (counted["count"], counted["order_ids"]) == (done["count"], done["order_ids"])
    assert done["count"] == len(done["order_ids"])
    for order_id in done["order_ids"]:
        assert (await branch.order(order_id)).status is CANCELLED
    return set(done["order_ids"])


async def test_the_orders_of_one_address_are_cancelled_and_give_back_what_they_hold(branch: Branch) -> None:
    theirs = {await placed(branch, ATTACKER, items=only("taco-pastor", 3)) for _ in range(3)}
    other = await placed(branch, items=only("taco-pastor", 1))
    assert await cancel(branch, origin=Digests(SECRET).address("203.0.113.66")) == theirs
    assert (await branch.order(other)).status is RECEIVED
    assert (await branch.log.counters())["taco-pastor"] == 9


async def test_the_orders_of_one_phone_number_are_found_however_it_is_written(branch: Branch) -> None:
    theirs = {await placed(branch, customer={"name": "Ana", "phone": number}) for number in (PHONE, "5512345678")}
    await placed(branch, customer={"name": "Eva", "phone": "55 0000 0000"})
    await placed(branch)
    assert await cancel(branch, phone="(55) 1234-5678") == theirs


async def test_numbers_of_two_countries_are_two_numbers(branch: Branch) -> None:
    ours = await placed(branch, customer={"name": "Ana", "phone": PHONE})
    theirs = await placed(branch, customer={"name": "Eva", "phone": "+1 55 1234 5678"})
    assert await cancel(branch, phone="+1 (551) 234-5678") == {theirs}
    assert await cancel(branch, phone="5512345678") == {ours}


async def test_a_phone_number_without_digits_is_not_that_of_every_order_without_one(branch: Branch) -> None:
    await placed(branch)
    wanted = cmd.OrderFilter.model_construct(phone="-------")
    command = meant(min_total=0).model_copy(update={"filter": wanted})
    assert (await branch.wire.bulk.cancel_many(MANAGER, command))["count"] == 0


async def test_each_condition_is_met_by_what_is_cancelled(branch: Branch) -> None:
    branch.bound(accept_portions=3)
    early = await placed(branch)
    branch.clock.turn(minutes=10)
    cooking, seen = await placed(branch), await placed(branch)
    await branch.bring(cooking, PREPARING)
    await branch.orders.acknowledge(KITCHEN_HAND, cmd.AcknowledgeOrder(order_id=seen))
    large = await placed(branch, items=only("horchata", 4))
    assert await cancel(branch, status="preparing") == {cooking}
    assert await cancel(branch, waiting=True) == {large}
    assert await cancel(branch, acknowledged=True) == {seen}
    assert await cancel(branch, min_total=3201) == set()
    assert await cancel(branch, placed_after=START.isoformat(), min_total=3200) == set()
    assert await cancel(branch, placed_before=START.isoformat()) == set()
    assert await cancel(branch, placed_before=(START + timedelta(minutes=1)).isoformat(), acknowledged=False) == {early}


async def test_orders_that_have_ended_are_left_alone_and_those_on_the_road_are_not(branch: Branch) -> None:
    delivered, riding = await placed(branch), await placed(branch)
    await branch.bring(delivered, DELIVERED)
    await branch.bring(riding, EN_ROUTE)
    assert await cancel(branch, min_total=0) == {riding}


async def test_a_dry_run_counts_and_changes_nothing(branch: Branch) -> None:
    order_id = await placed(branch)
    before = await branch.log.position()
    command = meant(min_total=0).model_copy(update={"dry_run": True})
    assert (await branch.wire.bulk.cancel_many(MANAGER, command))["count"] == 1
    assert await branch.log.position() == before
    assert (await branch.order(order_id)).status is RECEIVED


async def test_a_call_cancels_so_many_and_says_that_there_are_more(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_cancel, "MAX_CANCELLED", 2)
    monkeypatch.setattr(bulk_cancel, "OPEN_ORDERS_PAGE", 2)
    for _ in range(5):
        await placed(branch)
    counted = await branch.wire.bulk.cancel_many(MANAGER, meant(min_total=0).model_copy(update={"dry_run": True}))
    assert (counted["count"], len(counted["order_ids"]), counted["more"]) == (5, 2, True)
    answers = [await branch.wire.bulk.cancel_many(MANAGER, meant(min_total=0)) for _ in range(4)]
    assert [(answer["count"], answer["more"]) for answer in answers] == [(2, True), (2, True), (1, False), (0, False)]


async def test_an_order_that_somebody_looks_at_meanwhile_is_left_alone(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, other = await placed(branch), await placed(branch)
    elsewhere, cancel = branch.orders_elsewhere()[0], branch.orders.cancel

    async def late(principal: Principal, command: cmd.CancelOrder, *, version: int | None = None) -> Any:
        if command.order_id == order_id:
            await elsewhere.acknowledge(KITCHEN_HAND, cmd.AcknowledgeOrder(order_id=order_id))
        return await cancel(principal, command, version=version)

    monkeypatch.setattr(branch.services.orders, "cancel", late)
    answer = await branch.wire.bulk.cancel_many(MANAGER, meant(acknowledged=False))
    assert (answer["order_ids"], answer["more"]) == ([other], True)
    assert (await branch.order(order_id)).status is RECEIVED


@pytest.mark.parametrize("role", Role)
async def test_only_those_who_may_cancel_anything_cancel_many(branch: Branch, role: Role) -> None:
    who = Principal(kind=Kind.STAFF, id="x", name="X", roles=frozenset({role}))
    if role in (Role.MANAGER, Role.SERVICE):
        assert (await branch.wire.bulk.cancel_many(who, meant(min_total=0)))["count"] == 0
    else:
        with pytest.raises(Forbidden):
            await branch.wire.bulk.cancel_many(who, meant(min_total=0))


def test_a_filter_that_names_nothing_is_not_every_order() -> None:
    with pytest.raises(ValidationError):
        meant()
