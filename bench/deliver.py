"""How soon an event is on every screen that watches, and whether it always is."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench import customers, hub
from bench.figure import Better, Effort, Figure, middle, percentile
from bench.machine import Others
from bench.sockets import Client, Refused, data_of

_ROOMS = 250
_WATCHERS = 2  # a room
_STAFF = 16  # tablets: 12.5 commands a second each, under the limit of 20 that every connection has
_EVENTS_S = 200
_TARGET_MS = 15.0
_SETTLE_S = 3.0  # for the last deliveries

# All sockets come from one address, which may have 200.
_UNLIMITED = {f"COMANDA_LIMIT_{name}": "0" for name in ("CONNECTIONS", "READS_S", "READ_BYTES_S")}


@dataclass(slots=True)
class Room:
    """An order, those who watch it, and what was done to it.

    Attributes:
        head: The offset at which its watchers joined.
        sent: When each command was sent, by the version of the order that it makes.
        acked: The offset of each event, in order, as the acks say.
    """

    order_id: str
    token: str
    head: int = 0
    watchers: list[Client] = field(default_factory=list)
    sent: dict[int, float] = field(default_factory=dict)
    acked: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sent:
    """A command on its way, and the number of its ack."""

    room: Room
    by: Client
    number: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run; latencies sorted."""

    events: int
    latencies_ms: list[float]
    faults: list[str]
    late_ms: float
    hub_cpu_s: float
    redis_cpu_s: float
    client_cpu_s: float
    others: float
    settings: str

    @property
    def p99_ms(self) -> float:
        return percentile(self.latencies_ms, 99)


async def measure(effort: Effort) -> Figure:
    """The runs' 99th percentiles; the median run's whole distribution and CPU seconds stand under them."""
    seconds = effort.seconds(20.0, 5.0)
    runs = [await _run(seconds, seed) for seed in range(effort.runs(3))]
    tails = [run.p99_ms for run in runs]
    run = runs[middle(tails)]
    took = run.latencies_ms
    within = sum(latency <= _TARGET_MS for latency in took) / len(took)
    delivered = sum(len(run.latencies_ms) for run in runs)
    lost = sum(run.events for run in runs) * _WATCHERS - delivered
    return Figure(
        name="deliver",
        what="event to every screen, p99",
        unit="ms",
        better=Better.LOW,
        target=_TARGET_MS,
        runs=tails,
        digits=2,
        how=[
            f"{_ROOMS * _WATCHERS} sockets in {_ROOMS} order rooms; {_STAFF} staff sockets send order.mark_item at "
            f"random moments, {_EVENTS_S} a second for {seconds:g} s (open loop: no command waits for another's ack). "
            "From the command's write to the event's arrival at each socket.",
            f"p50 {percentile(took, 50):.2f} ms, p99 {percentile(took, 99):.2f} ms, max {took[-1]:.2f} ms; "
            f"{within:.2%} within {_TARGET_MS:g} ms.",
            f"all runs: {delivered:,} deliveries, {lost} lost or repeated: every socket's offsets are compared with "
            "those of the acks, and its chain of prev is followed without a hole from its join on.",
            f"CPU seconds: hub {run.hub_cpu_s:.2f}, Redis {run.redis_cpu_s:.2f}, load client {run.client_cpu_s:.2f} "
            f"(one process for all sockets); other processes {run.others:.0%} of the machine. Commands left up to "
            f"{run.late_ms:.1f} ms later than planned (p99).",
            f"set for the hub under test: {run.settings}; the menu's stock is 100,000 a dish.",
        ],
        others=max(run.others for run in runs),
        faults=[f"run {number}: {fault}" for number, run in enumerate(runs, start=1) for fault in run.faults],
    )


async def _run(seconds: float, seed: int) -> Run:
    with customers.plenty() as menu:
        return await _run_with({**_UNLIMITED, **menu}, seconds, seed)


async def _run_with(settings: Mapping[str, str], seconds: float, seed: int) -> Run:
    async with hub.running(settings) as under_test:
        token = await under_test.token("kitchen")
        staff = await asyncio.gather(*(Client.open(hub.HOST, under_test.port, token) for _ in range(_STAFF)))
        rooms: list[Room] = []
        try:
            rooms += await _open_rooms(under_test.port, staff)
            gc.collect()
            gc.disable()  # a collection here would be a pause of ours, not of the hub's
            others, before = Others(), _cpu_s(under_test)
            sent, late = await _toggle(rooms, staff, seconds, random.Random(seed))
            await _settle(rooms, sent)
            spent = [now - then for now, then in zip(_cpu_s(under_test), before, strict=True)]
            shared = others.share(sum(spent))
            gone = sum(client.lost for client in _clients(rooms, staff))
        finally:
            gc.enable()
            for client in _clients(rooms, staff):
                client.close()
    faults = [f"{gone} sockets were disconnected"] if gone else []
    faults += _read_acks(sent)
    latencies = [latency for room in rooms for latency in _check(room, faults)]
    return Run(
        events=len(sent),
        latencies_ms=sorted(latency * 1_000 for latency in latencies),
        faults=faults[:5],
        late_ms=percentile(sorted(late), 99) * 1_000,
        hub_cpu_s=spent[0],
        redis_cpu_s=spent[1],
        client_cpu_s=spent[2],
        others=shared,
        settings=under_test.settings,
    )


