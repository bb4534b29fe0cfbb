"""HTTP requests on kept-alive connections, at next to no cost: so that what is measured is the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

_END_OF_HEADERS = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request.

    It reads what a server of ours sends (a status, a Content-Length, a body), not all of HTTP.
    """

    def __init__(self, on_answer: Callable[[Connection, int, bytes], None], on_lost: Callable[[], None]) -> None:
        self.sent_at = 0.0
        self._on_answer = on_answer
        self._on_lost = on_lost
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def send(self, request: bytes, now: float) -> None:
        assert self._transport is not None
        self.sent_at = now
        self._transport.write(request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(_END_OF_HEADERS)
        if not found:
            return
        at = head.index(b"Content-Length:") + 15
        end = head.find(b"\r\n", at)
        if len(rest) < int(head[at : end if end > 0 else None]):
            return
        self._received = b""
        self._on_answer(self, int(head[9:12]), rest)

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost()


def post(path: str, body: bytes, *headers: str) -> tuple[bytes, bytes]:
    """A request in two halves, between which one more header line may stand."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n", f"Content-Length: {len(body)}\r\n\r\n".encode() + body
