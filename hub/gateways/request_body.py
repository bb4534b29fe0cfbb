"""Reads the body of a request, within bounds of size and time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from hub.core.errors import BadRequest
from hub.gateways.route_table import ROUTE

BODY_S = 10.0  # for a request's body to arrive


async def read_json(request: web.Request, *, empty_is_object: bool = False) -> dict[str, Any]:
    """Return the body, which must be one JSON object.

    Args:
        empty_is_object: Take an empty body for `{}`.

    Raises:
        BadRequest: The body is incomplete, late, encoded, not JSON, not UTF-8, or not an object.
        aiohttp.web.HTTPRequestEntityTooLarge: The body is past the limit of its route.
    """
    raw = await read_bytes(request)
    if not raw and empty_is_object:
        return {}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise BadRequest("the body is not JSON") from exc
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


async def read_keyed_json(request: web.Request, *, empty_is_object: bool = False) -> dict[str, Any]:
    """Return the body with the header `Idempotency-Key` as its `command_id`.

    Raises:
        BadRequest: As in `read_json`; or the body has another `command_id` than the header.
        aiohttp.web.HTTPRequestEntityTooLarge: The body is past the limit of its route.
    """
    body = await read_json(request, empty_is_object=empty_is_object)
    key = request.headers.get("Idempotency-Key")
    if key is not None and body.setdefault("command_id", key) != key:
        raise BadRequest("command_id differs from the Idempotency-Key header", field="command_id")
    return body


async def read_bytes(request: web.Request) -> bytes:
    """Return the body as it was sent.

    Raises:
        BadRequest: The body is incomplete, late or encoded.
        aiohttp.web.HTTPRequestEntityTooLarge: The body is past the limit of its route.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadRequest("send the body without a Content-Encoding")
    route = request.get(ROUTE)
    if route is not None and route.max_body_bytes is not None:
        request = request.clone(client_max_size=max(route.max_body_bytes, request.client_max_size))
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except TimeoutError as exc:
        # The connection ends with the answer: the hub reads nothing more from it.
        request.protocol.close()
        request.content.feed_eof()
        raise BadRequest("the body did not arrive in time") from exc
    except (web.RequestPayloadError, ConnectionError) as exc:
        raise BadRequest("the body did not arrive completely") from exc
