"""A member of rooms, as the relay sees it."""

from __future__ import annotations

from typing import Protocol

from hub.relay.frames import Batch, Frame


class Member(Protocol):
    """A reader of rooms: a Socket.IO connection, an SSE stream, a plain WebSocket.

    Attributes:
        id: Unique within the process.
    """

    @property
    def id(self) -> str: ...

    @property
    def unsent_bytes(self) -> int:
        """Bytes that it was given and has not read yet."""

    def deliver(self, frame: Frame) -> None:
        """Take a frame. Never waits, never raises; a member that cannot keep up closes itself."""

    def deliver_all(self, batch: Batch) -> None:
        """Take several frames, in their order."""
