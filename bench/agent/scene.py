"""A hub, workers of its own, and a model on the loopback: what the agent's figures are taken on."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import cores, hub
from bench.machine import ROOT, cpu_s

_START_S = 60.0
_STOP_S = 10.0
_POLL_S = 0.02
# All come from one address, and one worker shall have as many as it can bear.
_SETTINGS = {
    "COMANDA_LIMIT_CONNECTIONS": "0",
    "COMANDA_LIMIT_REQUESTS_S": "0",
    "COMANDA_LIMIT_READS_S": "0",
    "COMANDA_LIMIT_READ_BYTES_S": "0",
    "COMANDA_LIMIT_CHATS_HOUR": "0",
    "COMANDA_LIMIT_MESSAGES_MINUTE": "0",
    "COMANDA_LIMIT_MESSAGES_DAY": "0",
    "COMANDA_LIMIT_MESSAGES_BYTES_DAY": "0",
    "COMANDA_LIMIT_TURNS_OPEN": "0",
    "COMANDA_LIMIT_TURNS_MINUTE": "0",
    "COMANDA_LIMIT_TURNS_DAY": "0",
    "COMANDA_LIMIT_TOKENS_DAY": "0",
    "COMANDA_LIMIT_TOKENS_BRANCH_DAY": "0",
    "COMANDA_AGENT_AT_ONCE": "400",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """What is up."""

    hub: hub.Hub
    workers: Sequence[int]
    model: int

    @property
    def port(self) -> int:
        return self.hub.port

    @property
    def settings(self) -> str:
        return " ".join(f"{name}={value}" for name, value in _SETTINGS.items())

    def workers_s(self) -> float:
        """CPU seconds of the workers so far."""
        return sum(map(cpu_s, self.workers))

    def others_s(self) -> float:
        """CPU seconds so far of everything else that belongs to it, this process among them."""
        return sum(self.hub.cpu_s()) + cpu_s(self.model) + time.process_time()

    def rss_mb(self) -> float:
        """Resident memory of the largest worker."""
        return max(hub.rss_mb(psutil.Process(pid)) for pid in self.workers)


@asynccontextmanager
async def scene(workers: int) -> AsyncIterator[Scene]:
    """All of it, ready to be asked. A single worker has a core of its own, where there are two.

    Raises:
        DidNotStart: One of them was not ready in time.
    """
    async with AsyncExitStack() as stack:
        pin = stack.enter_context(cores.apart()) if workers == 1 else None
        under_test = await stack.enter_async_context(hub.running(_SETTINGS))
        folder = under_test.folder
        model, said = await _start(stack, folder / "model", {}, "bench.agent.model", until="/v1\n")
        environment = {
            **under_test.environment,
            "COMANDA_LLM": "openai_like",
            "COMANDA_LLM_MODEL": "bench",
            "COMANDA_LLM_BASE_URL": said.strip(),
        }
        logs = [folder / f"worker-{number}" for number in range(workers)]
        pids = [(await _start(stack, log, environment, "agents", until="agent.ready"))[0] for log in logs]
        if pin is not None:
            for pid in pids:
                pin(pid)
        yield Scene(under_test, pids, model)


async def _start(
    stack: AsyncExitStack, log: Path, environment: Mapping[str, str], module: str, *, until: str
) -> tuple[int, str]:
    """A program that has said something; its pid, and all it said so far. It ends with the stack."""
    process = await stack.enter_async_context(_running(log, environment, module))
    deadline = time.perf_counter() + _START_S
    while until not in (said := _said(log)):
        if process.returncode is not None or time.perf_counter() > deadline:
            raise hub.DidNotStart(f"{module} was not ready; it said: {said[-600:]}")
        await asyncio.sleep(_POLL_S)
    return process.pid, said


def _said(log: Path) -> str:
    return log.read_text(encoding="utf-8")


@asynccontextmanager
async def _running(log: Path, environment: Mapping[str, str], module: str) -> AsyncIterator[asyncio.subprocess.Process]:
    # Into a file, for a pipe that nobody empties would hold up who writes into it.
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module), cwd=ROOT, env=dict(environment) or None, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
