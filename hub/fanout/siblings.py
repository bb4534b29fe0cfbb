"""The processes that share one port (`--workers N`). Each listens on a unix socket for messages of the others.

A long-polling client's requests reach any of the processes, but its session is in one, which the session's id names.
The receiving process sends the connection there, with the request that came on it.

A connection of a unix socket carries one message. `C` comes with a client's file descriptor, then the size of the
request in four bytes, and the request. `M` is answered with this process's metrics. Then the connection ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from aiohttp import web

from hub.fanout.handover import adopt, as_bytes, detach
from hub.fanout.takeover import HandedOver

logger = structlog.get_logger(__name__)

_CONNECTION, _FIGURES = b"C", b"M"
_SIZE_BYTES = 4
_DEADLINE_S = 2.0
_PIECE_BYTES = 65_536
_MAX_AT_ONCE = 256
_WAITING = 1024  # connections that the kernel keeps for a process that is busy


@dataclass(frozen=True, slots=True)
class Siblings:
    """The processes of a port, by number from 1 on.

    Attributes:
        folder: Where their sockets are; nobody else's user may enter it.
        own: This process's number.
        count: How many there are.
    """

    folder: Path
    own: int
    count: int

    @property
    def prefix(self) -> str:
        """The prefix of this process's session ids."""
        return f"{self.own}."

    def owner(self, sid: str) -> int | None:
        """Return the number of the other process that has a session; None if it can't be in another one."""
        digits, dot, _ = sid.partition(".")
        if not (dot and digits.isascii() and digits.isdecimal() and len(digits) < 4):
            return None
        number = int(digits)
        return number if 0 < number <= self.count and number != self.own else None

    async def hand_over(self, request: web.Request, body: bytes, owner: int) -> web.StreamResponse | None:
        """Give a request and its connection to another process.

        Returns:
            The response that the request's handler returns; None if that process is away: the request is still here.
        """
        try:
            way = await self._way_to(owner)
        except (OSError, TimeoutError):
            return None
        with way:
            transport = request.transport
            if transport is None or transport.is_closing():
                return HandedOver()
            asked = as_bytes(request, body)
            descriptor, early = detach(request, transport)
            asked += early
            try:
                socket.send_fds(way, [_CONNECTION], [descriptor])
                async with asyncio.timeout(_DEADLINE_S):
                    await asyncio.get_running_loop().sock_sendall(way, len(asked).to_bytes(_SIZE_BYTES, "big") + asked)
            except (OSError, TimeoutError):
                # The client's connection ends; it comes back.
                logger.warning("worker.connection_not_taken", worker=owner)
            finally:
                os.close(descriptor)
        return HandedOver()

    async def figures(self) -> list[bytes]:
        """Return the metrics of each other process that answers in time."""
        others = [number for number in range(1, self.count + 1) if number != self.own]
        told = await asyncio.gather(*map(self._figures_of, others))
        return [figures for figures in told if figures]

    @asynccontextmanager
    async def listening(
        self, server: Callable[[], asyncio.Protocol], figures: Callable[[], bytes]
    ) -> AsyncIterator[None]:
        """Accept messages of the other processes while the context lasts.

        Args:
            server: Makes the protocol that serves a connection.
            figures: Returns this process's metrics.

        Raises:
            OSError: No socket can be made in the folder.
        """
        path = self._path(self.own)
        path.unlink(missing_ok=True)  # of a process before this one
        with socket.socket(socket.AF_UNIX) as listener:
            listener.setblocking(False)
            listener.bind(str(path))
            listener.listen(_WAITING)
            async with asyncio.TaskGroup() as tasks:
                accepting = tasks.create_task(_accept(listener, server, figures, tasks))
                try:
                    yield
                finally:
                    accepting.cancel()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}.sock"

    async def _way_to(self, number: int) -> socket.socket:
        """Connect to another process.

        Raises:
            OSError: The process is away.
            TimeoutError: The process is too busy.
        """
        way = socket.socket(socket.AF_UNIX)
        try:
            way.setblocking(False)
            async with asyncio.timeout(_DEADLINE_S):
                await asyncio.get_running_loop().sock_connect(way, str(self._path(number)))
            way.getpeername()  # with a full backlog the kernel does not connect, and event loops do not notice
        except BaseException:
            way.close()
            raise
        return way

    async def _figures_of(self, number: int) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            with await self._way_to(number) as way:
                async with asyncio.timeout(_DEADLINE_S):
                    await loop.sock_sendall(way, _FIGURES)
                    return await _read_all(way)
        except (OSError, TimeoutError):
            logger.warning("worker.no_figures", worker=number)
            return b""


async def _accept(
    listener: socket.socket,
    server: Callable[[], asyncio.Protocol],
    figures: Callable[[], bytes],
    tasks: asyncio.TaskGroup,
) -> None:
    loop, free = asyncio.get_running_loop(), asyncio.Semaphore(_MAX_AT_ONCE)
    while True:
        await free.acquire()
        way, _ = await loop.sock_accept(listener)
        task = tasks.create_task(_take(way, server, figures))
        task.add_done_callback(lambda _: free.release())


async def _take(way: socket.socket, server: Callable[[], asyncio.Protocol], figures: Callable[[], bytes]) -> None:
    """Handle the one message of a connection."""
    loop, descriptors = asyncio.get_running_loop(), list[int]()
    with way:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await _readable(way)
                said, descriptors, _, _ = socket.recv_fds(way, 1, 1)
                if said == _FIGURES:
                    await loop.sock_sendall(way, figures())
                elif said == _CONNECTION and descriptors:
                    told = await _read_all(way)
                    size, request = int.from_bytes(told[:_SIZE_BYTES], "big"), told[_SIZE_BYTES:]
                    if request and len(request) == size:  # the other process has not died over it
                        await adopt(descriptors.pop(), request, server)
        except (OSError, TimeoutError) as exc:
            logger.warning("worker.connection_not_adopted", error=type(exc).__name__)
        except Exception:  # the task's root
            logger.exception("worker.connection_not_adopted")
        finally:
            for descriptor in descriptors:
                os.close(descriptor)


async def _readable(way: socket.socket) -> None:
    """Wait until there is something to read."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(way, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(way)


async def _read_all(way: socket.socket) -> bytes:
    """Read everything up to the end. The size was bounded when it was read from a client."""
    loop, read = asyncio.get_running_loop(), bytearray()
    while piece := await loop.sock_recv(way, _PIECE_BYTES):
        read += piece
    return bytes(read)
