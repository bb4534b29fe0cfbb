"""What a room looks like to somebody who enters."""

from __future__ import annotations

import json

import pytest

from hub.core.cursor import Cursor
from hub.core.errors import NotFound
from hub.domain import commands as cmd
from hub.domain.roles import ANONYMOUS
from hub.domain.rooms import DASHBOARD, KITCHEN, PROMOS, STOCK, Room
from hub.store import NewEvent, Write
from tests.domain.samples import CANCELLED, DELIVERED, PREPARING, READY, RECEIVED
from tests.support.services_harness import KITCHEN_HAND, MANAGER, PHONE, Branch, only


async def test_an_orders_room_shows_the_order_and_all_that_happened_to_it(branch: Branch) -> None:
    order_id = await branch.placed_at(DELIVERED, customer={"name": "Ana", "phone": PHONE})
    view = await branch.services.views.read(Room.order(order_id))
    assert view.snapshot == {"order": (await branch.order(order_id)).model_dump(mode="json")}
    assert "phone" not in json.dumps(view.snapshot)
    assert [event.type for event in view.events] == [
        "order.received",
        "order.preparing",
        "order.ready",
        "order.en_route",
        "order.delivered",
    ]
    assert view.cursor == await branch.log.position()
    assert not view.recovered


async def test_the_board_shows_the_orders_that_have_not_ended_oldest_first(branch: Branch) -> None:
    placed = []
    for status in (RECEIVED, DELIVERED, PREPARING, CANCELLED, READY):
        placed.append(await branch.placed_at(status, items=only("horchata", 1)))
        branch.clock.turn(minutes=1)
    view = await branch.services.views.read(KITCHEN)
    assert [order["id"] for order in view.snapshot["orders"]] == [placed[0], placed[2], placed[4]]
    assert view.snapshot["orders"][0] == (await branch.order(placed[0])).model_dump(mode="json")
    assert set(view.snapshot) == {"orders", "total", "unseen", "more", "next"}
    assert (view.snapshot["total"], view.snapshot["unseen"]) == (3, 1)
    assert (view.snapshot["more"], view.snapshot["next"]) == (False, None)


async def test_the_stock_room_shows_every_dish_that_is_counted(branch: Branch) -> None:
    await branch.placed(items=only("flan", 4))
    view = await branch.services.views.read(STOCK)
    assert view.snapshot == {
        "items": [
            {"sku": "taco-pastor", "name": "Taco al pastor", "left": 10},
            {"sku": "flan", "name": "Flan «de la casa»", "left": 0},
        ]
    }
    assert [event.type for event in view.events] == ["stock.out"]


async def test_the_promotions_room_shows_the_newest_first(branch: Branch) -> None:
    for number in range(25):
        await branch.wire.promos.publish(MANAGER, cmd.PublishPromo(title=f"promo {number}", message="…"))
    view = await branch.services.views.read(PROMOS)
    assert [promo["title"] for promo in view.snapshot["promos"]] == [f"promo {n}" for n in range(24, 4, -1)]
    assert set(view.snapshot["promos"][0]) == {"promo_id", "title", "message"}


async def test_the_floor_shows_the_figures(branch: Branch) -> None:
    await branch.placed()
    view = await branch.services.views.read(DASHBOARD)
    assert view.snapshot == {"figures": await branch.wire.figures.read()}
    assert view.snapshot["figures"]["orders_active"] == 1
    assert view.events == ()


