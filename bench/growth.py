"""`python -m bench.growth`: what one delivery costs the hub, and whether that grows with what there is beside it."""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import uvloop

from bench import machine, trial
from bench.contenders.comanda import Comanda
from bench.contenders.contender import Dialogue, Lacking, Pace, Server
from bench.cores import apart
from bench.load import listening
from bench.rounds import seat
from bench.trial import publish

_RUNS, _QUICK_RUNS = 3, 1
_SECONDS, _QUICK_SECONDS = 3.0, 1.5
_MAX_S = 1_800.0
_MAX_GROWTH = 1.3
_IDLE_US = 5.0  # what an event that concerns nobody here may cost at most: less than the clock of a quiet hub
_HISTORY_S = 10_000  # events a second, while nobody listens
_SETTINGS = {"COMANDA_LIMIT_COMMANDS_S": "0", "COMANDA_LIMIT_CONNECT_S": "60"}


@dataclass(frozen=True, slots=True)
class Case:
    """A hub with so much in it.

    Attributes:
        rooms: To which events go, in turn; the members share out evenly.
        members: Of each.
        sockets: All of them; who is no member of those rooms is in others, or in none.
        quiet_rooms: Watched by the other sockets, and without events.
        rate: Events a second.
        past: Events that each room had before anybody came.
        elsewhere: Events a second in another branch on the same Redis.
        unheard: Events go to as many rooms that nobody is in.
    """

    label: str
    rooms: int
    members: int
    sockets: int
    quiet_rooms: int = 0
    rate: int = 1_500
    past: int = 0
    elsewhere: int = 0
    unheard: bool = False


