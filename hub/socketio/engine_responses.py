"""HTTP responses of Engine.IO."""

from __future__ import annotations

import math
from enum import Enum

from aiohttp import web

from hub.core.errors import ComandaError


class Refusal(Enum):
    """The error codes and messages of the Engine.IO protocol for requests that are refused."""

    TRANSPORT_UNKNOWN = (0, "Transport unknown")
    SESSION_UNKNOWN = (1, "Session ID unknown")
    BAD_METHOD = (2, "Bad handshake method")
    BAD_REQUEST = (3, "Bad request")
    FORBIDDEN = (4, "Forbidden")
    BAD_VERSION = (5, "Unsupported protocol version")


def respond(request: web.Request, payload: bytes) -> web.Response:
    """Return a response with packets; a page of another origin that was allowed may read it."""
    headers = {"Cache-Control": "no-store"}
    origin = request.headers.get("Origin")
    if origin is not None:  # it has passed the check
        headers |= {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    if request.method == "OPTIONS":
        headers |= {
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": "Content-Type",
            "Access-Control-Max-Age": "600",
        }
    return web.Response(body=payload, headers=headers, content_type="text/plain", charset="utf-8")


def refuse(refusal: Refusal, status: int = 400) -> web.Response:
    """Return the response that refuses a request in the protocol's words."""
    code, message = refusal.value
    return web.json_response({"code": code, "message": message}, status=status)


def refuse_with(error: ComandaError) -> web.Response:
    """Return the response for an error of the hub."""
    headers = {"Retry-After": str(math.ceil(error.retry_after_s or 1))}
    return web.json_response({"ok": False, "error": error.as_dict()}, status=error.status, headers=headers)
