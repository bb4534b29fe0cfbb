"""Every contender in turn, again and again: one round is one server, from its start to its end."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from bench import trial
from bench.comparison import Comparison, Measure, Reading
from bench.contenders.contender import Contender, Dialogue, Lacking, Server
from bench.cores import apart
from bench.load import Heard, Load, listening
from bench.machine import QUIET, Others, cpu_s, own_kb, work_folder
from bench.scenarios import ARRIVAL_ROOMS, CONNECTS, MEMORY, SCENARIOS, SOCKETS, Scenario
from bench.trial import Trial

_TRIES = 3
_WARM_UP = 100  # sockets that come and go before memory is read
NAMES = [CONNECTS.name, MEMORY.name, *(scenario.measure.name for scenario in SCENARIOS)]


@dataclass(slots=True)
class Compared:
    """All comparisons, and who could not take part.

    Attributes:
        names: What each contender calls itself.
        absent: Why not, by contender.
    """

    names: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)


async def compare(contenders: Mapping[str, Contender], asked: Sequence[str], runs: int, *, quick: bool) -> Compared:
    """Play the scenarios asked for, `runs` times, the contenders one after the other each time."""
    compared = Compared({key: contender.name for key, contender in contenders.items()})
    readings: dict[str, dict[str, list[Reading]]] = {name: {} for name in NAMES if name in asked}
    for number in range(runs):
        for key, contender in contenders.items():
            if key in compared.absent:
                continue
            print(f"round {number + 1} of {runs}: {contender.name} …", file=sys.stderr)
            try:
                played = await play(contender, asked, quick=quick)
            except Lacking as lacking:
                compared.absent[key] = str(lacking)
                continue
            for name, reading in played.items():
                readings[name].setdefault(key, []).append(reading)
    compared.comparisons += [Comparison(_MEASURES[name], taken) for name, taken in readings.items() if taken]
    return compared


async def play(contender: Contender, asked: Sequence[str], *, quick: bool) -> dict[str, Reading]:
    """One round.

    Raises:
        Lacking: It can't run here.
    """
    readings: dict[str, Reading] = {}
    with apart() as pin, tempfile.TemporaryDirectory(prefix="comanda-bench-", dir=work_folder()) as folder:
        async with contender.running(folder) as server:
            pin(server.pid)
            arrivals = CONNECTS.name in asked or MEMORY.name in asked
            for rooms, scenarios in _sittings(asked, arrivals):
                await contender.prepare(server, rooms)
                dialogues = audience(contender, server, rooms, SOCKETS)
                if arrivals:
                    await _warm_up(server, dialogues[:_WARM_UP])
                async with listening(server.port, dialogues) as load:
                    seated = await seat(server, load)
                    if arrivals:
                        readings |= {name: reading for name, reading in _arrival(seated).items() if name in asked}
                        arrivals = False
                    for scenario in scenarios:
                        tried = await _quietest(contender, server, load, scenario, quick=quick)
                        readings[scenario.measure.name] = reading_of(tried, scenario.value(tried))
    return readings


async def _quietest(contender: Contender, server: Server, load: Load, scenario: Scenario, *, quick: bool) -> Trial:
    """A trial while others leave the machine alone; of a few, if they never do, the one that was disturbed least."""
    tried: list[Trial] = []
    while len(tried) < (1 if quick else _TRIES):
        tried.append(await trial.run(contender, server, load, scenario.pace(quick), scenario.members))
        # What is still under way would count for the next one.
        if tried[-1].others <= QUIET or tried[-1].arrived != tried[-1].expected:
            break
    return min(tried, key=lambda trial: trial.others)


def audience(contender: Contender, server: Server, rooms: int, sockets: int) -> list[Dialogue]:
    """So many sockets, spread evenly over the rooms."""
    return [contender.dialogue(server, f"r{number * rooms // sockets}") for number in range(sockets)]


@dataclass(frozen=True, slots=True)
class Seated:
    """What it took to let them all in."""

    heard: Heard
    server_s: float
    kb: float
    others: float


async def seat(server: Server, load: Load) -> Seated:
    """Open all sockets.

    Raises:
        Lacking: Not all were let in.
    """
    others, kb, server_s = Others(), own_kb(server.pid), cpu_s(server.pid)
    heard = await load.connect()
    if heard.lost or not heard.ready:
        raise Lacking(f"{heard.lost} of its sockets were not let in, {heard.ready} were")
    server_s = cpu_s(server.pid) - server_s
    return Seated(heard, server_s, own_kb(server.pid) - kb, others.share(server_s + heard.cpu_s))


async def _warm_up(server: Server, dialogues: Sequence[Dialogue]) -> None:
    async with listening(server.port, dialogues) as load:
        await seat(server, load)
        await load.drop()


def _sittings(asked: Sequence[str], arrivals: bool) -> Iterable[tuple[int, list[Scenario]]]:
    """The scenarios asked for, those with the same sockets together; the first one is for arriving, too."""
    chosen = [scenario for scenario in SCENARIOS if scenario.measure.name in asked]
    if arrivals and (not chosen or chosen[0].rooms != ARRIVAL_ROOMS):
        yield ARRIVAL_ROOMS, []
    for rooms, scenarios in groupby(chosen, lambda scenario: scenario.rooms):
        yield rooms, list(scenarios)


def _arrival(seated: Seated) -> dict[str, Reading]:
    heard = seated.heard
    columns = {
        "each, p50": f"{heard.connect_p50_ms:.1f} ms",
        "p99": f"{heard.connect_p99_ms:.1f} ms",
        "server CPU each": f"{seated.server_s / heard.ready * 1_000:.2f} ms",
        "load client": f"{heard.cpu_s / heard.seconds:.0%}",
    }
    return {
        CONNECTS.name: Reading(heard.ready / heard.seconds, columns, others=seated.others),
        MEMORY.name: Reading(seated.kb / heard.ready, {"1,000 take": f"{seated.kb / 1e3:.1f} MB"}),
    }


def reading_of(tried: Trial, value: float) -> Reading:
    """A trial as a line of the table."""
    faults = []
    if tried.arrived != tried.expected:
        faults.append(f"{tried.expected:,} deliveries expected, {tried.arrived:,} arrived")
    if tried.lost:
        faults.append(f"{tried.lost} sockets were disconnected")
    return Reading(
        value,
        {
            "events/s": f"{tried.events_s:,.0f}",
            "arrived": f"{tried.arrived:,} of {tried.expected:,}" if faults else f"all {tried.arrived:,}",
            "per s": f"{tried.deliveries_s:,.0f}",
            "p50 ms": f"{tried.p50_ms:.2f}",
            "p99 ms": f"{tried.p99_ms:.2f}",
            "server": f"{tried.server_s / tried.wall_s:.0%}" if tried.wall_s else "",
            "beside": f"{tried.beside_s / tried.wall_s:.0%}" if tried.wall_s else "",
            "load": f"{tried.load_s / tried.wall_s:.0%}" if tried.wall_s else "",
        },
        faults,
        tried.others,
    )


_MEASURES: Mapping[str, Measure] = {
    measure.name: measure for measure in (CONNECTS, MEMORY, *(scenario.measure for scenario in SCENARIOS))
}
