"""The Socket.IO sessions of this process, by sid and by connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import socketio

from hub.fanout.session import Session
from hub.fanout.socket import Socket


class Sessions(socketio.AsyncManager):  # type: ignore[misc]  # socketio ships no types
    """Stands where python-socketio has its client manager, which keeps rooms of its own.

    Those would be a second truth beside the log's, and leaving them takes a scan of all there are (15 ms with
    100,000 rooms). Here is only who is connected; rooms are the relay's.
    """

    def __init__(self) -> None:
        super().__init__()
        self._by_sid: dict[str, Session] = {}
        self._by_socket: dict[str, Session] = {}

    def add(self, session: Session) -> None:
        self._by_sid[session.sid] = session
        self._by_socket[session.socket.sid] = session

    def remove(self, session: Session) -> bool:
        """Forget a session; whether it was known."""
        known = self._by_socket.pop(session.socket.sid, None) is session
        if self._by_sid.get(session.sid) is session:  # and not one that has come back in its place
            del self._by_sid[session.sid]
        return known

    def of(self, sid: str | None) -> Session | None:
        return self._by_sid.get(sid) if sid else None

    def on(self, socket: Socket) -> Session | None:
        """The session of a connection that has been let in."""
        return self._by_socket.get(socket.sid)

    def __len__(self) -> int:
        return len(self._by_socket)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._by_socket.values()))

    # What remains of python-socketio's interface

    def is_connected(self, sid: str, namespace: str) -> bool:
        return sid in self._by_sid

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        session = self.of(sid)
        return session.socket.sid if session else None

    def basic_enter_room(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("rooms are the relay's: join them there")

    async def emit(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("events reach rooms through the log")
