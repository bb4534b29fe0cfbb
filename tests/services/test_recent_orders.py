"""What was changed here a moment ago is decided from memory; what others did meanwhile is noticed all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hub.core.errors import Conflict, NotFound, Unauthorized, Unavailable
from hub.domain import commands as cmd
from hub.domain.lifecycle import OrderStatus
from hub.domain.roles import ANONYMOUS
from hub.domain.rooms import KITCHEN
from hub.services.document_names import order_key
from hub.services.orders.order_service import OrderService
from hub.services.orders.recent_orders import RecentOrders
from hub.store.log import Committed, Document, Write
from tests.support.services_harness import KITCHEN_HAND, MANAGER, Branch, an_order


def elsewhere(branch: Branch) -> OrderService:
    """The orders of another hub process on the same log."""
    return branch.orders_elsewhere()[0]


async def placed(branch: Branch) -> str:
    order_id: str = (await branch.orders.place(ANONYMOUS, an_order()))["order"]["id"]
    return order_id


def to(order_id: str, status: OrderStatus, **more: Any) -> cmd.AdvanceOrder:
    return cmd.AdvanceOrder(order_id=order_id, to=status, **more)


def counted(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every trip to Redis from here on."""
    trips: list[str] = []
    pool = branch.log.calls._pool
    call = pool.call

    async def counting(*command: str | int) -> object:
        trips.append(str(command[0]))
        return await call(*command)

    monkeypatch.setattr(pool, "call", counting)
    return trips


