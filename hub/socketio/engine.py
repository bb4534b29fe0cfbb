"""The Engine.IO server: handshakes, polls and upgrades over aiohttp, each within its limits."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog
from aiohttp import web

from hub.core.errors import RateLimited, Unavailable
from hub.relay.frames import text_frame
from hub.socketio import tcp
from hub.socketio.aiohttp_internals import Arrivals, TakenOver
from hub.socketio.close_reason import CloseReason
from hub.socketio.connection import Connection
from hub.socketio.connection_counter import ConnectionCounter
from hub.socketio.engine_responses import Refusal, refuse, refuse_with, respond
from hub.socketio.heartbeats import Heartbeats
from hub.socketio.limits import ServerLimits
from hub.socketio.open_connections import OpenConnections
from hub.socketio.origins import Origins
from hub.socketio.packets import OPEN
from hub.socketio.polling import ProtocolError, read_body
from hub.socketio.siblings import Siblings
from hub.socketio.websocket import IGNORE, WebSocket
from hub.socketio.websocket_handshake import accept, is_websocket

logger = structlog.get_logger(__name__)

_PROTOCOL = "4"
_ANY_SIZE = 2**31  # sent to clients as the limit if messages have none
_SID_BYTES = 15


class MessageHandler(Protocol):
    """Handles the messages of Engine.IO connections."""

    async def message_received(self, connection: Connection, data: str | bytes) -> None:
        """Handle one message. A connection's messages come one at a time, in their order."""

    def connection_closed(self, connection: Connection) -> None:
        """Let go of a connection that has ended."""


