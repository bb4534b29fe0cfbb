"""The load client of `bench/native/load.c`, driven from here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bench.contenders.contender import Dialogue
from bench.native import compiled

_AT_ONCE = 64  # connections that are being opened
_CONNECT_S = 150.0
_ORDER_S = 10.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What the load client has counted.

    Attributes:
        seconds: What the order took.
        spread_s: From the first delivery to the last.
        connect_p50_ms, connect_p99_ms: From a socket's connect to the end of its dialogue.
        cpu_s: CPU seconds of the load client since it began.
        began_ns, last_ns: When it was told to begin, and when the last delivery came.
    """

    ready: int
    lost: int
    deliveries: int
    spread_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    seconds: float
    connect_p50_ms: float
    connect_p99_ms: float
    cpu_s: float
    began_ns: int
    last_ns: int


class Load:
    """Sockets that listen."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def connect(self) -> Heard:
        return await self._order("connect", _CONNECT_S)

    async def begin(self) -> Heard:
        return await self._order("begin")

    async def wait(self, deliveries: int, within_s: float) -> Heard:
        return await self._order(f"wait {deliveries} {round(within_s * 1_000)}", within_s + _ORDER_S)

    async def drop(self) -> Heard:
        return await self._order("drop")

    async def come_back(self) -> Heard:
        return await self._order("return", _CONNECT_S)

    async def _order(self, order: str, within_s: float = _ORDER_S) -> Heard:
        assert self._process.stdin is not None
        self._process.stdin.write(order.encode() + b"\n")
        return await self._answer(within_s)

    async def _answer(self, within_s: float = _ORDER_S) -> Heard:
        assert self._process.stdout is not None
        async with asyncio.timeout(within_s):
            told: dict[str, Any] = json.loads(await self._process.stdout.readline())
        first, last = told.pop("first_ns"), told["last_ns"]
        told.pop("bytes")
        return Heard(**told, spread_s=(last - first) / 1e9)


@asynccontextmanager
async def listening(port: int, dialogues: Sequence[Dialogue]) -> AsyncIterator[Load]:
    """A load client with a socket for each dialogue; none is open yet.

    Raises:
        Lacking: It can't be compiled here.
    """
    process = await asyncio.create_subprocess_exec(
        str(compiled("load")), str(port), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdin is not None
        plan = [f"{len(dialogues)} {_AT_ONCE}", *map(_line, dialogues)]
        process.stdin.write("\n".join(plan).encode() + b"\n")
        await process.stdin.drain()
        load = Load(process)
        await load._answer()
        yield load
    finally:
        process.kill()
        await process.wait()


def _line(dialogue: Dialogue) -> str:
    parts = [dialogue.path, dialogue.event, dialogue.ping, dialogue.pong]
    parts += [part for step in dialogue.steps for part in step]
    if dialogue.returns:
        parts += ["||", *(part for step in dialogue.returns for part in step)]
    return "\t".join(parts)
