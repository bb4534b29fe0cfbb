"""Answers to temporary errors after which a browser's EventSource reconnects.

An EventSource reconnects after a stream that has ended, and gives up for good after any status but 200.
"""

from __future__ import annotations

import random

from aiohttp import web

from hub.core.errors import ComandaError
from hub.gateways.route_table import ROUTE

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}
# A proxy that retries on another hub and answers the EventSource itself sends this header (deploy/nginx.conf).
WANTS_STATUS = ("X-Stream-Errors", "status")
_COME_BACK_MS = (200, 2000)


def come_back(request: web.Request, error: ComandaError) -> web.Response | None:
    """Return a stream with a `retry:` alone, for an EventSource and a temporary error; None otherwise.

    Other routes keep the error's status, the agent's answers (`/api/chat`) included: no EventSource reads them.
    """
    if not error.retryable or not _is_event_source(request):
        return None
    return web.Response(body=retry_line(error.retry_after_s or 0), headers=HEADERS)


def retry_line(after_s: float = 0) -> bytes:
    """Return a `retry:` line with a random time of at least so many seconds, so that clients return one by one.

    No empty line ends it: some readers make an event of every block, and an event without data breaks their parsing.
    """
    return f"retry: {round(after_s * 1000) + random.randint(*_COME_BACK_MS)}\n".encode()


def _is_event_source(request: web.Request) -> bool:
    name, status = WANTS_STATUS
    route = request.get(ROUTE)
    return (
        route is not None
        and route.event_source
        and "text/event-stream" in request.headers.get("Accept", "")
        and request.headers.get(name) != status
    )
