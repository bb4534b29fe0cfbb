"""Whatever a branch goes through: the documents and the counts are what the log tells."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.core.errors import BadRequest, Conflict, Forbidden, IdempotencyMismatch, NotFound
from hub.domain import commands as cmd
from hub.domain.error_catalogue import OutOfStock
from hub.domain.lifecycle import ENDED, OrderStatus
from hub.domain.roles import ANONYMOUS, Principal
from hub.domain.rooms import KITCHEN, STOCK, Room
from hub.services.branch_figures import Day
from hub.services.document_names import ORDER_DEADLINES
from tests.support.services_harness import (
    KITCHEN_HAND,
    MANAGER,
    OTHER_RIDER,
    RIDER,
    SETTINGS,
    Branch,
    an_order,
    customer_of,
    open_branch,
)

PEOPLE = st.sampled_from([KITCHEN_HAND, RIDER, MANAGER, MANAGER, ANONYMOUS, None])  # None: the order's customer
SKUS = ["taco-pastor", "flan", "horchata"]
COUNTED = {"taco-pastor": 10, "flan": 4}
REFUSALS = (BadRequest, Conflict, Forbidden, IdempotencyMismatch, NotFound, OutOfStock)


@dataclass
class Story:
    """A branch, its orders so far, and what should be left of each dish."""

    branch: Branch
    ids: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=lambda: dict(COUNTED))

    def one(self, number: int) -> str:
        return self.ids[number % len(self.ids)] if self.ids else "PEDNOTHERE"

    def who(self, principal: Principal | None, order_id: str) -> Principal:
        return principal or customer_of(order_id)


Chapter = Callable[[Story], Awaitable[None]]


def _place(lines: list[tuple[str, int]], kind: str, key: str | None) -> Chapter:
    async def happen(story: Story) -> None:
        answer = await story.branch.orders.place(
            ANONYMOUS,
            an_order(
                items=[{"sku": sku, "qty": qty} for sku, qty in lines],
                delivery={"kind": kind, "address": "Calle Álamo 5"},
                command_id=key,
            ),
        )
        if answer["order"]["id"] in story.ids:
            return
        story.ids.append(answer["order"]["id"])
        for sku, qty in lines:
            if sku in story.left:
                story.left[sku] -= qty

    return happen


def _change(name: str, who: Principal | None, number: int, payload: dict[str, Any]) -> Chapter:
    model = cmd.COMMANDS[f"order.{name}"]

    async def happen(story: Story) -> None:
        order_id = story.one(number)
        before = await story.branch.orders.get(MANAGER, order_id)
        command = model.model_validate({"order_id": order_id, **payload})
        await getattr(story.branch.orders, name)(story.who(who, order_id), command)
        after = await story.branch.order(order_id)
        if after.status is OrderStatus.CANCELLED and before["order"]["status"] == OrderStatus.RECEIVED:
            for item in after.items:
                if item.sku in story.left:
                    story.left[item.sku] += item.qty

    return happen


def _all_at_once(number: int, wishes: list[tuple[str, dict[str, Any]]]) -> Chapter:
    """Several hands on one order; whatever they do, it is none of what moves the stock."""

    async def happen(story: Story) -> None:
        order_id = story.one(number)
        outcomes = await asyncio.gather(
            *(
                getattr(story.branch.orders, name)(
                    MANAGER, cmd.COMMANDS[f"order.{name}"].model_validate({"order_id": order_id, **payload})
                )
                for name, payload in wishes
            ),
            return_exceptions=True,
        )
        for outcome in outcomes:
            assert isinstance(outcome, (dict, *REFUSALS)), outcome

    return happen


def _time_passes(minutes: int) -> Chapter:
    """Nobody does anything for so long, and two hubs see to what is overdue."""

    async def happen(story: Story) -> None:
        branch = story.branch
        before = {order_id: await branch.order(order_id) for order_id in story.ids}
        branch.clock.turn(minutes=minutes)
        hubs = branch.services.expiry, branch.orders_elsewhere(**LIMITS)[1]
        ended = sum(await asyncio.gather(*(hub.end_overdue() for hub in hubs)))
        expired = [order for id_, order in before.items() if (await branch.order(id_)).expired and not order.expired]
        assert ended == len(expired)
        for order in expired:
            for item in order.items if order.status is OrderStatus.RECEIVED else ():
                if item.sku in story.left:
                    story.left[item.sku] += item.qty

    return happen


def _count(sku: str, left: int) -> Chapter:
    async def happen(story: Story) -> None:
        await story.branch.wire.stock.set(KITCHEN_HAND, cmd.SetStock(sku=sku, left=left))
        story.left[sku] = left

    return happen


LIMITS = {"accept_portions": 4}
KEYS = st.sampled_from([None, None, None, "c-1", "c-2"])
QUIET = {
    "advance": st.fixed_dictionaries(
        {"to": st.sampled_from(OrderStatus)},
        optional={"version": st.integers(1, 6), "command_id": KEYS},
    ),
    "recall": st.just({"reason": "faltó salsa"}),
    "delay": st.fixed_dictionaries({"reason": st.just("lluvia"), "minutes": st.integers(1, 60)}),
    "acknowledge": st.fixed_dictionaries({}, optional={"command_id": KEYS}),
    "accept": st.fixed_dictionaries({}, optional={"command_id": KEYS}),
    "mark_item": st.fixed_dictionaries({"item": st.integers(1, 3), "done": st.booleans()}),
    "assign_courier": st.fixed_dictionaries({"courier_id": st.sampled_from(["miguel", "rosa", "chuy"])}),
}
WISHES = st.one_of(*(st.tuples(st.just(name), payload) for name, payload in QUIET.items()))
CANCELS = st.tuples(st.just("cancel"), st.fixed_dictionaries({"reason": st.just("no")}, optional={"command_id": KEYS}))

CHAPTERS: st.SearchStrategy[Chapter] = st.one_of(
    st.builds(
        _place,
        st.lists(st.tuples(st.sampled_from(SKUS), st.integers(1, 4)), min_size=1, max_size=3),
        st.sampled_from(["pickup", "delivery"]),
        KEYS,
    ),
    st.builds(
        lambda wish, who, number: _change(wish[0], who, number, wish[1]), WISHES | CANCELS, PEOPLE, st.integers(0, 3)
    ),
    # Onwards, so that stories get somewhere.
    st.builds(
        lambda to, number: _change("advance", MANAGER, number, {"to": to}),
        st.sampled_from(["preparing", "ready", "en_route", "delivered"]),
        st.integers(0, 3),
    ),
    st.builds(_all_at_once, st.integers(0, 3), st.lists(WISHES, min_size=2, max_size=5)),
    st.builds(_time_passes, st.sampled_from([1, 11, 11, 721])),
    st.builds(_count, st.sampled_from(sorted(COUNTED)), st.integers(0, 12)),
)


# Explaining a failure traces every line, which is slower here than finding it.
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
@given(chapters=st.lists(CHAPTERS, min_size=4, max_size=24))
def test_after_any_story_the_documents_and_the_counts_are_what_the_log_tells(chapters: list[Chapter]) -> None:
    asyncio.run(_tell(chapters))


async def _tell(chapters: list[Chapter]) -> None:
    async with open_branch() as branch:
        for who in (RIDER, OTHER_RIDER, KITCHEN_HAND):
            await branch.hire(who)
        branch.bound(**LIMITS)
        story = Story(branch)
        for chapter in chapters:
            branch.clock.turn(seconds=61)
            try:
                await chapter(story)
            except REFUSALS:
                continue
        await _check(story)


async def _check(story: Story) -> None:
    branch = story.branch
    for order_id in story.ids:
        assert await branch.folded(order_id) == await branch.order(order_id)
    await _check_chains(story)
    assert await branch.log.counters() == story.left

    board = (await branch.services.views.read(KITCHEN)).snapshot["orders"]
    orders = [await branch.order(order_id) for order_id in story.ids]
    still_open = {order.id for order in orders if order.status not in ENDED}
    assert {order["id"] for order in board} == still_open
    assert set(await branch.log.members(ORDER_DEADLINES)) == still_open
    day = Day(SETTINGS.timezone)
    days = [await branch.log.counts(name) for name in {day.name(order.placed_at) for order in orders}]  # past midnight
    assert sum(counts["orders"] for counts in days) == len(orders)
    sales = sum(order.total for order in orders if order.status is not OrderStatus.CANCELLED)
    assert sum(counts["sales"] for counts in days) == sales


async def _check_chains(story: Story) -> None:
    """Each room's events hang together, no offset is missing, and one offset is one event everywhere."""
    bodies: dict[int, str] = {}
    for room in (KITCHEN, STOCK, *map(Room.order, story.ids)):
        entries = await story.branch.room(room)
        assert [entry.prev for entry in entries] == [0, *(entry.offset for entry in entries)][: len(entries)]
        for entry in entries:
            assert bodies.setdefault(entry.offset, entry.body) == entry.body
    assert sorted(bodies) == list(range(1, (await story.branch.log.position()).offset + 1))
    # What is left of a dish is also what the latest word on it says, where there is a word.
    for entry in await story.branch.room(STOCK):
        assert json.loads(entry.body)["data"]["left"] >= 0
