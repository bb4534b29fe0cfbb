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

from hub.socketio.aiohttp_internals import TakenOver
from hub.socketio.fd_passing import adopt, as_bytes, detach

logger = structlog.get_logger(__name__)

_CONNECTION, _METRICS = b"C", b"M"
_SIZE_BYTES = 4
_DEADLINE_S = 2.0
_PIECE_BYTES = 65_536
_MAX_AT_ONCE = 256
_BACKLOG = 1024  # connections that the kernel queues for a busy process


@dataclass(frozen=True, slots=True)
class Siblings:
    """The processes of a port, by number from 1 on.

    Attributes:
        folder: The folder of their sockets; no other user may enter it.
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
            peer = await self._connect(owner)
        except (OSError, TimeoutError):
            return None
        with peer:
            transport = request.transport
            if transport is None or transport.is_closing():
                return TakenOver()
            passed_on = as_bytes(request, body)
            descriptor, early = detach(request, transport)
            passed_on += early
            size = len(passed_on).to_bytes(_SIZE_BYTES, "big")
            try:
                socket.send_fds(peer, [_CONNECTION], [descriptor])
                async with asyncio.timeout(_DEADLINE_S):
                    await asyncio.get_running_loop().sock_sendall(peer, size + passed_on)
            except (OSError, TimeoutError):
                # The client's connection ends; the client reconnects.
                logger.warning("siblings.hand_over_failed", process=owner)
            finally:
                os.close(descriptor)
        return TakenOver()

    async def figures(self) -> list[bytes]:
        """Return the metrics of each other process that answers in time."""
        others = [number for number in range(1, self.count + 1) if number != self.own]
        answers = await asyncio.gather(*map(self._figures_of, others))
        return [figures for figures in answers if figures]

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
            listener.listen(_BACKLOG)
            async with asyncio.TaskGroup() as tasks:
                accepting = tasks.create_task(_accept(listener, server, figures, tasks))
                try:
                    yield
                finally:
                    accepting.cancel()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}.sock"

    async def _connect(self, number: int) -> socket.socket:
        """Connect to another process.

        Raises:
            OSError: The process is apeer.
            TimeoutError: The process is too busy.
        """
        peer = socket.socket(socket.AF_UNIX)
        try:
            peer.setblocking(False)
            async with asyncio.timeout(_DEADLINE_S):
                await asyncio.get_running_loop().sock_connect(peer, str(self._path(number)))
            peer.getpeername()  # with a full backlog the kernel does not connect, and event loops do not notice
        except BaseException:
            peer.close()
            raise
        return peer

    async def _figures_of(self, number: int) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            with await self._connect(number) as peer:
                async with asyncio.timeout(_DEADLINE_S):
                    await loop.sock_sendall(peer, _METRICS)
                    return await _read_all(peer)
        except (OSError, TimeoutError):
            logger.warning("siblings.no_metrics", process=number)
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
        peer, _ = await loop.sock_accept(listener)
        task = tasks.create_task(_take(peer, server, figures))
        task.add_done_callback(lambda _: free.release())


async def _take(peer: socket.socket, server: Callable[[], asyncio.Protocol], figures: Callable[[], bytes]) -> None:
    """Handle the one message of a connection."""
    loop, descriptors = asyncio.get_running_loop(), list[int]()
    with peer:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await _readable(peer)
                kind, descriptors, _, _ = socket.recv_fds(peer, 1, 1)
                if kind == _METRICS:
                    await loop.sock_sendall(peer, figures())
                elif kind == _CONNECTION and descriptors:
                    message = await _read_all(peer)
                    size, request = int.from_bytes(message[:_SIZE_BYTES], "big"), message[_SIZE_BYTES:]
                    if request and len(request) == size:  # the other process survived the failure
                        await adopt(descriptors.pop(), request, server)
        except (OSError, TimeoutError) as exc:
            logger.warning("siblings.adoption_failed", error=type(exc).__name__)
        except Exception:  # the task's root
            logger.exception("siblings.adoption_failed")
        finally:
            for descriptor in descriptors:
                os.close(descriptor)


async def _readable(peer: socket.socket) -> None:
    """Wait until there is something to read."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(peer, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(peer)


async def _read_all(peer: socket.socket) -> bytes:
    """Read everything up to the end. The size was bounded when it was read from a client."""
    loop, read = asyncio.get_running_loop(), bytearray()
    while piece := await loop.sock_recv(peer, _PIECE_BYTES):
        read += piece
    return bytes(read)
