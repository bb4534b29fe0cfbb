"""HTTP and WebSockets byte by byte, for what no client library would send."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
SOCKET_IO = "/socket.io/?EIO=4&transport=websocket"


def frame(payload: bytes, opcode: int = TEXT, *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """A WebSocket frame as a client sends it (RFC 6455, 5.2); the mask is zero, which changes nothing."""
    first, mask, size = (fin << 7) | (rsv << 4) | opcode, masked << 7, len(payload)
    if size < 126:
        head = bytes((first, mask | size))
    elif size < 65_536:
        head = bytes((first, mask | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, mask | 127)) + size.to_bytes(8, "big")
    return head + (bytes(4) if masked else b"") + payload


class Wire:
    """One TCP connection to a server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Send bytes, as far as the other end still takes them."""
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def receive(self) -> tuple[int, bytes]:
        """The next WebSocket frame, `(opcode, payload)`.

        Raises:
            asyncio.IncompleteReadError: The connection is over.
        """
        first, size = await self.reader.readexactly(2)
        if size >= 126:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
        return first & 15, await self.reader.readexactly(size)

    async def text(self) -> str:
        opcode, payload = await self.receive()
        assert opcode == TEXT, (opcode, payload)
        return payload.decode()

    async def closing(self, within_s: float = 15.0) -> int | None:
        """The code of the server's close, once it has come; None if the connection just ended."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    opcode, payload = await self.receive()
                    if opcode == CLOSE:
                        return int.from_bytes(payload[:2], "big")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def status(self) -> int:
        """The status of the HTTP answer; 0 if the connection ended without any."""
        try:
            line = await self.reader.readline()
        except ConnectionError:
            return 0
        return int(line.split(b" ")[1]) if line else 0


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    """A connection on which nothing has been said."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**24)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def websocket(url: str, path: str = SOCKET_IO, headers: str = "") -> AsyncIterator[Wire]:
    """A WebSocket that has been accepted."""
    key = base64.b64encode(os.urandom(16)).decode()
    async with wire(url) as link:
        asks = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
        await link.send(
            f"GET {path} HTTP/1.1\r\nHost: hub\r\n{asks}\r\nSec-WebSocket-Key: {key}\r\n{headers}\r\n".encode()
        )
        answer = await link.reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        assert b"extensions" not in answer.lower(), answer
        yield link


@asynccontextmanager
async def let_in(url: str, connect: str = "40") -> AsyncIterator[Wire]:
    """A Socket.IO client by hand: welcomed, and in no room."""
    async with websocket(url) as link:
        assert (await link.text())[0] == "0"
        await link.send(frame(connect.encode()))
        assert (await link.text())[:2] == "40"
        assert (await link.text()).startswith('42["hub.welcome",')
        yield link


class Proxy:
    """Passes bytes on between clients and a server, until it is told to keep them all to itself."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.url = ""

    def swallow(self) -> None:
        """From here on it takes everything, and nothing comes out: neither bytes, nor an end."""
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there = writer
        try:
            answers, there = await asyncio.open_connection(self._to.hostname, self._to.port)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pass(reader, there))
                tasks.create_task(self._pass(answers, writer))
        except* ConnectionError:
            pass
        finally:
            self._tasks.discard(task)
            for end in (writer, there):
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if self._open.is_set():
                writer.write(data)
                await writer.drain()
        await self._open.wait()
        writer.write_eof()

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
