"""A chat begins to follow an order: who of those in the chat is brought into the order's room, and what they see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hub.domain.events import ChatTrackingStarted, Tracking
from hub.domain.rooms import Room
from hub.services.build import utc_now
from hub.store.log import NewEvent, Write
from tests.gateways.test_resuming import connected
from tests.support.hub_harness import HubHarness, plain, streaming
from tests.support.relay_harness import until

if TYPE_CHECKING:
    from tests.gateways.conftest import Open


@dataclass(frozen=True, slots=True)
class Scene:
    """A chat, and an order that it does not follow yet."""

    chat: dict[str, Any]
    placed: dict[str, Any]

    @property
    def room(self) -> str:
        return f"chat:{self.chat['chat_id']}"

    @property
    def order_room(self) -> str:
        return f"order:{self.order_id}"

    @property
    def order_id(self) -> str:
        return str(self.placed["order"]["id"])

    @property
    def entry(self) -> dict[str, str]:
        return {"room": self.room, "token": self.chat["token"]}


async def a_scene(house: HubHarness) -> Scene:
    opened = await house.post("/api/chats", {})
    return Scene(opened.data, await house.placed())


async def start_tracking(house: HubHarness, scene: Scene) -> None:
    """As the agent's tool does it."""
    order, link = scene.placed["order"], scene.placed["tracking"]
    event = ChatTrackingStarted(
        turn_id="t1", order_id=order["id"], code=order["code"], tracking=Tracking(url=link["url"], token=link["token"])
    )
    room = str(Room.parse(scene.room))
    await house.hub.branch.log.commit(Write(events=(NewEvent(event.type, event.body(utc_now()), (room,)),)))


async def test_a_socket_in_the_chat_gets_the_order_as_it_is_and_what_follows(house: HubHarness) -> None:
    scene = await a_scene(house)
    async with connected(house) as socket:
        assert (await socket.join(**scene.entry))["ok"]
        await start_tracking(house, scene)
        assert (await socket.event())[0] == "chat.tracking_started"
        name, reset, _ = await socket.event()
        assert (name, reset["room"]) == ("room.reset", scene.order_room)
        assert reset["data"]["snapshot"]["order"]["status"] == "received"
        answer = await house.advance(scene.order_id, "preparing")
        name, event, cursor = await socket.event()
        assert (name, event["room"], cursor) == ("order.preparing", scene.order_room, answer["cursor"])


async def test_a_plain_websocket_is_brought_in_as_well(house: HubHarness) -> None:
    scene = await a_scene(house)
    async with await plain(house) as client:
        assert (await client.command("room.join", **scene.entry))["ok"]
        await start_tracking(house, scene)
        types = [(await client.event())["event"]["type"] for _ in range(2)]
        assert types == ["chat.tracking_started", "room.reset"]
        await house.advance(scene.order_id, "preparing")
        assert (await client.event())["event"]["type"] == "order.preparing"


async def test_what_it_was_brought_into_is_there_when_it_comes_back(house: HubHarness) -> None:
    scene = await a_scene(house)
    async with connected(house) as socket:
        assert (await socket.join(**scene.entry))["ok"]
        await start_tracking(house, scene)
        for _ in range(2):
            await socket.event()
        answer = await house.advance(scene.order_id, "preparing")
        offset = (await socket.event())[2]
        assert offset == answer["cursor"]
    await house.advance(scene.order_id, "ready")
    async with connected(house, pid=socket.pid, offset=offset) as back:
        assert back.sid == socket.sid
        assert (await back.event())[0] == "order.ready"


async def test_one_cut_off_before_anything_followed_begins_all_its_rooms_anew(house: HubHarness) -> None:
    """Nobody knows whether it was shown the order: its place in the log is the same before and after."""
    scene = await a_scene(house)
    async with connected(house) as socket:
        assert (await socket.join(**scene.entry))["ok"]
        await start_tracking(house, scene)
        offset = (await socket.event())[2]
        await socket.event()
    async with connected(house, pid=socket.pid, offset=offset) as back:
        events = [await back.event() for _ in range(2)]
        assert {name for name, *_ in events} == {"room.reset"}
        assert {event["room"] for _, event, _ in events} == {scene.room, scene.order_room}


async def test_staff_who_look_on_and_streams_stay_where_they_are(house: HubHarness) -> None:
    scene = await a_scene(house)
    path = f"/api/rooms/{scene.room}/events?token={scene.chat['token']}"
    async with connected(house, token=house.token()) as staff, streaming(house, path) as stream:
        assert (await staff.join(room=scene.room))["ok"]
        async with connected(house) as socket:
            assert (await socket.join(**scene.entry))["ok"]
            await start_tracking(house, scene)
            for _ in range(2):
                await socket.event()
            assert (await staff.event())[0] == "chat.tracking_started"
            await stream.until("chat.tracking_started")
            assert len(house.hub.branch.relay._memberships.of_room(scene.order_room)) == 1


async def test_one_that_is_in_the_orders_room_already_is_not_shown_it_again(house: HubHarness) -> None:
    scene = await a_scene(house)
    async with connected(house) as socket:
        assert (await socket.join(**scene.entry))["ok"]
        assert (await socket.join(room=scene.order_room, token=scene.placed["tracking"]["token"]))["ok"]
        await start_tracking(house, scene)
        assert (await socket.event())[0] == "chat.tracking_started"
        await house.advance(scene.order_id, "preparing")
        assert (await socket.event())[0] == "order.preparing"


async def test_one_in_as_many_rooms_as_it_may_be_keeps_them_and_the_link(open_hub: Open) -> None:
    async with open_hub(rooms=1) as house, connected(house) as socket:
        scene = await a_scene(house)
        assert (await socket.join(**scene.entry))["ok"]
        await start_tracking(house, scene)
        name, event, _ = await socket.event()
        assert name == "chat.tracking_started"
        assert event["data"]["tracking"] == scene.placed["tracking"]
        await start_tracking(house, scene)
        assert (await socket.event())[0] == "chat.tracking_started"
        await until(lambda: not house.hub.gateways.auto_join._under_way)
        assert not house.hub.branch.relay._memberships.of_room(scene.order_room)


async def test_one_that_is_gone_by_then_leaves_nothing_behind(house: HubHarness) -> None:
    scene = await a_scene(house)
    async with connected(house) as socket:
        assert (await socket.join(**scene.entry))["ok"]
        await start_tracking(house, scene)
    await until(lambda: not (house.hub.gateways.auto_join._under_way or house.hub.branch.relay.stats.members))


async def test_an_order_that_is_gone_brings_nobody_anywhere(house: HubHarness) -> None:
    scene = await a_scene(house)
    gone = Scene(scene.chat, {**scene.placed, "order": {**scene.placed["order"], "id": "PED0"}})
    async with connected(house) as socket:
        assert (await socket.join(**scene.entry))["ok"]
        await start_tracking(house, gone)
        assert (await socket.event())[0] == "chat.tracking_started"
        await start_tracking(house, scene)
        names = [(await socket.event())[0] for _ in range(2)]
        assert names == ["chat.tracking_started", "room.reset"]
        assert set(house.hub.branch.relay._memberships.by_room) == {scene.room, scene.order_room}
