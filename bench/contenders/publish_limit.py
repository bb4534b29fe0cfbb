"""Hands texts to the C loop: `publish_limit PORT ROOMS RATE SECONDS BURST`."""

from __future__ import annotations

import asyncio
import struct

import uvloop

from bench.contenders import pacing
from bench.contenders.processes import HOST


async def main() -> None:
    asked = pacing.parser().parse_args()
    reader, writer = await asyncio.open_connection(HOST, int(asked.target))
    writer.write(b"PUB\n")
    async with asyncio.timeout(5):
        await reader.readline()

    async def publish(rooms: list[int]) -> None:
        for room in rooms:
            text = f'42["order.preparing",{{"data":{pacing.body()}}}]'.encode()
            writer.write(struct.pack(">II", len(text), room) + text)
        await writer.drain()

    await pacing.keep(pacing.from_arguments(asked), publish)
    writer.close()
    await writer.wait_closed()


if __name__ == "__main__":
    uvloop.run(main())
