"""Changing an order: the old one goes and the new one comes in one step, or nothing happens."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.errors import BadRequest, Conflict, Forbidden, NotFound
from hub.domain import commands as cmd
from hub.domain.error_catalogue import OutOfStock
from hub.domain.lifecycle import OrderStatus
from hub.domain.roles import ANONYMOUS, Principal
from hub.domain.rooms import Room
from hub.services.document_names import contact_key
from tests.support.services_harness import MANAGER, PHONE, RIDER, Branch, customer_of, only


def a_change(order_id: str, items: list[dict[str, Any]], **more: Any) -> cmd.ChangeOrder:
    payload = {"order_id": order_id, "items": items, "delivery": {"kind": "pickup"}} | more
    return cmd.ChangeOrder.model_validate(payload)


async def test_a_changed_order_is_a_new_one_and_the_old_one_is_cancelled(branch: Branch) -> None:
    old = await branch.placed(items=only("flan", 4), customer={"name": "Ana", "phone": PHONE})
    # All four flans are in the old order: what it gives back, the new one takes.
    answer = await branch.orders.change(customer_of(old), a_change(old, only("flan", 3)))
    new = answer["order"]["id"]
    assert (await branch.order(old)).status is OrderStatus.CANCELLED
    assert (await branch.order(new)).customer.name == "Ana"
    assert [(line.sku, line.qty) for line in (await branch.order(new)).items] == [("flan", 3)]
    assert (await branch.log.counters())["flan"] == 1
    contact = await branch.log.document(contact_key(new))
    assert contact is not None
    assert PHONE in contact.body
    assert branch.services.tokens.order_of(answer["tracking"]["token"]) == new
    for order_id in (old, new):
        assert await branch.folded(order_id) == await branch.order(order_id)
    figures = await branch.wire.figures.read()
    assert (figures["orders_today"], figures["cancelled_today"], figures["sales_today"]) == (1, 0, 3 * 5200)


async def test_a_change_said_twice_is_made_once(branch: Branch) -> None:
    old = await branch.placed(items=only("flan", 2))
    change = a_change(old, only("flan", 1), command_id="c-1")
    first, again = [await branch.orders.change(customer_of(old), change) for _ in range(2)]
    assert first == again
    assert (await branch.log.counters())["flan"] == 3


@pytest.mark.parametrize("status", [OrderStatus.PREPARING, OrderStatus.READY, OrderStatus.CANCELLED])
async def test_what_the_kitchen_has_started_on_stays_as_it_is(branch: Branch, status: OrderStatus) -> None:
    old = await branch.placed_at(status)
    for who in (customer_of(old), MANAGER):
        with pytest.raises(Conflict):
            await branch.orders.change(who, a_change(old, only("flan", 1)))
    assert (await branch.order(old)).status is status


@pytest.mark.parametrize(("who", "error"), [(ANONYMOUS, NotFound), (customer_of("PED1"), NotFound), (RIDER, Forbidden)])
async def test_nobody_changes_an_order_that_is_not_theirs(
    branch: Branch, who: Principal, error: type[Exception]
) -> None:
    old = await branch.placed()
    with pytest.raises(error):
        await branch.orders.change(who, a_change(old, only("flan", 1)))
    assert (await branch.order(old)).version == 1


async def test_a_change_that_cannot_be_cooked_leaves_the_order_as_it_was(branch: Branch) -> None:
    old = await branch.placed(items=only("flan", 2))
    with pytest.raises(OutOfStock):
        await branch.orders.change(customer_of(old), a_change(old, only("flan", 5)))
    with pytest.raises(BadRequest):
        await branch.orders.change(customer_of(old), a_change(old, only("sushi", 1)))
    assert (await branch.order(old)).status is OrderStatus.RECEIVED
    assert await branch.types(Room.order(old)) == ["order.received"]
    assert (await branch.log.counters())["flan"] == 2
