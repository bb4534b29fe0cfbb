"""A Redis that does not do as it should: silent, gone, or always of the same bad answer."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import hiredis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def faulty_redis(folder: Path, answer: bytes = b"") -> AsyncIterator[str]:
    """The URL of a server that gives one answer to each command; without one, it accepts and never answers."""
    served: list[_Served] = []
    knocked = asyncio.Event()

    def serve() -> _Served:
        served.append(_Served(answer, knocked))
        return served[-1]

    path = folder / "faulty.sock"
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(serve, str(path))
    try:
        yield f"unix://{path}"
    finally:
        # Connections are accepted in their order: when this one is heard, there is none left to come.
        knock, _ = await loop.create_unix_connection(asyncio.Protocol, str(path))
        knock.write(_KNOCK)
        await knocked.wait()
        knock.abort()
        server.close()
        for each in served:
            await each.end()


_KNOCK = b"*1\r\n$5\r\nKNOCK\r\n"


class _Served(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, answer: bytes, knocked: asyncio.Event) -> None:
        self._answer = answer
        self._knocked = knocked
        self._reader = hiredis.Reader()
        self._over = asyncio.Event()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._reader.feed(data)
        while (command := self._reader.gets()) is not False:
            if command == [b"KNOCK"]:
                self._knocked.set()
            else:
                self._transport.write(self._answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._over.set()

    async def end(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            await self._over.wait()
