"""`python -m bench`: measure, print one table, and exit with 1 if a target is missed."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from types import FrameType

import uvloop

from bench import (
    deliver,
    idle,
    machine,
    notices,
    orders,
    ready,
    returns,
    rounds,
    steps,
    webhooks,
    whatsapp,
    whatsapp_notices,
)
from bench.agent import measure as agent
from bench.agent.chats import Unanswered
from bench.contenders.contender import Contender
from bench.figure import Effort, Figure
from bench.hub import DidNotStart
from bench.peers import CONTENDERS
from bench.rounds import Compared
from bench.table import render, side_by_side

_MAX_S = 2_700.0
_ROUNDS = 5
_FIGURES: Mapping[str, Callable[[Effort], Awaitable[Figure | Sequence[Figure]]]] = {
    "ready": ready.measure,
    "deliver": deliver.measure,
    "orders": orders.measure,
    "steps-http": steps.measure_http,
    "steps-sockets": steps.measure_sockets,
    "idle": idle.measure,
    "notices": notices.measure,
    "agent": agent.measure,
    "webhooks": webhooks.measure,
    "whatsapp": whatsapp.measure,
    "whatsapp-notices": whatsapp_notices.measure,
}
_COMPARED = [*rounds.NAMES, returns.MEASURE.name]
_EPILOG = f"""
figures of this hub alone: {", ".join(_FIGURES)}
side by side with others: {", ".join(_COMPARED)}
contenders: {", ".join(CONTENDERS)}
"""


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure; everything by default")
    parser.add_argument("--with", dest="contenders", metavar="A,B", help="with whom to compare; with all by default")
    parser.add_argument("--quick", action="store_true", help="shorter and fewer runs: about five minutes")
    asked = parser.parse_args()
    if unknown := set(asked.names) - {*_FIGURES, *_COMPARED}:
        parser.error(f"there is nothing called {', '.join(sorted(unknown))} to measure")
    chosen = asked.contenders.split(",") if asked.contenders else list(CONTENDERS)
    if unknown := set(chosen) - set(CONTENDERS):
        parser.error(f"there is no contender {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, _stop)  # so that what was started is ended
    try:
        return uvloop.run(_measure(asked.names or [*_FIGURES, *_COMPARED], chosen, Effort(quick=asked.quick)))
    except (DidNotStart, Unanswered) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except TimeoutError:
        print(f"bench: not done within {_MAX_S:g} s", file=sys.stderr)
        return 1


async def _measure(names: Sequence[str], contenders: Sequence[str], effort: Effort) -> int:
    began = time.monotonic()
    for fact in machine.facts():
        print(fact)
    figures: list[Figure] = []
    async with asyncio.timeout(_MAX_S):
        for name in (name for name in _FIGURES if name in names):
            print(f"measuring {name} …", file=sys.stderr)
            measured = await _FIGURES[name](effort)
            figures += [measured] if isinstance(measured, Figure) else measured
        compared = await _compare({key: CONTENDERS[key]() for key in CONTENDERS if key in contenders}, names, effort)
    print("\n".join(["", *_table(figures, compared)]))
    shares = [figure.others for figure in figures] + [comparison.others for comparison in compared.comparisons]
    if (others := max(shares, default=0)) > machine.QUIET:
        print(f"The machine was not quiet: other processes took up to {others:.0%} of it. Measure again when it is.")
    met = [figure.met for figure in figures]
    met += [each for comparison in compared.comparisons for each in comparison.judged()]
    print(f"{sum(met)} of {len(met)} targets met, in {time.monotonic() - began:.0f} s")
    return 0 if all(met) else 1


async def _compare(contenders: Mapping[str, Contender], names: Sequence[str], effort: Effort) -> Compared:
    runs = effort.runs(_ROUNDS)
    if set(names) & set(rounds.NAMES):
        compared = await rounds.compare(contenders, names, runs, quick=effort.quick)
    else:
        compared = Compared({key: contender.name for key, contender in contenders.items()})
    if returns.MEASURE.name in names:
        await returns.compare(contenders, compared, runs)
    return compared


def _table(figures: Sequence[Figure], compared: Compared) -> Iterator[str]:
    if figures:
        yield from render(figures)
    for comparison in compared.comparisons:
        yield from side_by_side(comparison, compared.names)
    for contender, why in compared.absent.items():
        yield f"absent: {compared.names[contender]}: {why}"


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
