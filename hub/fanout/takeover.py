"""Taking a connection over from the HTTP server: from then on it knows nothing of it."""

from __future__ import annotations

from typing import Any, cast

from aiohttp import web


def take_over(request: web.Request) -> bytes:
    """Make the HTTP server forget a request's connection; its transport goes on, and wants a protocol at once.

    Returns:
        What a hasty client has sent behind an upgrade's request already.
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
    """Takes what a hasty client has sent behind its handshake, before it had an answer."""

    data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None: ...
