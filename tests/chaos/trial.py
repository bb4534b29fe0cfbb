"""A trial: a world, clients of every kind in it, writers, and the checker that is asked after each thing that happens.

async with open_trial(folder, sockets=50) as trial:
    trial.traffic.start()
    await trial.world.kill_hub(0)
    await trial.settle()          # raises AssertionError if anything was lost, or came twice
    assert trial.tally.recovered == trial.tally.downs
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import aiohttp

from tests.chaos.checker import Breach, Checker, TrialCounts
from tests.chaos.crowd import Crowd, Kind, Visitor, open_crowd
from tests.chaos.readers import PythonReader, Reader, SseReader, reading
from tests.chaos.truth import Truth
from tests.chaos.world import World, open_world
from tests.chaos.writers import Placed, RetryingWriter, SteadyTraffic

SETTLE_S = 15.0
_SHOWN = 20
_WRITTEN_S = 60.0
_LOOK_S = 0.02


class Promised(AssertionError):
    """A promise was broken."""

    def __init__(self, breaches: Sequence[Breach]) -> None:
        self.breaches = breaches
        kinds: dict[str, int] = {}
        for breach in breaches:
            kinds[breach.broken] = kinds.get(breach.broken, 0) + breach.count
        shown = [str(breach) for breach in breaches[:_SHOWN]]
        super().__init__("\n".join([f"promises broken: {kinds}", *shown]))


class Trial:
    """Everything a test or the schedule has in hand."""

    def __init__(
        self,
        world: World,
        crowd: Crowd,
        readers: Sequence[Reader],
        writer: RetryingWriter,
        traffic: SteadyTraffic,
        checker: Checker,
    ) -> None:
        self.world = world
        self.crowd = crowd
        self.readers = readers
        self.writer = writer
        self.traffic = traffic
        self.checker = checker
        self.truth = Truth(world.redis)

    @property
    def tally(self) -> TrialCounts:
        return self.checker.tally

    async def settle(self, within_s: float = SETTLE_S) -> float:
        """Stop writing, wait until everybody has everything, and check it all; how many seconds the waiting took.

        Raises:
            Promised: Something was lost, repeated, out of order, or is not what it should be.
            AssertionError: Somebody does not have everything in time, though nothing stands in the way.
        """
        loop = asyncio.get_running_loop()
        await self.traffic.quiet()
        began = loop.time()
        await self.world.whole()
        rooms = self.checker.rooms() | {ack.room for ack in self.writer.acks}
        await self.truth.look(rooms)
        heads = {room: self.truth.stream(room).head for room in rooms}
        lacking = await self._reach(heads, within_s)
        took_s = loop.time() - began
        await self.follow()
        await self.truth.look(self.checker.rooms())
        self.checker.compare(self.truth, self.writer.acks, self.writer.writes)
        if self.checker.breaches:
            raise Promised(self.checker.breaches)
        assert not lacking, lacking
        return took_s

    async def written(self, count: int) -> None:
        """Let so many more writes be acknowledged.

        Raises:
            TimeoutError: They are not.
        """
        enough = len(self.writer.acks) + count
        async with asyncio.timeout(_WRITTEN_S):
            while len(self.writer.acks) < enough:
                self.writer.acked.clear()
                await self.writer.acked.wait()

    async def until_in_log(self, room: str, title: str) -> None:
        """Wait until a promotion is in the log, whoever knows of it.

        Raises:
            TimeoutError: It is not.
        """
        async with asyncio.timeout(_WRITTEN_S):
            while True:
                await self.truth.look([room])
                if self.truth.stream(room).titles[title]:
                    return
                await asyncio.sleep(_LOOK_S)

    async def back(self, within_s: float = SETTLE_S) -> None:
        """Wait until every client is connected and in its rooms, while writing goes on.

        Raises:
            AssertionError: Somebody is not, in time.
        """
        lacking = await self._reach({}, within_s)
        assert not lacking, lacking

    async def follow(self) -> None:
        """Hand the checker what the clients have seen since the last time."""
        for record in [*await self.crowd.records(), *(reader.record() for reader in self.readers)]:
            self.checker.follow(record)

    async def _reach(self, heads: Mapping[str, int], within_s: float) -> list[str]:
        lacking = await asyncio.gather(
            self.crowd.reach(heads, within_s), *(reader.reach(heads, within_s) for reader in self.readers)
        )
        return [each for some in lacking for each in some]


@asynccontextmanager
async def open_trial(
    folder: Path,
    *,
    sockets: int = 50,
    others: bool = True,
    orders_s: float = 40,
    promos_s: float = 10,
    hubs: int = 2,
    settings: Mapping[str, str] | None = None,
    after: bool = False,
    in_order: bool = True,
    behind_nginx: bool = False,
    kinds: Mapping[Kind, int] = MappingProxyType({}),
) -> AsyncIterator[Trial]:
    """Start a world with clients in it; everybody is in their rooms, and nothing is being written yet.

    Args:
        sockets: npm's clients, each in the room of an order of its own and in `promos`; the last two are boards, in
            `kitchen`, `stock`, `promos` and the room of the first order.
        others: Also python-socketio and SSE clients, two of each.
        after: Clients that were not recovered enter their rooms from their last cursor.
        in_order: See `Checker`.
        behind_nginx: Clients and writers know nginx alone.
        kinds: So many clients of each of these kinds besides; those by Socket.IO have an order of their own.
    """
    async with AsyncExitStack() as stack:
        opening = open_world(folder, hubs=hubs, settings=settings, behind_nginx=behind_nginx)
        world = await stack.enter_async_context(opening)
        crowd = await stack.enter_async_context(open_crowd(folder))
        timeout = aiohttp.ClientTimeout(total=5)
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        writer = RetryingWriter(http, world.urls, world.token)
        orders = await writer.place_many(max(2, sockets - 2, sum(kinds.values())))
        readers = _readers(world, orders) if others else []
        await stack.enter_async_context(reading(readers))
        await crowd.open(_visitors(world, orders, sockets, after) + _of_kinds(world, orders, kinds))
        traffic = SteadyTraffic(writer, orders, orders_s=orders_s, promos_s=promos_s)
        trial = Trial(world, crowd, readers, writer, traffic, Checker(in_order=in_order))
        stack.push_async_callback(trial.truth.aclose)
        stack.push_async_callback(_let_go, traffic, world)
        await trial.back()
        await trial.follow()
        yield trial


async def _let_go(traffic: SteadyTraffic, world: World) -> None:
    world.heal()
    traffic.cancel()


def _visitors(world: World, orders: Sequence[Placed], sockets: int, after: bool) -> list[Visitor]:
    urls, count = world.urls, len(world.urls)
    customers = [
        Visitor(
            f"customer-{number}",
            urls,
            # One half brings its capability with CONNECT, the other with the join.
            ({"room": order.room, "token": order.token} if number % 2 else {"room": order.room}, {"room": "promos"}),
            first=number % count,
            auth={} if number % 2 else {"token": order.token},
            after=after,
        )
        for number, order in enumerate(orders[: max(0, sockets - 2)])
    ]
    rooms = [{"room": room} for room in ("kitchen", "stock", "promos", orders[0].room)]
    boards = [
        Visitor(f"board-{number}", urls, rooms, first=number % count, auth={"token": world.token}, after=after)
        for number in range(min(2, sockets))
    ]
    return customers + boards


def _of_kinds(world: World, orders: Sequence[Placed], kinds: Mapping[Kind, int]) -> list[Visitor]:
    promos, own = {"room": "promos"}, iter(orders)
    visitors = []
    for kind, count in kinds.items():
        for number, order in enumerate(islice(own, count)):
            rooms = (promos,) if kind == "sse" else ({"room": order.room, "token": order.token}, promos)
            visitors.append(Visitor(f"{kind}-{number}", world.urls, rooms, kind=kind))
    return visitors


def _readers(world: World, orders: Sequence[Placed]) -> list[Reader]:
    a, b = world.urls, world.urls[::-1]
    first, second = orders[:2]
    return [
        PythonReader("python-0", a, [{"room": "kitchen"}, {"room": first.room}], token=world.token),
        PythonReader("python-1", b, [{"room": "promos"}, {"room": second.room, "token": second.token}]),
        SseReader("sse-0", a, "promos"),
        SseReader("sse-1", b, second.room, second.token),
    ]
