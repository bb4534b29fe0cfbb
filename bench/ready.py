"""How soon a hub is ready: from exec to the first 200 of /readyz."""

from __future__ import annotations

import statistics
import time

from bench import hub
from bench.figure import Better, Effort, Figure
from bench.machine import Others


async def measure(effort: Effort) -> Figure:
    """Start hubs one after the other, each on a fresh data folder; a first one only warms the machine."""
    async with hub.running(agent=True):
        pass
    runs: list[float] = []
    cpu: list[float] = []
    shares: list[float] = []
    for _ in range(effort.runs(5, 3)):
        others, ours = Others(), time.process_time()
        async with hub.running(agent=True) as started:
            runs.append(started.ready_s)
            cpu.append(started.cpu_s()[0])
            shares.append(others.share(started.family_cpu_s() + time.process_time() - ours))
    return Figure(
        name="ready",
        what="start to /readyz 200",
        unit="s",
        better=Better.LOW,
        target=2.0,
        runs=runs,
        digits=2,
        how=[
            "`comanda serve`, agent and private Redis included, each start on a fresh data folder, after one start "
            "that is not counted; a new connection asks /readyz every 4 ms. The agent may still be loading. "
            f"CPU seconds of the hub until then: {statistics.median(cpu):.2f}; other processes "
            f"{statistics.median(shares):.0%} of the machine."
        ],
        others=max(shares),
    )
