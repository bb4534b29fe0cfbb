"""python-socketio, fitted to the log: commands come in strictly in order, events go out from rooms alone."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import socketio
import structlog
from aiohttp import web
from socketio import packet as packets

from hub.config import Limits
from hub.domain.errors import BadRequest, ComandaError, Internal
from hub.fanout.closed import Closed
from hub.fanout.engine import Engine
from hub.fanout.origins import Connections, Origins
from hub.fanout.session import Session, encode
from hub.fanout.sessions import Sessions
from hub.fanout.siblings import Siblings
from hub.fanout.socket import MESSAGE, Socket

logger = structlog.get_logger(__name__)

NAMESPACE = "/"
WELCOME = "hub.welcome"
_NO_NAMESPACE = '{"message":"Invalid namespace"}'  # word for word, as the protocol has it
# On one connection. A stock client that leaves the namespace, or is refused, closes the connection as well; each
# CONNECT is a look at the log, and starts the session's allowance of commands anew.
_MOST_CONNECTS = 16
# A packet's type, attachments, namespace and acknowledgement id, as far as its JSON. The library takes the digits of
# every script for digits.
_HEADER = re.compile(r"[0-6](?:[0-9]{1,10}-)?(?:/[^,]*(?:,|\Z))?[0-9]{0,100}(?=[\[{\"]|\Z)")
_BINARY = (str(packets.BINARY_EVENT), str(packets.BINARY_ACK))
# Names the protocol or a stock client keeps for itself; no client emits them.
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})

Answer = Mapping[str, Any] | str
After = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A client is let in.

    Attributes:
        welcome: What `hub.welcome` says.
        cursor: A place to resume from before anything else has happened.
        begin: What is to happen once the client has been told.
    """

    welcome: Mapping[str, Any]
    cursor: str
    begin: After


