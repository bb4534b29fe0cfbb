"""A server on loopback that answers each request with what a test gives it, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

Behaviour = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """Reads requests with a Content-Length and passes them to a behaviour, which writes the answer.

    Attributes:
        requests: The requests so far, each with its head and its body.
        open: The connections that are open now.
        most_open: The most that were open at one time.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.port = 0
        self.requests: list[bytes] = []
        self.open = self.most_open = 0
        self.arrived = asyncio.Condition()
        self.all_closed = asyncio.Event()
        self.all_closed.set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        self.all_closed.clear()
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                request = head + await reader.readexactly(_length(head))
                async with self.arrived:
                    self.requests.append(request)
                    self.arrived.notify_all()
                await self.behaviour(request, writer)
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()
        self.open -= 1
        if not self.open:
            self.all_closed.set()

    async def received(self, count: int) -> None:
        """Wait until this many requests have arrived."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.requests) >= count)


@contextlib.asynccontextmanager
async def raw_server(behaviour: Behaviour) -> AsyncIterator[RawServer]:
    """Run a server on a free port of 127.0.0.1. Its clients leave before it ends."""
    server = RawServer(behaviour)
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()
        await server.all_closed.wait()


def answering(status: int, body: bytes = b"", headers: str = "") -> Behaviour:
    """Return a behaviour that answers every request in the same way."""

    async def answer(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)
        await writer.drain()

    return answer


async def silent(_request: bytes, writer: asyncio.StreamWriter) -> None:
    """Never answer. The server goes on reading, and so notices when the client leaves."""


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
