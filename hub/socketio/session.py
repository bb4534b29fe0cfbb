"""A Socket.IO session: one client on one connection, and a member of rooms."""

from __future__ import annotations

from typing import Any

from hub.socketio import packets
from hub.socketio.buffered_member import BufferedMember
from hub.socketio.connection import Connection


class Session(BufferedMember):
    """A client on the one namespace there is.

    It is a `Member` of the relay: what is delivered to it goes straight to its connection.

    Attributes:
        id: Unique to this connection.
        sid: The client's id; a client that resumes keeps it.
        pid: The private id: whoever shows it may recover the session.
        connection: What carries it.
        resumed: It continues a session of another connection.
        parted: The client said goodbye, or was sent away: the session will not be resumed.
        over: The session has ended.
        stored: Its stored form; empty if nothing is stored.
        identity: Who the client is, in the application's terms; stored with the session.
        state: Whatever the application keeps of it.
    """

    __slots__ = (
        "buffer",
        "busy",
        "connection",
        "id",
        "identity",
        "over",
        "parted",
        "pid",
        "resumed",
        "sid",
        "state",
        "stored",
    )

    def __init__(self, sid: str, pid: str, connection: Connection) -> None:
        self.id = self.sid = sid
        self.pid = pid
        self.connection = connection
        self.buffer = connection.buffer
        self.identity: Any = None
        self.stored = ""
        self.resumed = False
        self.parted = False
        self.state: Any = None
        self.busy = False  # a command of it is under way
        self.over = False

    @property
    def address(self) -> str:
        """The client's address, as it is counted."""
        return self.connection.address

    # Its lifetime

    def resume_as(self, sid: str, pid: str | None) -> None:
        """Continue another session: under its private id, or under this one's own if events are missing."""
        self.sid = sid
        if pid is not None:
            self.pid, self.resumed = pid, True

    def undo_resume(self, pid: str) -> None:
        """Be a new session again, under its own ids."""
        self.sid, self.pid, self.resumed = self.id, pid, False

    def part(self) -> None:
        """Note that the session will not be resumed."""
        self.parted = True

    def end(self) -> None:
        """Note that the session has ended."""
        self.over = True

    def begin_command(self) -> None:
        """Note that a command is under way: the session is let go of after it."""
        self.busy = True

    def end_command(self) -> None:
        """Note that no command is under way."""
        self.busy = False

    def mark_stored(self, text: str) -> None:
        """Note the stored form of the session; empty if there is none."""
        self.stored = text

    def identify(self, identity: Any) -> None:
        """Set who the client is."""
        self.identity = identity

    def attach_state(self, state: Any) -> None:
        """Set what the application keeps of the session."""
        self.state = state

    # For this client alone

    def emit(self, event: str, *args: Any) -> None:
        """Send an event that is in no room, and not in the log."""
        self.connection.send_packets(packets.event(event, *args))

    def accept(self, event: str, *args: Any) -> None:
        """Tell the client that it is accepted, and an event right behind it."""
        self.connection.send_packets(packets.connect(self.sid, self.pid), packets.event(event, *args))

    def answer(self, ack_id: int, answer: Any) -> None:
        """Acknowledge a command; a string is taken for JSON already."""
        text = answer if isinstance(answer, str) else packets.encode_json(answer)
        self.connection.send_packets(packets.ack(ack_id, text))