class Engine:
    """Serves Engine.IO 4.

    It replaces python-engineio's server, which takes any number of connections from an address, trusts
    `X-Forwarded-Host` for origins, answers 200 to a payload that it discards, keeps the headers of each first request
    for ever, and starts three tasks for each connection. Only the library's packet types are used.

    Args:
        handler: Handles messages.
        connections: The count of connections by address, shared by all gateways.
        address: Returns the address of a request, as it is counted.
        siblings: The other processes of the port, if several share it.

    Attributes:
        open: The connections.
        connections: The same, by sid.
        heartbeats: Pings them.
    """

    def __init__(
        self,
        handler: MessageHandler,
        limits: ServerLimits,
        origins: Origins,
        connections: ConnectionCounter,
        address: Callable[[web.BaseRequest], str],
        siblings: Siblings | None = None,
    ) -> None:
        self.limits = limits
        self.heartbeats = Heartbeats(limits.ping_interval_s, limits.ping_timeout_s)
        self.open = OpenConnections[Connection](connections)
        self.connections = self.open.by_id
        self._handler = handler
        self._origins = origins
        self._address = address
        self._siblings = siblings
        self._arrivals = Arrivals()

    def attach(self, app: web.Application, path: str) -> None:
        """Serve a path of an application, and close all connections when it ends."""
        # Every method: a wrong one gets the protocol's own answer.
        app.router.add_route("*", path, self.handle_request)
        app.on_shutdown.append(self.open.shut_down)

    def new_id(self) -> str:
        """Return a new id of a connection or a session; it names the process, if several share the port."""
        own = secrets.token_urlsafe(_SID_BYTES)
        return own if self._siblings is None else self._siblings.prefix + own

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        """Answer one HTTP request: a handshake, a poll, a post, or a WebSocket's handshake."""
        tcp.set_keepalive(request.transport)
        if not self._origins.allow_request(request):
            return refuse(Refusal.FORBIDDEN, 403)
        if request.method == "OPTIONS":
            return respond(request, b"")
        if request.query.get("transport") not in self.limits.transports:
            return refuse(Refusal.TRANSPORT_UNKNOWN)
        if request.query.get("EIO") != _PROTOCOL:
            return refuse(Refusal.BAD_VERSION)
        sid = request.query.get("sid")
        if sid is None:
            return await self._open(request)
        connection = self.connections.get(sid)
        if connection is not None:
            return await self._continue(request, connection)
        owner = self._siblings.owner(sid) if self._siblings is not None else None
        return await self._hand_over(request, owner) if owner is not None else refuse(Refusal.SESSION_UNKNOWN)

    # The host of the connections

    async def message_received(self, connection: Connection, data: str | bytes) -> None:
        """Hand a message to the handler; the connection is closed after it at the earliest."""
        with self.open.answering(connection):
            await self._handler.message_received(connection, data)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task that the server owns."""
        return self.open.spawn(work)

    def connection_closed(self, connection: Connection, reason: CloseReason) -> None:
        """Forget a connection that has ended, and count why."""
        self.open.remove(connection, reason)
        if reason is not CloseReason.CLIENT:
            logger.info("connection.closed", sid=connection.sid, reason=str(reason))
        self._handler.connection_closed(connection)

    # Requests

    async def _open(self, request: web.Request) -> web.StreamResponse:
        """Answer a handshake: a new connection."""
        wants_websocket = request.query["transport"] == "websocket"
        if request.method != "GET":
            return refuse(Refusal.BAD_METHOD)
        if wants_websocket != is_websocket(request):
            return refuse(Refusal.BAD_REQUEST)
        accepted = accept(request) if wants_websocket else b""
        address = self._address(request)
        try:
            self.open.admit(address)
        except (RateLimited, Unavailable) as error:
            return refuse_with(error)
        connection = self._new_connection(address)
        opening = OPEN + json.dumps(self._handshake(connection.sid, request.query["transport"]))
        if wants_websocket:
            return self._begin_websocket(connection, request, accepted + text_frame(opening))
        polling = connection.begin_polling()
        connection.send_packets(opening)
        return respond(request, await polling.poll())

    def _new_connection(self, address: str) -> Connection:
        connection = Connection(self, self.new_id(), address)
        self.open.add(connection)
        connection.await_connect(self.limits.connect_s)
        self.heartbeats.schedule(connection)
        return connection

    def _handshake(self, sid: str, transport: str) -> dict[str, Any]:
        return {
            "sid": sid,
            "upgrades": ["websocket"] if self._can_upgrade(transport) else [],
            "pingInterval": int(self.limits.ping_interval_s * 1000),
            "pingTimeout": int(self.limits.ping_timeout_s * 1000),
            "maxPayload": self.limits.message_bytes or _ANY_SIZE,
        }

    def _can_upgrade(self, transport: str) -> bool:
        return self.limits.allow_upgrades and transport == "polling" and "websocket" in self.limits.transports

    async def _continue(self, request: web.Request, connection: Connection) -> web.StreamResponse:
        """Answer a request of a connection that exists."""
        if is_websocket(request):
            if not self._can_upgrade("polling"):
                return refuse(Refusal.BAD_REQUEST)
            return self._begin_websocket(connection, request, accept(request))
        polling = connection.polling
        if polling is None or connection.upgraded or request.query["transport"] != "polling":
            return refuse(Refusal.BAD_REQUEST)
        try:
            if request.method == "GET":
                return respond(request, await polling.poll())
            if request.method != "POST":
                return refuse(Refusal.BAD_REQUEST)
            await polling.post(request)
        except ProtocolError:
            return refuse(Refusal.BAD_REQUEST)
        return respond(request, b"ok")

    async def _hand_over(self, request: web.Request, owner: int) -> web.StreamResponse:
        """Leave a request to the process that has its session."""
        assert self._siblings is not None
        try:
            body = await read_body(request, self.limits.message_bytes)
        except ProtocolError:
            return refuse(Refusal.BAD_REQUEST)
        handed = await self._siblings.hand_over(request, body, owner)
        return handed if handed is not None else refuse(Refusal.SESSION_UNKNOWN)

    def _begin_websocket(self, connection: Connection, request: web.Request, first: bytes) -> web.StreamResponse:
        """Make the request's transport the connection's WebSocket, or one that may take over from its polls."""
        transport = request.transport
        if transport is None:  # gone meanwhile
            if not connection.polling:
                connection.close(CloseReason.CLIENT)
            return TakenOver()
        websocket = WebSocket(transport, connection, self._arrivals, self.limits.message_bytes, self.open)
        self.open.transport_opened(websocket)
        early = websocket.begin(request, first)
        if connection.upgraded or connection.probing:
            # A connection has one WebSocket; the protocol demands that a second one is opened and closed.
            websocket.handled_by(IGNORE)
            websocket.close(CloseReason.MALFORMED.code, b"")
        elif connection.polling is None:
            connection.move_to(websocket)
        else:
            connection.probe(websocket)
        if early:
            websocket.data_received(early)
        return TakenOver()