_PAIRS = Case("500 rooms of 2", rooms=500, members=2, sockets=1_000)
_FEW = Case("10 rooms of 2", rooms=10, members=2, sockets=1_000)
AXES: Mapping[str, tuple[str, Sequence[Case]]] = {
    "sockets": (
        "sockets, all in rooms of 2; 1,500 events/s",
        [replace(_PAIRS, label=f"{n:,} sockets", rooms=n // 2, sockets=n) for n in (100, 1_000, 10_000)],
    ),
    "audience": (
        "sockets, all in one room; 100,000 deliveries/s",
        [Case(f"{n:,} sockets", 1, n, n, rate=100_000 // n) for n in (100, 1_000, 10_000)],
    ),
    "rooms": (
        "rooms watched by 1,000 sockets; 1,500 events/s to 10 of them, of 2",
        [replace(_FEW, label=f"{n:,} rooms", quiet_rooms=n - 10) for n in (10, 1_000, 50_000)],
    ),
    "branches": (
        "events of another branch on the same Redis, beside 1,500/s to 500 rooms of 2",
        [replace(_PAIRS, label=f"{n:,} events/s elsewhere", elsewhere=n) for n in (0, 1_500, 6_000)],
    ),
    "history": (
        "events that each of 10 rooms of 2 had before; 1,500 events/s",
        [replace(_FEW, label=f"{n:,} past events", past=n) for n in (0, 1_000, 10_000)],
    ),
    "unheard": (
        "1,500 events/s to 500 rooms that nobody here is in, beside 1,000 sockets in others",
        [replace(_PAIRS, label="nobody here", unheard=True)],
    ),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What it came to.

    Attributes:
        us: CPU time of the hub per delivery; where nobody hears an event, per event, less what the hub takes idle.
    """

    us: float
    arrived: int
    expected: int
    others: float


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("axes", nargs="*", metavar="AXIS", help=f"of {', '.join(AXES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="one short run each")
    asked = parser.parse_args()
    if unknown := set(asked.axes) - set(AXES):
        parser.error(f"nothing grows along {', '.join(sorted(unknown))}")
    _allow_files()
    try:
        return uvloop.run(_measure(asked.axes or list(AXES), quick=asked.quick))
    except Lacking as lacking:
        print(f"bench: {lacking}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _measure(axes: Sequence[str], *, quick: bool) -> int:
    began = time.monotonic()
    print("\n".join(machine.facts()))
    met: list[bool] = []
    others = 0.0
    async with asyncio.timeout(_MAX_S):
        for axis in axes:
            title, cases = AXES[axis]
            costs: dict[str, list[Cost]] = {case.label: [] for case in cases}
            for _ in range(_QUICK_RUNS if quick else _RUNS):
                for case in cases:
                    print(f"measuring {axis}: {case.label} …", file=sys.stderr)
                    costs[case.label].append(await _cost(case, _QUICK_SECONDS if quick else _SECONDS))
            print("\n".join(["", *render(title, costs)]), flush=True)
            met.append(within(axis, costs))
            others = max(others, *(cost.others for taken in costs.values() for cost in taken))
    print(f"\n{sum(met)} of {len(met)} targets met, in {time.monotonic() - began:.0f} s; ", end="")
    print(f"other processes took up to {others:.0%} of the machine")
    return 0 if all(met) else 1


def growth(costs: Mapping[str, Sequence[Cost]], label: str) -> list[float]:
    """What a delivery costs there, as a multiple of what it costs with the least; run by run."""
    least = next(iter(costs.values()))
    return [cost.us / first.us for cost, first in zip(costs[label], least, strict=True) if first.us]


def within(axis: str, costs: Mapping[str, Sequence[Cost]]) -> bool:
    """Whether all arrived, and none of it costs much more than with the least."""
    if any(cost.arrived != cost.expected for taken in costs.values() for cost in taken):
        return False
    if axis == "unheard":
        return all(statistics.median(cost.us for cost in taken) <= _IDLE_US for taken in costs.values())
    return all(statistics.median(growth(costs, label)) < _MAX_GROWTH for label in costs)


def render(title: str, costs: Mapping[str, Sequence[Cost]]) -> Iterator[str]:
    """An axis' lines: what a delivery costs, and how often what it costs with the least."""
    yield title
    yield f"  {'':<28}{'CPU of the hub, µs (min–max)':>32}{'× the first':>24}   arrived"
    for label, taken in costs.items():
        us = [cost.us for cost in taken]
        times = growth(costs, label)
        shown = f"{statistics.median(us):.2f} ({min(us):.2f}–{max(us):.2f})"
        ratio = f"{statistics.median(times):.2f} ({min(times):.2f}–{max(times):.2f})" if len(costs) > 1 else ""
        lost = sum(cost.expected - cost.arrived for cost in taken)
        arrived = f"{lost:,} LOST" if lost else f"all {sum(cost.arrived for cost in taken):,}"
        yield f"  {label:<28}{shown:>32}{ratio:>24}   {arrived}"


async def _cost(case: Case, seconds: float) -> Cost:
    comanda = Comanda(_SETTINGS)
    with apart() as pin, tempfile.TemporaryDirectory(prefix="comanda-bench-", dir=machine.work_folder()) as folder:
        async with comanda.running(folder) as server:
            pin(server.pid)
            heard_rooms = case.rooms + case.quiet_rooms
            await comanda.prepare(server, heard_rooms * (2 if case.unheard else 1))
            if case.past:
                pace = Pace(case.rooms, _HISTORY_S, case.past * case.rooms / _HISTORY_S)
                await publish(comanda.publisher(server, pace), pace.seconds)
            async with listening(server.port, list(_dialogues(comanda, case))) as load:
                await seat(server, load)
                if case.unheard:
                    return await _unheard(comanda, server, case, seconds)
                async with _elsewhere(comanda, server, case, seconds):
                    pace = Pace(case.rooms, case.rate, seconds)
                    tried = await trial.run(comanda, server, load, pace, case.members)
    each = tried.server_s / tried.arrived * 1e6 if tried.arrived else 0.0
    return Cost(each, tried.arrived, tried.expected, tried.others)


async def _unheard(comanda: Comanda, server: Server, case: Case, seconds: float) -> Cost:
    """What events cost that concern nobody here, beside what the hub takes in the same time without them."""
    before, began = machine.cpu_s(server.pid), time.perf_counter()
    await asyncio.sleep(seconds)
    idle = (machine.cpu_s(server.pid) - before) / (time.perf_counter() - began)
    others, before, began = machine.Others(), machine.cpu_s(server.pid), time.perf_counter()
    rooms = range(case.rooms, case.rooms * 2)
    told = await publish(comanda.publisher_to(server, Pace(case.rooms, case.rate, seconds), rooms), seconds)
    spent_s = machine.cpu_s(server.pid) - before
    us = max(0.0, spent_s - idle * (time.perf_counter() - began)) / told.events * 1e6
    return Cost(us, 0, 0, others.share(spent_s))


@asynccontextmanager
async def _elsewhere(comanda: Comanda, server: Server, case: Case, seconds: float) -> AsyncIterator[None]:
    """Meanwhile another branch is as busy as the case says: from before until after."""
    if not case.elsewhere:
        yield
        return
    pace = Pace(case.rooms, case.elsewhere, seconds + 2.0)
    async with asyncio.TaskGroup() as group:
        command = comanda.publisher_to(server, pace, range(case.rooms), branch="otra")
        group.create_task(publish(command, pace.seconds))
        yield


def _dialogues(comanda: Comanda, case: Case) -> Iterator[Dialogue]:
    """The members of the rooms with events, then the others, to whom the quiet rooms are dealt out."""
    members = case.rooms * case.members
    yield from (comanda.in_rooms([number // case.members]) for number in range(members))
    rest = case.sockets - members
    for number in range(rest):
        low, high = (case.rooms + case.quiet_rooms * n // rest for n in (number, number + 1))
        yield comanda.in_rooms(range(low, high))


def _allow_files() -> None:
    """Ten thousand sockets are as many open files, in the hub too, which inherits this."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
