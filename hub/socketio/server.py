"""A Socket.IO server for one namespace, `/`: commands in strictly in order, events out from rooms alone."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import web

from hub.core.errors import BadRequest, ComandaError, Internal
from hub.socketio import packets
from hub.socketio.close_reason import CloseReason
from hub.socketio.connection import Connection
from hub.socketio.connection_counter import ConnectionCounter
from hub.socketio.engine import Engine
from hub.socketio.handler import SessionHandler, Then
from hub.socketio.limits import ServerLimits
from hub.socketio.origins import Origins
from hub.socketio.session import Session
from hub.socketio.sessions import Sessions
from hub.socketio.siblings import Siblings

logger = structlog.get_logger(__name__)

PATH = "/socket.io/"
WELCOME = "hub.welcome"
_INVALID_NAMESPACE = {"message": "Invalid namespace"}  # the exact text of the protocol
# On one connection. A stock client that leaves the namespace, or is refused, closes the connection as well. Each
# CONNECT reads the log and resets the session's command quota, so their number is limited.
_MAX_CONNECTS = 16
_PID_BYTES = 18
# Names the protocol or a stock client keeps for itself; no client emits them.
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})


class SocketIoServer:
    """Serves Socket.IO 5.

    python-socketio's server logs each packet, looks handlers up by name, answers a malformed packet with a traceback,
    and sends an event to a room by a task for each member. Its packets are used here (`packets.py`), its server is not.

    Args:
        handler: The application.
        connections: The count of connections by address, shared by all gateways.
        address: Returns the address of a request, as it is counted.
        siblings: The other processes of the port, if several share it.

    Attributes:
        sessions: The sessions that were accepted.
        engine: The connections below them.
    """

    def __init__(
        self,
        handler: SessionHandler,
        limits: ServerLimits,
        origins: Origins,
        connections: ConnectionCounter,
        *,
        address: Callable[[web.BaseRequest], str],
        siblings: Siblings | None = None,
    ) -> None:
        self.sessions = Sessions()
        self.engine = Engine(self, limits, origins, connections, address, siblings)
        self._handler = handler
        self._limits = limits

    def attach(self, app: web.Application) -> None:
        """Serve `/socket.io/` of an application, and close all connections when it ends."""
        self.engine.attach(app, PATH)

    async def close_all(self, over_s: float = 0) -> None:
        """Close every connection, telling clients to come back; return when all have been let go of.

        Args:
            over_s: Spread the closings over so many seconds.
        """
        await self.engine.open.close_all(over_s)

    def emit(self, event: str, *args: Any, to: str) -> None:
        """Send an event to one client.

        Raises:
            RuntimeError: `to` is not the sid of a session. Events reach rooms through the log alone.
        """
        session = self.sessions.by_sid(to)
        if session is None:
            raise RuntimeError("events reach rooms through the log; emit is for a single connected sid")
        session.emit(event, *args)

    def disconnect(self, sid: str) -> None:
        """Send one client away; it does not come back by itself.

        The client closes the connection when it has read that it is to go, which by polling takes its next poll. If
        it does not, it is closed as one that never sent CONNECT.
        """
        session = self.sessions.by_sid(sid)
        if session is not None:
            session.part()
            session.connection.send_packets(packets.disconnect())
            self._leave(session)

    # The handler of the engine's messages

    async def message_received(self, connection: Connection, data: str | bytes) -> None:
        """Handle one Engine.IO message; anything but the protocol ends the connection."""
        try:
            if isinstance(data, bytes):  # no command takes binary data
                raise packets.BinaryPacket
            packet = packets.decode(data)
        except packets.BinaryPacket:
            return connection.close(CloseReason.ATTACHMENT)
        except packets.MalformedPacket:
            return connection.close(CloseReason.MALFORMED)
        if packet.kind == packets.CONNECT:
            await self._connect(connection, packet)
        elif (session := self.sessions.of(connection)) is None or packet.namespace != packets.NAMESPACE:
            connection.close(CloseReason.MALFORMED)
        elif packet.kind == packets.EVENT:
            await self._command(session, packet)
        elif packet.kind == packets.DISCONNECT:
            session.part()
            self._leave(session)
        elif packet.kind != packets.ACK:  # the hub asks for none
            connection.close(CloseReason.MALFORMED)

    def connection_closed(self, connection: Connection) -> None:
        """End the session of a connection that has ended."""
        session = self.sessions.of(connection)
        if session is not None:
            self._end(session)

    def _leave(self, session: Session) -> None:
        """End the session; its connection may send CONNECT again, for a while."""
        self._end(session)
        if not session.connection.closed:
            session.connection.await_connect(self._limits.connect_s)

    def _end(self, session: Session) -> None:
        """End the session, after a command under way: that would enter rooms after the session left them all."""
        session.end()
        if not session.busy and self.sessions.remove(session):
            self._disconnected(session)

    def _disconnected(self, session: Session) -> None:
        try:
            self._handler.disconnected(session)
        except Exception:
            logger.exception("session.disconnect_failed", sid=session.id)

    # CONNECT

    async def _connect(self, connection: Connection, packet: packets.Packet) -> None:
        if connection.count_connect() > _MAX_CONNECTS:
            return connection.close(CloseReason.MALFORMED)
        if packet.namespace != packets.NAMESPACE:
            return connection.send_packets(packets.connect_error(_INVALID_NAMESPACE, packet.namespace))
        if self.sessions.of(connection) is not None:
            return connection.close(CloseReason.MALFORMED)
        session = Session(self.engine.new_id(), secrets.token_urlsafe(_PID_BYTES), connection)
        try:
            if not isinstance(packet.data, dict | None):
                raise BadRequest("CONNECT takes an object")
            accepted = await self._handler.connect(session, packet.data or {})
        except Exception as error:
            self._disconnected(session)
            return _refuse(connection, _public(error, "session.connect_failed"))
        if connection.closed:
            return self._disconnected(session)
        former = self.sessions.by_sid(session.sid)
        if former is not None:  # its client resumed it elsewhere before this connection was known to be dead
            former.connection.close(CloseReason.REPLACED)
        self.sessions.add(session)
        connection.stop_awaiting_connect()
        session.accept(WELCOME, accepted.welcome, accepted.cursor)
        accepted.begin()

    # Commands

    async def _command(self, session: Session, packet: packets.Packet) -> None:
        data = packet.data
        if not isinstance(data, list) or not data or not isinstance(data[0], str) or data[0] in RESERVED:
            return session.connection.close(CloseReason.MALFORMED)
        name, *args = data
        then: Then | None = None
        session.begin_command()
        try:
            if len(args) > 1:
                raise BadRequest("a command takes one object")
            answer, then = await self._handler.command(session, name, args[0] if args else {})
        except Exception as error:
            answer = {"ok": False, "error": _public(error, "session.command_failed").as_dict()}
        finally:
            session.end_command()
            if session.over:
                self._end(session)
        if packet.ack_id is not None and not session.over:
            session.answer(packet.ack_id, answer)
        if then is not None:
            then()


def _refuse(connection: Connection, error: ComandaError) -> None:
    """Close the connection for temporary failures; send CONNECT_ERROR only for permanent ones."""
    if error.retryable:
        return connection.close(CloseReason.UNAVAILABLE)
    if isinstance(error, Internal):
        return connection.close(CloseReason.FAILED)
    connection.send_packets(packets.connect_error({"message": error.message, "data": error.as_dict()}))


def _public(error: Exception, event: str) -> ComandaError:
    """Return what a client may be told of an error; log what it may not."""
    if isinstance(error, ComandaError):
        return error
    logger.error(event, exc_info=error)
    return Internal("something went wrong on our side")
