"""The body of a door to which the caller brings the whole conversation, the question last."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from hub.domain.errors import BadRequest, TooLarge
from hub.gateways.http import read_json

MOST_BYTES = 1_048_576
MOST_MESSAGES = 2_000
LOOKED_AT = 200  # the newest; what the agent remembers is shorter still


async def read_conversation(request: web.Request) -> dict[str, Any]:
    """The body, with the newest of its messages and the `Idempotency-Key` as `command_id`.

    Raises:
        BadRequest: It is no JSON object, or names another `command_id` than the header does.
        TooLarge: More messages than anybody remembers.
        aiohttp.web.HTTPRequestEntityTooLarge: It is past the limit.
    """
    body = await read_json(request, most_bytes=MOST_BYTES)
    key = request.headers.get("Idempotency-Key")
    if key is not None and body.setdefault("command_id", key) != key:
        raise BadRequest("command_id differs from the headers", field="command_id")
    messages = body.get("messages")
    if isinstance(messages, list):
        if len(messages) > MOST_MESSAGES:
            raise TooLarge(f"a conversation has at most {MOST_MESSAGES} messages", limit=MOST_MESSAGES)
        body["messages"] = messages[-LOOKED_AT:]
    return body
