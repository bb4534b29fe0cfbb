"""The handshake of a WebSocket (RFC 6455, 4.2)."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from hashlib import sha1

from aiohttp import web

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_VERSIONS = ("13", "8", "7")


def is_websocket(request: web.Request) -> bool:
    """Return True if the request asks to become a WebSocket."""
    return request.headers.get("Upgrade", "").strip().lower() == "websocket"


def accept(request: web.Request) -> bytes:
    """Return the answer to a WebSocket's handshake, as bytes for the transport.

    Raises:
        aiohttp.web.HTTPBadRequest: The request is not a handshake.
    """
    headers = request.headers
    key = headers.get("Sec-WebSocket-Key", "")
    if "upgrade" not in headers.get("Connection", "").lower() or headers.get("Sec-WebSocket-Version") not in _VERSIONS:
        raise web.HTTPBadRequest(text="not a WebSocket handshake")
    try:
        is_key = len(b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        is_key = False
    if not is_key:
        raise web.HTTPBadRequest(text="not a WebSocket key")
    accepted = b64encode(sha1(key.encode() + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accepted
    )
