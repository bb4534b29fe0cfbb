"""Publishes to nchan over HTTP, on connections that stay: `publish PORT ROOMS RATE SECONDS BURST`."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from bench.contenders import pacing
from bench.contenders.processes import HOST

_CONNECTIONS = 16  # a room has one of them, so that its events stay in order
_MAX_UNDER_WAY = 256
_ANSWER_S = 30.0
_ANSWER, _TAKEN = b"HTTP/1.1 ", b"HTTP/1.1 20"


async def main() -> None:
    asked = pacing.parser().parse_args()
    loop = asyncio.get_running_loop()
    under_way = UnderWay()
    transports = [
        (await loop.create_connection(lambda: Answers(under_way), HOST, int(asked.target)))[0]
        for _ in range(_CONNECTIONS)
    ]

    async def publish(rooms: list[int]) -> None:
        for room in rooms:
            await under_way.below(_MAX_UNDER_WAY)
            text = f'42["order.preparing",{{"data":{pacing.body()}}}]'
            head = f"POST /pub/r{room} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(text)}\r\n\r\n"
            under_way.add()
            transports[room % _CONNECTIONS].write(f"{head}{text}".encode())

    await pacing.keep(pacing.from_arguments(asked), publish, lambda: under_way.below(1))


class UnderWay:
    """How many requests wait for their answers."""

    def __init__(self) -> None:
        self._count = 0
        self._fewer = asyncio.Event()

    def add(self) -> None:
        self._count += 1

    def take_off(self, answers: int) -> None:
        self._count -= answers
        self._fewer.set()

    async def below(self, count: int) -> None:
        async with asyncio.timeout(_ANSWER_S):
            while self._count >= count:
                self._fewer.clear()
                await self._fewer.wait()


class Answers(asyncio.Protocol):
    """Counts answers; one that is not a success ends the run."""

    def __init__(self, under_way: UnderWay) -> None:
        self._under_way = under_way
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if (answers := data.count(_TAKEN)) != data.count(_ANSWER + b"2") or data.count(_ANSWER) != answers:
            sys.exit(f"nchan refused: {data[:300]!r}")
        # A status line may have come in part: it is counted with what follows.
        at = data.rfind(b"H", -len(_TAKEN) + 1)
        self._rest = data[at:] if at >= 0 else b""
        self._under_way.take_off(answers)

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            sys.exit(f"nchan: {error}")


if __name__ == "__main__":
    uvloop.run(main())
