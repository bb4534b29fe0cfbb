"""The member's side of a connection that sends through a send buffer."""

from __future__ import annotations

from collections.abc import Callable

from hub.relay.direct_writer import DirectWriter
from hub.relay.frames import Batch, Frame
from hub.socketio.send_buffer import SendBuffer


class BufferedMember:
    """A member of rooms that sends through a send buffer.

    `deliver` and `deliver_all` are the buffer's own methods, which saves a call for each delivery.

    Attributes:
        buffer: The send buffer of the member's connection, set by the subclass.
    """

    __slots__ = ()

    buffer: SendBuffer

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the connection has not sent yet."""
        return self.buffer.unsent_bytes

    @property
    def direct_writer(self) -> DirectWriter:
        """The direct way to the transport."""
        return self.buffer.writer

    @property
    def deliver(self) -> Callable[[Frame], None]:
        """Send a frame of a room; never waits, never raises."""
        return self.buffer.deliver

    @property
    def deliver_all(self) -> Callable[[Batch], None]:
        """Send several frames in their order."""
        return self.buffer.deliver_all
