"""The hub under test: a `comanda serve` of its own, on a fresh data folder, ended by its pid."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from redis.asyncio import Redis

from bench.machine import ROOT, work_folder

HOST = "127.0.0.1"
_COMANDA = Path(sys.executable).with_name("comanda")
_START_S = 30.0
_STOP_S = 10.0
_ANSWER_S = 3.0
_POLL_S = 0.004


class DidNotStart(Exception):
    """The hub was not ready in time; the message ends in what it said."""


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub that is ready.

    Attributes:
        ready_s: From exec to the first 200 of /readyz.
        settings: What was set for it, as it would be written in a shell.
    """

    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]
    settings: str
    ready_s: float

    def redis(self) -> psutil.Process:
        """The private Redis, a child of the hub."""
        return next(child for child in self._children() if "redis-server" in child.name())

    def agents(self) -> list[psutil.Process]:
        """The agent worker, where there is one."""
        return [child for child in self._children() if "python" in child.name()]

    def rss_mb(self) -> float:
        return rss_mb(psutil.Process(self.process.pid))

    def cpu_s(self) -> tuple[float, float]:
        """CPU seconds so far of the hub and of its Redis."""
        return _cpu_s(psutil.Process(self.process.pid)), _cpu_s(self.redis())

    def family_cpu_s(self) -> float:
        """CPU seconds so far of the hub and of all it started."""
        return sum(map(_cpu_s, [psutil.Process(self.process.pid), *self._children()]))

    @asynccontextmanager
    async def redis_client(self) -> AsyncIterator[Redis]:
        """A look into the hub's own Redis."""
        client = Redis(unix_socket_path=str(self.folder / "data" / "redis" / "redis.sock"), decode_responses=True)
        try:
            yield client
        finally:
            await client.aclose()

    async def redis_facts(self) -> str:
        """Which Redis, and how durable it says it is."""
        async with self.redis_client() as redis:
            settings = {**await redis.config_get("appendonly"), **await redis.config_get("appendfsync")}
        source = json.loads((self.folder / "data" / "redis" / "state.json").read_bytes())["source"]
        said = ", ".join(f"{name} {value}" for name, value in settings.items())
        return f"{source}, started by the hub: {said}"

    async def token(self, role: str) -> str:
        """A staff token, from `comanda token`."""
        process = await asyncio.create_subprocess_exec(
            str(_COMANDA),
            *("token", "--role", role),
            cwd=self.folder,
            env=dict(self.environment),
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(_START_S):
            output, _ = await process.communicate()
        return output.decode().strip()

    def _children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@asynccontextmanager
async def running(settings: Mapping[str, str] | None = None, *, agent: bool = False) -> AsyncIterator[Hub]:
    """Start a hub on a fresh data folder, wait until it is ready, and end it afterwards with all it started.

    Args:
        settings: COMANDA_… variables; none of the caller's own reach it, nor does a `.env` file.

    Raises:
        DidNotStart: It ended, or was not ready within 30 s.
    """
    folder = Path(tempfile.mkdtemp(prefix="comanda-bench-", dir=work_folder()))
    chosen = dict(settings or {})
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COMANDA_")}
    environment |= {**chosen, "COMANDA_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT)}
    port = _free_port()
    arguments = ["serve", "--host", HOST, "--port", str(port), *(() if agent else ("--no-agent",))]
    with (folder / "log").open("wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen([_COMANDA, *arguments], cwd=folder, env=environment, stdout=log, stderr=log)  # noqa: ASYNC220
    try:
        ready_s = await _until_ready(process, port, started, folder / "log")
        shown = " ".join(f"{name}={value}" for name, value in chosen.items() if name != "COMANDA_MENU")
        yield Hub(port, folder, process, environment, shown, ready_s)
    finally:
        await _end(process)
        shutil.rmtree(folder, ignore_errors=True)


def rss_mb(process: psutil.Process) -> float:
    """Resident memory in 10⁶ bytes."""
    return float(process.memory_info().rss) / 1e6


async def _until_ready(process: subprocess.Popen[bytes], port: int, started: float, log: Path) -> float:
    while True:
        if await _is_ready(port):
            return time.perf_counter() - started
        if process.poll() is not None or time.perf_counter() - started > _START_S:
            raise DidNotStart(f"the hub was not ready; {log} ends: {_end_of(log)}")
        await asyncio.sleep(_POLL_S)


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-600:]


async def _is_ready(port: int) -> bool:
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return (await reader.readline()).split(b" ")[1:2] == [b"200"]
            finally:
                writer.close()
    except OSError:  # TimeoutError is one
        return False


async def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM as an operator would; whatever of its family is left after that is killed, each by its pid."""
    family: Sequence[psutil.Process] = ()
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    deadline = time.perf_counter() + _STOP_S
    while process.poll() is None and time.perf_counter() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)
    if process.poll() is None:
        process.kill()
        process.wait()
    for relative in family:
        with suppress(psutil.NoSuchProcess):  # psutil knows a pid that was given to somebody else
            relative.kill()


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
