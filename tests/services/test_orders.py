"""Orders: placing them, and everything that may happen to one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from hub.core.cursor import Cursor
from hub.core.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    IdempotencyMismatch,
    NotFound,
    Unavailable,
)
from hub.domain import commands as cmd
from hub.domain.error_catalogue import OutOfStock
from hub.domain.lifecycle import OrderStatus
from hub.domain.menu import Menu
from hub.domain.roles import ANONYMOUS, PERMISSIONS, Kind, Permission, Principal, Role
from hub.domain.rooms import KITCHEN, STOCK, Room
from hub.services.document_names import contact_key
from hub.services.orders.order_writes import InChat
from hub.store import Committed, Write
from tests.domain.samples import CANCELLED, DELIVERED, EN_ROUTE, PREPARING, READY, RECEIVED
from tests.support.services_harness import (
    KITCHEN_HAND,
    MANAGER,
    OTHER_RIDER,
    PHONE,
    RIDER,
    START,
    Branch,
    an_order,
    customer_of,
    only,
)

# Placing


async def test_a_placed_order_is_in_the_log_in_both_its_rooms_and_on_the_board(branch: Branch) -> None:
    answer = await branch.orders.place(ANONYMOUS, an_order())
    order = answer["order"]
    assert order["status"] == "received"
    assert order["version"] == 1
    assert order["total"] == 2 * 2200 + 3200
    assert [(line["item"], line["name"], line["qty"], line["unit_price"]) for line in order["items"]] == [
        (1, "Taco al pastor", 2, 2200),
        (2, "Agua de horchata", 1, 3200),
    ]
    assert order["placed_at"] == "2026-11-20T21:30:00.123Z"
    assert order["eta"] is not None

    [own] = await branch.room(Room.order(order["id"]))
    [on_the_board] = await branch.room(KITCHEN)
    assert own.body == on_the_board.body
    assert own.offset == on_the_board.offset == Cursor.parse(answer["cursor"]).offset
    assert json.loads(own.body) == {
        "type": "order.received",
        "at": "2026-11-20T21:30:00.123Z",
        "data": {"order": order},
    }
    assert (await branch.order(order["id"])).model_dump(mode="json") == order
    assert [member for member, _ in await branch.log.indexed("orders:active", before=None, limit=10)] == [order["id"]]


async def test_the_index_of_the_board_is_never_trimmed(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Write] = []
    commit = branch.log.commit

    async def noting(write: Write) -> Committed:
        written.append(write)
        return await commit(write)

    monkeypatch.setattr(branch.log, "commit", noting)
    await branch.placed()
    [write] = written
    assert {move.index: move.keep for move in write.index} == {
        "orders:active": 0,
        "orders:unseen": 0,
        "orders": 10_000,
        "orders:deadlines": 0,
    }


async def test_the_tracking_token_opens_exactly_that_order(branch: Branch) -> None:
    first, second = [await branch.orders.place(ANONYMOUS, an_order()) for _ in range(2)]
    token = first["tracking"]["token"]
    assert first["tracking"]["url"] == f"/t/{token}"
    holder = await branch.services.access.principal(token)
    assert holder == Principal(kind=Kind.CUSTOMER, orders=frozenset({first["order"]["id"]}))
    assert (await branch.orders.get(holder, first["order"]["id"]))["order"] == first["order"]
    with pytest.raises(NotFound):
        await branch.orders.get(holder, second["order"]["id"])


async def test_an_order_takes_its_dishes_out_of_stock_however_many_lines_name_them(branch: Branch) -> None:
    await branch.placed(items=[*only("taco-pastor", 3), *only("taco-pastor", 2), *only("horchata", 50)])
    assert await branch.log.counters() == {"taco-pastor": 5, "flan": 4}


async def test_an_order_that_there_is_not_enough_for_reserves_nothing(branch: Branch) -> None:
    with pytest.raises(OutOfStock) as refused:
        await branch.placed(items=[*only("flan", 3), *only("taco-pastor", 11)])
    assert refused.value.values == {
        "items": [{"sku": "taco-pastor", "left": 10}],
        "lines": [{"item": 2, "sku": "taco-pastor", "name": "Taco al pastor", "qty": 11, "left": 10}],
    }
    assert await branch.log.counters() == {"taco-pastor": 10, "flan": 4}
    assert await branch.types(KITCHEN) == []
    assert await branch.log.indexed("orders", before=None, limit=10) == []


async def test_a_refusal_says_what_is_left_for_each_line_of_a_short_dish(branch: Branch) -> None:
    lines = [*only("taco-pastor", 7), *only("flan", 9), *only("horchata", 2), *only("taco-pastor", 5)]
    with pytest.raises(OutOfStock) as refused:
        await branch.placed(items=lines)
    left = [(line["item"], line["sku"], line["qty"], line["left"]) for line in refused.value.values["lines"]]
    assert left == [(1, "taco-pastor", 7, 10), (2, "flan", 9, 4), (4, "taco-pastor", 5, 3)]


async def test_the_last_dish_is_sold_once(branch: Branch) -> None:
    wishes = [branch.placed(items=only("flan", 1)) for _ in range(10)]
    answers = await asyncio.gather(*wishes, return_exceptions=True)
    assert sum(isinstance(answer, str) for answer in answers) == 4
    assert sum(isinstance(answer, OutOfStock) for answer in answers) == 6
    assert (await branch.log.counters())["flan"] == 0


async def test_an_order_that_takes_the_last_ones_says_so_to_stock_and_kitchen(branch: Branch) -> None:
    await branch.placed(items=only("flan", 3))
    await branch.placed(items=only("flan", 1))
    assert await branch.types(STOCK) == ["stock.low", "stock.out"]
    assert await branch.types(KITCHEN) == ["order.received", "stock.low", "order.received", "stock.out"]
    [_, out] = await branch.room(STOCK)
    assert json.loads(out.body)["data"] == {"sku": "flan", "name": "Flan «de la casa»", "left": 0}


async def test_a_dish_that_the_menu_has_not_is_a_bad_request(branch: Branch) -> None:
    with pytest.raises(BadRequest) as refused:
        await branch.placed(items=[*only("taco-pastor", 1), *only("sushi", 1)])
    assert refused.value.values["sku"] == "sushi"
    assert (await branch.log.counters())["taco-pastor"] == 10


async def test_a_delivery_without_an_address_is_a_bad_request(branch: Branch) -> None:
    with pytest.raises(BadRequest):
        await branch.placed(delivery={"kind": "delivery"})
    assert (await branch.log.counters())["taco-pastor"] == 10


async def test_an_order_placed_twice_under_one_command_id_is_one_order(branch: Branch) -> None:
    command = an_order(command_id="c-1")
    first = await branch.orders.place(ANONYMOUS, command)
    await branch.bring(first["order"]["id"], PREPARING)
    branch.clock.turn(minutes=2)
    assert await branch.orders.place(ANONYMOUS, command) == first
    assert (await branch.log.counters())["taco-pastor"] == 8
    assert (await branch.types(KITCHEN)).count("order.received") == 1


async def test_many_hands_that_place_one_order_at_once_get_one_answer(branch: Branch) -> None:
    command = an_order(command_id="c-1")
    answers = await asyncio.gather(*(branch.orders.place(ANONYMOUS, command) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert (await branch.log.counters())["taco-pastor"] == 8


async def test_another_order_under_a_command_id_that_was_used_is_refused(branch: Branch) -> None:
    await branch.orders.place(ANONYMOUS, an_order(command_id="c-1"))
    with pytest.raises(IdempotencyMismatch):
        await branch.orders.place(ANONYMOUS, an_order(command_id="c-1", items=only("taco-pastor", 1)))
    assert (await branch.log.counters())["taco-pastor"] == 8


async def test_an_order_said_again_after_its_dish_left_the_menu_gives_the_first_answer(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = an_order(command_id="c-1", items=only("flan", 1))
    first = await branch.orders.place(ANONYMOUS, command)
    menu = branch.wire.menu.menu
    items = tuple(item for item in menu.items if item.sku != "flan")
    without = Menu.model_validate({"name": menu.name, "category": menu.categories, "item": items})
    monkeypatch.setattr(branch.services.orders, "_menu", without)
    assert await branch.orders.place(ANONYMOUS, command) == first
    with pytest.raises(BadRequest):
        await branch.orders.place(ANONYMOUS, an_order(command_id="c-2", items=only("flan", 1)))
    with pytest.raises(IdempotencyMismatch):
        await branch.orders.place(ANONYMOUS, an_order(command_id="c-1", items=only("flan", 2)))


async def test_two_people_who_chose_the_same_command_id_do_not_meet(branch: Branch) -> None:
    command = an_order(command_id="c-1")
    one, other = [await branch.orders.place(who, command) for who in (KITCHEN_HAND, MANAGER)]
    assert one["order"]["id"] != other["order"]["id"]


async def test_an_order_number_that_is_taken_is_drawn_again(branch: Branch) -> None:
    branch.order_ids = iter(["PEDSAME22", "PEDSAME22", "PEDSAME22", "PEDFREE33"])
    assert [await branch.placed() for _ in range(2)] == ["PEDSAME22", "PEDFREE33"]
    assert (await branch.log.counters())["taco-pastor"] == 6


async def test_when_every_order_number_drawn_is_taken_nothing_is_lost_and_one_may_retry(branch: Branch) -> None:
    branch.order_ids = iter(["PEDSAME22"] * 100)
    first = await branch.placed()
    before = await branch.order(first)
    with pytest.raises(Unavailable) as refused:
        await branch.placed()
    assert refused.value.retryable
    assert await branch.order(first) == before
    assert (await branch.log.counters())["taco-pastor"] == 8


# The phone


async def test_the_phone_number_is_for_staff_only(branch: Branch) -> None:
    answer = await branch.orders.place(ANONYMOUS, an_order(customer={"name": "Ana", "phone": PHONE}))
    order_id = answer["order"]["id"]
    assert answer["order"]["customer"] == {"name": "Ana"}
    for role in Role:
        staff = Principal(kind=Kind.STAFF, id="x", roles=frozenset({role}))
        shown = await branch.orders.get(staff, order_id)
        assert shown["order"]["customer"] == {"name": "Ana", "phone": PHONE}
    shown = await branch.orders.get(customer_of(order_id), order_id)
    assert shown["order"]["customer"] == {"name": "Ana"}


async def test_the_phone_number_is_kept_in_one_place_and_told_in_no_event(branch: Branch) -> None:
    order_id = await branch.placed(customer={"name": "Ana", "phone": PHONE}, command_id="c-1")
    await branch.bring(order_id, DELIVERED)
    holding = []
    for key in await branch.redis.keys("*"):
        kind = await branch.redis.type(key)
        read: dict[str, Callable[..., Awaitable[Any]]] = {
            "hash": branch.redis.hgetall,
            "string": branch.redis.get,
            "stream": branch.redis.xrange,
            "list": lambda key: branch.redis.lrange(key, 0, -1),
            "zset": lambda key: branch.redis.zrange(key, 0, -1),
        }
        if PHONE in str(await read[str(kind)](key)):
            holding.append(key)
    assert holding == [branch.log.keys.document(contact_key(order_id))]


# Going on

CHANGES: dict[Permission, tuple[OrderStatus, Callable[[Branch, Principal, str], Awaitable[Any]]]] = {
    Permission.ADVANCE_ORDER: (
        RECEIVED,
        lambda b, who, id: b.orders.advance(who, cmd.AdvanceOrder(order_id=id, to=PREPARING)),
    ),
    Permission.CANCEL_ORDER: (
        READY,
        lambda b, who, id: b.orders.cancel(who, cmd.CancelOrder(order_id=id, reason="no")),
    ),
    Permission.RECALL_ORDER: (
        PREPARING,
        lambda b, who, id: b.orders.recall(who, cmd.RecallOrder(order_id=id, reason="no")),
    ),
    Permission.DELAY_ORDER: (
        EN_ROUTE,
        lambda b, who, id: b.orders.delay(who, cmd.DelayOrder(order_id=id, reason="no", minutes=5)),
    ),
    Permission.ACKNOWLEDGE_ORDER: (
        RECEIVED,
        lambda b, who, id: b.orders.acknowledge(who, cmd.AcknowledgeOrder(order_id=id)),
    ),
    Permission.MARK_ITEM: (
        PREPARING,
        lambda b, who, id: b.orders.mark_item(who, cmd.MarkItem(order_id=id, item=1, done=True)),
    ),
    Permission.ASSIGN_COURIER: (
        READY,
        lambda b, who, id: b.orders.assign_courier(who, cmd.AssignCourier(order_id=id, courier_id="miguel")),
    ),
    Permission.READ_ORDERS: (RECEIVED, lambda b, who, id: b.orders.find(who, None, 10, None)),
}


@pytest.mark.parametrize("permission", CHANGES)
@pytest.mark.parametrize("role", Role)
async def test_a_role_may_do_to_an_order_what_the_table_of_roles_says(
    branch: Branch, role: Role, permission: Permission
) -> None:
    await branch.hire(RIDER)
    status, change = CHANGES[permission]
    order_id = await branch.placed_at(status)
    # Miguel, whatever his role: a courier may take an order for himself only, and delay none but his own.
    who = Principal(kind=Kind.STAFF, id="miguel", name="Miguel", roles=frozenset({role}))
    if permission is Permission.DELAY_ORDER:
        await branch.orders.assign_courier(MANAGER, cmd.AssignCourier(order_id=order_id, courier_id=who.id))
    before = await branch.order(order_id)
    if permission in PERMISSIONS[role]:
        await change(branch, who, order_id)
        assert (await branch.order(order_id)).version == before.version + (permission is not Permission.READ_ORDERS)
    else:
        with pytest.raises(Forbidden):
            await change(branch, who, order_id)
        assert await branch.order(order_id) == before


@pytest.mark.parametrize("permission", CHANGES)
async def test_a_customer_may_do_none_of_it_but_cancel_before_work_starts(
    branch: Branch, permission: Permission
) -> None:
    await branch.hire(RIDER)
    status, change = CHANGES[permission]
    order_id = await branch.placed_at(status)
    before = await branch.order(order_id)
    refusal = Conflict if permission is Permission.CANCEL_ORDER else Forbidden
    with pytest.raises(refusal):
        await change(branch, customer_of(order_id), order_id)
    with pytest.raises(NotFound if permission is Permission.CANCEL_ORDER else Forbidden):
        await change(branch, ANONYMOUS, order_id)
    assert await branch.order(order_id) == before


async def test_a_customer_cancels_their_own_order_before_work_starts(branch: Branch) -> None:
    order_id = await branch.placed()
    answer = await branch.orders.cancel(
        customer_of(order_id), cmd.CancelOrder(order_id=order_id, reason="me equivoqué")
    )
    assert answer["order"]["status"] == "cancelled"
    event = json.loads((await branch.room(Room.order(order_id)))[-1].body)
    assert event["data"] == {
        "order_id": order_id,
        "status": "cancelled",
        "version": 2,
        "by": "customer",
        "eta": None,
        "recall": {"to": "received", "until": "2026-11-20T21:35:00.123Z", "roles": ["manager"]},
        "reason": "me equivoqué",
    }


async def test_somebody_elses_order_looks_like_none_at_all(branch: Branch) -> None:
    order_id = await branch.placed()
    told = []
    for wanted in (order_id, "PEDNOTHERE"):
        with pytest.raises(NotFound) as refused:
            await branch.orders.get(customer_of("PEDOTHER"), wanted)
        told.append(refused.value.as_dict())
    assert told[0] == told[1]


@pytest.mark.parametrize("permission", [p for p in CHANGES if p is not Permission.READ_ORDERS])
async def test_an_order_that_is_not_there_is_not_found_whatever_is_asked_of_it(
    branch: Branch, permission: Permission
) -> None:
    await branch.hire(RIDER)
    with pytest.raises(NotFound):
        await CHANGES[permission][1](branch, MANAGER, "PEDNOTHERE")


async def test_a_step_is_told_in_both_rooms_with_one_offset_and_who_did_it(branch: Branch) -> None:
    order_id = await branch.placed()
    branch.clock.turn(minutes=1)
    answer = await branch.orders.advance(KITCHEN_HAND, cmd.AdvanceOrder(order_id=order_id, to=PREPARING))
    own, on_the_board = [(await branch.room(room))[-1] for room in (Room.order(order_id), KITCHEN)]
    assert own.offset == on_the_board.offset == Cursor.parse(answer["cursor"]).offset
    assert own.prev == own.offset - 1
    event = json.loads(own.body)
    assert event == json.loads(on_the_board.body)
    assert event["at"] == "2026-11-20T21:31:00.123Z"
    assert event["data"] == {
        "order_id": order_id,
        "status": "preparing",
        "version": 2,
        "by": "Chuy",
        "eta": answer["order"]["eta"],
    }


async def test_that_the_alarm_was_heard_is_for_the_kitchen_only(branch: Branch) -> None:
    order_id = await branch.placed()
    for _ in range(2):
        answer = await branch.orders.acknowledge(KITCHEN_HAND, cmd.AcknowledgeOrder(order_id=order_id))
    assert answer["order"]["acknowledged"] is True
    assert await branch.types(KITCHEN) == ["order.received", "order.acknowledged"]
    assert await branch.types(Room.order(order_id)) == ["order.received"]


async def test_a_line_is_marked_once_and_taken_back_once(branch: Branch) -> None:
    order_id = await branch.placed()
    for done in (True, True, False, False):
        answer = await branch.orders.mark_item(KITCHEN_HAND, cmd.MarkItem(order_id=order_id, item=2, done=done))
    assert answer["order"]["version"] == 3
    assert await branch.types(Room.order(order_id)) == ["order.received", "order.item_done", "order.item_undone"]


async def test_a_delay_moves_the_estimate_and_says_so_in_two_events(branch: Branch) -> None:
    order_id = await branch.placed()
    before = (await branch.order(order_id)).eta
    answer = await branch.orders.delay(
        KITCHEN_HAND, cmd.DelayOrder(order_id=order_id, reason="mucha gente", minutes=15)
    )
    after = (await branch.order(order_id)).eta
    assert before is not None
    assert after is not None
    assert after.latest - before.latest == timedelta(minutes=15)
    assert await branch.types(Room.order(order_id)) == ["order.received", "order.delayed", "order.eta_changed"]
    assert answer["cursor"].endswith("-3")
    assert answer["order"]["version"] == 2


async def test_a_recalled_order_goes_one_step_back(branch: Branch) -> None:
    order_id = await branch.placed_at(READY)
    answer = await branch.orders.recall(KITCHEN_HAND, cmd.RecallOrder(order_id=order_id, reason="faltó salsa"))
    assert answer["order"]["status"] == "preparing"
    assert (await branch.types(Room.order(order_id)))[-2:] == ["order.recalled", "order.eta_changed"]
    assert answer["order"]["eta"]["latest"] > answer["order"]["updated_at"]


async def test_cancelling_is_no_step_of_advancing(branch: Branch) -> None:
    order_id = await branch.placed()
    with pytest.raises(Conflict, match="reason"):
        await branch.orders.advance(MANAGER, cmd.AdvanceOrder(order_id=order_id, to=CANCELLED))


async def test_somebody_who_looked_at_an_older_version_is_refused(branch: Branch) -> None:
    order_id = await branch.placed()
    await branch.orders.acknowledge(KITCHEN_HAND, cmd.AcknowledgeOrder(order_id=order_id))
    with pytest.raises(Conflict) as refused:
        await branch.orders.advance(KITCHEN_HAND, cmd.AdvanceOrder(order_id=order_id, to=PREPARING, version=1))
    assert refused.value.values == {"version": 2, "status": "received"}
    await branch.orders.advance(KITCHEN_HAND, cmd.AdvanceOrder(order_id=order_id, to=PREPARING, version=2))


async def test_of_fifty_hands_that_take_one_step_at_once_one_does(branch: Branch) -> None:
    order_id = await branch.placed()
    step = cmd.AdvanceOrder(order_id=order_id, to=PREPARING)
    answers = await asyncio.gather(
        *(branch.orders.advance(KITCHEN_HAND, step) for _ in range(50)), return_exceptions=True
    )
    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 49
    assert (await branch.order(order_id)).version == 2
    assert (await branch.types(Room.order(order_id))).count("order.preparing") == 1


async def test_hands_that_do_different_things_at_once_all_get_them_done(branch: Branch) -> None:
    await branch.hire(RIDER)
    order_id = await branch.placed()
    await asyncio.gather(
        branch.orders.acknowledge(KITCHEN_HAND, cmd.AcknowledgeOrder(order_id=order_id)),
        branch.orders.advance(KITCHEN_HAND, cmd.AdvanceOrder(order_id=order_id, to=PREPARING)),
        branch.orders.delay(KITCHEN_HAND, cmd.DelayOrder(order_id=order_id, reason="lluvia", minutes=5)),
        branch.orders.mark_item(KITCHEN_HAND, cmd.MarkItem(order_id=order_id, item=1, done=True)),
        branch.orders.assign_courier(RIDER, cmd.AssignCourier(order_id=order_id, courier_id="miguel")),
    )
    order = await branch.order(order_id)
    assert (order.version, order.status, order.acknowledged) == (6, PREPARING, True)
    assert await branch.folded(order_id) == order


# Said again


@pytest.mark.parametrize("permission", [p for p in CHANGES if p is not Permission.READ_ORDERS])
async def test_a_command_said_again_after_the_order_moved_on_gives_the_first_answer(
    branch: Branch, permission: Permission
) -> None:
    await branch.hire(RIDER)
    commands: dict[Permission, tuple[Any, cmd.OrderCommand]] = {
        Permission.ADVANCE_ORDER: (branch.orders.advance, cmd.AdvanceOrder(order_id="x", to=PREPARING, version=1)),
        Permission.CANCEL_ORDER: (branch.orders.cancel, cmd.CancelOrder(order_id="x", reason="no")),
        Permission.RECALL_ORDER: (branch.orders.recall, cmd.RecallOrder(order_id="x", reason="no")),
        Permission.DELAY_ORDER: (branch.orders.delay, cmd.DelayOrder(order_id="x", reason="no", minutes=5)),
        Permission.ACKNOWLEDGE_ORDER: (branch.orders.acknowledge, cmd.AcknowledgeOrder(order_id="x")),
        Permission.MARK_ITEM: (branch.orders.mark_item, cmd.MarkItem(order_id="x", item=1, done=True)),
        Permission.ASSIGN_COURIER: (
            branch.orders.assign_courier,
            cmd.AssignCourier(order_id="x", courier_id="miguel"),
        ),
    }
    order_id = await branch.placed_at(CHANGES[permission][0])
    do, command = commands[permission]
    command = command.model_copy(update={"order_id": order_id, "command_id": "c-1"})
    first = await do(MANAGER, command)
    if permission is not Permission.CANCEL_ORDER:
        await branch.orders.delay(MANAGER, cmd.DelayOrder(order_id=order_id, reason="lluvia", minutes=9))
    branch.clock.turn(minutes=1)
    events = await branch.types(KITCHEN)
    assert await do(MANAGER, command) == first
    assert await branch.types(KITCHEN) == events
    with pytest.raises(IdempotencyMismatch):
        await branch.orders.delay(
            MANAGER, cmd.DelayOrder(order_id=order_id, reason="otra", minutes=7, command_id="c-1")
        )


async def test_one_step_said_by_many_under_one_command_id_is_an_answer_for_all(branch: Branch) -> None:
    order_id = await branch.placed()
    step = cmd.AdvanceOrder(order_id=order_id, to=PREPARING, version=1, command_id="c-1")
    answers = await asyncio.gather(*(branch.orders.advance(KITCHEN_HAND, step) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert (await branch.order(order_id)).version == 2


async def test_a_command_that_changed_nothing_changes_nothing_later_either(branch: Branch) -> None:
    order_id = await branch.placed()

    async def mark(done: bool, **more: Any) -> Any:
        return await branch.orders.mark_item(KITCHEN_HAND, cmd.MarkItem(order_id=order_id, item=1, done=done, **more))

    await mark(True)
    first = await mark(True, command_id="c-1")
    await mark(False)
    events = await branch.types(KITCHEN)
    assert await mark(True, command_id="c-1") == first  # its first answer was lost, and it comes late
    assert (await branch.order(order_id)).items[0].done is False
    assert await branch.types(KITCHEN) == events
    with pytest.raises(IdempotencyMismatch):
        await mark(False, command_id="c-1")


async def test_a_courier_that_was_assigned_and_has_left_is_assigned_when_it_is_said_again(branch: Branch) -> None:
    await branch.hire(RIDER)
    order_id = await branch.placed()
    command = cmd.AssignCourier(order_id=order_id, courier_id=RIDER.id, command_id="c-1")
    first = await branch.orders.assign_courier(MANAGER, command)
    await branch.services.staff.remove(RIDER.name)
    assert await branch.orders.assign_courier(MANAGER, command) == first
    with pytest.raises(NotFound):
        await branch.orders.assign_courier(MANAGER, command.model_copy(update={"command_id": "c-2"}))


# Couriers


async def test_a_courier_takes_orders_for_themselves_only(branch: Branch) -> None:
    for who in (RIDER, KITCHEN_HAND):
        await branch.hire(who)
    await branch.services.staff.add("Rosa", [Role.COURIER], "24681357")
    order_id = await branch.placed()
    with pytest.raises(Forbidden):
        await branch.orders.assign_courier(RIDER, cmd.AssignCourier(order_id=order_id, courier_id="rosa"))
    answer = await branch.orders.assign_courier(RIDER, cmd.AssignCourier(order_id=order_id, courier_id="miguel"))
    assert answer["order"]["courier"] == {"id": "miguel", "name": "Miguel"}
    answer = await branch.orders.assign_courier(KITCHEN_HAND, cmd.AssignCourier(order_id=order_id, courier_id="rosa"))
    assert answer["order"]["courier"] == {"id": "rosa", "name": "Rosa"}


async def test_a_courier_neither_takes_over_nor_delays_what_another_carries(branch: Branch) -> None:
    for who in (RIDER, OTHER_RIDER):
        await branch.hire(who)
    order_id = await branch.placed_at(READY)
    take = cmd.AssignCourier(order_id=order_id, courier_id=RIDER.id, command_id="c-1")
    first = await branch.orders.assign_courier(RIDER, take)
    await branch.orders.advance(RIDER, cmd.AdvanceOrder(order_id=order_id, to=EN_ROUTE))
    before = await branch.order(order_id)
    with pytest.raises(Forbidden):
        await branch.orders.assign_courier(OTHER_RIDER, cmd.AssignCourier(order_id=order_id, courier_id=OTHER_RIDER.id))
    with pytest.raises(Forbidden):
        await branch.orders.delay(OTHER_RIDER, cmd.DelayOrder(order_id=order_id, reason="lluvia", minutes=5))
    assert await branch.order(order_id) == before
    await branch.orders.delay(RIDER, cmd.DelayOrder(order_id=order_id, reason="lluvia", minutes=5))
    await branch.orders.assign_courier(MANAGER, cmd.AssignCourier(order_id=order_id, courier_id=OTHER_RIDER.id))
    # It is Rosa's now; what Miguel said before is answered as it was.
    assert await branch.orders.assign_courier(RIDER, take) == first
    with pytest.raises(Forbidden):
        await branch.orders.assign_courier(RIDER, take.model_copy(update={"command_id": "c-2"}))


@pytest.mark.parametrize("courier_id", ["nobody", "chuy"])
async def test_only_a_courier_can_be_given_an_order(branch: Branch, courier_id: str) -> None:
    await branch.hire(KITCHEN_HAND)
    order_id = await branch.placed()
    with pytest.raises(NotFound):
        await branch.orders.assign_courier(MANAGER, cmd.AssignCourier(order_id=order_id, courier_id=courier_id))


# The end


@pytest.mark.parametrize("status", [s for s in OrderStatus if s not in (DELIVERED, CANCELLED)])
async def test_a_cancelled_order_gives_its_dishes_back_only_if_nobody_has_started(
    branch: Branch, status: OrderStatus
) -> None:
    order_id = await branch.placed_at(status, items=only("flan", 4))
    await branch.orders.cancel(MANAGER, cmd.CancelOrder(order_id=order_id, reason="no"))
    assert (await branch.log.counters())["flan"] == (4 if status is RECEIVED else 0)
    assert await branch.types(STOCK) == (["stock.out", "stock.restocked"] if status is RECEIVED else ["stock.out"])


async def test_an_order_recalled_before_work_gives_its_dishes_back_when_cancelled(branch: Branch) -> None:
    order_id = await branch.placed_at(PREPARING, items=only("flan", 2))
    await branch.orders.recall(MANAGER, cmd.RecallOrder(order_id=order_id, reason="no era"))
    await branch.orders.cancel(MANAGER, cmd.CancelOrder(order_id=order_id, reason="no"))
    assert (await branch.log.counters())["flan"] == 4


@pytest.mark.parametrize("status", [DELIVERED, CANCELLED])
async def test_an_order_that_has_ended_leaves_the_board_and_is_kept_for_a_week(
    branch: Branch, status: OrderStatus
) -> None:
    order_id = await branch.placed(customer={"name": "Ana", "phone": PHONE})
    keys = branch.log.keys
    kept = [
        keys.doc("order", order_id),
        keys.doc("contact", order_id),
        keys.room(f"order:{order_id}"),
        keys.head(f"order:{order_id}"),
    ]
    assert [await branch.redis.ttl(key) for key in kept] == [-1] * 4
    await branch.bring(order_id, status)
    assert await branch.log.indexed("orders:active", before=None, limit=10) == []
    for key in kept:
        assert 6 * 86_400 < await branch.redis.ttl(key) <= 7 * 86_400


# Lists


async def test_a_list_of_orders_comes_in_pages_newest_first(branch: Branch) -> None:
    placed = [await branch.placed(items=only("horchata", 1)) for _ in range(7)]
    seen: list[str] = []
    before: int | None = None
    pages = 0
    while True:
        page = await branch.orders.find(MANAGER, None, 3, before)
        seen += [order["id"] for order in page["orders"]]
        pages += 1
        before = page["next"]
        if before is None:
            break
    assert seen == placed[::-1]
    assert pages == 3


async def test_a_list_of_orders_may_be_of_one_status(branch: Branch) -> None:
    statuses = [RECEIVED, PREPARING, RECEIVED, DELIVERED, RECEIVED, CANCELLED]
    placed = [await branch.placed_at(status, items=only("horchata", 1)) for status in statuses]
    first = await branch.orders.find(MANAGER, RECEIVED, 2, None)
    assert [order["id"] for order in first["orders"]] == [placed[4], placed[2]]
    rest = await branch.orders.find(MANAGER, RECEIVED, 2, first["next"])
    assert [order["id"] for order in rest["orders"]] == [placed[0]]
    assert rest["next"] is None
    assert (await branch.orders.find(MANAGER, EN_ROUTE, 2, None))["orders"] == []


async def test_an_order_that_was_forgotten_leaves_no_hole_in_the_list(branch: Branch) -> None:
    placed = [await branch.placed(items=only("horchata", 1)) for _ in range(3)]
    await branch.redis.delete(branch.log.keys.doc("order", placed[1]))
    found = await branch.orders.find(MANAGER, None, 2, None)
    assert [order["id"] for order in found["orders"]] == [placed[2], placed[0]]


# Estimates


async def test_an_estimate_learns_from_how_long_the_branch_takes(branch: Branch) -> None:
    async def latest() -> datetime:
        order = await branch.order(await branch.placed(items=only("horchata", 1), delivery={"kind": "pickup"}))
        assert order.eta is not None
        return order.eta.latest

    usual = await latest() - branch.clock()
    for _ in range(8):
        order_id = await branch.placed_at(PREPARING, items=only("horchata", 1))
        branch.clock.turn(minutes=50)
        await branch.bring(order_id, READY)
    slow = await latest() - branch.clock()
    assert slow > usual + timedelta(minutes=15)
    assert set(await branch.log.samples("stage:preparing")) == {3000}


async def test_figures_for_an_estimate_are_read_at_most_every_ten_seconds(branch: Branch) -> None:
    estimates = branch.orders._estimates
    assert (await estimates.times())[PREPARING] == []
    await branch.redis.lpush(branch.log.keys.samples("stage:preparing"), 77)
    branch.clock.turn(seconds=9)
    assert (await estimates.times())[PREPARING] == []
    branch.clock.turn(seconds=2)
    assert (await estimates.times())[PREPARING] == [77]


async def test_an_order_called_off_or_fetched_late_teaches_nothing(branch: Branch) -> None:
    called_off = await branch.placed_at(PREPARING, items=only("horchata", 1))
    recalled = await branch.placed_at(PREPARING, items=only("horchata", 1))
    fetched = await branch.placed_at(READY, items=only("horchata", 1), delivery={"kind": "pickup"})
    before = {status: await branch.log.samples(f"stage:{status}") for status in OrderStatus}
    branch.clock.turn(hours=2)
    await branch.bring(called_off, CANCELLED)
    await branch.orders.recall(MANAGER, cmd.RecallOrder(order_id=recalled, reason="no era"))
    await branch.bring(fetched, DELIVERED)
    assert {status: await branch.log.samples(f"stage:{status}") for status in OrderStatus} == before


async def test_every_step_gives_the_estimate_anew(branch: Branch) -> None:
    order_id = await branch.placed(delivery={"kind": "pickup"})
    earliest = []
    for status in (PREPARING, READY):
        branch.clock.turn(minutes=1)
        await branch.bring(order_id, status)
        eta = (await branch.order(order_id)).eta
        assert eta is not None
        earliest.append(eta.earliest - START)
    assert earliest == [timedelta(minutes=1 + 6), timedelta(minutes=2)]
    await branch.bring(order_id, DELIVERED)
    assert (await branch.order(order_id)).eta is None


# Couriers


async def test_a_courier_carries_the_orders_that_are_theirs_and_no_others(branch: Branch) -> None:
    await branch.hire(RIDER)
    order_id = await branch.placed_at(READY)
    leave = cmd.AdvanceOrder(order_id=order_id, to=EN_ROUTE)
    with pytest.raises(Forbidden):
        await branch.orders.advance(RIDER, leave)
    await branch.orders.assign_courier(RIDER, cmd.AssignCourier(order_id=order_id, courier_id=RIDER.id))
    with pytest.raises(Forbidden):
        await branch.orders.advance(OTHER_RIDER, leave)
    answer = await branch.orders.advance(RIDER, leave)
    assert answer["order"]["status"] == "en_route"


async def test_a_courier_does_not_cook(branch: Branch) -> None:
    await branch.hire(RIDER)
    order_id = await branch.placed()
    await branch.orders.assign_courier(RIDER, cmd.AssignCourier(order_id=order_id, courier_id=RIDER.id))
    with pytest.raises(Forbidden):
        await branch.orders.advance(RIDER, cmd.AdvanceOrder(order_id=order_id, to=PREPARING))
    assert await branch.types(Room.order(order_id)) == ["order.received", "order.courier_assigned"]


async def test_an_order_and_the_chat_that_follows_it_are_one_commit(branch: Branch) -> None:
    command = an_order(command_id="once")
    for _ in range(2):  # said again, it is the same order, and the chat is told of it once
        answer = await branch.orders.place(ANONYMOUS, command, chat=InChat("c1", "t1"))
    (told,) = await branch.room("chat:c1")
    (placed,) = await branch.room(f"order:{answer['order']['id']}")
    assert (told.type, told.offset) == ("chat.tracking_started", placed.offset + 1)
    data = json.loads(told.body)["data"]
    assert data["tracking"] == answer["tracking"]
    assert (data["turn_id"], data["order_id"], data["code"]) == (
        "t1",
        answer["order"]["id"],
        answer["order"]["code"],
    )
