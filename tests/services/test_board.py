"""A board with more orders than one answer may hold: urgent orders come first, and none is left out."""

from __future__ import annotations

from typing import Any

import pytest

from hub.config import Limits
from hub.core.errors import BadRequest, Forbidden
from hub.domain import commands as cmd
from hub.domain.lifecycle import DeliveryKind
from hub.domain.order_document import Delivery, OrderLine
from hub.domain.roles import ANONYMOUS
from hub.domain.rooms import KITCHEN, PROMOS, Room
from hub.services.branch_figures import BranchFigures, Day
from hub.services.document_names import UNSEEN_ORDERS, order_key
from hub.services.orders.kitchen_board import KitchenBoard
from hub.services.room_views import RoomViews
from hub.store import IndexMove, Write
from tests.domain.samples import CANCELLED, DELIVERED, PREPARING, RECEIVED
from tests.support.services_harness import KITCHEN_HAND, MANAGER, Branch, OnTheWire, customer_of, only

LARGE = {"customer": {"name": "N" * 60}, "items": [{"sku": "horchata", "qty": 1, "notes": "ñ" * 100}] * 10}


class Small:
    """The board of a branch whose answers hold about `count` large orders."""

    def __init__(self, branch: Branch, size: int, count: float) -> None:
        limits = Limits(_env_file=None, snapshot_bytes=round(size * count))
        services = branch.services
        self.views = RoomViews(branch.log, services.menu.menu, branch.clock, services.figures.read, limits)
        self.board: Any = OnTheWire(KitchenBoard(branch.log, limits))

    async def snapshot(self) -> dict[str, Any]:
        return (await self.views.read(KITCHEN)).snapshot

    async def rest(self, after: str | None) -> list[list[str]]:
        """The ids on each of the following pages."""
        pages = []
        while after is not None:
            page = await self.board.page(KITCHEN_HAND, after)
            pages.append(ids(page))
            assert page["more"] == (page["next"] is not None)
            after = page["next"]
        return pages


def ids(shown: dict[str, Any]) -> list[str]:
    return [order["id"] for order in shown["orders"]]


async def placed(branch: Branch, count: int) -> list[str]:
    found = []
    for _ in range(count):
        branch.clock.turn(seconds=1)
        found.append(await branch.placed(**LARGE))
    return found


async def acknowledge(branch: Branch, *order_ids: str) -> None:
    for order_id in order_ids:
        await branch.orders.acknowledge(KITCHEN_HAND, cmd.AcknowledgeOrder(order_id=order_id))


@pytest.fixture
async def small(branch: Branch) -> Small:
    [probe] = await placed(branch, 1)
    size = len((await branch.order(probe)).model_dump_json().encode())
    await branch.bring(probe, CANCELLED)
    return Small(branch, size, 8.5)


async def test_the_newest_unseen_orders_come_before_those_that_wait_longest(branch: Branch, small: Small) -> None:
    seen = await placed(branch, 10)
    await acknowledge(branch, *seen)
    unseen = await placed(branch, 3)
    snapshot = await small.snapshot()
    assert ids(snapshot) == [*seen[:5], *unseen]
    assert (snapshot["total"], snapshot["unseen"], snapshot["more"]) == (13, 3, True)


async def test_a_flood_of_unseen_orders_leaves_room_for_those_that_wait_longest(branch: Branch, small: Small) -> None:
    flood = await placed(branch, 20)
    snapshot = await small.snapshot()
    assert ids(snapshot) == [*flood[:2], *flood[-6:]]
    assert (snapshot["total"], snapshot["unseen"]) == (20, 20)


async def test_the_pages_after_a_snapshot_hold_all_that_it_lacks(branch: Branch, small: Small) -> None:
    all_ids = await placed(branch, 30)
    await acknowledge(branch, *all_ids[5:20])
    snapshot = await small.snapshot()
    pages = await small.rest(snapshot["next"])
    assert all(0 < len(page) <= 8 for page in pages)
    assert set(ids(snapshot)).union(*pages) == set(all_ids)
    followed = [order_id for page in pages for order_id in page]
    assert followed == sorted(set(followed))  # each once, in the order in which they were placed


