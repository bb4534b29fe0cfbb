"""How many clients a second come back: each of a thousand missed fifty events, and all return at once."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping

from bench import rounds
from bench.comparison import Comparison, Measure, Reading
from bench.contenders.contender import Contender, Lacking, Pace, Server
from bench.cores import apart
from bench.figure import Better
from bench.load import Heard, Load, listening
from bench.machine import Others, cpu_s, work_folder
from bench.trial import publish

_WHO = ("comanda", "streams")  # the others let nobody come back
_CLIENTS = 1_000
_ROOMS = 500
_MISSED = 50  # events, each
_EVENTS_S = 5_000
_WITHIN_S = 10.0  # for what is missing once they are back; those who are not back after 30 s are given up
_FIRST_S = 10.0

MEASURE = Measure(
    "returns",
    f"{_CLIENTS:,} clients come back at once, {_MISSED} events missed each",
    "clients/s until each has all it missed",
    Better.HIGH,
    ratios={"streams": 1.0},
    bound=1_000,
    how=f"{_ROOMS} rooms of 2; all sockets are cut, {_MISSED * _ROOMS:,} events are published, then all connect again, "
    "64 at a time, with their private ids and offsets, as a stock client does. The others have no such thing.",
)


async def compare(contenders: Mapping[str, Contender], compared: rounds.Compared, runs: int) -> None:
    """In turn, as everywhere; who lets nobody come back is left out without a word."""
    readings: dict[str, list[Reading]] = {}
    for number in range(runs):
        for key, contender in contenders.items():
            # One that did not get them all back by the deadline takes a minute, and would again.
            if key not in _WHO or key in compared.absent or any(reading.faults for reading in readings.get(key, ())):
                continue
            print(f"return {number + 1} of {runs}: {contender.name} …", file=sys.stderr)
            try:
                reading = await _play(contender)
            except Lacking as lacking:
                compared.absent[key] = str(lacking)
            else:
                readings.setdefault(key, []).append(reading)
    if readings:
        compared.comparisons.append(Comparison(MEASURE, readings))


async def _play(contender: Contender) -> Reading:
    with apart() as pin, tempfile.TemporaryDirectory(prefix="comanda-bench-", dir=work_folder()) as folder:
        async with contender.running(folder) as server:
            pin(server.pid)
            await contender.prepare(server, _ROOMS)
            dialogues = rounds.audience(contender, server, _ROOMS, _CLIENTS)
            async with listening(server.port, dialogues) as load:
                await rounds.seat(server, load)
                return await _cut_and_return(contender, server, load)


async def _cut_and_return(contender: Contender, server: Server, load: Load) -> Reading:
    await load.begin()
    # A client has an offset to come back with once it has seen an event.
    await publish(contender.publisher(server, Pace(_ROOMS, _ROOMS, 1.0)), 1.0)
    seen = await load.wait(_CLIENTS, _FIRST_S)
    if seen.deliveries != _CLIENTS:
        raise Lacking(f"{_CLIENTS:,} first deliveries expected, {seen.deliveries:,} arrived")
    await load.drop()
    seconds = _MISSED * _ROOMS / _EVENTS_S
    await publish(contender.publisher(server, Pace(_ROOMS, _EVENTS_S, seconds)), seconds)
    others, server_s = Others(), cpu_s(server.pid)
    began = await load.begin()
    back = await load.come_back()
    heard = await load.wait(_CLIENTS * _MISSED, _WITHIN_S)
    server_s = cpu_s(server.pid) - server_s
    load_s = heard.cpu_s - began.cpu_s
    return _reading(back, heard, server_s, load_s, others.share(server_s + load_s))


def _reading(back: Heard, heard: Heard, server_s: float, load_s: float, others: float) -> Reading:
    took_s = (heard.last_ns - heard.began_ns) / 1e9
    expected = _CLIENTS * _MISSED
    faults = []
    if heard.deliveries != expected:
        faults.append(f"{expected:,} deliveries expected, {heard.deliveries:,} arrived")
    if back.ready != _CLIENTS:
        faults.append(f"{_CLIENTS - back.ready} sockets were not let in")
    columns = {
        "arrived": f"{heard.deliveries:,} of {expected:,}" if faults else f"all {expected:,}",
        "all in": f"{took_s:.2f} s",
        "each, p50": f"{back.connect_p50_ms:.1f} ms",
        "p99": f"{back.connect_p99_ms:.1f} ms",
        "server CPU each": f"{server_s / _CLIENTS * 1_000:.2f} ms",
        "load": f"{load_s / took_s:.0%}" if took_s else "",
    }
    whole = heard.deliveries / expected  # clients, or parts of them
    return Reading(_CLIENTS * whole / took_s if took_s > 0 else 0.0, columns, faults, others)
