"""One Socket.IO connection that has been let in: what the gateway knows of it, and a member of rooms."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hub.domain.roles import ANONYMOUS, Principal
from hub.fanout.frames import Batch, Frame
from hub.fanout.seats import Line
from hub.fanout.socket import MESSAGE, Socket


class Session:
    """A client on the one namespace there is.

    It is a `Member`: what is delivered to it goes straight to its connection.

    Attributes:
        id: Unique to this connection.
        sid: What the client is called; a client that comes back keeps it.
        pid: Its private id: who shows it may recover the session.
        address: Where it is from.
        held: Who it is, with every capability it has shown when it entered a room.
        kept: What is kept of it for its return; empty if nothing is.
        resumed: It goes on where another connection was.
        parted: It said goodbye, or was sent away: it will not come back.
        state: Whatever the gateway keeps of it.
    """

    __slots__ = ("busy", "held", "id", "kept", "over", "parted", "pid", "resumed", "sid", "socket", "state")

    def __init__(self, sid: str, pid: str, socket: Socket) -> None:
        self.id = self.sid = sid
        self.pid = pid
        self.socket = socket
        self.held: Principal = ANONYMOUS
        self.kept = ""
        self.resumed = False
        self.parted = False
        self.state: Any = None
        self.busy = False  # a command of its is under way
        self.over = False

    @property
    def unsent_bytes(self) -> int:
        return self.socket.unsent_bytes

    @property
    def address(self) -> str:
        return self.socket.address

    @property
    def line(self) -> Line:
        return self.socket.line

    @property
    def deliver(self) -> Callable[[Frame], None]:
        """Sends a room's event; never waits, never raises. The connection's own: a call less for each delivery."""
        return self.socket.deliver

    @property
    def deliver_all(self) -> Callable[[Batch], None]:
        """Sends several of them in their order, by WebSocket in one piece."""
        return self.socket.deliver_all

    def emit(self, event: str, *args: Any) -> None:
        """Send something that is no room's event: for this client alone, and nowhere in the log."""
        self.socket.send_text(_event(event, *args))

    def greet(self, event: str, *args: Any) -> None:
        """Tell the client that it is let in, and an event right behind it."""
        let_in = f"{MESSAGE}0{encode({'sid': self.sid, 'pid': self.pid})}"
        self.socket.send_text(let_in, _event(event, *args))

    def answer(self, ack_id: int, answer: Any) -> None:
        """Acknowledge a command; a string is taken for JSON already."""
        text = answer if isinstance(answer, str) else encode(answer)
        self.socket.send_text(f"{MESSAGE}3{ack_id}[{text}]")


def _event(name: str, *args: Any) -> str:
    return f"{MESSAGE}2{encode([name, *args])}"


encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
