"""The interface between the Socket.IO server and the application above it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hub.socketio.session import Session

Answer = Mapping[str, Any] | str
Then = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to a CONNECT that is accepted.

    Attributes:
        welcome: The payload of the first event, `hub.welcome`.
        cursor: A place to resume from before anything else has happened.
        begin: Called once the client has been sent both.
    """

    welcome: Mapping[str, Any]
    cursor: str
    begin: Then


class SessionHandler(Protocol):
    """Handles the sessions of a Socket.IO server. The application implements it and passes it in.

    Example:
        class Echo:
            async def connect(self, session, payload):
                return Accepted(welcome={}, cursor="", begin=lambda: None)

            async def command(self, session, name, payload):
                return {"ok": True, "data": payload}, None

            def disconnected(self, session): ...

        server = SocketIoServer(Echo(), ServerLimits(), origins, connections, address=address_of)
    """

    async def connect(self, session: Session, payload: Mapping[str, Any]) -> Accepted:
        """Decide on a CONNECT, and fill in the session.

        Raises:
            ComandaError: The client is refused. An error that is retryable, or a fault of the server, closes the
                connection: a stock client comes back after that alone.
        """

    async def command(self, session: Session, name: str, payload: Any) -> tuple[Answer, Then | None]:
        """Carry out one command. A client's commands come one at a time, in its order.

        Returns:
            The answer (a string is JSON already), and what to do once the answer is on its way.
        """

    def disconnected(self, session: Session) -> None:
        """Let go of a session.

        Called once for each session, when no command of it is under way any more; also for a session that was refused,
        or whose connection ended before it was accepted.
        """
