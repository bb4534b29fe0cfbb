"""The takeover of a connection from the HTTP server, which then no longer knows it."""

from __future__ import annotations

from typing import Any, cast

from aiohttp import web


def take_over(request: web.Request) -> bytes:
    """Detach a request's connection from the HTTP server. Its transport goes on, and needs a new protocol at once.

    Returns:
        The bytes that the client has sent after the upgrade request, before it had an answer.
    """
    handler = request.protocol
    # With a transport, `connection_lost` would close it.
    handler.transport = None
    early = _Early()
    handler.set_parser(cast("Any", early))
    handler.connection_lost(None)
    return early.data


class HandedOver(web.StreamResponse):
    """A response that sends nothing. Handlers return it after another protocol has taken the connection over."""

    def __init__(self) -> None:
        super().__init__(status=101)

    async def prepare(self, request: web.BaseRequest) -> None:
        self.force_close()

    async def write_eof(self, data: bytes = b"") -> None: ...


class _Early:
    """Collects the bytes that a client has sent after its handshake, before it had an answer."""

    data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None: ...