async def test_orders_that_come_and_go_between_two_pages_hide_none_of_the_others(branch: Branch, small: Small) -> None:
    all_ids = await placed(branch, 30)
    snapshot = await small.snapshot()
    first = await small.board.page(KITCHEN_HAND, snapshot["next"])
    for gone in (all_ids[0], ids(first)[-1], all_ids[20]):
        await branch.bring(gone, CANCELLED)
    late = await placed(branch, 3)
    pages = await small.rest(first["next"])
    shown = set(ids(snapshot)) | set(ids(first)).union(*pages)
    assert shown >= (set(all_ids) | set(late)) - {all_ids[20]}


async def test_an_order_heavier_than_an_answer_may_be_is_given_alone(branch: Branch, small: Small) -> None:
    all_ids = await placed(branch, 3)
    tiny = Small(branch, 1, 1)
    snapshot = await tiny.snapshot()
    assert ids(snapshot) == [all_ids[2]]
    assert await tiny.rest(snapshot["next"]) == [[order_id] for order_id in all_ids]


async def test_a_board_without_a_bound_is_cut_by_number_alone(
    branch: Branch, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.services.orders.kitchen_board.MAX_BOARD_ORDERS", 4)
    all_ids = await placed(branch, 9)
    unbound = Small(branch, 0, 0)
    snapshot = await unbound.snapshot()
    assert ids(snapshot) == [all_ids[0], *all_ids[-3:]]
    pages = await unbound.rest(snapshot["next"])
    assert [len(page) for page in pages] == [4, 4]
    assert {*ids(snapshot)}.union(*pages) == set(all_ids)


async def test_a_page_of_the_board_is_for_those_who_may_see_the_board(branch: Branch) -> None:
    for who in (ANONYMOUS, customer_of("PED000001")):
        with pytest.raises(Forbidden):
            await branch.wire.board.page(who, None)
    assert (await branch.wire.board.page(MANAGER, None))["orders"] == []


@pytest.mark.parametrize("after", ["-1", "x", "", "1.5", "9" * 17, "٣"])
async def test_a_place_that_is_none_is_refused(branch: Branch, after: str) -> None:
    with pytest.raises(BadRequest):
        await branch.wire.board.page(KITCHEN_HAND, after)


# Unseen


async def test_an_order_is_unseen_until_it_is_acknowledged_cooked_or_ends(branch: Branch) -> None:
    async def unseen() -> int:
        snapshot = (await branch.services.views.read(KITCHEN)).snapshot
        assert len(await branch.log.members(UNSEEN_ORDERS)) == snapshot["unseen"]
        return int(snapshot["unseen"])

    first, second, third, fourth = [await branch.placed(items=only("horchata", 1)) for _ in range(4)]
    assert await unseen() == 4
    await acknowledge(branch, first)
    assert await unseen() == 3
    await branch.bring(second, PREPARING)
    assert await unseen() == 2
    await branch.bring(third, CANCELLED)
    assert await unseen() == 1
    await branch.orders.recall(MANAGER, cmd.RecallOrder(order_id=second, reason="todavía no"))
    assert await unseen() == 2  # nobody has acknowledged it, and nobody cooks it
    change = cmd.ChangeOrder(
        order_id=fourth, items=(OrderLine(sku="horchata", qty=2),), delivery=Delivery(kind=DeliveryKind.PICKUP)
    )
    await branch.orders.change(customer_of(fourth), change)
    assert await unseen() == 2


async def test_orders_of_a_hub_that_kept_no_index_of_unseen_ones_are_put_into_it(branch: Branch, small: Small) -> None:
    seen, unseen, ended = await placed(branch, 3)
    await acknowledge(branch, seen)
    await branch.bring(ended, DELIVERED)
    moves = [(seen, True), (unseen, False), (ended, True), ("PEDGONE", True)]
    await branch.log.commit(Write(index=tuple(IndexMove(UNSEEN_ORDERS, id_, there, 0) for id_, there in moves)))
    before = await small.snapshot()
    assert ids(before) == [seen, unseen]  # nothing vanishes from the board, and nothing that ended comes back
    assert await small.board.repair() == 4
    assert await branch.log.members(UNSEEN_ORDERS) == [unseen]
    assert await small.board.repair() == 0


async def test_an_order_that_changes_while_the_index_is_repaired_keeps_what_the_change_made_of_it(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await branch.placed()
    await branch.log.commit(Write(index=(IndexMove(UNSEEN_ORDERS, order_id, False),)))
    read = branch.log.documents

    async def read_early(keys: Any) -> Any:
        found = await read(keys)
        await acknowledge(branch, order_id)
        return found

    monkeypatch.setattr(branch.log, "documents", read_early)
    assert await branch.wire.board.repair() == 0
    assert await branch.log.members(UNSEEN_ORDERS) == []
    document = await branch.log.document(order_key(order_id))
    assert document is not None


async def test_an_order_that_is_placed_or_seen_while_the_index_is_read_needs_no_repair(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, new = await branch.placed(), list[str]()
    read = branch.log.members

    async def read_early(index: str) -> list[str]:
        found = await read(index)
        if not new:
            new.append(await branch.placed())
            await acknowledge(branch, seen)
        return found

    monkeypatch.setattr(branch.log, "members", read_early)
    assert await branch.wire.board.repair() == 0
    assert await read(UNSEEN_ORDERS) == new


# Other answers


async def test_a_list_of_orders_ends_where_it_gets_too_heavy_and_goes_on_from_there(
    branch: Branch, small: Small
) -> None:
    all_ids = await placed(branch, 7)
    size = len((await branch.order(all_ids[0])).model_dump_json().encode())
    found, before = [], None
    while True:
        page = await branch.orders.find(MANAGER, RECEIVED, 5, before, round(size * 3.5))
        found.append(ids(page))
        before = page["next"]
        if not page["orders"] or before is None:
            break
    assert [order_id for page in found for order_id in page] == all_ids[::-1]
    assert max(map(len, found)) == 3


async def test_the_history_beside_a_snapshot_is_cut_to_what_fits_the_newest_staying(branch: Branch) -> None:
    small = Small(branch, 500, 10)
    for number in range(20):
        await branch.wire.promos.publish(MANAGER, cmd.PublishPromo(title=f"{number}", message="ñ" * 200))
    view = await small.views.read(PROMOS)
    assert 0 < len(view.events) < 20
    assert sum(len(event.body.encode()) for event in view.events) <= small.views._limits.snapshot_bytes
    assert view.events[-1].offset == view.cursor.offset
    assert 0 < len(view.snapshot["promos"]) < 20
    assert view.snapshot["promos"][0]["title"] == "19"


async def test_who_missed_more_than_fits_gets_the_state_instead(branch: Branch) -> None:
    start = await branch.log.position()
    await placed(branch, 5)
    services = branch.services
    limits = Limits(_env_file=None, missed_bytes=4_000)
    views = RoomViews(branch.log, services.menu.menu, branch.clock, services.figures.read, limits)
    view = await views.read(KITCHEN, start)
    assert (view.recovered, view.events) == (False, ())
    assert len(view.snapshot["orders"]) == 5
    assert (await services.views.read(KITCHEN, start)).recovered


async def test_a_page_of_events_is_cut_to_what_fits_and_the_next_one_follows_it(branch: Branch, small: Small) -> None:
    place = await branch.log.position()
    all_ids = await placed(branch, 20)
    offsets = []
    for _ in range(20):
        page = await small.views.page(KITCHEN, place)
        assert page.recovered
        offsets += [event.offset for event in page.events]
        if not page.cut:
            break
        place = type(place)(page.cursor.epoch, page.events[-1].offset)
    assert offsets == list(range(offsets[0], offsets[0] + 20))
    assert page.events[-1].offset == page.cursor.offset
    assert page.snapshot == {}
    assert (await small.views.page(Room.order(all_ids[0]), None)).events[0].type == "order.received"


async def test_the_figures_look_at_no_more_orders_than_a_snapshot_may_hold(branch: Branch, small: Small) -> None:
    await placed(branch, 12)
    limits = Limits(_env_file=None, snapshot_bytes=small.views._limits.snapshot_bytes)
    day = Day("America/Mexico_City")
    figures = BranchFigures(branch.log, day, "MXN", branch.clock, lambda: 0, lambda: None, limits.snapshot_bytes)
    found = (await figures.read()).as_json()
    assert (found["orders_active"], found["by_status"]) == (12, {"received": 8})
