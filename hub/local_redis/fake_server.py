"""fakeredis as a server in a thread, for a machine that has no Redis. Its data does not survive the process."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fakeredis import TcpFakeServer
from fakeredis._clients._tcp_server import TCPFakeRequestHandler
from redis.exceptions import ResponseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SOURCE = f"fakeredis {version('fakeredis')}"
_POLL_S = 0.05


class _Handler(TCPFakeRequestHandler):
    """Answers an error and goes on, as Redis does; fakeredis 2.40 closes the connection after one."""

    def setup(self) -> None:
        super().setup()
        client: Any = self.current_client
        read = client.read_response

        def read_response() -> object:
            try:
                return read()
            except ResponseError as error:
                return error

        client.read_response = read_response


@asynccontextmanager
async def fake_redis() -> AsyncIterator[str]:
    """Serve fakeredis for as long as the context lasts; yield its URL.

    It listens on loopback, where any user of the machine may reach it.
    """
    server = TcpFakeServer(("127.0.0.1", 0), server_version=(7, 0))
    server.RequestHandlerClass = _Handler
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_S,), name="fakeredis", daemon=True)
    thread.start()
    try:
        yield f"redis://127.0.0.1:{server.server_address[1]}"
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        await asyncio.to_thread(thread.join)
