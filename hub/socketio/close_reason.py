"""The reasons for which connections end."""

from __future__ import annotations

from enum import StrEnum


class CloseReason(StrEnum):
    """The reason for which a connection ended; a label of metrics."""

    CLIENT = "client"  # the client closed the connection, or is gone
    NO_CONNECT = "no_connect"  # it sent no CONNECT in time
    NO_PONG = "no_pong"  # it answered no ping
    UNSENT = "unsent"  # it does not read the frames sent to it
    MALFORMED = "malformed"  # it does not speak the protocol
    ATTACHMENT = "attachment"  # it sent binary data, or too much of it
    TOO_LARGE = "too_large"  # a message past the limit
    SHUTDOWN = "shutdown"  # the process stops; the client finds another one
    SERVER = "server"  # the application asked for it
    REPLACED = "replaced"  # its client has come back on another connection
    UNAVAILABLE = "unavailable"  # it is refused temporarily; it may try again
    FAILED = "failed"  # it is refused because of a fault of the hub; it may try again

    @property
    def code(self) -> int:
        """The close code of a WebSocket that is closed for this reason."""
        return _CODES.get(self, 1008)

    @classmethod
    def of_violation(cls, code: int) -> CloseReason:
        """Return the reason for a violation of the WebSocket protocol that has this close code."""
        return _VIOLATIONS.get(code, cls.CLIENT)


_CODES = {
    CloseReason.CLIENT: 1000,
    CloseReason.SERVER: 1000,
    CloseReason.SHUTDOWN: 1012,
    CloseReason.REPLACED: 1000,
    CloseReason.UNAVAILABLE: 1013,
    CloseReason.FAILED: 1011,
    CloseReason.TOO_LARGE: 1009,
    CloseReason.MALFORMED: 1002,
}
_VIOLATIONS = {1009: CloseReason.TOO_LARGE, 1002: CloseReason.MALFORMED, 1007: CloseReason.MALFORMED}
