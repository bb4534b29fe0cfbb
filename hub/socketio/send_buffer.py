"""The send buffer of a connection: bounded in bytes, the same for Socket.IO, plain WebSockets and event streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from hub.relay.conflator import Conflator, slow_bytes
from hub.relay.direct_writer import DirectWriter
from hub.relay.frames import Batch, Frame

DRAIN_TIMEOUT_S = 10.0  # for large answers to be sent before the next command is handled


class Outlet(Protocol):
    """The place where bytes leave: an `asyncio.Transport`, or a `SendQueue`.

    It calls `pause_writing` and `resume_writing` of the buffer's owner when it passes its limits.
    """

    def write(self, data: bytes) -> None:
        """Send bytes behind all others; never waits."""

    def get_write_buffer_size(self) -> int:
        """Return how many bytes are not sent yet."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set how many unsent bytes pause writing, and how few resume it."""


class BufferOwner(Protocol):
    """The connection that a buffer belongs to."""

    def overflowed(self) -> None:
        """Close the connection: its client does not read what it is sent."""

    def write_failed(self) -> None:
        """Close the connection: it is gone, and its protocol has not been told yet."""


class SendBuffer:
    """Bounds what one connection has unsent, in bytes.

    At most `limit_bytes` may be unsent, besides the largest message among them: one message alone may be larger than
    the limit, as the snapshot of a full room is, and a second one may not. Past that the owner is told to close; its
    client comes back and resumes from its cursor. Volatile events are never the reason: while the connection is slow,
    only the newest about each subject is kept.

    While less than half of the limit is unsent, `writer` leads straight to the outlet.

    Example:
        buffer = SendBuffer(limits.unsent_bytes, attrgetter("engineio_frame"), owner=connection)
        buffer.attach(transport, direct=True)
        buffer.deliver(frame)

    Args:
        limit_bytes: 0 for no limit.
        encode: Encodes a frame as the connection carries it; an empty result is not sent.

    Attributes:
        writer: The direct way to the outlet.
        is_full: More than half of the limit is unsent.
    """

    __slots__ = (
        "_conflator",
        "_direct",
        "_drained",
        "_largest",
        "_limit_bytes",
        "_outlet",
        "_owner",
        "is_full",
        "writer",
    )

    def __init__(self, limit_bytes: int, encode: Callable[[Frame], bytes], owner: BufferOwner) -> None:
        self.writer = DirectWriter(encode)
        self.is_full = False
        self._limit_bytes = limit_bytes
        self._owner = owner
        self._direct = False
        self._outlet: Outlet | None = None  # before `attach` and after `close`
        self._conflator: Conflator | None = None  # while the connection is slow
        self._largest = 0  # bytes of the largest unsent message, if it is past half of the limit
        self._drained: asyncio.Future[None] | None = None

    def attach(self, outlet: Outlet, *, direct: bool, encode: Callable[[Frame], bytes] | None = None) -> None:
        """Send everything to this outlet from now on.

        Args:
            direct: Frames may be written to it by others, and several of them in one piece, as to a transport.
            encode: The encoding that the outlet needs, if it differs from the one before.
        """
        self._outlet, self._direct = outlet, direct
        if encode is not None:
            self.writer.encode = encode
        if self._limit_bytes:
            outlet.set_write_buffer_limits(high=self._limit_bytes // 2, low=self._limit_bytes // 8)
        self._reset()
        self._choose_way()

    def close(self) -> None:
        """Send nothing any more, and forget what waits here. The outlet keeps what it was given."""
        self._outlet = self.writer.write = None
        if self._conflator is not None:
            self._conflator.clear()
        self.resume()

    # For the relay

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the outlet has not sent yet."""
        return self._outlet.get_write_buffer_size() if self._outlet is not None else 0

    @property
    def is_slow(self) -> bool:
        """True if so much is unsent that volatile events have to wait."""
        return self.unsent_bytes > slow_bytes(self._limit_bytes)

    def deliver(self, frame: Frame) -> None:
        """Send a frame; keep a volatile one while the connection is slow. Never waits, never raises."""
        if self._conflator is None and (frame.offset or not self.is_slow):
            self.write(frame)
            return
        if self._conflator is None:
            self._conflator = Conflator(self)
        self._conflator.pass_on(frame)
        self._choose_way()

    def deliver_all(self, batch: Batch) -> None:
        """Send several frames in their order, in one piece if there is room."""
        if self.writer.write is not None:
            self.send(batch.encoded(self.writer.encode))
        else:
            for frame in batch.frames:
                self.deliver(frame)

    def forget(self, room: str) -> None:
        """Drop the volatile events of a room that wait."""
        if self._conflator is not None:
            self._conflator.forget(room)

    # For the connection

    def write(self, frame: Frame) -> None:
        """Send a frame now."""
        self.send(self.writer.encode(frame))

    def send(self, data: bytes) -> None:
        """Send encoded bytes behind all others, or have the owner close the connection if there is no room for them."""
        outlet = self._outlet
        if outlet is None or not data:
            return
        if not self._has_room(outlet.get_write_buffer_size(), len(data)):
            self._owner.overflowed()
            return
        try:
            outlet.write(data)
        except RuntimeError:  # uvloop raises it between the end of a connection and `connection_lost`
            self._owner.write_failed()

    def pause(self) -> None:
        """Count every message from now on: half of the limit is unsent."""
        self.is_full = True
        self._choose_way()

    def resume(self) -> None:
        """Note that the outlet has sent most of what it had."""
        self._reset()
        if self._conflator is not None:
            self._conflator.release()
        self._choose_way()

    async def drained(self) -> None:
        """Wait, for a while, until less than half of the limit is unsent.

        A snapshot larger than the limit is an answer, and one such answer at a time fits.
        """
        if not self.is_full or not self._limit_bytes:
            return
        self._drained = asyncio.get_running_loop().create_future()
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                await self._drained

    def _has_room(self, unsent_bytes: int, size: int) -> bool:
        """Return True if this many bytes may join those that are unsent."""
        limit = self._limit_bytes
        if size > limit // 2 and size > self._largest:
            self._largest = size
        return not limit or unsent_bytes + size - self._largest <= limit

    def _reset(self) -> None:
        self.is_full = False
        self._largest = 0
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _choose_way(self) -> None:
        """Allow direct writes only while nothing waits and there is room."""
        if self._conflator is not None and not self._conflator:
            self._conflator = None
        outlet = self._outlet
        is_free = self._direct and self._conflator is None and not self.is_full
        self.writer.write = outlet.write if outlet is not None and is_free else None
