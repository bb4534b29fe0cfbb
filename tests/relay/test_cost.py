"""What a delivery costs, in calls instead of seconds: the same on every machine, and a slip by a factor shows."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack

from hub.core.cursor import Cursor
from hub.relay.broadcaster import MAX_SLICE
from hub.relay.frames import Batch
from tests.support.call_counter import CallCounter
from tests.support.relay_harness import Recorder, RelayHarness
from tests.support.socketio_harness import Hub, raw, serve

ORDER = "order:PED7K3Q9X"
SOCKETS = 50
EVENTS = 50
# Measured: 9 calls a delivery by WebSocket on asyncio's own loop, five of them its own, and 42 an event. Twice that
# is a regression worth a look.
CALLS_A_DELIVERY = 18
CALLS_AN_EVENT = 80


def published(at: Cursor, number: int) -> bytes:
    """The `number`th event after a place in the log, as it is heard when a room has no other."""
    offset = at.offset + number
    prev = offset - 1 if number > 1 else 0
    body = json.dumps({"type": "order.preparing", "at": "2026-11-20T21:30:00.123Z", "data": {"pad": "x" * 150}})
    return f"{at.epoch} {offset} {prev} order.preparing -\n{body}".encode()


async def test_a_delivery_takes_a_bounded_number_of_calls_and_no_task(house: RelayHarness) -> None:
    async with serve(Hub(house)) as hub, AsyncExitStack() as clients:
        for _ in range(SOCKETS):
            ws = await clients.enter_async_context(raw(hub))
            await ws.send_str(f'420["join",{{"room":"{ORDER}"}}]')
            assert (await ws.receive_str()).startswith("430")
        at = await house.log.position()
        channel = house.log.keys.channel(ORDER).encode()
        house.relay.on_message(channel, published(at, 1))
        tasks = asyncio.all_tasks()
        with CallCounter() as one:
            house.relay.on_message(channel, published(at, 2))
        assert asyncio.all_tasks() == tasks
        assert one.names["_packet"] == 1  # encoded once, for all of them
        assert house.relay.stats.deliveries == 2 * SOCKETS
        assert one.total <= SOCKETS * CALLS_A_DELIVERY + CALLS_AN_EVENT
        assert (await ws.receive_str()).startswith('42["order.preparing"')


async def test_what_is_heard_at_once_leaves_in_one_system_call_a_socket(house: RelayHarness) -> None:
    async with serve(Hub(house)) as hub, AsyncExitStack() as clients:
        heard = []
        for _ in range(3):
            ws = await clients.enter_async_context(raw(hub))
            await ws.send_str(f'420["join",{{"room":"{ORDER}"}}]')
            assert (await ws.receive_str()).startswith("430")
            heard.append(ws)
        at = await house.log.position()
        channel = house.log.keys.channel(ORDER).encode()
        with CallCounter() as several:
            house.relay.on_several()
            for number in range(1, EVENTS + 1):
                house.relay.on_message(channel, published(at, number))
            house.relay.on_heard()
        assert several.names["send"] == len(heard)
        for ws in heard:
            texts = [await ws.receive_str() for _ in range(EVENTS)]
            assert [json.loads(text[2:])[2] for text in texts] == [
                f"{at.epoch}-{at.offset + number}" for number in range(1, EVENTS + 1)
            ]


async def test_what_comes_at_once_to_a_big_room_goes_to_each_member_in_one_piece(house: RelayHarness) -> None:
    pieces: list[int] = []

    class InPieces(Recorder):
        def deliver_all(self, batch: Batch) -> None:
            pieces.append(len(batch.frames))
            super().deliver_all(batch)

    members = [InPieces(f"m{number}") for number in range(MAX_SLICE + 1)]
    for member in members:
        await house.enter(member, ORDER)
    at = await house.log.position()
    for number in range(1, EVENTS + 1):
        house.relay.on_message(house.log.keys.channel(ORDER).encode(), published(at, number))
    for member in members:
        await member.has(EVENTS)
        assert member.offsets == [at.offset + number for number in range(1, EVENTS + 1)]
    assert pieces == [EVENTS] * len(members)


async def test_who_wants_only_some_types_gets_just_these_out_of_a_piece(house: RelayHarness) -> None:
    for number in range(MAX_SLICE):
        await house.enter(Recorder(f"m{number}"), ORDER)
    one, other = Recorder("one"), Recorder("other")
    await house.enter(one, ORDER, only=frozenset({"order.ready"}))
    await house.enter(other, ORDER, only=frozenset({"order.preparing"}))
    at = await house.log.position()
    for number in range(1, EVENTS + 1):
        house.relay.on_message(house.log.keys.channel(ORDER).encode(), published(at, number))
    await other.has(EVENTS)
    assert one.frames == []


async def test_an_event_in_a_room_without_a_member_here_does_not_even_arrive(house: RelayHarness) -> None:
    heard: list[bytes] = []
    house.relay.hears = lambda channel, payload: heard.append(channel)
    member = Recorder("ana")
    await house.enter(member, ORDER)
    await house.say("order:PEDOTHER1")
    await house.say(ORDER)
    await member.has(1)
    assert heard == [house.log.keys.channel(ORDER).encode()]
