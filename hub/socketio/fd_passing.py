"""The transfer of a connection to another process: its request in bytes, and its file descriptor."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import cast

from aiohttp import web

from hub.socketio.aiohttp_internals import take_over

# Headers of the original request that do not apply: the body is sent in one piece, and there is no 100 Continue.
_NOT_PASSED_ON = frozenset({b"content-length", b"transfer-encoding", b"expect", b"trailer"})


def as_bytes(request: web.Request, body: bytes) -> bytes:
    """Return the request as bytes that a server can parse again."""
    version = request.version
    lines = [f"{request.method} {request.raw_path} HTTP/{version.major}.{version.minor}".encode()]
    lines += [b"%b: %b" % (name, value) for name, value in request.raw_headers if name.lower() not in _NOT_PASSED_ON]
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join((*lines, b"", body))


def detach(request: web.Request, transport: asyncio.Transport) -> tuple[int, bytes]:
    """Take a request's connection out of this process.

    Returns:
        Its descriptor, which the caller must close, and the bytes read past the request.
    """
    transport.pause_reading()
    descriptor = os.dup(transport.get_extra_info("socket").fileno())
    early = take_over(request)
    transport.set_protocol(asyncio.Protocol())
    transport.abort()  # closes this process's descriptor only; the client notices nothing
    return descriptor, early


async def adopt(descriptor: int, arrived: bytes, server: Callable[[], asyncio.Protocol]) -> None:
    """Serve a connection as if this process had accepted it, and the bytes had just arrived on it."""
    connection = socket.socket(fileno=descriptor)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.connect_accepted_socket(lambda: _Adopted(server(), arrived), connection)
    except BaseException:
        connection.close()
        raise


class _Adopted(asyncio.Protocol):
    """Lets the server's protocol read what has arrived already, before anything else does."""

    def __init__(self, served_by: asyncio.Protocol, arrived: bytes) -> None:
        self._served_by = served_by
        self._arrived = arrived

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the connection to the protocol that serves it, with the bytes that arrived before."""
        cast("asyncio.Transport", transport).set_protocol(self._served_by)
        self._served_by.connection_made(transport)
        self._served_by.data_received(self._arrived)
