"""How soon a hub is ready: from exec to the first 200 of /readyz."""

from __future__ import annotations

import statistics

from bench import hub
from bench.figure import Better, Effort, Figure


async def measure(effort: Effort) -> Figure:
    """Start hubs one after the other, each on a fresh data folder; a first one only warms the machine."""
    async with hub.running(agent=True):
        pass
    runs: list[float] = []
    cpu: list[float] = []
    for _ in range(effort.runs(5, 3)):
        async with hub.running(agent=True) as started:
            cpu.append(started.cpu_s()[0])
            runs.append(started.ready_s)
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
            f"CPU seconds of the hub until then: {statistics.median(cpu):.2f}."
        ],
    )
