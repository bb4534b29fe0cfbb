"""A check that a client masks its WebSocket frames, as RFC 6455 requires. The reader of frames does not check it."""

from __future__ import annotations

_MASKED, _LENGTH = 0x80, 0x7F
_MASK_BYTES = 4
_EXTENDED = {126: 2, 127: 8}  # bytes of the length where it does not fit into seven bits


class FrameMasks:
    """Follows one client's frames through the pieces in which they arrive.

    Source: RFC 6455, sections 5.1 and 5.2.
    """

    __slots__ = ("_header", "_skip")

    def __init__(self) -> None:
        self._header = b""  # the beginning of a header that has not arrived whole
        self._skip = 0  # bytes of the present frame that are still to come

    def unmasked(self, data: bytes) -> bool:
        """Return True if a frame in this piece is not masked. The caller then closes the connection with code 1002."""
        at, end = self._skip, len(data)
        if self._header:
            data, self._header = self._header + data, b""
            at, end = 0, len(data)
        while at < end:
            header = _header_bytes(data, at, end)
            if header < 0:
                return True
            if not header or at + header > end:
                self._header = data[at:]
                self._skip = 0
                return False
            at += header + _payload_bytes(data, at)
        self._skip = at - end
        return False


def _header_bytes(data: bytes, at: int, end: int) -> int:
    """Return the length of the header that begins here; 0 if it is incomplete, -1 if it has no mask."""
    if end - at < 2:
        return 0
    second = data[at + 1]
    if not second & _MASKED:
        return -1
    return 2 + _EXTENDED.get(second & _LENGTH, 0) + _MASK_BYTES


def _payload_bytes(data: bytes, at: int) -> int:
    length = data[at + 1] & _LENGTH
    extended = _EXTENDED.get(length, 0)
    return int.from_bytes(data[at + 2 : at + 2 + extended]) if extended else length
