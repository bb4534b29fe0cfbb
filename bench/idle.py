"""What a hub costs while nobody is there."""

from __future__ import annotations

import asyncio
import statistics
import sys
from contextlib import AsyncExitStack

from bench import hub
from bench.figure import Better, Effort, Figure
from bench.machine import ROOT

_IDLE_S = 10.0

# Every module of the hub, in a fresh interpreter; prints those of LlamaIndex that came along.
_IMPORT_ALL = """
import importlib, pkgutil, sys, hub
for module in pkgutil.walk_packages(hub.__path__, "hub."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(*sorted(name for name in sys.modules if name.partition(".")[0] == "llama_index"))
"""


async def measure(effort: Effort) -> Figure:
    """Several idle hubs beside each other: they share nothing but files."""
    async with AsyncExitStack() as stack:
        hubs = [await stack.enter_async_context(hub.running(agent=True)) for _ in range(effort.runs(3))]
        # The import is another process's work, and done long before the ten seconds are.
        llama_index, _ = await asyncio.gather(_llama_index_modules(), asyncio.sleep(_IDLE_S))
        runs = [each.rss_mb() for each in hubs]
        redis = statistics.median(hub.rss_mb(each.redis()) for each in hubs)
        agents = [hub.rss_mb(agent) for each in hubs for agent in each.agents()]
    beside = f"beside it, not counted: Redis {redis:.0f} MB"
    if agents:
        beside += f", the agent {statistics.median(agents):.0f} MB"
    return Figure(
        name="idle",
        what="resident memory, idle",
        unit="MB",
        better=Better.LOW,
        target=120,
        runs=runs,
        how=[
            f"resident memory (10⁶ bytes, shared pages included) of the hub process {_IDLE_S:g} s after it was ready, "
            f"no connection; {beside}.",
            f"LlamaIndex modules loaded by importing every module of hub/: {len(llama_index)}.",
        ],
        faults=[f"importing hub/ loads {llama_index[0]}"] if llama_index else [],
    )


async def _llama_index_modules() -> list[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _IMPORT_ALL), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("importing every module of hub/ failed")
    return output.decode().split()
