"""Everything that this package relies on of aiohttp's private parts, in one place.

`tests/socketio/test_internals.py` fails on a version of aiohttp that has changed one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from aiohttp import WSMessage, web
from aiohttp._websocket.reader import WebSocketDataQueue
from aiohttp.http_websocket import WebSocketError, WebSocketReader

PROTOCOL_ERROR = 1002


def take_over(request: web.Request) -> bytes:
    """Detach a request's connection from the HTTP server. Its transport goes on, and needs a new protocol at once.

    Returns:
        The bytes that the client has sent after the request, before it had an answer.
    """
    handler = request.protocol
    # With a transport, `connection_lost` would close it.
    handler.transport = None
    early = _EarlyBytes()
    handler.set_parser(cast("Any", early))
    handler.connection_lost(None)
    return early.data


def watch_disconnect(request: web.Request, on_disconnect: Callable[[], None]) -> None:
    """Call `on_disconnect` when the connection under an answer is lost, and at once if it is lost already.

    From here on the connection carries nothing but the answer: what the client sends is ignored. (aiohttp's
    `handler_cancellation` would do the same to every request, and cut off commits that are under way.)
    """
    if request.transport is None or request.transport.is_closing():
        on_disconnect()
    else:
        request.protocol.set_parser(cast("Any", _DisconnectListener(on_disconnect)))


def frame_reader(arrivals: Arrivals, message_bytes: int) -> WebSocketReader:
    """Return a reader of WebSocket frames that puts complete messages into `arrivals`.

    Args:
        message_bytes: The largest message, in bytes; 0 for any size.
    """
    # aiohttp's limit is the first size that it refuses.
    return WebSocketReader(arrivals, message_bytes and message_bytes + 1, compress=False, decode_text=True)


class TakenOver(web.StreamResponse):
    """A response that sends nothing. Handlers return it after another protocol has taken the connection over."""

    def __init__(self) -> None:
        super().__init__(status=101)

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send no headers."""
        self.force_close()

    async def write_eof(self, data: bytes = b"") -> None:
        """Send no end."""


class Arrivals(WebSocketDataQueue):
    """The messages that a `WebSocketReader` has read.

    All readers of a process share one: it is emptied after each piece of input.
    """

    def __init__(self) -> None:
        super().__init__(cast("Any", None), 0, loop=cast("Any", None))
        self._messages: list[WSMessage] = []
        self._code = 0

    def feed_data(self, data: Any, size: int) -> None:
        """Keep a message."""
        self._messages.append(data)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """Keep the close code of a violation."""
        self._code = exc.code if isinstance(exc, WebSocketError) else PROTOCOL_ERROR

    def take(self) -> tuple[list[WSMessage], int]:
        """Return the messages, and the close code of the protocol violation behind them; 0 if there is none."""
        taken = self._messages, self._code
        self._messages, self._code = [], 0
        return taken


class _EarlyBytes:
    """Takes the place of aiohttp's reader of frames, and collects what was sent behind a handshake."""

    data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Keep bytes that arrived before the WebSocket took over."""
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        """Ignore the end of the input."""


class _DisconnectListener:
    """Takes the place of aiohttp's reader of frames, which is told of the connection's end."""

    def __init__(self, on_disconnect: Callable[[], None]) -> None:
        self._on_disconnect = on_disconnect

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Ignore the bytes."""
        return False, b""

    def feed_eof(self) -> None:
        """Report the end of the connection."""
        self._on_disconnect()
