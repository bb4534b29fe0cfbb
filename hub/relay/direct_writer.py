"""The shortcut from the relay to a connection's transport."""

from __future__ import annotations

from collections.abc import Callable

from hub.relay.frames import Frame

_NOTHING: list[bytes] = []  # nothing is ever added to it; idle members share it: a list is 56 bytes


class DirectWriter:
    """A shortcut to a member's transport: encoded frames are written to it without a call of the member.

    Attributes:
        encode: Encodes a frame as the member's connection carries it.
        write: The transport's own `write`; None while frames have to go through the member instead.
        pending: Encoded frames of this turn of the loop; `flush` writes them in one system call.
    """

    __slots__ = ("encode", "pending", "write")

    def __init__(self, encode: Callable[[Frame], bytes]) -> None:
        self.encode = encode
        self.write: Callable[[bytes], None] | None = None
        self.pending = _NOTHING

    def flush(self) -> None:
        """Write what is pending, in one call."""
        pending, self.pending = self.pending, _NOTHING
        if not pending or self.write is None:
            return
        try:
            self.write(pending[0] if len(pending) == 1 else b"".join(pending))
        except RuntimeError:
            return  # uvloop raises it when the connection is gone; its protocol learns that itself


NO_DIRECT_WRITER = DirectWriter(lambda _: b"")
