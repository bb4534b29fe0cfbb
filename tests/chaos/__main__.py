"""`python -m tests.chaos --minutes 30 --seed 7`: faults by a seed, one after the other, and a check after each.

It ends at the first broken promise, with status 1, the seed and the fault; the same seed does the same again.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from tests.chaos.crowd import Kind as CrowdKind
from tests.chaos.faults import Fault, Kind, schedule, strike
from tests.chaos.trial import Trial, open_trial

STRIKE_S = 60.0
_WRITES_BETWEEN = 50


@dataclass(slots=True)
class FaultTimes:
    """What the table shows."""

    times: Counter[Kind] = field(default_factory=Counter)
    settled_s: dict[Kind, float] = field(default_factory=dict)
    returned_ms: dict[Kind, float] = field(default_factory=dict)

    def add(self, kind: Kind, settled_s: float, returned_ms: float) -> None:
        self.times[kind] += 1
        self.settled_s[kind] = max(self.settled_s.get(kind, 0), settled_s)
        self.returned_ms[kind] = max(self.returned_ms.get(kind, 0), returned_ms)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--faults", type=int, default=None, help="end after so many, however long they take")
    parser.add_argument("--sockets", type=int, default=100)
    parser.add_argument("--orders-s", type=float, default=80, help="changes of orders a second")
    parser.add_argument("--promos-s", type=float, default=10, help="promotions a second")
    parser.add_argument("--without", action="append", type=Kind, default=[], help="leave out a kind of fault")
    parser.add_argument(
        "--behind-nginx", action="store_true", help="the clients, a quarter of each kind, know nginx alone"
    )
    parser.add_argument("--verbose", action="store_true", help="on a failure, also what the processes printed")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    print(f"seed {seed}: {asked.minutes:g} minutes, {asked.sockets} sockets", flush=True)
    with tempfile.TemporaryDirectory(prefix="comanda-chaos-") as folder:
        return asyncio.run(run(asked, seed, Path(folder)))


async def run(asked: argparse.Namespace, seed: int, folder: Path) -> int:
    figures, fault, number = FaultTimes(), None, 0
    until = time.monotonic() + asked.minutes * 60
    trial: Trial | None = None
    try:
        async with _open(asked, folder) as trial:
            for number, fault in enumerate(schedule(seed), start=1):
                if fault.kind in asked.without:
                    continue
                await suffer(trial, fault, figures)
                print(f"{number:4} {fault}", flush=True)
                if time.monotonic() > until or number == asked.faults:
                    break
    except (AssertionError, TimeoutError) as error:
        print(f"\nbroken: seed {seed}, fault {number} ({fault})\n{type(error).__name__}: {error}", file=sys.stderr)
        if asked.verbose:
            print(*getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
        return 1
    finally:
        if trial is not None:
            print(table(figures, trial))
    return 0


def _open(asked: argparse.Namespace, folder: Path) -> AbstractAsyncContextManager[Trial]:
    rates = {"orders_s": asked.orders_s, "promos_s": asked.promos_s}
    if not asked.behind_nginx:
        return open_trial(folder, sockets=asked.sockets, **rates)
    kinds = dict.fromkeys(get_args(CrowdKind), asked.sockets // 4)
    return open_trial(folder, sockets=0, others=False, behind_nginx=True, kinds=kinds, **rates)


async def suffer(trial: Trial, fault: Fault, figures: FaultTimes) -> None:
    """One fault in the middle of the traffic; then all must be as if nothing had happened."""
    trial.traffic.start()
    await trial.written(_WRITES_BETWEEN)
    async with asyncio.timeout(STRIKE_S):
        await strike(trial.world, fault)
    await trial.back()
    await trial.written(_WRITES_BETWEEN)
    trial.tally.slowest_ms = 0  # of this fault alone: the records are read by settling
    settled_s = await trial.settle()
    tally = trial.tally
    figures.add(fault.kind, settled_s, tally.slowest_ms)
    assert tally.recovered == tally.returns, f"{tally.returns - tally.recovered} returned and were not recovered"
    assert tally.resets == 0, f"{tally.resets} resets"
    assert tally.anew == 0, f"{tally.anew} rooms entered without what was missed"


def table(figures: FaultTimes, trial: Trial) -> str:
    lines = [f"\n{'fault':<20}{'times':>6}{'slowest return':>16}{'slowest to settle':>19}"]
    lines += [
        f"{kind:<20}{times:>6}{figures.returned_ms[kind] / 1000:>14.2f} s{figures.settled_s[kind]:>17.2f} s"
        for kind, times in sorted(figures.times.items())
    ]
    tally, checker = trial.tally, trial.checker
    lines += [
        "",
        f"{sum(figures.times.values())} faults, {len(trial.writer.acks)} writes, {tally.deliveries} deliveries,"
        f" {checker.gaps} gaps, {checker.repeats} repeats",
        f"{tally.recovered} of {tally.returns} returns recovered; {tally.resets} resets",
        f"answers to writers: {', '.join(f'{name} {count}' for name, count in trial.writer.answers.most_common())}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
