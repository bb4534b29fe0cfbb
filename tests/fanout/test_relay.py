"""What reaches a member: everything after its cursor, once, in order, whatever happens on the way."""

from __future__ import annotations

import asyncio

from hub.domain.rooms import KITCHEN, Room

from .conftest import House, Recorder

ORDER = Room.order("PED1")


async def test_a_member_hears_what_happens_in_its_room(house: House) -> None:
    ana = Recorder("ana")
    await house.enter(ana, KITCHEN)
    offset = await house.say(KITCHEN)
    await ana.has(1)
    assert ana.offsets == [offset]


async def test_a_member_hears_nothing_of_rooms_it_is_not_in(house: House) -> None:
    ana = Recorder("ana")
    await house.enter(ana, ORDER)
    await house.say(KITCHEN)
    offset = await house.say(ORDER)
    await ana.has(1)
    assert ana.offsets == [offset]
