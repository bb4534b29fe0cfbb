"""A bad line to a good server: what is sent comes late, not at all, or is answered and the answer lost."""

from __future__ import annotations

import asyncio
import socket
import struct
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

_CHUNK_BYTES = 65_536
_CUT_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER of no time: the other end hears of a reset, not of an end


class Proxy:
    """Passes everything on between clients and a server, as well as it is told to.

    Args:
        target: The server's URL, `redis://127.0.0.1:6379` or `unix:///…`.

    Attributes:
        port: Where it listens on loopback.
        dropped: So many replies were lost by now.
    """

    def __init__(self, target: str) -> None:
        self.port = 0
        self.dropped = 0
        self._target = urlsplit(target)
        self._server: asyncio.Server | None = None
        self._links: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._delay_s = 0.0
        self._to_drop = 0.0
        self._open = asyncio.Event()
        self._open.set()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        tasks = list(self._links.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What becomes of the line

    def delay(self, seconds: float) -> None:
        """Whatever is sent, either way, takes so much longer."""
        self._delay_s = seconds

    def black_hole(self) -> None:
        """Nothing arrives and nobody is told. It is not lost: TCP sends it again when the line is healed."""
        self._open.clear()

    def drop_replies(self, times: float = 1) -> None:
        """The next replies are lost, and the connection of each with it; `inf`: all until the line is healed."""
        self._to_drop = times

    def reset(self) -> None:
        """Cut every connection that there is."""
        for client in list(self._links):
            _cut(client)

    def heal(self) -> None:
        """A good line again."""
        self._delay_s, self._to_drop = 0.0, 0
        self._open.set()

    # One connection

    def _accept(self, from_client: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._links[client] = asyncio.get_running_loop().create_task(self._link(from_client, client))

    async def _link(self, from_client: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            from_server, server = await self._reach()
            try:
                ways = [
                    asyncio.ensure_future(self._carry(from_client, server, replies=False)),
                    asyncio.ensure_future(self._carry(from_server, client, replies=True)),
                ]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)
            finally:
                server.close()
        except OSError:  # the server is not there
            pass
        finally:
            del self._links[client]
            _cut(client)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await self._open.wait()
        if self._target.scheme == "unix":
            return await asyncio.open_unix_connection(unquote(self._target.path))
        return await asyncio.open_connection(self._target.hostname, self._target.port)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, replies: bool) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            await self._open.wait()
            if replies and self._to_drop:
                self._to_drop -= 1
                self.dropped += 1
                return
            writer.write(data)
            await writer.drain()


def _cut(writer: asyncio.StreamWriter) -> None:
    end: socket.socket = writer.get_extra_info("socket")
    if end.fileno() >= 0:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CUT_AT_ONCE)
    writer.transport.abort()
