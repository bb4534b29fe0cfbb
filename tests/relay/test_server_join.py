"""A member that is brought into a room: it begins with what the room is like, whatever else happens to it meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from hub.core.errors import NotFound
from hub.relay.join import ServerJoin
from tests.support.relay_harness import CHAT, KITCHEN, ORDER, Recorder, RelayHarness, RoomView


async def brought(house: RelayHarness, member: Recorder) -> ServerJoin | None:
    return await house.relay.server_join(member, ORDER, read=lambda: house.view(ORDER))


async def bring(house: RelayHarness, member: Recorder) -> None:
    entered = await brought(house, member)
    assert entered is not None
    entered.show()


def seen(member: Recorder) -> list[tuple[str, int]]:
    return [(frame.type, frame.offset) for frame in member.frames]


async def test_it_gets_the_room_as_it_is_and_then_what_follows(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, CHAT)
    await house.say(ORDER)
    await bring(house, ana)
    offset = await house.say(ORDER)
    await ana.has(2)
    assert seen(ana) == [("room.reset", 1), ("chat.message", offset)]
    assert '"events":1' in ana.frames[0].body


async def test_nothing_that_happens_before_it_is_shown_is_lost_or_given_twice(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, CHAT)
    entered = await brought(house, ana)
    said = [await house.say(ORDER), await house.say(CHAT), await house.say(ORDER)]
    ben = Recorder("ben")
    await house.enter(ben, CHAT)  # so that all of it has been heard
    said.append(await house.say(CHAT))
    await ben.has(1)
    assert ana.frames == []
    assert entered is not None
    entered.show()
    await ana.has(5)
    assert seen(ana) == [("room.reset", 0), *(("chat.message", offset) for offset in said)]


async def test_until_something_follows_it_goes_on_from_where_it_was(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, CHAT)
    first = await house.say(CHAT)
    await ana.has(1)
    await house.say(KITCHEN)
    await bring(house, ana)
    await ana.has(2)
    epoch = (await house.log.position()).epoch
    assert ana.frames[-1].cursor == f"{epoch}-{first}"
    offset = await house.say(ORDER)
    await ana.has(3)
    assert ana.frames[-1].cursor == f"{epoch}-{offset}"


async def test_one_that_is_there_is_left_alone(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, ORDER, only=frozenset({"stock.out"}))
    assert await brought(house, ana) is None
    await house.say(ORDER)
    offset = await house.say(ORDER, type="stock.out")
    await ana.has(1)
    assert ana.offsets == [offset]


async def test_one_that_enters_by_itself_meanwhile_keeps_its_filter(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, CHAT)

    async def enters_meanwhile() -> RoomView:
        view = await house.view(ORDER)
        await house.enter(ana, ORDER, only=frozenset({"stock.out"}))
        return view

    assert await house.relay.server_join(ana, ORDER, read=enters_meanwhile) is None
    await house.say(ORDER)
    offset = await house.say(ORDER, type="stock.out")
    await ana.has(1)
    assert ana.offsets == [offset]


async def test_one_that_leaves_meanwhile_is_not_brought_back(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, CHAT)

    async def leaves_meanwhile() -> RoomView:
        view = await house.view(ORDER)
        house.relay.leave("ana", ORDER)
        return view

    assert await house.relay.server_join(ana, ORDER, read=leaves_meanwhile) is None
    await house.say(ORDER)
    offset = await house.say(CHAT)
    await ana.has(1)
    assert ana.offsets == [offset]


async def test_one_that_leaves_before_it_is_shown_the_room_gets_nothing_of_it(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, CHAT)
    entered = await brought(house, ana)
    house.relay.leave("ana", ORDER)
    assert entered is not None
    entered.show()
    await house.say(ORDER)
    offset = await house.say(CHAT)
    await ana.has(1)
    assert seen(ana) == [("chat.message", offset)]


async def test_a_bringing_that_fails_takes_nobody_out_who_enters_by_itself(house: RelayHarness) -> None:
    ana = Recorder("ana")
    await house.enter(ana, CHAT)
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> RoomView:
        under_way.set()
        await go_on.wait()
        return await house.view(ORDER)

    entering = asyncio.create_task(house.relay.join(ana, ORDER, read=slowly))
    await under_way.wait()

    async def refused() -> RoomView:
        raise NotFound("no")

    with pytest.raises(NotFound):
        await house.relay.server_join(ana, ORDER, read=refused)
    go_on.set()
    (await entering).release()
    offset = await house.say(ORDER)
    await ana.has(1)
    assert ana.offsets == [offset]


async def test_one_that_enters_another_room_meanwhile_is_shown_this_one_after_the_answer_to_that(
    house: RelayHarness,
) -> None:
    ana = Recorder("ana")
    await house.enter(ana, CHAT)
    entered = await brought(house, ana)
    joined = await house.join(ana, KITCHEN)
    assert entered is not None
    entered.show()
    before = await house.say(ORDER)
    assert ana.frames == []  # its join has not been answered
    joined.release()
    await ana.until(lambda ana: bool(ana.resets))
    after = await house.say(ORDER)
    await ana.until(lambda ana: after in ana.offsets)
    shown = ana.resets[0].offset
    assert len(ana.resets) == 1
    assert ana.offsets == [offset for offset in (before, after) if offset > shown]
