"""A WebSocket that refuses frames without a mask, which aiohttp's own accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from aiohttp import WSCloseCode, web
from aiohttp.http_websocket import WebSocketError

from hub.fanout.frame_masks import FrameMasks

if TYPE_CHECKING:
    from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader


class MaskedWebSocket(web.WebSocketResponse):
    """A server's WebSocket that ends with code 1002 at the first frame that its client did not mask."""

    def _post_start(self, request: web.BaseRequest, protocol: str | None, writer: Any) -> None:
        early = request.protocol._message_tail  # frames that came behind the handshake: the reader is given them first
        super()._post_start(request, protocol, writer)
        reader, queue = self._parser, self._reader
        assert reader is not None
        assert queue is not None
        masked = _MaskedReader(reader, queue)
        masked.check(early)
        request.protocol._payload_parser = cast("Any", masked)


class _MaskedReader:
    """Wraps the reader of frames, and passes on masked frames only."""

    def __init__(self, reader: WebSocketReader, queue: WebSocketDataQueue) -> None:
        self._reader = reader
        self._queue = queue
        self._masks = FrameMasks()

    def check(self, data: bytes) -> bool:
        """Return True if all frames in this piece are masked; otherwise end the reading."""
        if not self._masks.unmasked(data):
            return True
        self._queue.set_exception(WebSocketError(WSCloseCode.PROTOCOL_ERROR, "a client's frames are masked"))
        return False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        return self._reader.feed_data(data) if self.check(data) else (True, b"")

    def feed_eof(self) -> None:
        self._reader.feed_eof()
