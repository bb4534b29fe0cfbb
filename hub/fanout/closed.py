"""Why a connection ended."""

from __future__ import annotations

from enum import StrEnum


class Closed(StrEnum):
    """Why a connection ended; the metric's label."""

    CLIENT = "client"  # it said so, or went away
    NO_CONNECT = "no_connect"  # it never asked to be let in
    NO_PONG = "no_pong"  # it fell silent
    UNSENT = "unsent"  # it does not read what it is sent
    MALFORMED = "malformed"  # it does not speak the protocol
    ATTACHMENT = "attachment"  # it sent binary data, or too much of it
    TOO_LARGE = "too_large"  # a message past the limit
    SHUTDOWN = "shutdown"  # we are going away; it finds another process
    SERVER = "server"  # the application asked for it
    REPLACED = "replaced"  # its client has come back on another connection
    UNAVAILABLE = "unavailable"  # it could not be let in just now; it may try again
    FAILED = "failed"  # it could not be let in for a fault of ours; it may try again, here or elsewhere

    @property
    def code(self) -> int:
        """How a WebSocket is closed for it."""
        return _CODES.get(self, 1008)

    @classmethod
    def of_rule(cls, code: int) -> Closed:
        """What it is to break a rule of WebSockets that has this code."""
        return _RULES.get(code, cls.CLIENT)


_CODES = {
    Closed.CLIENT: 1000,
    Closed.SERVER: 1000,
    Closed.SHUTDOWN: 1012,
    Closed.REPLACED: 1000,
    Closed.UNAVAILABLE: 1013,
    Closed.FAILED: 1011,
    Closed.TOO_LARGE: 1009,
    Closed.MALFORMED: 1002,
}
_RULES = {1009: Closed.TOO_LARGE, 1002: Closed.MALFORMED, 1007: Closed.MALFORMED}