async def test_a_step_of_an_order_that_was_changed_here_is_one_trip_to_redis(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await placed(branch)
    await branch.orders.mark_item(KITCHEN_HAND, cmd.MarkItem(order_id=order_id, item=1, done=True))
    trips = counted(branch, monkeypatch)
    await branch.orders.mark_item(KITCHEN_HAND, cmd.MarkItem(order_id=order_id, item=2, done=True))
    await branch.orders.acknowledge(KITCHEN_HAND, cmd.AcknowledgeOrder(order_id=order_id))
    assert trips == ["EVALSHA", "EVALSHA"]


async def test_a_step_that_another_hub_took_meanwhile_is_seen(branch: Branch) -> None:
    order_id, other = await placed(branch), elsewhere(branch)
    await other.advance(KITCHEN_HAND, to(order_id, OrderStatus.PREPARING))
    # Not to be had from memory, where it is not being prepared yet.
    answer = await branch.orders.advance(KITCHEN_HAND, to(order_id, OrderStatus.READY))
    assert answer["order"]["status"] == "ready"
    assert answer["order"]["version"] == 3


async def test_what_memory_would_do_again_is_refused_when_it_was_done_elsewhere(branch: Branch) -> None:
    order_id, other = await placed(branch), elsewhere(branch)
    await other.cancel(MANAGER, cmd.CancelOrder(order_id=order_id, reason="no vino"))
    with pytest.raises(Conflict):
        await branch.orders.advance(KITCHEN_HAND, to(order_id, OrderStatus.PREPARING))
    assert (await branch.order(order_id)).status is OrderStatus.CANCELLED


async def test_what_changes_nothing_is_answered_from_what_is_read(branch: Branch) -> None:
    order_id, other = await placed(branch), elsewhere(branch)
    await branch.orders.mark_item(KITCHEN_HAND, cmd.MarkItem(order_id=order_id, item=1, done=True))
    await other.mark_item(KITCHEN_HAND, cmd.MarkItem(order_id=order_id, item=2, done=True))
    answer = await branch.orders.mark_item(KITCHEN_HAND, cmd.MarkItem(order_id=order_id, item=1, done=True))
    assert [line["done"] for line in answer["order"]["items"]] == [True, True]


async def test_a_repeat_is_answered_as_the_first_time_though_the_order_has_moved_on(branch: Branch) -> None:
    order_id, other = await placed(branch), elsewhere(branch)
    step = to(order_id, OrderStatus.PREPARING, command_id="once")
    first = await branch.orders.advance(KITCHEN_HAND, step)
    await other.advance(KITCHEN_HAND, to(order_id, OrderStatus.READY))
    assert await branch.orders.advance(KITCHEN_HAND, step) == first
    assert (await branch.order(order_id)).version == 3


async def test_another_past_of_the_same_version_is_not_written_over(branch: Branch) -> None:
    order_id = await placed(branch)
    await branch.orders.mark_item(KITCHEN_HAND, cmd.MarkItem(order_id=order_id, item=1, done=True))
    # The log has lost that step, and gone on with another one: it stands at the same version.
    stands = await branch.order(order_id)
    other_lines = tuple(line.model_copy(update={"done": line.item == 2}) for line in stands.items)
    body = stands.model_copy(update={"items": other_lines}).model_dump_json()
    await branch.log.commit(Write(documents=(Document(order_key(order_id), stands.version, body),)))
    await branch.orders.acknowledge(KITCHEN_HAND, cmd.AcknowledgeOrder(order_id=order_id))
    after = await branch.order(order_id)
    assert [line.done for line in after.items] == [False, True]
    assert after.acknowledged


async def test_an_order_that_is_gone_is_not_found_though_it_is_remembered(branch: Branch) -> None:
    order_id = await placed(branch)
    await branch.redis.delete(branch.log.keys.document(order_key(order_id)))
    with pytest.raises(NotFound):
        await branch.orders.acknowledge(KITCHEN_HAND, cmd.AcknowledgeOrder(order_id=order_id))


async def test_a_step_whose_outcome_is_unknown_is_not_taken_twice(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await placed(branch)
    commit = branch.log.commit

    async def lost(write: Write) -> Committed:
        await commit(write)
        raise Unavailable("Redis does not answer")

    monkeypatch.setattr(branch.log, "commit", lost)
    with pytest.raises(Unavailable):
        await branch.orders.mark_item(KITCHEN_HAND, cmd.MarkItem(order_id=order_id, item=1, done=True))
    monkeypatch.setattr(branch.log, "commit", commit)
    await branch.orders.mark_item(KITCHEN_HAND, cmd.MarkItem(order_id=order_id, item=2, done=True))
    assert (await branch.order(order_id)).version == 3
    types = [entry.type for entry in await branch.room(KITCHEN)]
    assert types == ["order.received", "order.item_done", "order.item_done"]


async def test_so_many_are_remembered_and_no_more_and_none_that_has_ended(branch: Branch) -> None:
    order = await branch.order(await placed(branch))
    recent = RecentOrders(most=2)
    for order_id in ("A", "B", "A", "C"):
        recent.keep(order.model_copy(update={"id": order_id}), Document(order_key(order_id), 1, "{}"))
    assert [recent.get(order_id) is not None for order_id in "ABC"] == [True, False, True]
    recent.keep(order.model_copy(update={"id": "A", "status": OrderStatus.DELIVERED}), Document(order_key("A"), 2, ""))
    assert recent.get("A") is None


async def test_large_orders_are_remembered_for_their_bytes_only(branch: Branch) -> None:
    order = await branch.order(await placed(branch))
    recent = RecentOrders(most_bytes=10_000)

    def keep(order_id: str, size: int) -> None:
        recent.keep(order.model_copy(update={"id": order_id}), Document(order_key(order_id), 1, "x" * size))

    keep("A", 4_000)
    for _ in range(5):
        keep("B", 4_000)  # counted once, however often it changes
    assert recent.get("A") is not None
    keep("C", 4_000)
    assert [recent.get(order_id) is not None for order_id in "ABC"] == [False, True, True]
    recent.forget("B")
    keep("D", 4_000)
    assert recent.get("C") is not None
    keep("E", 20_000)
    assert [recent.get(order_id) is not None for order_id in "CDE"] == [False, False, False]


async def test_a_known_token_ends_at_its_time_all_the_same(branch: Branch) -> None:
    tokens = branch.services.tokens
    token = tokens.issue(replace(MANAGER), branch.clock(), timedelta(minutes=1))
    assert tokens.read(token, branch.clock()).name == MANAGER.name
    branch.clock.turn(seconds=61)
    with pytest.raises(Unauthorized, match="expired"):
        tokens.read(token, branch.clock())
