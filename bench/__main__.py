"""`python -m bench`: measure every figure, print one table, and exit with 1 if a target is missed."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from types import FrameType

import uvloop

from bench import deliver, idle, machine, orders, ready
from bench.figure import Effort, Figure
from bench.hub import DidNotStart
from bench.table import render

_LONGEST_S = 175.0
_QUIET = 0.1  # what others may take of the machine before the figures say more about them
_FIGURES: Mapping[str, Callable[[Effort], Awaitable[Figure]]] = {
    "ready": ready.measure,
    "deliver": deliver.measure,
    "orders": orders.measure,
    "idle": idle.measure,
}


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"of {', '.join(_FIGURES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="shorter and fewer runs: under 40 s")
    asked = parser.parse_args()
    if unknown := set(asked.figures) - set(_FIGURES):
        parser.error(f"there is no figure {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, _stop)  # so that what was started is ended
    try:
        return uvloop.run(_measure(asked.figures or list(_FIGURES), Effort(quick=asked.quick)))
    except DidNotStart as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except TimeoutError:
        print(f"bench: not done within {_LONGEST_S:g} s", file=sys.stderr)
        return 1


async def _measure(names: list[str], effort: Effort) -> int:
    began = time.monotonic()
    for fact in machine.facts():
        print(fact)
    figures: list[Figure] = []
    async with asyncio.timeout(_LONGEST_S):
        for name in names:
            print(f"measuring {name} …", file=sys.stderr)
            figures.append(await _FIGURES[name](effort))
    print()
    print("\n".join(render(figures)))
    if (others := max(figure.others for figure in figures)) > _QUIET:
        print(f"The machine was not quiet: other processes took up to {others:.0%} of it. Measure again when it is.")
    missed = [figure.name for figure in figures if not figure.met]
    print(f"{len(figures) - len(missed)} of {len(figures)} targets met, in {time.monotonic() - began:.0f} s")
    return 1 if missed else 0


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