# The audience


async def _open_rooms(port: int, staff: Sequence[Client]) -> list[Room]:
    """Place the orders, spread over the staff so that no one is too quick, and seat their watchers."""
    some_at_once = asyncio.Semaphore(16)

    async def open_room(number: int, order: dict[str, Any]) -> Room:
        async with some_at_once:
            placed = await staff[number % _STAFF].command("order.place", order)
            room = Room(placed["order"]["id"], placed["tracking"]["token"])
            for _ in range(_WATCHERS):
                await _seat(port, room)
            return room

    return await asyncio.gather(*(open_room(*each) for each in enumerate(customers.orders(_ROOMS))))


async def _seat(port: int, room: Room) -> None:
    watcher = await Client.open(hub.HOST, port)
    room.watchers.append(watcher)
    joined = await watcher.command("room.join", {"room": f"order:{room.order_id}", "token": room.token})
    room.head = joined["events"][-1]["offset"]
    watcher.arrived.clear()


def _clients(rooms: Sequence[Room], staff: Sequence[Client]) -> Iterator[Client]:
    yield from staff
    for room in rooms:
        yield from room.watchers


# The commands


async def _toggle(
    rooms: Sequence[Room], staff: Sequence[Client], seconds: float, drawn: random.Random
) -> tuple[list[Sent], list[float]]:
    """Mark and unmark the first line of random orders, at random moments; returns also how late each went out."""
    moments = sorted(drawn.uniform(0, seconds) for _ in range(round(seconds * _EVENTS_S)))
    sent: list[Sent] = []
    late: list[float] = []
    began = time.perf_counter()
    for moment in moments:
        await asyncio.sleep(began + moment - time.perf_counter())
        number = drawn.randrange(len(rooms))
        room, by = rooms[number], staff[number % _STAFF]  # an order's commands come from one hand, in order
        done = len(room.sent) % 2 == 0
        payload = {"order_id": room.order_id, "item": 1, "done": done}
        now = room.sent[len(room.sent) + 2] = time.perf_counter()
        late.append(now - began - moment)
        sent.append(Sent(room, by, by.emit("order.mark_item", payload)))
    return sent, late


async def _settle(rooms: Sequence[Room], sent: Sequence[Sent]) -> None:
    """Wait for the last deliveries, or until there has been time enough for them."""

    deadline = time.perf_counter() + _SETTLE_S
    while not _all_are_there(rooms, sent) and time.perf_counter() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def _all_are_there(rooms: Sequence[Room], sent: Sequence[Sent]) -> bool:
    watched = all(len(watcher.arrived) >= len(room.sent) for room in rooms for watcher in room.watchers)
    return watched and all(each.number in each.by.answers for each in sent)


# The account


def _read_acks(sent: Sequence[Sent]) -> Iterator[str]:
    """Note each event's offset with its room; yields what went wrong."""
    for each in sent:
        answer = each.by.answers.get(each.number)
        if answer is None:
            yield "a command was not answered"
            continue
        try:
            each.room.acked.append(int(data_of(answer)["cursor"].rpartition("-")[2]))
        except Refused as refused:
            yield f"a command was refused: {refused}"


def _check(room: Room, faults: list[str]) -> Iterator[float]:
    """The latency of each event that came where it should; what did not come so is a fault."""
    for watcher in room.watchers:
        last, offsets = room.head, []
        for arrived_at, told in watcher.arrived:
            _, event, _ = json.loads(told)
            if event["prev"] != last:
                faults.append(f"a hole in {event['room']}: {last}, then {event['prev']} → {event['offset']}")
            last = event["offset"]
            offsets.append(last)
            yield arrived_at - room.sent[event["data"]["version"]]
        if offsets != room.acked:
            faults.append(f"order:{room.order_id}: {len(room.acked)} events acked, {len(offsets)} arrived")


def _cpu_s(under_test: hub.Hub) -> tuple[float, float, float]:
    """CPU seconds so far: of the hub, of its Redis, of this client."""
    return (*under_test.cpu_s(), time.process_time())