class Server(socketio.AsyncServer):  # type: ignore[misc]  # socketio ships no types
    """Socket.IO for one namespace, `/`.

    python-socketio's own dispatch logs each packet, looks handlers up by name, answers a malformed packet with
    a traceback, and sends an event to a room by a task for each member: replaced here. The packets, their
    encoding and the sids are its own.

    Args:
        address: Where a request is from.
        on_connect: Decides on a CONNECT, with its payload, and fills in the session; refuses with a ComandaError. One
            that is retryable, or a fault of ours, closes the connection: a stock client comes back after that alone.
        on_command: Carries out a command: its answer (a string is JSON already), and what to do once that is
            on its way. A client's commands come one at a time, in its order.
        on_disconnect: Called once for each session, when no command of it is under way any more; also for one that
            was refused, or gone before it was let in.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        origins: Origins,
        connections: Connections,
        address: Callable[[web.BaseRequest], str],
        on_connect: Callable[[Session, Mapping[str, Any]], Awaitable[Accepted]],
        on_command: Callable[[Session, str, Any], Awaitable[tuple[Answer, After | None]]],
        on_disconnect: Callable[[Session], None],
        ping_interval_s: float = 25,
        ping_timeout_s: float = 20,
        transports: Sequence[str] = ("polling", "websocket"),
        allow_upgrades: bool = True,
        siblings: Siblings | None = None,
    ) -> None:
        self.sessions = Sessions()
        super().__init__(
            client_manager=self.sessions,
            async_handlers=False,
            logger=logging.getLogger(__name__),
            limits=limits,
            origins=origins,
            connections=connections,
            address=address,
            ping_interval=ping_interval_s,
            ping_timeout=ping_timeout_s,
            transports=list(transports),
            allow_upgrades=allow_upgrades,
            siblings=siblings,
        )
        self.engine: Engine = self.eio
        self.engine.on_received = self._received
        self.engine.on_ended = self._ended
        self._limits = limits
        self._on_connect = on_connect
        self._on_command = on_command
        self._on_disconnect = on_disconnect

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    async def close_all(self, over_s: float = 0) -> None:
        """Close every connection, telling clients to come back; returns when all have been let go of.

        Args:
            over_s: The closings may be spread over so long.
        """
        await self.engine.shut_all(over_s)

    async def emit(self, event: str, data: Any = None, to: str | None = None, **options: Any) -> None:
        """Send something to one client.

        Raises:
            RuntimeError: To more than one: that is what the log is for.
        """
        session = self.sessions.of(to or options.get("room"))
        if session is None:
            raise RuntimeError("events reach rooms through the log; emit is for a single connected sid")
        session.emit(event, *([] if data is None else [data]))

    async def disconnect(self, sid: str, namespace: str | None = None, ignore_queue: bool = False) -> None:
        """Send one client away; it does not come back by itself.

        It closes the connection when it has read that it is to go, which by polling takes its next poll; one that
        does not is closed as one that never asked to be let in.
        """
        session = self.sessions.of(sid)
        if session is not None:
            session.parted = True
            session.socket.send_text(f"{MESSAGE}{packets.DISCONNECT}")
            self._let_go(session)

    # From the connections

    async def _received(self, socket: Socket, data: str | bytes) -> None:
        """One Engine.IO message; what is not the protocol ends the connection."""
        if isinstance(data, bytes) or data.startswith(_BINARY):
            # No command takes binary data: there is nothing to collect it for.
            return socket.shut(Closed.ATTACHMENT)
        if not _HEADER.match(data):
            return socket.shut(Closed.MALFORMED)
        try:
            packet = self.packet_class(encoded_packet=data)
        except (ValueError, IndexError, RecursionError):
            return socket.shut(Closed.MALFORMED)
        if not data or packet.attachment_count:
            return socket.shut(Closed.MALFORMED)
        namespace = packet.namespace or NAMESPACE
        if packet.packet_type == packets.CONNECT:
            await self._connect(socket, namespace, packet.data)
        elif (session := self.sessions.on(socket)) is None or namespace != NAMESPACE:
            socket.shut(Closed.MALFORMED)
        elif packet.packet_type == packets.EVENT:
            await self._event(session, packet.id, packet.data)
        elif packet.packet_type == packets.DISCONNECT:
            session.parted = True
            self._let_go(session)
        elif packet.packet_type != packets.ACK:  # nothing of ours asks for one
            socket.shut(Closed.MALFORMED)

    def _ended(self, socket: Socket) -> None:
        session = self.sessions.on(socket)
        if session is not None:
            self._end(session)

    def _let_go(self, session: Session) -> None:
        """The session is over; its connection may ask to be let in again, for a while."""
        self._end(session)
        if not session.socket.closed:
            session.socket.await_connect(self._limits.connect_s)

    def _end(self, session: Session) -> None:
        """A session is over; a command under way is waited for, or it would enter rooms after we left them all."""
        session.over = True
        if not session.busy and self.sessions.remove(session):
            self._disconnected(session)

    def _disconnected(self, session: Session) -> None:
        try:
            self._on_disconnect(session)
        except Exception:
            logger.exception("session.disconnect_failed", sid=session.id)

    # CONNECT

    async def _connect(self, socket: Socket, namespace: str, payload: Any) -> None:
        socket.connects += 1
        if socket.connects > _MOST_CONNECTS:
            return socket.shut(Closed.MALFORMED)
        if namespace != NAMESPACE:
            return socket.send_text(f"{MESSAGE}{packets.CONNECT_ERROR}{namespace},{_NO_NAMESPACE}")
        if self.sessions.on(socket) is not None:
            return socket.shut(Closed.MALFORMED)
        sid = self.engine.generate_id()
        session = Session(sid, secrets.token_urlsafe(18), socket)
        try:
            if not isinstance(payload, dict | None):
                raise BadRequest("CONNECT takes an object")
            accepted = await self._on_connect(session, payload or {})
        except Exception as error:
            self._disconnected(session)
            return self._refuse(socket, _told(error, "session.connect_failed"))
        if socket.closed:
            return self._disconnected(session)
        former = self.sessions.of(session.sid)
        if former is not None:  # its client has come back before its connection was known to be dead
            former.socket.shut(Closed.REPLACED)
        self.sessions.add(session)
        socket.let_in()
        session.greet(WELCOME, accepted.welcome, accepted.cursor)
        accepted.begin()

    def _refuse(self, socket: Socket, error: ComandaError) -> None:
        """Close the connection for a cause that may pass; send CONNECT_ERROR only for one that stays."""
        if error.retryable:
            return socket.shut(Closed.UNAVAILABLE)
        if isinstance(error, Internal):
            return socket.shut(Closed.FAILED)
        told = encode({"message": error.message, "data": error.as_dict()})
        socket.send_text(f"{MESSAGE}{packets.CONNECT_ERROR}{told}")

    # Commands

    async def _event(self, session: Session, ack_id: int | None, data: Any) -> None:
        if not isinstance(data, list) or not data or not isinstance(data[0], str) or data[0] in RESERVED:
            return session.socket.shut(Closed.MALFORMED)
        name, *args = data
        after: After | None = None
        session.busy = True
        try:
            if len(args) > 1:
                raise BadRequest("a command takes one object")
            answer, after = await self._on_command(session, name, args[0] if args else {})
        except Exception as error:
            answer = {"ok": False, "error": _told(error, "session.command_failed").as_dict()}
        finally:
            session.busy = False
            if session.over:
                self._end(session)
        if ack_id is not None and not session.over:
            session.answer(ack_id, answer)
        if after is not None:
            after()


def _told(error: Exception, event: str) -> ComandaError:
    """What may be said of an error; what may not stays in the log."""
    if isinstance(error, ComandaError):
        return error
    logger.error(event, exc_info=error)
    return Internal("something went wrong on our side")
