"""Rooms and cursors as clients spell them."""

from __future__ import annotations

import pytest

from hub.core.cursor import Cursor
from hub.core.errors import BadRequest, NotFound
from hub.domain.room_retention import RETENTION
from hub.domain.rooms import KITCHEN, ROOM_RULES, WITH_ID, Room, RoomKind


@pytest.mark.parametrize("name", ["kitchen", "promos", "stock", "floor"])
def test_a_room_of_the_branch_has_no_id(name: str) -> None:
    assert Room.parse(name) == Room(RoomKind(name))
    assert str(Room.parse(name)) == name


@pytest.mark.parametrize("name", ["order:PED7K3Q9X", "chat:0f3a", "support:s-1", "customer:c_1", "order:" + "x" * 64])
def test_a_room_of_one_thing_names_it(name: str) -> None:
    room = Room.parse(name)
    assert room.kind in WITH_ID
    assert str(room) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ":",
        "order",
        "order:",
        "Order:PED1",
        "orders:PED1",
        " order:PED1",
        "order:PED1 ",
        "order:PED1\n",
        "order:PED 1",
        "order:PED1:2",
        "order:ñandú",
        "order:٣",
        "order:{centro}",
        "order:*",
        "order:../x",
        "order:" + "x" * 65,
        "kitchen:",
        "kitchen:1",
        "kitchen\n",
        "turns",
        "\x00",
        "x" * 10_000,
    ],
)
def test_what_no_room_can_be_called_is_not_found(name: str) -> None:
    with pytest.raises(NotFound) as refused:
        Room.parse(name)
    assert len(refused.value.message) < 500


def test_every_kind_of_room_has_its_rule_and_its_retention() -> None:
    assert set(RoomKind) == ROOM_RULES.keys() == RETENTION.keys()
    assert all(rule.with_id for rule in ROOM_RULES.values() if rule.own)


def test_rooms_made_by_the_program_are_those_that_clients_name() -> None:
    assert Room.parse("order:PED1") == Room.order("PED1")
    assert Room.parse("chat:c1") == Room.chat("c1")
    assert Room.parse("kitchen") == KITCHEN


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        ("a1b2c3d4-0", Cursor("a1b2c3d4", 0)),
        ("a1b2c3d4-1042", Cursor("a1b2c3d4", 1042)),
        ("z-9999999999999999", Cursor("z", 9_999_999_999_999_999)),
    ],
)
def test_a_cursor_is_read_as_it_was_written(text: str, cursor: Cursor) -> None:
    assert Cursor.parse(text) == cursor
    assert str(cursor) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "-1",
        "1042",
        "abc-",
        "abc--1",
        "abc-01",
        "abc-1.5",
        "abc-1 ",
        " abc-1",
        "abc-1\n",
        "abc-1-2",
        "abc-1e3",
        "abc-٣",
        "ab:c-1",
        "abc-10000000000000000",
        "x" * 33 + "-1",
        "abc-" + "9" * 5000,
    ],
)
def test_what_is_no_cursor_is_a_bad_request(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        Cursor.parse(text)
    assert refused.value.values == {"field": "after"}


def test_cursors_of_one_epoch_stand_in_the_order_of_their_offsets() -> None:
    assert Cursor("a", 9) < Cursor("a", 10)
