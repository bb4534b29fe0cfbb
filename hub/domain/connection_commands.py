"""Commands about a connection: entering rooms, logging in, and tests of the line."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from hub.domain.command import MAX_NAME_CHARS, Command, Name, Token
from hub.domain.values import SingleLine, Value


def _name_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= MAX_NAME_CHARS else None


class Connect(Value):
    """The payload of a Socket.IO client's CONNECT packet. A returning client adds `pid` and `offset`.

    The client library adds these two by itself. A value of another shape is ignored: the client is not refused for it.
    """

    token: Token | None = None
    branch: Name | None = None
    pid: Annotated[Name | None, BeforeValidator(_name_or_none)] = None
    offset: Annotated[Name | None, BeforeValidator(_name_or_none)] = None


class Ping(Command):
    """A test of the connection. It is answered at once, before any limit and without Redis."""

    name: ClassVar[str] = "hub.ping"


class JoinRoom(Command):
    """Join a room, or resume it from a cursor in `after`; `only` names the event types that the caller wants."""

    name: ClassVar[str] = "room.join"
    room: Name
    token: Token | None = None
    after: Name | None = None
    only: Annotated[tuple[Name, ...], Field(max_length=64)] | None = None


class LeaveRoom(Command):
    """Leave a room."""

    name: ClassVar[str] = "room.leave"
    room: Name


class Login(Value):
    """Log in with a name and a PIN. It is no command of the log, as it changes nothing there.

    Attributes:
        device: A random text that the caller's device keeps. An account knows the devices of its earlier logins.
    """

    name: SingleLine
    pin: Annotated[str, Field(min_length=1, max_length=64)]
    device: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")] | None = None


class Logout(Command):
    """Revoke the token of this connection or request."""

    name: ClassVar[str] = "auth.logout"
