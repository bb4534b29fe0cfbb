"""The Socket.IO sessions of this process, by sid and by connection."""

from __future__ import annotations

from collections.abc import Iterator

from hub.socketio.connection import Connection
from hub.socketio.session import Session


class Sessions:
    """Finds sessions. Rooms are the relay's: kept here as well, they would be a second truth beside the log's."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Session] = {}
        self._by_connection: dict[str, Session] = {}

    def add(self, session: Session) -> None:
        """Keep a session until `remove`."""
        self._by_sid[session.sid] = session
        self._by_connection[session.connection.sid] = session

    def remove(self, session: Session) -> bool:
        """Forget a session; return True if it was known."""
        known = self._by_connection.pop(session.connection.sid, None) is session
        if self._by_sid.get(session.sid) is session:  # and not one that has resumed it
            del self._by_sid[session.sid]
        return known

    def by_sid(self, sid: str) -> Session | None:
        """Return the session with this sid."""
        return self._by_sid.get(sid)

    def of(self, connection: Connection) -> Session | None:
        """Return the session of a connection whose CONNECT was accepted."""
        return self._by_connection.get(connection.sid)

    def __len__(self) -> int:
        return len(self._by_connection)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._by_connection.values()))
