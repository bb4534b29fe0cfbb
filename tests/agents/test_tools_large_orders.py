"""Orders and changes past what one step can count: refused in a word, before anybody says yes to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hub.core.errors import TooLarge
from hub.domain.commands import ChangeOrder
from hub.domain.lifecycle import DeliveryKind
from hub.domain.order_document import Delivery, OrderLine
from hub.domain.roles import Kind, Principal
from hub.store.counters import MAX_COUNTER_MOVES
from tests.support.chat import MENU, Branch
from tests.support.tool_contexts import ordered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.redis import Backend

PLATES = [f"plato-{number}" for number in range(80)]
LARGE = MENU.model_copy(
    update={
        "items": tuple(
            MENU.items[0].model_copy(update={"sku": sku, "name": sku, "name_en": sku, "synonyms": (), "stock": 100})
            for sku in PLATES
        )
    }
)


@pytest.fixture
async def branch(fake_backend: Backend) -> AsyncIterator[Branch]:
    """A branch whose menu has more dishes, all of them counted, than one step can count."""
    branch = Branch(fake_backend.client(), menu=LARGE)
    await branch.log.seed_counters(dict.fromkeys(PLATES, 100))
    yield branch
    await branch.log.aclose()


def dishes(numbers: range, qty: int = 1) -> list[dict[str, Any]]:
    return [{"sku": PLATES[number], "qty": qty} for number in numbers]


@pytest.mark.parametrize(
    "changes",
    [
        dishes(range(40, 46)),  # more lines than an order has
        dishes(range(1), qty=2),  # 35 dishes go back and 35 are taken
    ],
)
async def test_a_change_of_more_dishes_than_one_step_counts_is_not_proposed(
    branch: Branch, changes: list[dict[str, Any]]
) -> None:
    bench, placed = await ordered(branch, items=dishes(range(35)))
    result = await bench.call("change_order", items=changes)
    assert result["error"] == "too_much"
    assert [order["id"] for order in await branch.orders()] == [placed["order_id"]]


async def test_the_largest_change_that_can_be_counted_is_made(branch: Branch) -> None:
    bench, _ = await ordered(branch, items=dishes(range(32)))
    assert (await bench.call("change_order", items=dishes(range(32), qty=2)))["done"] is False


async def test_whoever_asks_the_service_for_more_is_refused_and_the_order_stays(branch: Branch) -> None:
    _, placed = await ordered(branch, items=dishes(range(40)))
    holder = Principal(Kind.CUSTOMER, orders=frozenset({placed["order_id"]}))
    lines = tuple(OrderLine(sku=sku, qty=1) for sku in PLATES[40:80])
    command = ChangeOrder(order_id=placed["order_id"], items=lines, delivery=Delivery(kind=DeliveryKind.PICKUP))
    with pytest.raises(TooLarge) as refused:
        await branch.services.orders.change(holder, command)
    assert refused.value.values["limit"] == MAX_COUNTER_MOVES
    (order,) = await branch.orders()
    assert order["status"] == "received"
