"""The limits of a Socket.IO server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """The limits of one connection: sizes, timeouts and transports.

    Attributes:
        message_bytes: The largest message of a client, in bytes; 0 for any size.
        unsent_bytes: What a connection may have unsent before it is closed, in bytes; 0 for no limit.
        connect_s: The time for a client to send CONNECT, in seconds; 0 for ever.
        ping_interval_s: From one sign of life to the next ping, in seconds.
        ping_timeout_s: The time to answer a ping, in seconds.
        transports: The transports of Engine.IO that are served.
        allow_upgrades: True if a connection that began with polling may move to a WebSocket.
    """

    message_bytes: int = 65_536
    unsent_bytes: int = 1_048_576
    connect_s: float = 10.0
    ping_interval_s: float = 25.0
    ping_timeout_s: float = 20.0
    transports: Sequence[str] = ("polling", "websocket")
    allow_upgrades: bool = True
