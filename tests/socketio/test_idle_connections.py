"""What a connection takes that only stands there, as most do most of the time."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import tracemalloc
from base64 import b64encode
from contextlib import ExitStack
from urllib.parse import urlsplit

from aiohttp import web

from tests.support.socketio_harness import Hub
from tests.support.wire import SOCKET_IO, frame

CONNECTIONS = 200
# Measured: 3.7 KB on asyncio's own loop, its transport included; 17.2 KB while aiohttp's WebSocketResponse was there.
MAX_BYTES = 6_000


def enter(url: str, stack: ExitStack) -> None:
    """As many clients as there are to be, each let in; of each, only a socket is left in this process."""
    parts = urlsplit(url)
    for _ in range(CONNECTIONS):
        link = stack.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=10))
        key = b64encode(os.urandom(16)).decode()
        link.sendall(
            f"GET {SOCKET_IO} HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        _until(link, b"pingInterval")
        link.sendall(frame(b"40"))
        _until(link, b"hub.welcome")


def _until(link: socket.socket, word: bytes) -> None:
    heard = b""
    while word not in heard:
        heard += link.recv(4_096)


async def test_a_connection_that_stands_takes_little_memory_and_no_task() -> None:
    hub, app = Hub(connections=0), web.Application()
    hub.server.attach(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        with ExitStack() as clients:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, enter, hub.url, clients)  # what is made once is made
            tasks = len(asyncio.all_tasks())
            tracemalloc.start()
            try:
                await loop.run_in_executor(None, enter, hub.url, clients)
                gc.collect()
                grown_bytes = tracemalloc.get_traced_memory()[0]
            finally:
                tracemalloc.stop()
            assert len(hub.server.sessions) == 2 * CONNECTIONS
            assert len(asyncio.all_tasks()) == tasks
            assert runner.server is not None
            assert runner.server.connections == []  # the HTTP server keeps nothing of them
            assert grown_bytes < CONNECTIONS * MAX_BYTES
    finally:
        await runner.cleanup()
