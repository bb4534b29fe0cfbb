"""Detects that the reader of a stream has left, before the next write fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from aiohttp import web


def close_after(response: web.StreamResponse) -> None:
    """Make the connection end with this answer, as `watch` requires. Call it before the answer is prepared."""
    response.force_close()


def watch(request: web.Request, left: Callable[[], None]) -> None:
    """Call `left` when the connection under an answer is lost, and at once if it is lost already.

    From here on the connection carries nothing but the answer. (aiohttp's `handler_cancellation` would do the same to
    every request, and cut off commits that are under way.)
    """
    if request.transport is None or request.transport.is_closing():
        left()
    else:
        request.protocol.set_parser(cast("Any", _DisconnectListener(left)))


class _DisconnectListener:
    """Takes the place of aiohttp's reader of WebSocket frames, which is told of the connection's end."""

    def __init__(self, left: Callable[[], None]) -> None:
        self._left = left

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Ignore the bytes that a reader sends."""
        return False, b""

    def feed_eof(self) -> None:
        self._left()
