"""Memory and tasks of plain WebSockets and event streams that only stand there, as most do most of the time."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import tracemalloc
from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.wire import frame

if TYPE_CHECKING:
    from tests.gateways.conftest import Open

CONNECTIONS = 100


def open_websocket(client: socket.socket) -> None:
    """Open a plain WebSocket, and have one command answered."""
    key = b64encode(os.urandom(16)).decode()
    client.sendall(
        "GET /ws HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    _read_until(client, b"\r\n\r\n")
    client.sendall(frame(b'{"id":1,"command":"hub.ping"}'))
    _read_until(client, b'"ack"')


def open_event_stream(client: socket.socket) -> None:
    """Open a room's event stream, and read its first event."""
    client.sendall(b"GET /api/rooms/promos/events HTTP/1.1\r\nHost: hub\r\nAccept: text/event-stream\r\n\r\n")
    _read_until(client, b"room.reset")


def _read_until(client: socket.socket, word: bytes) -> None:
    received = b""
    while word not in received:
        received += client.recv(4_096)


def open_many(url: str, opened: Callable[[socket.socket], None], stack: ExitStack) -> None:
    """Open connections; of each, only a socket is left in this process."""
    host, _, port = url.removeprefix("http://").partition(":")
    for _ in range(CONNECTIONS):
        opened(stack.enter_context(socket.create_connection((host, int(port)), timeout=10)))


@pytest.mark.parametrize(
    ("opened", "max_bytes"),
    # Measured: 3.8 and 3.3 KB; 23.8 and 20.6 KB, and three and two tasks each, while they
    # were a WebSocketResponse and a StreamResponse of aiohttp.
    [(open_websocket, 6_000), (open_event_stream, 6_000)],
    ids=["websocket", "sse"],
)
async def test_a_stream_that_stands_takes_little_memory_and_no_task(
    open_hub: Open, opened: Callable[[socket.socket], None], max_bytes: int
) -> None:
    async with open_hub(connections=0) as house:
        with ExitStack() as clients:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, open_many, house.url, opened, clients)  # what is made once is made
            tasks = len(asyncio.all_tasks())
            tracemalloc.start()
            try:
                await loop.run_in_executor(None, open_many, house.url, opened, clients)
                gc.collect()
                grown_bytes = tracemalloc.get_traced_memory()[0]
            finally:
                tracemalloc.stop()
            assert len(asyncio.all_tasks()) == tasks
            assert grown_bytes < CONNECTIONS * max_bytes