async def test_a_chats_room_shows_what_was_said(branch: Branch) -> None:
    chat_id = (await branch.wire.chat.open(ANONYMOUS, cmd.OpenChat()))["chat_id"]
    room = Room.chat(chat_id)
    assert (await branch.services.views.read(room)).snapshot == {
        "chat": {"id": chat_id, "mode": "agent"},
        "messages": [],
        "turn": None,
        "waiting": [],
    }
    await branch.wire.handover.take_over(MANAGER, cmd.TakeOverChat(chat_id=chat_id))
    await branch.wire.handover.reply(MANAGER, cmd.ReplyChat(chat_id=chat_id, text="Un momento"))
    before = (await branch.services.views.read(room)).cursor
    await branch.wire.handover.reply(MANAGER, cmd.ReplyChat(chat_id=chat_id, text="Ya va"))
    # The transcript is whole also for one who missed only its end.
    view = await branch.services.views.read(room, before)
    assert [event.type for event in view.events] == ["chat.message"]
    assert [message["text"] for message in view.snapshot["messages"]] == ["Un momento", "Ya va"]
    assert view.snapshot["messages"][0]["author"] == {"kind": "staff", "name": "Carmen"}
    assert view.snapshot["chat"]["mode"] == "person"


@pytest.mark.parametrize("name", ["customer:c1", "support:s1"])
async def test_a_room_without_a_state_of_its_own_shows_an_empty_one(branch: Branch, name: str) -> None:
    view = await branch.services.views.read(Room.parse(name))
    assert (view.snapshot, view.events) == ({}, ())


@pytest.mark.parametrize("name", ["order:PEDNOTHERE", "chat:nothere"])
async def test_a_room_of_something_that_is_gone_is_not_found(branch: Branch, name: str) -> None:
    with pytest.raises(NotFound):
        await branch.services.views.read(Room.parse(name))


# Coming back


async def test_one_who_comes_back_gets_what_they_missed_and_nothing_else(branch: Branch) -> None:
    order_id = await branch.placed()
    room = Room.order(order_id)
    left = (await branch.services.views.read(room)).cursor
    await branch.placed(items=only("horchata", 1))  # moves the branch on, but not this room
    for status in (PREPARING, READY):
        await branch.bring(order_id, status)
    view = await branch.services.views.read(room, left)
    assert view.recovered
    assert [event.type for event in view.events] == ["order.preparing", "order.ready"]
    assert view.events[0].prev == 1
    assert view.snapshot["order"]["status"] == "ready"
    again = await branch.services.views.read(room, view.cursor)
    assert (again.recovered, again.events) == (True, ())


@pytest.mark.parametrize("cursor", [Cursor("anotherlife", 1), Cursor("here", 10**9)])
async def test_a_cursor_of_another_life_or_of_the_future_is_not_honoured(branch: Branch, cursor: Cursor) -> None:
    order_id = await branch.placed()
    if cursor.epoch == "here":
        cursor = Cursor((await branch.log.position()).epoch, cursor.offset)
    view = await branch.services.views.read(Room.order(order_id), cursor)
    assert not view.recovered
    assert [event.type for event in view.events] == ["order.received"]


@pytest.mark.parametrize(("room", "past"), [(KITCHEN, 0), (STOCK, 20)])
async def test_a_newcomer_gets_the_state_with_little_of_the_past_and_one_who_comes_back_all_they_missed(
    branch: Branch, room: Room, past: int
) -> None:
    start = await branch.log.position()
    for left in range(50):
        await branch.wire.stock.set(KITCHEN_HAND, cmd.SetStock(sku="taco-pastor", left=left))
    stranger = await branch.services.views.read(room, Cursor("anotherlife", 1))
    newcomer = await branch.services.views.read(room)
    assert newcomer == stranger
    assert not newcomer.recovered
    offsets = [event.offset for event in newcomer.events]
    assert offsets == list(range(51 - past, 51))
    assert newcomer.cursor.offset == start.offset + 50
    back = await branch.services.views.read(room, start)
    assert back.recovered
    assert len(back.events) == 50
    assert [event.prev for event in back.events] == [0, *(event.offset for event in back.events[:-1])]


async def test_a_room_without_a_state_of_its_own_gives_a_newcomer_its_past(branch: Branch) -> None:
    room = Room.parse("customer:c1")
    await branch.log.commit(Write(events=(NewEvent("a", "{}", (str(room),)),) * 8))
    assert len((await branch.services.views.read(room)).events) == 8
