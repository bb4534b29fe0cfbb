"""Request bodies that hold a whole conversation, the question last."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from hub.core.errors import TooLarge
from hub.gateways.request_body import read_keyed_json

MAX_BYTES = 1_048_576
MAX_MESSAGES = 2_000
MAX_READ = 200  # the newest messages; the agent remembers fewer still


async def read_conversation(request: web.Request) -> dict[str, Any]:
    """Read a body: keep the newest of its messages, and put the `Idempotency-Key` into `command_id`.

    Raises:
        BadRequest: It is not a JSON object, or its `command_id` differs from the header.
        TooLarge: There are more than `MAX_MESSAGES` messages.
        aiohttp.web.HTTPRequestEntityTooLarge: It is past the limit.
    """
    body = await read_keyed_json(request)
    messages = body.get("messages")
    if isinstance(messages, list):
        if len(messages) > MAX_MESSAGES:
            raise TooLarge(f"a conversation has at most {MAX_MESSAGES} messages", limit=MAX_MESSAGES)
        body["messages"] = messages[-MAX_READ:]
    return body
